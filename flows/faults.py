"""What a command says of an exception that is no LimnerError: memory that ran out, or a fault that nobody foresaw."""

from __future__ import annotations

import errno
import os
import platform
import re
import shlex
import sys
import tempfile
import traceback
from collections.abc import Collection, Iterator
from importlib import metadata
from pathlib import Path

from specs.values.characters import escaped

REPORTED = ("limner", "torch", "diffusers", "transformers", "open-clip-torch", "prefect", "sqlalchemy", "numpy")
SECRET = re.compile(r"TOKEN|KEY|AUTH|PASSWORD|PROXY|API_URL", re.IGNORECASE)  # names of variables
# torch on CUDA and MPS; on the CPU; the loader of shared libraries; C++; OpenBLAS; the system
NO_MEMORY = re.compile(
    r"^MemoryError|OutOfMemory|out of memory|can(?:'|no)t allocate memory|failed to map segment|bad_alloc|"
    r"memory allocation failed|" + re.escape(os.strerror(errno.ENOMEM)),
    re.IGNORECASE,
)
MEMORY_OPTIONS = {"batch_size": "--batch-size 1", "low_memory": "--low-memory", "device": "--device cpu"}


def told(error: Exception, options: Collection[str]) -> str:
    """The line for an exception that ended a command; ``options``: what the command takes, by its parameters' names."""
    if memory := memory_sentence(error, options):
        return memory
    return (
        f"A fault of limner: {_without_secrets(cause(error))}. {_report(error)} What was recorded stays; "
        "the same command would probably meet it again."
    )


def memory_sentence(error: BaseException, options: Collection[str] = ()) -> str:
    """What was too large and what helps, where memory ran out; else ""."""
    for one in _chain(error):
        if out_of_memory(cause(one)):
            return f"Memory ran out: {cause(one)}. {memory_help(options)} What was recorded stays."
    return ""


def out_of_memory(text: str) -> bool:
    """Does an exception's ``cause`` say that memory ran out?"""
    return bool(NO_MEMORY.search(text))


def memory_help(options: Collection[str]) -> str:
    """What to do where memory ran out."""
    helps = [text for name, text in MEMORY_OPTIONS.items() if name in options]
    by_options = f"Ask for less at once ({', '.join(helps)}), or free" if helps else "Free"
    return f"{by_options} memory of the device and of the machine, and see that no limit (ulimit -v) is too small."


def cause(error: BaseException) -> str:
    """``ValueError: what it said``, in one line."""
    text = escaped(" ".join(str(error).split())).rstrip(".")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _report(error: Exception) -> str:
    """Write the report into a new temporary file that only this user reads; the sentence that says where it is."""
    lines = [
        f"command: {shlex.join(['limner', *sys.argv[1:]])}",
        f"python: {platform.python_version()}, {platform.platform()}",
        *(f"{name}: {_version(name)}" for name in REPORTED),
        "",
        *traceback.format_exception(error),
    ]
    try:
        descriptor, name = tempfile.mkstemp(prefix="limner-fault-", suffix=".txt")
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(_without_secrets("\n".join(lines)))
    except OSError as refused:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return f"No report could be written ({refused}); it was at {Path(frame.filename).name}:{frame.lineno}."
    return f"Please report it with {name}, which holds the traceback, the versions and the command."


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _without_secrets(text: str) -> str:
    """The text with the values of secret variables, and passwords in addresses, by their names instead."""
    for name, value in os.environ.items():
        if SECRET.search(name) and len(value) > 3:
            text = text.replace(value, f"${name}")
    return re.sub(r"(\w+://)[^/\s@]+@", r"\1…@", text)
