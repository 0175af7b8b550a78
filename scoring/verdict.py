"""Verdict, and ``judge``: does a scorecard meet the rules? Pure.

Every reason is a stable snake_case name, so that rejections can be counted and filtered; ``explain`` says each one in
words, with both sides of the comparison that failed. What was not measured, or is not a number, fails its rule.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from scoring.reasons import of_picture, words
from scoring.scorecard import SafetyState, Scorecard
from specs.canonical import Json, value_sha256
from specs.defect_names import NEVER_ALLOWED
from specs.spec import KeepRules, SelectionWeights

POLICY_KIND = "limner.policy/1"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Keep or reject, with named reasons, by a policy or a person. Only ever appended.

    ``decided_by`` is ``policy`` or ``person:<name>``; ``at`` is UTC, ISO 8601 with microseconds and ``Z``;
    ``policy_sha256`` is that of the rules in force, empty for a person.
    """

    image_sha256: str
    keep: bool
    reasons: tuple[str, ...]
    decided_by: str
    policy_sha256: str
    at: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Rule:
    """One comparison: ``name`` of the score, what was measured, the bound, and whether the bound is a maximum."""

    name: str
    got: float | None
    bound: float
    at_most: bool = False

    def words(self) -> str:
        """Both sides of the comparison."""
        got = "nothing" if self.got is None else f"{self.got:g}"
        return f"{self.name}: measured {got}, {'at most' if self.at_most else 'at least'} {self.bound:g}"

    def reason(self) -> str:
        """'' when it holds, else ``<name>_not_measured``, ``<name>_too_low`` or ``<name>_too_high``."""
        if self.got is None or not math.isfinite(self.got):
            return f"{self.name}_not_measured"
        if self.got > self.bound if self.at_most else self.got < self.bound:
            return f"{self.name}_too_{'high' if self.at_most else 'low'}"
        return ""


def judge(card: Scorecard, keep: KeepRules) -> tuple[str, ...]:
    """Reasons for rejection, in a fixed order; empty = passes. Unknown counts as flagged."""
    reasons = [] if card.safety.state is SafetyState.CLEAR else [f"safety_{card.safety.state.value}"]
    allowed = set(keep.allow_defects) - set(NEVER_ALLOWED)
    reasons += [f"defect_{name}" for name in card.defects if name not in allowed]
    reasons += [reason for rule in _rules(card, keep) if (reason := rule.reason())]
    return tuple(reasons)


def explain(reason: str, card: Scorecard, keep: KeepRules, names: Mapping[str, str] = MappingProxyType({})) -> str:
    """A reason as a sentence, with what was measured and what the rules allow. ``names``: pictures' names by hash."""
    if reason == "safety_flagged":
        return f"found: {', '.join(card.safety.found)} (looked for: {card.safety.covers})"
    if reason == "safety_unknown":
        return f"not checked: {card.safety.why or 'no reason recorded'}"
    if reason.startswith("defect_"):
        return f"defect: {words(reason)}"
    for rule in _rules(card, keep):
        if reason == rule.reason():
            return f"{rule.words()} is allowed"
    return words(reason, names.get(of_picture(reason), ""))


def met(card: Scorecard, keep: KeepRules) -> tuple[str, ...]:
    """The rules that a card meets, each as a sentence with what was measured and what is asked."""
    words = [f"nothing found of: {card.safety.covers}"] if card.safety.state is SafetyState.CLEAR else []
    words += ["no defect"] if not card.defects else []
    return (*words, *(rule.words() for rule in _rules(card, keep) if not rule.reason()))


def policy_sha256(
    keep: KeepRules,
    scorers: Sequence[tuple[str, str]],
    weights: SelectionWeights | None = None,
    forbid: Sequence[str] = (),
    taste: str = "",
    references: Sequence[str] = (),
) -> str:
    """64 hex over all that decides between keep and reject: rules, scorers' identities, weights of the choice.

    ``taste`` is the hash of the learned head when it has a weight; ``references`` are the hashes of the pictures that
    coherence is measured to. What is not used is left out of the hash.
    """
    value: dict[str, Json] = {
        "per_asset": keep.per_asset,
        "min_aesthetic": keep.min_aesthetic,
        "min_adherence": keep.min_adherence,
        "max_likeness": keep.max_likeness,
        "max_rank": keep.max_rank,
        "min_margin": keep.min_margin,
        "allow_defects": sorted(keep.allow_defects),
        "extra": dict(sorted(keep.extra)),
        "scorers": dict(sorted(scorers)),
        "forbid": sorted(set(forbid)),
    }
    if weights is not None:
        value["weights"] = [weights.aesthetic, weights.adherence, weights.coherence, weights.sameness]
    if keep.likeness_to != KeepRules().likeness_to:
        value["likeness_to"] = keep.likeness_to
    if weights is not None and weights.taste:
        value["taste"] = [weights.taste, taste]
    if references:
        value["references"] = list(references)
    return value_sha256(POLICY_KIND, value)


def _rules(card: Scorecard, keep: KeepRules) -> list[_Rule]:
    extra = dict(card.extra)
    asked: list[tuple[str, float | None, float | None, bool]] = [
        ("aesthetic", card.aesthetic, keep.min_aesthetic, False),
        ("adherence", card.adherence, keep.min_adherence, False),
        ("rank", card.rank, keep.max_rank, True),
        ("margin", card.margin, keep.min_margin, False),
        *((name, extra.get(name), bound, False) for name, bound in keep.extra),
    ]
    return [_Rule(name, got, bound, at_most) for name, got, bound, at_most in asked if bound is not None]
