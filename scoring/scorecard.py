"""Scorecard: what the scorers measured of one candidate, each with the scorer's own identity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from specs.canonical import Json


class SafetyState(StrEnum):
    """Clear and flagged are measured; everything else is unknown, and unknown counts as flagged for every use."""

    CLEAR = "clear"
    FLAGGED = "flagged"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Safety:
    """``found`` names the concepts over their threshold; ``covers`` says in words what was looked for;
    ``scores`` are (concept, score) as the checker computes them; ``why`` explains an unknown."""

    state: SafetyState
    found: tuple[str, ...] = ()
    covers: str = ""
    scores: Sequence[tuple[str, float]] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Scorecard:
    """Scores of one candidate for one asset's prompt. None = not measured (then a rule on it cannot be met).

    ``aesthetic`` on the head's 1–10 scale; ``adherence`` cosine of picture and prompt; ``rank`` (1 = best) and
    ``margin`` (softmax margin over the next asset) of identification among the set; ``defects`` stable names;
    ``scorers`` (role, identity) of each scorer used: a change there makes the card stale.
    """

    image_sha256: str
    aesthetic: float | None
    adherence: float | None
    rank: int | None
    margin: float | None
    safety: Safety
    defects: tuple[str, ...]
    scorers: tuple[tuple[str, str], ...]
    extra: tuple[tuple[str, float], ...] = ()

    def value(self) -> dict[str, Json]:
        """As canonical JSON's value."""
        return {
            "image_sha256": self.image_sha256,
            "aesthetic": self.aesthetic,
            "adherence": self.adherence,
            "rank": self.rank,
            "margin": self.margin,
            "safety": {
                "state": self.safety.state.value,
                "found": list(self.safety.found),
                "covers": self.safety.covers,
                "scores": dict(self.safety.scores),
                "why": self.safety.why,
            },
            "defects": list(self.defects),
            "scorers": dict(self.scorers),
            "extra": dict(self.extra),
        }
