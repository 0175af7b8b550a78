"""What ``verify`` complains of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """``kind``: missing, truncated, altered, misplaced, extra or dangling; ``what``: the file (relative to the library)
    or ``table key``; ``detail`` says what was found and what was expected."""

    kind: str
    what: str
    detail: str
