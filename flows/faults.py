"""What a command says of an exception that is no LimnerError: memory that ran out, or a fault that nobody foresaw."""

from __future__ import annotations

import errno
import os
import re
import shlex
import sys
from collections.abc import Collection, Iterator

from specs.fault_report import cause, report, without_secrets

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
    written = report(error, shlex.join(["limner", *sys.argv[1:]]))
    return (
        f"A fault of limner: {without_secrets(cause(error))}. {written} What was recorded stays; the same command "
        "would probably meet it again."
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


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
