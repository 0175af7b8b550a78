"""What a user can cause in this room: scorers that are missing, damaged, or that do not belong together."""

from __future__ import annotations

from specs.errors import LimnerError, UsageError


class ScorerError(LimnerError):
    """A scorer's files cannot be used. The message names the place, what was found, what is needed, and the mend."""


class ScorerMismatchError(ScorerError):
    """Two scorers that must belong together do not (a head trained on another CLIP, a checker of another width)."""


class TasteError(UsageError):
    """There are not enough verdicts, or not both kinds, to learn from."""
