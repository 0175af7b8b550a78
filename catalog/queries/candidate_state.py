"""What the catalog answers: candidates as they stand, keepers, claims. Plain values, no database in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.database.scorecards import scorecard_of
from catalog.objects.areas import Area, ImageState
from catalog.provenance import CandidateKey
from scoring.deciders import is_by_person
from scoring.scorecard import SafetyState, Scorecard
from scoring.verdict import Verdict
from specs.canonical import canonical_json

if TYPE_CHECKING:
    import numpy as np

OVERRIDE = "safety_override"  # the reason by which a person keeps what is not measured clear; it needs a note
WITHDRAWN = "withdrawn"  # the only reason of a verdict by which a person has no say any more; the policy's counts again
UNDONE = "undone"  # a further reason of a verdict that restores the one before the last


@dataclass(frozen=True, slots=True)
class CandidateState:
    """A candidate on record, as it stands now.

    ``keep`` is that of the verdict that counts: the newest one of a person, else the newest of a policy; None when
    nobody has judged. ``policy_sha256`` and ``policy_reasons`` (JSON) are of the newest policy verdict, whoever
    counts. ``state`` is present or dropped. ``card`` is the newest scorecard, the ``card_number``th of the candidate.
    """

    key: CandidateKey
    number: int
    image_sha256: str
    area: str
    state: str
    safety: SafetyState
    card: str
    card_number: int
    keep: bool | None
    decided_by: str
    overridden: bool
    policy_sha256: str
    policy_reasons: str = "[]"
    parsed: Scorecard | None = field(default=None, compare=False, repr=False)
    surplus: bool = False  # the policy keeps it, but persons have filled its place (see places.py)

    @property
    def scorecard(self) -> Scorecard:
        """The newest scorecard, whole. Parsed on each call, unless it was at hand (``parsed``)."""
        return self.parsed or scorecard_of(self.card)

    def measured(self, card: Scorecard, text: str, area: str) -> CandidateState:
        """As it stands with its next scorecard, whose canonical JSON is ``text``, in the area where it belongs then."""
        return CandidateState(
            self.key, self.number, self.image_sha256, area, self.state, card.safety.state, text, self.card_number + 1,
            self.keep, self.decided_by, self.overridden, self.policy_sha256, self.policy_reasons, card, self.surplus,
        )  # fmt: skip

    def with_verdict(self, verdict: Verdict) -> CandidateState:
        """As it stands once a policy has said this: what a person has decided still counts."""
        counts = self if self.by_person else verdict
        return CandidateState(
            self.key, self.number, self.image_sha256, self.area, self.state, self.safety, self.card, self.card_number,
            counts.keep, counts.decided_by, self.overridden, verdict.policy_sha256,
            canonical_json(list(verdict.reasons)).decode(), self.parsed,
        )  # fmt: skip

    @property
    def by_person(self) -> bool:
        """A person has decided."""
        return is_person(self)

    @property
    def is_keeper(self) -> bool:
        """See the function of this name."""
        clear = self.safety is SafetyState.CLEAR and self.area == Area.OBJECTS
        return not self.surplus and is_keeper(self.keep, self.state, clear=clear, overridden=self.overridden)

    def judged_by(self, policy_sha256: str) -> bool:
        """Has this policy given the newest policy verdict?"""
        return self.policy_sha256 == policy_sha256


@dataclass(frozen=True, slots=True)
class Keeper:
    """A keeper, with what ``keepers --json`` says of it; ``path`` is the file.

    ``row``: the columns of the asset's row as the spec has them now; ``row_when_made``: as they were for this picture.
    """

    candidate: CandidateState
    path: Path
    width_px: int
    height_px: int
    seed: int
    prompt: str
    title: str
    reasons: tuple[str, ...]
    note: str
    decided_at: str
    row: Mapping[str, str]
    row_when_made: Mapping[str, str]
    tags: tuple[str, ...] = ()
    recipes_ago: int = 0

    @property
    def name(self) -> str:
        """What a person calls it, and every command understands."""
        return name_of(self.candidate.key.set_name, self.asset_id, self.candidate.number, self.recipes_ago)

    @property
    def asset_id(self) -> str:
        """Whose keeper it is."""
        return self.candidate.key.asset_id

    @property
    def image_sha256(self) -> str:
        """The picture."""
        return self.candidate.image_sha256

    @property
    def scorecard(self) -> Scorecard:
        """Its newest scorecard."""
        return self.candidate.scorecard


@dataclass(frozen=True, slots=True)
class MadeImage:
    """A picture that some candidate of a job has already."""

    image_sha256: str
    area: str
    state: str


@dataclass(frozen=True, slots=True)
class Claim:
    """The jobs asked for, in three parts: to be rendered by this run, there already, being rendered by a live run."""

    mine: tuple[str, ...]
    made: Mapping[str, MadeImage]
    others: Mapping[str, str]  # job_id → run id


@dataclass(frozen=True, slots=True)
class Recorded:
    """What ``record`` did: candidates that are new, and those that were there (left as they were)."""

    added: tuple[CandidateKey, ...]
    known: tuple[CandidateKey, ...]


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Row i of ``vectors`` (N, D) float16 is of picture ``image_sha256s[i]``."""

    clip_id: str
    image_sha256s: tuple[str, ...]
    vectors: np.ndarray[Any, np.dtype[np.float16]]


def name_of(set_name: str, asset_id: str, number: int, recipes_ago: int = 0) -> str:
    """``set/asset#number``; of a recipe that is no longer in force ``set/asset#number~n``, n recipes ago."""
    return f"{set_name}/{asset_id}#{number}" + (f"~{recipes_ago}" if recipes_ago else "")


def is_keeper(keep: bool | None, state: str, *, clear: bool, overridden: bool) -> bool:
    """Kept, its pixels present, and measured clear (and so in ``objects``) or overridden by a person with a note."""
    return bool(keep) and state == ImageState.PRESENT and (clear or overridden)


def overrides(verdict: Verdict) -> bool:
    """Is this a person's decision to keep what is not measured clear? It must say so, and say why."""
    return verdict.keep and is_person(verdict) and OVERRIDE in verdict.reasons and bool(verdict.note.strip())


def is_person(decided: Verdict | CandidateState) -> bool:
    """Decided by a person, not by a policy?"""
    return is_by_person(decided.decided_by)
