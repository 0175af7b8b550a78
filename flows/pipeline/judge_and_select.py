"""Judge and choose: the verdicts of a policy on every asset whose round of candidates is complete.

A keeper is never replaced by itself. One that stands stays while it meets the rules in force, its asset's recipe is
the same and persons leave it a place; free places are filled from the candidates that pass, all assets of the set
chosen together. Verdicts of persons are not touched, and count before any policy's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Set
from enum import Enum

from catalog.catalog import Catalog
from catalog.database.rows import now
from catalog.objects.areas import Area
from catalog.provenance import CandidateKey
from catalog.queries.candidate_state import CandidateState, Embeddings
from flows.pipeline.planning import Candidates, present, round_end, standing_keepers
from flows.pipeline.rendering.scorers import Scorers
from flows.pipeline.resolve import ResolvedSpec
from flows.pipeline.selection_context import (
    Judged,
    choose,
    judged_candidates,
    load_selection_context,
    places_of,
    reject_library_duplicates,
)
from scoring.deciders import Decider
from scoring.reasons import CHOSEN, NOT_WANTED, OUTSCORED, STANDS, SUPERSEDED, TOO_LIKE, reason_code
from scoring.selection.select import Choice
from scoring.verdict import Verdict, judge
from specs.expand import AssetPlan

VerdictEntry = tuple[CandidateKey, Verdict]


class Rechoose(Enum):
    """Of which assets keepers are chosen among all that pass, as if the policy had kept nothing yet (persons' stand):
    of none, of those that the rules in force have not judged, of all."""

    NEVER = "never"
    CHANGED = "changed"
    ALL = "all"


def judge_and_select(
    resolved: ResolvedSpec,
    catalog: Catalog,
    made: Candidates,
    load_scorers: Callable[[], Scorers],
    *,
    rechoose: Rechoose = Rechoose.NEVER,
    measured: Collection[CandidateKey] = (),
    stored: Embeddings | None = None,
) -> list[VerdictEntry]:
    """Append what is to be said of what is made; returns the verdicts. Does nothing twice.

    ``measured``: the candidates whose scorecards are new, by whatever rules they were judged. ``stored``: the set's
    embeddings, where they are at hand. The scorers are loaded only for a style reference that the CLIP has never seen.
    """
    verdicts, judged = decided(
        resolved, catalog, made, load_scorers, rechoose=rechoose, measured=measured, stored=stored
    )
    crowded = {(resolved.spec.set_name, id_) for id_, jobs in made.items() if any(one.surplus for one in jobs.values())}
    verdicts += catalog.record_verdicts(verdicts, crowded)
    if verdicts and resolved.spec.reject_pixels == "drop":
        of_objects = {
            item.candidate.image_sha256
            for found in judged.values()
            for item in found
            if item.candidate.area == Area.OBJECTS
        }
        catalog.drop_pixels(verdict.image_sha256 for _, verdict in verdicts if verdict.image_sha256 in of_objects)
    return verdicts


def decided(
    resolved: ResolvedSpec,
    catalog: Catalog,
    made: Candidates,
    load_scorers: Callable[[], Scorers],
    *,
    rechoose: Rechoose = Rechoose.NEVER,
    measured: Collection[CandidateKey] = (),
    stored: Embeddings | None = None,
) -> tuple[list[VerdictEntry], Mapping[str, list[Judged]]]:
    """What ``judge_and_select`` would say, and of which candidates, judged; writes nothing."""
    judged = {asset_id: list(found) for asset_id, found in _to_judge(resolved, made, rechoose, measured)}
    if not judged:
        return [], judged
    standing, electable = {}, {}
    for id_, found in judged.items():
        standing[id_], electable[id_] = _standing(resolved, made, id_, found, rechoose)
    context = load_selection_context(resolved, catalog, load_scorers, stored)
    judged = reject_library_duplicates(resolved, catalog, judged, standing, context)
    by_key = {item.candidate.key: item for found in judged.values() for item in found}
    asked = {id_: [by_key[item.candidate.key] for item in items] for id_, items in electable.items()}
    choice = choose(resolved, made, asked, standing, context)
    stands = {item.candidate.key for id_, found in judged.items() for item in found if item.candidate.is_keeper}
    if rechoose is not Rechoose.NEVER:
        stands = {item.candidate.key for found in standing.values() for item in found}
    verdicts = list(_verdicts(resolved, judged, stands, choice, set(measured)))
    verdicts += _superseded(resolved, made, judged, {pick.asset_id for pick in choice.picks})
    return verdicts, judged


def _standing(
    resolved: ResolvedSpec, made: Candidates, asset_id: str, found: list[Judged], rechoose: Rechoose
) -> tuple[list[Judged], list[Judged]]:
    """The keepers that stay, and all that may be chosen from.

    Where more keepers of the policy stand than persons leave places for, the best of them are chosen, no others.
    """
    plan = resolved.plans[asset_id]
    anew = rechoose is Rechoose.ALL or (rechoose is Rechoose.CHANGED and not _all_judged(resolved, asset_id, found))
    stays = [item for item in found if item.stands(anew=anew)]
    persons = [item for item in stays if item.by_person]
    if len(stays) > max(places_of(plan, made.get(asset_id, {})), len(persons)):
        return persons, stays
    return stays, found


def _all_judged(resolved: ResolvedSpec, asset_id: str, found: Iterable[Judged]) -> bool:
    return all(item.candidate.judged_by(resolved.policies[asset_id]) for item in found)


def _to_judge(
    resolved: ResolvedSpec, made: Candidates, rechoose: Rechoose, measured: Collection[CandidateKey]
) -> Iterable[tuple[str, list[Judged]]]:
    """Assets whose round is complete, and of which there is something to say: candidates that the rules in force have
    not judged or whose scorecards are new, keepers that they no longer pass, too many or too few keepers."""
    of_assets = {key.asset_id for key in measured}
    for asset_id, plan in resolved.plans.items():
        jobs, rules = made.get(asset_id, {}), plan.asset.candidates
        found = present(plan, jobs)
        if not found or len(found) < round_end(found, rules.first, rules.at_most):
            continue
        judged = all(candidate.judged_by(resolved.policies[asset_id]) for candidate in found.values())
        again = not judged or asset_id in of_assets or rechoose is Rechoose.ALL
        if not again and not _is_unsettled(plan, jobs, found.values()):
            continue
        outcome = judged_candidates(found.values(), plan.asset.keep)
        crowded = standing_keepers(jobs) > plan.asset.keep.per_asset
        if again or crowded or any(_may_change(item) for item in outcome):
            yield asset_id, outcome


def _may_change(item: Judged) -> bool:
    """Passes and is no keeper, or is one by the rules and does not pass."""
    return (item.free and not item.candidate.keep) or bool(
        item.reasons and item.candidate.is_keeper and not item.by_person
    )


def _is_unsettled(plan: AssetPlan, jobs: Mapping[str, CandidateState], found: Iterable[CandidateState]) -> bool:
    """Are there too few keepers, more of the policy's than there are places, or one that does not pass?"""
    kept, places = standing_keepers(jobs), plan.asset.keep.per_asset
    by_rule = [one for one in found if one.is_keeper and not one.by_person]
    if kept < places or (by_rule and kept > places):
        return True
    return any(judge(one.scorecard, plan.asset.keep) for one in by_rule)


def with_verdicts(made: Candidates, verdicts: Iterable[VerdictEntry]) -> Candidates:
    """What is on record once the policy has said this; no pixels were dropped."""
    said = dict(verdicts)
    return {
        asset_id: {
            job_id: one.with_verdict(verdict) if (verdict := said.get(one.key)) else one for job_id, one in jobs.items()
        }
        for asset_id, jobs in made.items()
    }


def _verdicts(
    resolved: ResolvedSpec,
    judged: Mapping[str, list[Judged]],
    stands: Set[CandidateKey],
    choice: Choice,
    measured: Set[CandidateKey],
) -> Iterable[VerdictEntry]:
    """One verdict of the policy per candidate that it has not judged so."""
    chosen = {(pick.asset_id, pick.image_sha256): pick for pick in choice.picks}
    first = {pick.asset_id: pick.image_sha256 for pick in reversed(choice.picks)}
    passed_over, at = dict(choice.passed_over), now()
    for asset_id, items in judged.items():
        policy = resolved.policies[asset_id]
        for item in items:
            sha256, pick = item.candidate.image_sha256, chosen.get((asset_id, item.candidate.image_sha256))
            if item.reasons:
                keep, reasons = False, item.reasons
            elif pick:
                keep, reasons = True, (STANDS if item.candidate.key in stands else CHOSEN,)
            else:
                weaker = f"{OUTSCORED}:{first[asset_id]}" if asset_id in first else NOT_WANTED
                keep, reasons = False, (passed_over.get(sha256, weaker),)
            same = item.candidate.judged_by(policy) and (item.by_person or item.candidate.keep == keep)
            if same and (keep or not _is_news(item, reasons, measured)):
                continue
            note = pick.why if keep and pick else ""
            yield item.candidate.key, Verdict(sha256, keep, reasons, Decider.POLICY, policy, at, note)


def _is_news(item: Judged, reasons: tuple[str, ...], measured: Set[CandidateKey]) -> bool:
    """Is a rejection on record for other reasons than these, such that it matters?

    What is too like a keeper does not fill a place (``planning.choosable``), so that must be on record; and a new
    scorecard may have changed which rules are not met.
    """
    codes, known = (
        {reason_code(one) for one in these} for these in (reasons, json.loads(item.candidate.policy_reasons))
    )
    return codes != known and not item.by_person and (TOO_LIKE in codes or item.candidate.key in measured)


def _superseded(
    resolved: ResolvedSpec, made: Candidates, judged: Mapping[str, list[Judged]], filled: set[str]
) -> Iterable[tuple[CandidateKey, Verdict]]:
    """A policy's keepers of an old recipe make room once the new recipe has one; a person's stay."""
    for asset_id, items in judged.items():
        if asset_id not in filled:
            continue
        current = {item.candidate.key.job_id for item in items}
        for job_id, candidate in made[asset_id].items():
            if job_id not in current and candidate.is_keeper and candidate.decided_by == Decider.POLICY:
                verdict = Verdict(
                    candidate.image_sha256, False, (SUPERSEDED,), Decider.POLICY, resolved.policies[asset_id], now()
                )
                yield candidate.key, verdict
