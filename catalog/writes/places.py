"""An asset's places: a person's keep takes one from the policy's keepers, and gives it back when it no longer stands.

An asset has ``per_asset`` places, by its row in force. Pictures that a person keeps fill them first, however many they
are; the policy's keepers have what is left. Whoever writes a keep settles this in the same transaction, by verdicts of
the policy: ``replaced_by_person:<picture>`` for a keeper that makes room, ``restored`` for one that was replaced so and
has room again. Libraries from before this rule have more keepers than places, until the next ``produce`` or
``rescore``; what reads them leaves the surplus out (``surplus``).

Of several keepers the *weakest* makes room, and the strongest comes back first: pictures of the recipe in force are
stronger than older ones, then the sum of the aesthetic and the adherence score decides, each standardised over the
asset's candidates, as the choice of keepers weighs them by default; then the lower number.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev
from typing import Any

from sqlalchemy import ColumnElement, Connection, select, true, tuple_

from catalog.database.rows import Row, fetch, now
from catalog.database.schema import CandidateRow, ScorecardRow, VerdictRow
from catalog.objects.areas import Area, ImageState
from catalog.provenance import CandidateKey
from catalog.queries.candidate_state import CandidateState
from catalog.queries.candidates import candidate_of, standing
from catalog.queries.recipes import recipes_ago
from catalog.queries.rules import AT_ONCE, Asset, asset_values
from catalog.writes.candidates import append_verdicts
from scoring.deciders import Decider
from scoring.reasons import NOT_WANTED, REPLACED, RESTORED
from scoring.verdict import Verdict

Said = tuple[CandidateKey, Verdict]
DECIMALS = 6
UNMEASURED = -9.0  # standard deviations: weaker than whatever was measured


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate with what orders it among the keepers."""

    candidate: CandidateState
    recipes_ago: int
    strength: float

    @property
    def replaced(self) -> bool:
        """The policy's newest verdict made it give way."""
        return f'"{REPLACED}:' in self.candidate.policy_reasons

    @property
    def order(self) -> tuple[int, float, int, str]:
        """Sorts the strongest first."""
        return (self.recipes_ago, -self.strength, self.candidate.number, self.candidate.image_sha256)


def refill(connection: Connection, assets: Iterable[Asset]) -> list[Said]:
    """Bring the policy's keepers of these assets to the places that persons leave; returns the verdicts appended."""
    said: list[Said] = []
    wanted = dict.fromkeys(assets)
    places = _places(connection, wanted)
    for asset, candidates in _standing(connection, wanted).items():
        said += _settled(candidates, places.get(asset, 1), connection)
    append_verdicts(connection, said)
    return said


def settle_where_persons_decided(connection: Connection, assets: Iterable[Asset]) -> list[Said]:
    """The same, of those on which a person has decided: of the others the policy knows all."""
    asked = set(assets)
    return refill(connection, sorted(asked & _decided_by_persons(connection))) if asked else []


def surplus(connection: Connection, assets: Iterable[Asset]) -> set[str]:
    """Ids of candidates that the policy keeps although persons have filled their places: they are no keepers.

    ``assets``: those of which the policy keeps any. Empty but in libraries from before the rule.
    """
    asked = set(assets)
    if not asked or not (asked := asked & _decided_by_persons(connection, keep=True)):
        return set()
    places = _places(connection, asked)
    return {
        one.candidate.key.candidate_id
        for asset, candidates in _standing(connection, asked).items()
        if any(one.candidate.by_person and one.candidate.is_keeper for one in candidates)
        for one in _too_many(candidates, places.get(asset, 1))
    }


def by_strength(connection: Connection, asset: Asset) -> list[Ranked]:
    """Every candidate of an asset, the strongest first: the order in which keepers come back."""
    return sorted(_standing(connection, [asset]).get(asset, []), key=lambda one: one.order)


def _too_many(candidates: Sequence[Ranked], places: int) -> list[Ranked]:
    """The policy's keepers that have no place, the weakest last."""
    kept = [one for one in candidates if one.candidate.is_keeper]
    persons = sum(one.candidate.by_person for one in kept)
    rules = sorted((one for one in kept if not one.candidate.by_person), key=lambda one: one.order)
    return rules[max(0, places - persons) :]


def _settled(candidates: Sequence[Ranked], places: int, connection: Connection) -> Iterable[Said]:
    persons = [one for one in candidates if one.candidate.is_keeper and one.candidate.by_person]
    if leaving := _too_many(candidates, places):
        by = min(persons, key=lambda one: one.order).candidate.image_sha256 if persons else ""
        for one in leaving:
            yield _say(one.candidate, False, (f"{REPLACED}:{by}" if by else NOT_WANTED,))
        return
    room = places - sum(one.candidate.is_keeper for one in candidates)
    waiting = [
        one for one in candidates if one.replaced and not one.candidate.by_person and _may_be_kept(one.candidate)
    ]
    for one in sorted(waiting, key=lambda one: one.order)[: max(0, room)]:
        before = _last_keep(connection, one.candidate)
        reasons = [reason for reason in json.loads(before["reasons"]) if reason != RESTORED] if before else []
        yield _say(one.candidate, True, (*reasons, RESTORED), before["note"] if before else "")


def _say(candidate: CandidateState, keep: bool, reasons: tuple[str, ...], note: str = "") -> Said:
    """By the rules that judged it last: to make room is no judgement of the picture."""
    return candidate.key, Verdict(
        candidate.image_sha256, keep, reasons, Decider.POLICY, candidate.policy_sha256, now(), note
    )


def _may_be_kept(candidate: CandidateState) -> bool:
    return (
        candidate.state == ImageState.PRESENT and candidate.area == Area.OBJECTS and candidate.safety.value == "clear"
    )


def _last_keep(connection: Connection, candidate: CandidateState) -> Row | None:
    rows = [
        row
        for row in fetch(connection, VerdictRow, "candidate_id", [candidate.key.candidate_id])
        if row["keep"] and not row["by_person"] and row["image_sha256"] == candidate.image_sha256
    ]
    return max(rows, key=lambda row: int(row["number"]), default=None)


def _standing(connection: Connection, assets: Iterable[Asset]) -> dict[Asset, list[Ranked]]:
    """Every candidate of these assets, as it stands."""
    wanted = sorted(assets)
    rows: list[Any] = []
    columns = (CandidateRow.candidate_id, ScorecardRow.aesthetic, ScorecardRow.adherence)
    for start in range(0, len(wanted), AT_ONCE):
        query = standing().add_columns(*columns).where(_of(wanted[start : start + AT_ONCE]))
        rows += connection.execute(query).all()
    by_asset: dict[Asset, list[Any]] = defaultdict(list)
    for row in rows:
        by_asset[row[0], row[1]].append(row)
    ages = recipes_ago(connection, (row.candidate_id for row in rows))
    found = {}
    for asset, mine in by_asset.items():
        strengths = zip(_standard([row[-2] for row in mine]), _standard([row[-1] for row in mine]), strict=True)
        found[asset] = [
            Ranked(candidate_of(row), ages[row.candidate_id], round(sum(both), DECIMALS))
            for row, both in zip(mine, strengths, strict=True)
        ]
    return found


def _standard(scores: Sequence[float | None]) -> list[float]:
    """Scores in standard deviations from their mean; what was not measured is weaker than all that was."""
    known = [score for score in scores if score is not None and math.isfinite(score)]
    mean, spread = (fmean(known), pstdev(known)) if known else (0.0, 0.0)
    return [
        UNMEASURED if score is None or not math.isfinite(score) else (score - mean) / spread if spread > 1e-9 else 0.0
        for score in scores
    ]


def _of(assets: Sequence[Asset]) -> ColumnElement[bool]:
    return tuple_(CandidateRow.set_name, CandidateRow.asset_id).in_(assets)


def _places(connection: Connection, assets: Collection[Asset]) -> dict[Asset, int]:
    """How many keepers each of these asks for, by its row in force."""
    values = asset_values(connection, assets)
    return {asset: int(value["keep"]["per_asset"]) for asset, value in values.items()}


def _decided_by_persons(connection: Connection, *, keep: bool = False) -> set[Asset]:
    """Assets on which a person has ever decided (``keep``: kept something)."""
    query = (
        select(CandidateRow.set_name, CandidateRow.asset_id)
        .join(VerdictRow, VerdictRow.candidate_id == CandidateRow.candidate_id)
        .where(VerdictRow.by_person == true(), *([VerdictRow.keep == true()] if keep else []))
        .distinct()
    )
    return {(row[0], row[1]) for row in connection.execute(query)}
