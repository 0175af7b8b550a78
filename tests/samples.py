"""How much a test of random cases takes: a seeded sample, or the whole with ``pytest --whole`` (``make faults``)."""

from __future__ import annotations

whole = False  # set before any test's file is read


def size(sample: int, of: int) -> int:
    """``sample``, or ``of`` where the whole was asked for."""
    return of if whole else sample
