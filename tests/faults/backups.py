"""Back a library up while others write to it; kill backups at random; fill the disk under them.

    python -m tests.faults.backups --all             50 during writes, 100 kills, a full disk at 20 points
    python -m tests.faults.backups --sample 4

A backup that is there is whole: ``verify`` finds no problem in it, and what it says is what the library said at one
moment. One that was killed or refused leaves the one before, or none.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE

from catalog.backup.backup import back_up
from catalog.catalog import Catalog
from catalog.errors import NotFoundError
from catalog.integrity.verify import verify
from catalog.review.decisions import Decision, decide
from specs.errors import LimnerError
from tests.catalog.factory import World
from tests.faults.store_faults import ROOT, content

WORLD = World(assets=10, each=400)
APPENDED = ("verdicts", "scorecards", "tags", "notes", "jobs", "registrations", "asset_versions", "executions")
REFUSED = 3
PICTURES = 40


@dataclass
class Figures:
    """What was tried, and the sentences that say what did not hold."""

    backups: int = 0
    snapshots: int = 0
    copied: int = 0
    written: int = 0
    kills: int = 0
    killed_whole: int = 0
    refusals: int = 0
    violations: list[str] = field(default_factory=list)


def during_writes(count: int, figures: Figures) -> None:
    """``count`` backups, in turn into the same folder and into a new one, while three processes and a thread write."""
    with _scene(PICTURES) as folder, _writers(folder / "library", figures):
        library, taken = folder / "library", []
        for number in range(count):
            target = folder / ("same" if number % 2 == 0 else f"new-{number}")
            done = back_up(library, target)
            figures.backups += 1
            figures.snapshots += done.snapshots
            figures.copied += done.copied
            figures.violations += [f"backup {number}: {what}" for what in _not_whole(target)]
            taken.append(_appended(target))
            if number % 2:
                shutil.rmtree(target)
        figures.violations += _no_moments(taken, _appended(library))


def kills(count: int, figures: Figures, seed: int = 1) -> None:
    """Kill ``count`` backups at a random moment, each of a library that has grown; let each fifth finish after it.

    One that was done before its moment came is no kill; it is looked at all the same.
    """
    chance = random.Random(seed)
    with _scene(PICTURES) as folder:
        library = folder / "library"
        seconds = _timed_backup(library, folder / "calm")
        wanted = figures.kills + count
        for number in range(10 * count):
            if figures.kills == wanted:
                return
            target = folder / f"target-{number // 5}"
            before = content(target) if (target / "catalog.sqlite").exists() else None
            with Catalog.open(library, create=False) as catalog:
                catalog.record(WORLD.records(4, PICTURES + 4 * number))
            child = _child(library, target)
            time.sleep(chance.uniform(0.2, 0.95) * seconds)
            child.send_signal(signal.SIGKILL)
            child.communicate()
            figures.kills += child.returncode == -signal.SIGKILL
            now = content(library)
            figures.violations += [f"kill {number}: {what}" for what in _left_behind(target, before, now, figures)]
            if number % 5 == 4:
                back_up(library, target)
                same = content(target) == now
                figures.violations += [f"after kill {number}: {what}" for what in _not_whole(target)]
                figures.violations += [] if same else [f"after kill {number}: not the rows of the library"]
                shutil.rmtree(target)


def full_disk(points: int, figures: Figures) -> None:
    """From the nth write on the disk is full: refused in plain words, and the backup of before is whole."""
    with _scene(PICTURES) as folder:
        library, target = folder / "library", folder / "target"
        back_up(library, target)
        with Catalog.open(library, create=False) as catalog:
            catalog.record(WORLD.records(8, PICTURES))
        now, template = content(library), folder / "template"
        shutil.copytree(target, template)
        before = content(target)
        for name, nth in _write_points(library, template, folder / "scratch", points):
            shutil.rmtree(target)
            shutil.copytree(template, target)
            child = _child(library, target, f"{name}:error=ENOSPC:when={nth}+")
            _, said = child.communicate(timeout=120)
            figures.refusals += child.returncode == REFUSED
            where = f"disk full from {name} {nth}"
            if child.returncode == REFUSED and not ("not finished" in said and "free some space" in said):
                figures.violations.append(f"{where}: no plain words: {said[-300:]}")
            if child.returncode not in (0, REFUSED) or "Traceback" in said:
                figures.violations.append(f"{where}: ended with {child.returncode}: {said[-300:]}")
            figures.violations += [f"{where}: {what}" for what in _left_behind(target, before, now, figures)]
            figures.violations += [f"{where}: library: {problem}" for problem in verify(library).problems]


@contextmanager
def _scene(pictures: int) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="limner-backups-") as folder:
        with Catalog.open(Path(folder) / "library", create=True) as catalog:
            WORLD.register(catalog)
            catalog.record(WORLD.records(pictures))
        yield Path(folder)


@contextmanager
def _writers(library: Path, figures: Figures) -> Iterator[None]:
    """One process that records and drops, two that decide and tag, until the block is left."""
    command = [sys.executable, "-m", "tests.faults.backups", "--library", str(library)]
    roles = ("record", "decide", "decide")
    processes = [
        subprocess.Popen([*command, "--write", role], cwd=ROOT, stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True)
        for role in roles
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()  # it has begun
    began = _writes(library)
    try:
        yield
    finally:
        for process in processes:
            _, said = process.communicate("stop\n")
            if process.returncode:
                figures.violations.append(f"a writer: {said[-300:]}")
        figures.written += _writes(library) - began
        figures.violations += [f"the library: {problem}" for problem in verify(library).problems]


def write(library: Path, role: str) -> None:
    """Write until somebody says stop: pictures that are dropped and moved, or verdicts and tags."""
    stop = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.readline(), stop.set()), daemon=True).start()
    number = PICTURES
    chance = random.Random(role + str(time.time_ns()))
    with Catalog.open(library, create=False) as catalog:
        print("writing", flush=True)
        while not stop.is_set():
            if role == "record" and number < 4000:
                batch = WORLD.records(4, number)
                catalog.record(batch)
                shas = [record.candidate.image_sha256 for record in batch]
                catalog.relocate(shas[:1], chance.choice(("objects", "quarantine")))
                catalog.drop_pixels(shas[2:])
                number += 4
            else:
                _decide(catalog, chance)
            time.sleep(0.01)


def _decide(catalog: Catalog, chance: random.Random) -> None:
    candidate_id = WORLD.key(chance.randrange(PICTURES)).candidate_id
    if chance.random() < 0.5:
        decide(catalog, Decision(candidate_id, False, "ada", ("off_style",), str(time.time_ns())))
    else:
        catalog.tag(candidate_id, [f"t{chance.randrange(20)}"], "person:ada", remove=chance.random() < 0.4)


def _not_whole(target: Path) -> list[str]:
    report = verify(target)
    found = [str(problem) for problem in report.problems]
    if report.seal != "fresh" or report.unreferenced:
        found.append(f"seal {report.seal}, {report.unreferenced} unreferenced")
    return found


def _left_behind(target: Path, before: object, now: object, figures: Figures) -> list[str]:
    """After a kill or a refusal: no backup, the one before, or the new one; nothing between."""
    if not (target / "catalog.sqlite").exists():
        if before is not None:
            return ["the backup of before is gone"]
        try:
            Catalog.open(target, create=False).close()
        except NotFoundError:
            return ["half a backup that says something else than that there is none"]
        except LimnerError:
            return []
        return ["half a backup that opens"]
    figures.killed_whole += 1
    found = [str(problem) for problem in verify(target).problems]
    return found if content(target) in (before, now) else [*found, "neither the state of before nor the new one"]


def _appended(library: Path) -> dict[str, set[tuple[object, ...]]]:
    return {table: set(rows) for table, rows in content(library).items() if table in APPENDED}


def _no_moments(taken: list[dict[str, set[tuple[object, ...]]]], last: dict[str, set[tuple[object, ...]]]) -> list[str]:
    """Each state holds all that the one before it held, and nothing that the library does not."""
    found = []
    for number, (one, then) in enumerate(zip(taken, [*taken[1:], last], strict=True)):
        found += [f"backup {number}: {table} is no beginning of what came later" for table in one
                  if not one[table] <= then[table]]  # fmt: skip
    return found


def _writes(library: Path) -> int:
    with Catalog.open(library, create=False) as catalog, catalog.engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT writes FROM library").scalar_one())


def _timed_backup(library: Path, target: Path) -> float:
    began = time.monotonic()
    _finish(_child(library, target))
    return time.monotonic() - began


def _child(library: Path, target: Path, inject: str = "", log: Path | None = None) -> subprocess.Popen[str]:
    """A process that backs up; under strace where a fault is injected or its calls are logged."""
    command = [sys.executable, "-B", "-m", "tests.faults.backups", "--library", str(library), "--to", str(target)]
    if inject or log:
        traced = f"inject={inject}" if inject else "trace=write,pwrite64"
        quiet = ["-qq", "-e", "signal=none", "-o", str(log or "/dev/null")]
        command = ["strace", "-f", *quiet, "-e", traced, *command]
    return subprocess.Popen(command, cwd=ROOT, stderr=PIPE, text=True)


def _finish(child: subprocess.Popen[str]) -> None:
    _, said = child.communicate()
    assert child.returncode == 0, said


def _write_points(library: Path, template: Path, scratch: Path, points: int) -> list[tuple[str, int]]:
    """Which writes of an undisturbed run to begin at: spread evenly over them all, by the calls' names."""
    shutil.copytree(template, scratch)
    log = scratch.parent / "calls.log"
    _finish(_child(library, scratch, log=log))
    lines = [line.split(maxsplit=1)[1] for line in log.read_text().splitlines()]
    found: list[tuple[str, int]] = []
    for name in ("write", "pwrite64"):
        total = sum(line.startswith(f"{name}(") for line in lines)
        share = max(1, points // 2)
        found += [(name, nth) for nth in sorted({1 + total * level // share for level in range(share)}) if nth <= total]
    return found


def main() -> int:
    """Print the figures; exit code 1 when there is a violation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], prog=Path(__file__).stem)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--sample", type=int, default=4)
    parser.add_argument("--library", type=Path)
    parser.add_argument("--write")
    parser.add_argument("--to", type=Path)
    arguments = parser.parse_args()
    if arguments.write:
        write(arguments.library, arguments.write)
        return 0
    if arguments.to:
        try:
            back_up(arguments.library, arguments.to)
        except LimnerError as error:
            os.writev(2, [f"{type(error).__name__}: {error}\n".encode()])  # a fault in write takes not its voice
            return REFUSED
        return 0
    figures = Figures()
    during_writes(50 if arguments.all else arguments.sample, figures)
    kills(100 if arguments.all else arguments.sample, figures)
    full_disk(20 if arguments.all else arguments.sample, figures)
    print(
        f"{figures.backups} backups during {figures.written} writing transactions ({figures.snapshots} snapshots, "
        f"{figures.copied} pictures copied); {figures.kills} kills; {figures.refusals} refusals on a full disk; "
        f"after a kill or a refusal a whole backup was there {figures.killed_whole} times, else none: "
        f"{len(figures.violations)} violations"
    )
    print("\n".join(figures.violations[:50]))
    return bool(figures.violations)


if __name__ == "__main__":
    sys.exit(main())
