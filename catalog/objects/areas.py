"""Where a picture's file is, and what became of it."""

from __future__ import annotations

from enum import StrEnum


class Area(StrEnum):
    """A folder of the object store: what was measured clear, and what was not."""

    OBJECTS = "objects"
    QUARANTINE = "quarantine"


class ImageState(StrEnum):
    """Of a picture's file: there, dropped on purpose, or lost (found missing or broken)."""

    PRESENT = "present"
    DROPPED = "dropped"
    LOST = "lost"
