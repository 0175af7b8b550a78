"""Numbers of things in words."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """``1 picture``, ``2 pictures``, ``1,000 pictures``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
