"""What is left to do: a spec's jobs compared with what the catalog holds. Pure.

An asset's candidates are made in rounds of ``candidates.first`` up to ``at_most``; a round that has begun is finished,
then judged, and the next one begins only while the asset is short of keepers and no stored candidate would do. So
what is made depends on counts and verdicts alone, never on where a run was interrupted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from enum import StrEnum

from catalog.objects.areas import ImageState
from catalog.queries.candidate_state import CandidateState
from flows.pipeline.holes import Hole, hole_of
from flows.pipeline.resolve import ResolvedSpec
from scoring.reasons import TOO_LIKE, reason_code
from scoring.verdict import judge
from specs.differences import Recipe, differences
from specs.expand import AssetPlan
from specs.job import Job
from specs.spec import KeepRules

Candidates = Mapping[str, Mapping[str, CandidateState]]


class State(StrEnum):
    """What ``plan`` says of an asset."""

    NEW = "new"
    CHANGED = "changed"
    UP_TO_DATE = "up_to_date"
    BLOCKED = "blocked"
    SHORT = "short"


@dataclass(frozen=True, slots=True)
class PicturePool:
    """All pictures of a set, by their hashes, and those of them that are keepers."""

    keepers: Set[str]
    every: Set[str]


@dataclass(frozen=True, slots=True)
class PlannedCandidate:
    """Candidate ``number`` of an asset, still to be made."""

    asset_id: str
    number: int
    job: Job


@dataclass(frozen=True, slots=True)
class AssetState:
    """One line of the plan. ``made`` counts candidates of the present recipe, ``keepers`` those standing now."""

    asset_id: str
    state: State
    reason: str
    made: int
    keepers: int
    wanted: int
    to_generate: tuple[PlannedCandidate, ...] = ()
    hole: Hole | None = None  # short of keepers: why


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole set's plan. ``jobs`` counts the candidates that the spec asks for as it stands."""

    set_name: str
    jobs: int
    assets: tuple[AssetState, ...]
    obstacles: tuple[str, ...] = ()
    entries: tuple[PlannedCandidate, ...] = field(default=())

    def count(self, state: State) -> int:
        """How many assets are in this state."""
        return sum(asset.state is state for asset in self.assets)


def make_plan(resolved: ResolvedSpec, made: Candidates) -> Plan:
    """Compare; ``made`` is ``Catalog.candidates(set)`` (empty for a library that does not exist yet)."""
    if resolved.obstacles:
        return _blocked(resolved, made)
    every = [candidate for jobs in made.values() for candidate in jobs.values()]
    pictures = PicturePool({one.image_sha256 for one in every if one.is_keeper}, {one.image_sha256 for one in every})
    states = tuple(
        _asset_state(plan, resolved.policies[id_], made.get(id_, {}), pictures) for id_, plan in resolved.plans.items()
    )
    entries = tuple(entry for state in states for entry in state.to_generate)
    jobs = sum(state.made + len(state.to_generate) for state in states)
    return Plan(resolved.spec.set_name, jobs, states, (), entries)


def changed_assets(plan: Plan) -> list[str]:
    """Assets all of whose pictures are of older recipes."""
    return [asset.asset_id for asset in plan.assets if asset.state is State.CHANGED and not asset.made]


def with_changes(plan: Plan, resolved: ResolvedSpec, before: Mapping[str, Recipe]) -> Plan:
    """The same, where the reasons of changed assets begin with what changed since ``before``, their newest recipes."""

    def explained(asset: AssetState) -> AssetState:
        if asset.asset_id not in before:
            return asset
        now = recipe_of(resolved.plans[asset.asset_id], resolved.image.checkpoint.name)
        changed = differences(before[asset.asset_id], now)
        return replace(asset, reason=f"{'; '.join(changed)}: {asset.reason}") if changed else asset

    return replace(plan, assets=tuple(explained(asset) for asset in plan.assets))


def _blocked(resolved: ResolvedSpec, made: Candidates) -> Plan:
    states = tuple(
        AssetState(
            asset.asset_id, State.BLOCKED, resolved.obstacles[0], 0, standing_keepers(made.get(asset.asset_id, {})), 0
        )
        for asset in resolved.spec.assets
    )
    jobs = sum(asset.candidates.first for asset in resolved.spec.assets)
    return Plan(resolved.spec.set_name, jobs, states, resolved.obstacles)


def standing_keepers(made: Mapping[str, CandidateState]) -> int:
    """How many keepers an asset has now, of whatever recipe."""
    return sum(candidate.is_keeper for candidate in made.values())


def round_end(found: Mapping[int, CandidateState], first: int, at_most: int) -> int:
    """The number of candidates that there will be once the round that has begun is finished."""
    begun = max(found, default=0) // first + 1
    return min(begun * first, at_most)


def present(plan: AssetPlan, made: Mapping[str, CandidateState]) -> dict[int, CandidateState]:
    """Candidates of the present recipe that are made, by number. Looks no further than the first empty round."""
    found: dict[int, CandidateState] = {}
    first, at_most = plan.asset.candidates.first, plan.asset.candidates.at_most
    for start in range(0, at_most, first):
        numbers = range(start, min(start + first, at_most)) if made else ()
        here = {n: made[job_id] for n in numbers if (job_id := plan.job_id(n)) in made}
        if not here:
            break
        found.update(here)
    return found


def recipe_of(plan: AssetPlan, checkpoint: str) -> Recipe:
    """What the candidates of an asset share."""
    seeds = plan.set_seed if plan.asset.seeds is None else tuple(plan.asset.seeds)
    return Recipe(plan.job(0).recipe(), dict(plan.asset.row), checkpoint, seeds)


def choosable(candidate: CandidateState, keep: KeepRules, pictures: PicturePool) -> bool:
    """Would this stored candidate fill a free place: does it pass, has no person decided, is no keeper too like it?"""
    if candidate.is_keeper or candidate.state != ImageState.PRESENT or candidate.by_person:
        return False
    reasons = json.loads(candidate.policy_reasons)
    like = [reason.partition(":")[2] for reason in reasons if reason_code(reason) == TOO_LIKE]
    if any(picture in pictures.keepers or picture not in pictures.every for picture in like):
        return False
    return not judge(candidate.scorecard, keep)


def _asset_state(plan: AssetPlan, policy: str, made: Mapping[str, CandidateState], pictures: PicturePool) -> AssetState:
    rules = plan.asset.candidates
    found = present(plan, made)
    kept, wanted = standing_keepers(made), plan.asset.keep.per_asset
    end = round_end(found, rules.first, rules.at_most)
    judged = all(candidate.judged_by(policy) for candidate in found.values())
    short = len(found) == end and judged and kept < wanted
    stored = sum(choosable(one, plan.asset.keep, pictures) for one in found.values()) if short else 0
    if short and not stored and end < rules.at_most:
        end = min(end + rules.first, rules.at_most)
    missing = tuple(
        PlannedCandidate(plan.asset.asset_id, number, plan.job(number)) for number in range(end) if number not in found
    )
    state, reason = _describe(len(found), len(made), missing, judged, kept, wanted)
    if stored:
        first = "a stored candidate" if min(stored, wanted - kept) == 1 else f"{min(stored, wanted - kept)} stored ones"
        reason = f"{kept} of {wanted} keepers: {first} will be chosen, nothing is rendered"
    hole = hole_of(plan, found.values(), kept) if state is State.SHORT and not stored else None
    if hole:
        reason = f"{hole.words()}: {len(missing)} more to make" if missing else hole.sentence()
    return AssetState(plan.asset.asset_id, state, reason, len(found), kept, wanted, missing, hole)


def _describe(
    found: int, of_all: int, missing: tuple[PlannedCandidate, ...], judged: bool, kept: int, wanted: int
) -> tuple[State, str]:
    if missing and not of_all:
        return State.NEW, f"{len(missing)} to make"
    if missing and not found:
        return State.CHANGED, f"its recipe changed: {len(missing)} to make, {of_all} of the old recipe stay on record"
    if missing and judged and kept < wanted and found:
        return State.SHORT, ""  # its hole says why
    if missing:
        return State.NEW, f"{found} made, {len(missing)} to make"
    if not judged:
        return State.CHANGED, f"{found} made; rules or scorers changed: they will be judged again, nothing is rendered"
    if kept < wanted:
        return State.SHORT, ""
    return State.UP_TO_DATE, f"{found} made, {kept} kept"
