"""``limner doctor``: what this machine has, what limner would use, what is amiss and how to mend it."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from catalog.database.library_folder import is_there
from catalog.database.sqlite import journal_mode
from flows.cli.options import AsJson, Library
from flows.faults import memory_help, memory_sentence
from flows.output import print_json
from flows.pipeline.resolve import registry_for
from flows.settings import Settings, from_environment
from generator.weights.pinning import locate
from specs.errors import LimnerError
from specs.fault_report import cause

PACKAGES = ("torch", "torchvision", "diffusers", "transformers", "open-clip-torch", "prefect", "fastapi", "sqlalchemy")
LOW_DISK_GIB = 5.0


def command(library: Library = None, as_json: AsJson = False) -> int:
    """Say what this machine has, what limner would use, and what is amiss."""
    return examine(from_environment(library=library), as_json=as_json)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: ``state`` is ok, note or problem; ``mend`` says what to do about a problem."""

    what: str
    state: str
    found: str
    mend: str = ""


def examine(settings: Settings, *, as_json: bool) -> int:
    """Run every check and print what it found. Exit code 1 when there is a problem."""
    checks: list[Callable[[Settings], list[Finding]]] = [_python, _packages, _device, _sqlite, _library, _starter]
    findings = [finding for check in checks for finding in _safely(check, settings)]
    if as_json:
        print_json([_plain(finding) for finding in findings])
    else:
        _tell(findings)
    return 1 if any(finding.state == "problem" for finding in findings) else 0


def _safely(check: Callable[[Settings], list[Finding]], settings: Settings) -> list[Finding]:
    try:
        return check(settings)
    except Exception as error:  # a doctor that dies of the illness helps nobody
        mend = memory_help(()) if memory_sentence(error) else ""
        return [Finding(check.__name__.strip("_"), "problem", cause(error), mend)]


def _python(_: Settings) -> list[Finding]:
    return [
        Finding("limner", "ok", metadata.version("limner")),
        Finding("python", "ok", f"{platform.python_version()} at {sys.executable}, {_system()}"),
    ]


def _system() -> str:
    """Not ``platform.platform()``, which runs the program ``uname``."""
    return f"{platform.system()} {platform.release()} {platform.machine()}"


def _packages(_: Settings) -> list[Finding]:
    found = []
    for name in PACKAGES:
        try:
            found.append(Finding(name, "ok", metadata.version(name)))
        except metadata.PackageNotFoundError:
            found.append(Finding(name, "problem", "not installed", "make install"))
    return found


def _device(settings: Settings) -> list[Finding]:
    try:
        import torchvision  # noqa: F401 (a pair that does not match fails here, with words that help nobody)
    except (ImportError, RuntimeError) as error:
        if memory_sentence(error):
            raise
        mend = "install the pair that constraints.txt names: torch and torchvision must match"
        return [Finding("torch and torchvision", "problem", str(error), mend)]
    from generator.environment import choose_setting

    chosen = choose_setting(settings.device, settings.dtype, settings.batch_size, settings.low_memory, settings.threads)
    text = (
        f"{chosen.device} ({chosen.device_name}), {chosen.dtype}, {chosen.memory_gib:.1f} GiB, {chosen.threads} threads"
    )
    slow = chosen.device == "cpu"
    return [
        Finding(
            "device", "note" if slow else "ok", text, "no GPU is seen; large checkpoints will be slow" if slow else ""
        )
    ]


def _sqlite(_: Settings) -> list[Finding]:
    mode = journal_mode()
    why = "" if mode == "WAL" else "; before 3.51.3 WAL can corrupt a catalog with two writers, so it is not used"
    return [Finding("sqlite", "ok", f"{sqlite3.sqlite_version}, journal {mode}, synchronous FULL{why}")]


def _library(settings: Settings) -> list[Finding]:
    library = settings.library
    try:
        there = is_there(library)
    except LimnerError as error:
        return [Finding("library", "problem", str(library.resolve()), str(error))]
    if not there:
        return [Finding("library", "note", f"{library.resolve()}: none yet", "limner produce makes it")]
    free_gib = shutil.disk_usage(library).free / 2**30
    state = "problem" if free_gib < LOW_DISK_GIB else "ok"
    mend = f"free some space: a run wants {LOW_DISK_GIB:.0f} GiB" if state == "problem" else ""
    writable = os.access(library, os.W_OK)
    return [
        Finding(
            "library", "ok" if writable else "problem", str(library.resolve()), "" if writable else "it is not writable"
        ),
        Finding("disk", state, f"{free_gib:.1f} GiB free", mend),
    ]


def _starter(settings: Settings) -> list[Finding]:
    registry = registry_for(Path(), settings)
    found = []
    for checkpoint in registry.checkpoints.values():
        try:
            locate(checkpoint, hub_cache=settings.hub_cache, online=False)
        except LimnerError:
            continue
        found.append(checkpoint.name)
    state = "ok" if "starter" in found else "problem"
    mend = "" if state == "ok" else "the starter models are missing from the installation: install limner again"
    return [Finding("weights here", state, ", ".join(found) or "none", mend)]


def _plain(finding: Finding) -> dict[str, Any]:
    return {"what": finding.what, "state": finding.state, "found": finding.found, "mend": finding.mend}


def _tell(findings: list[Finding]) -> None:
    marks = {"ok": "  ok     ", "note": "  note   ", "problem": "  PROBLEM"}
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        print(f"{marks[finding.state]}  {finding.what:<{width}}  {finding.found}")
        if finding.mend:
            print(f"{'':11}{'':<{width}}  → {finding.mend}")
