"""Holes: assets with fewer keepers than their spec asks for, why, and what helps. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from catalog.objects.areas import ImageState
from catalog.queries.candidate_state import CandidateState
from scoring.reasons import DROPPED, TOO_LIKE
from scoring.scorecard import Scorecard
from scoring.verdict import judge
from specs.defect_names import NEVER_ALLOWED
from specs.expand import AssetPlan
from specs.spec import KeepRules

REJECTED_BY_PERSON = "rejected_by_person"
NOT_JUDGED = "not_judged"

FIXES = {
    "safety_flagged": "change the prompt or content.forbid, or keep one by hand with --override-safety and a reason",
    "safety_unknown": "name a safety checker whose weights are here, then run limner rescore --decode",
    TOO_LIKE: "raise keep.max_likeness, or make the prompts differ more",
    REJECTED_BY_PERSON: "undo a rejection, or raise candidates.at_most",
    DROPPED: "raise candidates.at_most, and set keep.reject_pixels: keep for the next ones",
    NOT_JUDGED: "run limner produce",
    "rank_too_high": "make the prompts differ more, or raise keep.max_rank",
    "margin_too_low": "make the prompts differ more, or lower keep.min_margin",
}
BLACK = "try another VAE, or --dtype float32: 16-bit numbers overflowed"
DEFECT = "raise candidates.at_most, change the prompt, or list the defect in keep.allow_defects if it is meant"
UNMEASURED = "see that its scorer runs (limner doctor), then run limner rescore"
MORE = "raise candidates.at_most"


@dataclass(frozen=True, slots=True)
class Hole:
    """An asset short of keepers. ``reasons``: code → candidates that it keeps out, the commonest first; ``details``:
    code → what was found, such as the concepts that were flagged; ``fixes`` are instructions, one a kind of reason."""

    asset_id: str
    wanted: int
    keepers: int
    candidates: int
    reasons: tuple[tuple[str, int], ...]
    details: tuple[tuple[str, tuple[str, ...]], ...]
    fixes: tuple[str, ...]

    def value(self) -> dict[str, Any]:
        """An object of ``produce --json``, ``plan --json`` and ``rescore --json``."""
        return {
            "asset": self.asset_id,
            "wanted": self.wanted,
            "keepers": self.keepers,
            "candidates": self.candidates,
            "reasons": dict(self.reasons),
            "details": {code: list(found) for code, found in self.details},
            "fixes": list(self.fixes),
        }

    def words(self) -> str:
        """``0 of 1 keepers; 4 of 4: safety_flagged (skull); 1 of 4: aesthetic_too_low``, without the fixes."""
        details = dict(self.details)
        parts = [f"{self.keepers} of {self.wanted} keepers"]
        for code, count in self.reasons:
            found = f" ({', '.join(details[code])})" if details.get(code) else ""
            parts.append(f"{count} of {self.candidates}: {code}{found}")
        return "; ".join(parts)

    def sentence(self) -> str:
        """The words and the fixes."""
        return f"{self.words()}. To fill it: {'; or '.join(self.fixes)}."


def hole_of(plan: AssetPlan, candidates: Iterable[CandidateState], keepers: int) -> Hole:
    """Why none (or no further one) of ``candidates``, those of the present recipe, is a keeper of this asset."""
    counts: Counter[str] = Counter()
    details: dict[str, set[str]] = defaultdict(set)
    only: dict[str, list[Scorecard]] = defaultdict(list)  # code → cards that nothing else keeps out
    total = 0
    for candidate in candidates:
        total += 1
        if candidate.is_keeper:
            continue
        card = candidate.scorecard
        codes = _reasons(candidate, card, plan.asset.keep)
        if len(codes) == 1:
            only[codes[0]].append(card)
        for code in codes:
            counts[code] += 1
            if code == "safety_flagged":
                details[code].update(card.safety.found)
            elif code == "safety_unknown" and card.safety.why:
                details[code].add(card.safety.why)
    reasons = tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    fixes = tuple(dict.fromkeys(_fix(code, only[code]) for code, _ in reasons)) or (MORE,)
    found = tuple((code, tuple(sorted(details[code]))) for code, _ in reasons if details[code])
    return Hole(plan.asset.asset_id, plan.asset.keep.per_asset, keepers, total, reasons, found, fixes)


def _reasons(candidate: CandidateState, card: Scorecard, keep: KeepRules) -> tuple[str, ...]:
    if candidate.keep is False and candidate.by_person:
        return (REJECTED_BY_PERSON,)
    if candidate.state == ImageState.DROPPED:
        return (DROPPED,)
    if reasons := judge(card, keep):
        return reasons
    return (NOT_JUDGED,) if candidate.keep is None else (TOO_LIKE,)  # it passes: only its likeness keeps it out


def _fix(code: str, cards: Iterable[Scorecard]) -> str:
    """What helps against a reason; ``cards`` are of the candidates that it alone keeps out."""
    if code in FIXES:
        return FIXES[code]
    if code.startswith("defect_"):
        return BLACK if code.removeprefix("defect_") in NEVER_ALLOWED else DEFECT
    if code.endswith("_not_measured"):
        return UNMEASURED
    name = code.removesuffix("_too_low")
    best = max((value for card in cards if (value := _score(card, name)) is not None), default=None)
    rule = f"keep.min_{name}" if name in ("aesthetic", "adherence") else f"keep.min_scores.{name}"
    return f"lower {rule} (the best otherwise good one has {best:.2f})" if best is not None else f"lower {rule}"


def _score(card: Scorecard, name: str) -> float | None:
    extra = dict(card.extra)
    return {"aesthetic": card.aesthetic, "adherence": card.adherence, "margin": card.margin}.get(name, extra.get(name))
