"""Judge and choose: the verdicts of a policy on every asset whose round of candidates is complete.

A keeper is never replaced by itself. One that stands stays while it meets the rules in force and its asset's recipe is
the same; free places are filled from the candidates that pass, all assets of the set chosen together. Verdicts of
persons are not touched, and count before any policy's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.made import MadeCandidate
from catalog.provenance import CandidateKey
from catalog.rows import now
from catalog.store import Catalog
from flows.planning import Made, present, round_end, standing_keepers
from flows.work import Work
from scoring.scorecard import Scorecard
from scoring.select import Choice, Entrant, select
from scoring.verdict import Verdict, judge

CHOSEN = "chosen"
STANDS = "keeper_stands"
SUPERSEDED = "recipe_changed"
BY_POLICY = "policy"

Vectors = Mapping[str, NDArray[np.float16]]


@dataclass(frozen=True, slots=True)
class Judged:
    """A candidate with its scorecard and the reasons against it (none: it passes)."""

    made: MadeCandidate
    card: Scorecard
    reasons: tuple[str, ...]

    @property
    def free(self) -> bool:
        """Passes, and no person has decided."""
        return not self.reasons and not self.made.decided_by.startswith("person:")


def settle(work: Work, catalog: Catalog, made: Made) -> int:
    """Append what is to be said of what is made; returns how many verdicts were. Does nothing twice."""
    open_assets = {asset_id: list(judged) for asset_id, judged in _to_judge(work, made)}
    if not open_assets:
        return 0
    standing = {id_: [j for j in judged if j.made.is_keeper and not (j.reasons and j.made.decided_by == BY_POLICY)]
                for id_, judged in open_assets.items()}  # fmt: skip
    choice = _choose(work, catalog, made, open_assets, standing)
    verdicts = [
        item for id_, judged in open_assets.items() for item in _verdicts(work, id_, judged, standing[id_], choice)
    ]
    verdicts += _superseded(work, made, open_assets, {pick.asset_id for pick in choice.picks})
    count = catalog.append(verdicts)
    if work.spec.reject_pixels == "drop":
        of_objects = {
            item.made.image_sha256 for judged in open_assets.values() for item in judged if item.made.area == "objects"
        }
        catalog.drop_pixels(verdict.image_sha256 for _, verdict in verdicts if verdict.image_sha256 in of_objects)
    return count


def _to_judge(work: Work, made: Made) -> Iterable[tuple[str, list[Judged]]]:
    """Assets whose round is complete and that are unjudged by the rules in force, or short with something to choose."""
    for asset_id, plan in work.plans.items():
        found = present(plan, made.get(asset_id, {}))
        rules = plan.asset.candidates
        if not found or len(found) < round_end(found, rules.first, rules.at_most):
            continue
        judged = all(candidate.judged_by(work.policies[asset_id]) for candidate in found.values())
        if judged and standing_keepers(made[asset_id]) >= plan.asset.keep.per_asset:
            continue
        cards = [(candidate, candidate.scorecard) for candidate in found.values()]
        outcome = [Judged(candidate, card, judge(card, plan.asset.keep)) for candidate, card in cards]
        if not judged or any(item.free and not item.made.keep for item in outcome):
            yield asset_id, outcome


def _choose(
    work: Work,
    catalog: Catalog,
    made: Made,
    open_assets: Mapping[str, list[Judged]],
    standing: Mapping[str, list[Judged]],
) -> Choice:
    """Fill the free places; keepers that stand, of all assets, are in the choice from the start."""
    found = catalog.embeddings(work.spec.set_name)
    vectors = dict(zip(found.image_sha256s, found.vectors, strict=True))
    entrants, wanted = [], {}
    for asset_id, plan in work.plans.items():
        if asset_id not in open_assets:
            kept = [candidate for candidate in made.get(asset_id, {}).values() if candidate.is_keeper]
            entrants += [_entrant(candidate, candidate.scorecard, vectors, pinned=True) for candidate in kept]
            wanted[asset_id] = len(kept)
            continue
        wanted[asset_id] = max(plan.asset.keep.per_asset, len(standing[asset_id]))
        for item in open_assets[asset_id]:
            stands = item in standing[asset_id]
            if stands or item.free:
                entrants.append(_entrant(item.made, item.card, vectors, pinned=stands))
    limits = {id_: plan.asset.keep.max_likeness for id_, plan in work.plans.items()}
    return select(entrants, wanted, work.spec.weights, limits)


def _entrant(made: MadeCandidate, card: Scorecard, vectors: Vectors, *, pinned: bool) -> Entrant:
    vector = vectors.get(made.image_sha256)
    return Entrant(
        asset_id=made.key.asset_id,
        image_sha256=made.image_sha256,
        aesthetic=card.aesthetic,
        adherence=card.adherence,
        embedding=None if vector is None else vector.astype(np.float32),
        pinned=pinned,
    )


def _verdicts(
    work: Work, asset_id: str, judged: Iterable[Judged], standing: list[Judged], choice: Choice
) -> Iterable[tuple[CandidateKey, Verdict]]:
    """One verdict of the policy per candidate that it has not judged so."""
    chosen = {pick.image_sha256: pick for pick in choice.picks if pick.asset_id == asset_id}
    passed_over = dict(choice.passed_over)
    for item in judged:
        sha256 = item.made.image_sha256
        if item.reasons:
            keep, reasons = False, item.reasons
        elif sha256 in chosen:
            keep, reasons = True, (STANDS if item in standing else CHOSEN,)
        else:
            keep, reasons = False, (passed_over.get(sha256, "not_wanted"),)
        known = item.made.judged_by(work.policies[asset_id]) and item.made.decided_by == BY_POLICY
        if known and item.made.keep == keep:
            continue
        note = chosen[sha256].why if keep else ""
        yield item.made.key, Verdict(sha256, keep, reasons, BY_POLICY, work.policies[asset_id], now(), note)


def _superseded(
    work: Work, made: Made, open_assets: Mapping[str, list[Judged]], filled: set[str]
) -> Iterable[tuple[CandidateKey, Verdict]]:
    """A policy's keepers of an old recipe make room once the new recipe has one; a person's stay."""
    for asset_id, judged in open_assets.items():
        if asset_id not in filled:
            continue
        current = {item.made.key.job_id for item in judged}
        for job_id, candidate in made[asset_id].items():
            if job_id not in current and candidate.is_keeper and candidate.decided_by == BY_POLICY:
                verdict = Verdict(
                    candidate.image_sha256, False, (SUPERSEDED,), BY_POLICY, work.policies[asset_id], now()
                )
                yield candidate.key, verdict
