"""Shards that failed for a reason nobody foresaw: what it was, and whether the same command could do better."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flows.faults import MEMORY_OPTIONS, memory_help, out_of_memory
from specs.counted import counted
from specs.errors import LimnerError
from specs.fault_report import cause

# The machine's own troubles: memory, disks, connections, a device's driver (torch raises RuntimeError).
PASSING = (OSError, MemoryError, RuntimeError)
NEVER_PASSING = (NotImplementedError, RecursionError)  # both are RuntimeErrors


@dataclass(frozen=True, slots=True)
class Failure:
    """``cause``: ``RuntimeError: CUDA error …``, one line; ``place``: where in the code; ``pictures`` it cost."""

    cause: str
    place: str
    pictures: int
    retry_may_help: bool

    @classmethod
    def of(cls, error: BaseException, pictures: int) -> Failure:
        """Of the exception that a shard ended with."""
        frames = traceback.extract_tb(error.__traceback__)
        place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
        return cls(cause(error), place, pictures, may_pass(error))

    def value(self) -> dict[str, Any]:
        """An object of ``produce --json``."""
        return asdict(self)

    def sentence(self) -> str:
        """What happened, and what to do."""
        what = f"{counted(self.pictures, 'picture')} failed: {self.cause}" + (f" ({self.place})" if self.place else "")
        if out_of_memory(self.cause):
            return f"{what}. {memory_help(MEMORY_OPTIONS)} What was recorded stays; run produce again."
        if self.retry_may_help:
            return f"{what}. Run the same command again: what was recorded stays."
        return f"{what}. The same command would meet it again: this is a fault of limner; please report it."


def may_pass(error: BaseException) -> bool:
    """Is it a trouble of the machine, which may be over at the next try? What a user must fix is not."""
    return isinstance(error, PASSING) and not isinstance(error, (LimnerError, *NEVER_PASSING))


def merged(failures: Sequence[Failure]) -> list[Failure]:
    """Each cause once, with all the pictures that it cost."""
    found: dict[tuple[str, str, bool], int] = {}
    for one in failures:
        key = (one.cause, one.place, one.retry_may_help)
        found[key] = found.get(key, 0) + one.pictures
    return [Failure(cause, place, pictures, retry) for (cause, place, retry), pictures in found.items()]
