"""A whole library in numbers: one pass of SQL over the candidates as they stand, and a few sums. Reads only."""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, String, and_, case, func, select

from catalog.catalog import FILE, Catalog
from catalog.database.rows import fetch
from catalog.database.schema import (
    AssetRow,
    AssetVersion,
    CandidateRow,
    CheckpointRow,
    ExecutionRow,
    ImageRow,
    Registration,
    ScorecardRow,
    SetRow,
)
from catalog.database.sqlite import reading
from catalog.objects.areas import Area, ImageState
from catalog.queries.candidate_state import OVERRIDE, is_keeper
from catalog.queries.candidates import PERSON, POLICY, standing
from catalog.queries.recipes import recipes_ago
from catalog.writes.annotations import counts as tag_counts
from catalog.writes.places import surplus
from scoring.deciders import Decider
from scoring.reasons import reason_code
from scoring.scorecard import SafetyState

BY = tuple(Decider)
BESIDES = ("taste", "cache", "sheets", "lost", "tmp", "prefect")  # folders that hold neither rows nor pictures


@dataclass(slots=True)
class SetStats:
    """A set. ``holes``: assets of its spec with fewer keepers than the spec asks for. ``keepers``: of assets that the
    spec has; ``former_keepers``: of those that it no longer has. ``waiting``: no person has decided.
    ``older``: candidates of recipes that are no longer in force."""

    set_name: str
    title: str
    use: str
    assets: int = 0
    holes: int = 0
    candidates: int = 0
    keepers: int = 0
    former_keepers: int = 0
    waiting: int = 0
    older: int = 0


@dataclass(slots=True)
class CheckpointStats:
    """What was made with a checkpoint, as it was on record then. ``status``: how far its origin is known."""

    name: str
    weights_id: str
    licence: str
    status: str
    commercial: bool | None
    candidates: int = 0
    keepers: int = 0


@dataclass(slots=True)
class Agreement:
    """How the newest verdicts of policies compare with persons', where both have judged the same picture."""

    both_keep: int = 0
    both_reject: int = 0
    only_person_keeps: int = 0
    only_policy_keeps: int = 0

    @property
    def compared(self) -> int:
        """Candidates that both have judged."""
        return self.both_keep + self.both_reject + self.only_person_keeps + self.only_policy_keeps

    @property
    def rate(self) -> float | None:
        """Share of those on which they agree, 0 to 1; None without any."""
        return (self.both_keep + self.both_reject) / self.compared if self.compared else None


@dataclass(slots=True)
class Stats:
    """A library. Candidates whose picture was lost count nowhere, except under ``pictures``.

    ``keepers_by`` and ``rejected_by``: policy and person. ``reasons``: code of a reason of the rejection that counts →
    by whom → candidates (``too_like`` once, whatever the pictures were like). ``pictures``: state → pictures.
    ``bytes_on_disk``: area → bytes (pictures as the rows have them, the catalog and what lies besides as the file
    system has it). ``device_seconds``: device → seconds of rendering.
    """

    sets: list[SetStats]
    checkpoints: list[CheckpointStats]
    candidates: int = 0
    undecided: int = 0
    keepers_by: dict[str, int] = field(default_factory=lambda: dict.fromkeys(BY, 0))
    rejected_by: dict[str, int] = field(default_factory=lambda: dict.fromkeys(BY, 0))
    reasons: dict[str, dict[str, int]] = field(default_factory=dict)
    safety: dict[str, int] = field(default_factory=lambda: dict.fromkeys(map(str, SafetyState), 0))
    pictures: dict[str, int] = field(default_factory=dict)
    bytes_on_disk: dict[str, int] = field(default_factory=dict)
    device_seconds: dict[str, float] = field(default_factory=dict)
    tags: Mapping[str, int] = field(default_factory=dict)
    agreement: Agreement = field(default_factory=Agreement)


def stats(catalog: Catalog) -> Stats:
    """Count it all, in one consistent view."""
    with reading(catalog.engine) as connection:
        wanted = _wanted(connection)
        checkpoints = _checkpoints(connection)
        found = Stats(_sets(connection), [])
        filled = _count(connection, found, wanted, checkpoints)
        _leave_out_surplus(connection, found, wanted, filled, checkpoints)
        _count_older(connection, found.sets)
        found.checkpoints = sorted(
            {id(one): one for one in checkpoints.values() if one.candidates}.values(),
            key=lambda one: (-one.candidates, one.name),
        )
        _count_assets(found.sets, wanted, filled)
        counts = dict(_pairs(connection, select(ImageRow.state, func.count()).group_by(ImageRow.state)))
        found.pictures = {state.value: counts.get(state, 0) for state in ImageState}
        found.device_seconds = _device_seconds(connection)
        found.tags = tag_counts(connection)
        pictured = select(ImageRow.area, func.sum(ImageRow.bytes)).where(ImageRow.state == ImageState.PRESENT)
        areas = dict(_pairs(connection, pictured.group_by(ImageRow.area)))
    found.bytes_on_disk = {name: int(areas.get(name, 0)) for name in Area}
    found.bytes_on_disk["catalog"] = (catalog.library / FILE).stat().st_size
    found.bytes_on_disk |= {name: _bytes_under(catalog.library / name) for name in BESIDES}
    return found


Asset = tuple[str, str]


def _pairs(connection: Connection, query: Any) -> list[tuple[Any, Any]]:
    return [(row[0], row[1]) for row in connection.execute(query)]


def _sets(connection: Connection) -> list[SetStats]:
    rows = connection.execute(select(SetRow.set_name, SetRow.title, SetRow.use).order_by(SetRow.set_name))
    return [SetStats(*row) for row in rows]


def _wanted(connection: Connection) -> dict[Asset, int]:
    """(set, asset) → how many keepers its spec asks for, of the assets that the spec has."""
    query = (
        select(AssetRow.set_name, AssetRow.asset_id, AssetVersion.value)
        .join(AssetVersion, AssetVersion.asset_sha256 == AssetRow.asset_sha256)
        .where(AssetRow.in_spec)
    )
    rows = connection.execute(query)
    return {(set_name, asset_id): int(json.loads(value)["keep"]["per_asset"]) for set_name, asset_id, value in rows}


def _checkpoints(connection: Connection) -> dict[str, CheckpointStats]:
    """Registration → its checkpoint; registrations of the same weights under the same rights share one."""
    query = select(Registration.registration_sha256, CheckpointRow).join(
        CheckpointRow, CheckpointRow.checkpoint_sha256 == Registration.checkpoint_sha256
    )
    found: dict[str, CheckpointStats] = {}
    by_facts: dict[tuple[object, ...], CheckpointStats] = {}
    for row in connection.execute(query).mappings():
        value = json.loads(row["value"])
        facts = row["name"], row["weights_id"], value["licence"], value["status"], value["commercial"]
        found[row["registration_sha256"]] = by_facts.setdefault(facts, CheckpointStats(*facts))
    return found


def _count(
    connection: Connection,
    found: Stats,
    wanted: Mapping[Asset, int],
    checkpoints: Mapping[str, CheckpointStats],
) -> Counter[Asset]:
    """Fill in what goes by candidate; returns (set, asset) → keepers."""
    sets = {one.set_name: one for one in found.sets}
    filled: Counter[Asset] = Counter()
    for row in _groups(connection):
        one, asset, n = sets[row.set_name], (row.set_name, row.asset_id), row.n
        keep = row.policy_keep if row.person_keep is None else row.person_keep
        by = Decider.POLICY if row.person_keep is None else Decider.PERSON
        overridden = bool(row.override_note.strip())
        clear = row.area == Area.OBJECTS and row.safety == SafetyState.CLEAR.value
        kept = is_keeper(keep, row.state, clear=clear, overridden=overridden)
        found.candidates += n
        found.safety[row.safety] += n
        one.candidates += n
        one.waiting += n * (row.person_keep is None)
        checkpoints[row.registration_sha256].candidates += n
        checkpoints[row.registration_sha256].keepers += n * kept
        if kept:
            filled[asset] += n
            found.keepers_by[by] += n
            one.keepers += n * (asset in wanted)
            one.former_keepers += n * (asset not in wanted)
        if keep is None:
            found.undecided += n
        elif not keep:
            found.rejected_by[by] += n
            for code in {reason_code(reason) for reason in json.loads(row.reasons)}:
                found.reasons.setdefault(code, dict.fromkeys(BY, 0))[by] += n
        _compare(found.agreement, row.person_keep, row.policy_keep, n)
    return filled


def _leave_out_surplus(
    connection: Connection,
    found: Stats,
    wanted: Mapping[Asset, int],
    filled: Counter[Asset],
    checkpoints: Mapping[str, CheckpointStats],
) -> None:
    """The policy's keepers whose places persons have filled are none (``catalog.writes.places``)."""
    gone = surplus(connection, filled)
    sets = {one.set_name: one for one in found.sets}
    for row in fetch(connection, CandidateRow, "candidate_id", sorted(gone)):
        one, asset = sets[row["set_name"]], (row["set_name"], row["asset_id"])
        filled[asset] -= 1
        found.keepers_by[Decider.POLICY] -= 1
        checkpoints[row["registration_sha256"]].keepers -= 1
        one.keepers -= asset in wanted
        one.former_keepers -= asset not in wanted


def _count_older(connection: Connection, sets: Sequence[SetStats]) -> None:
    """How many candidates of each set are of recipes that are no longer in force."""
    rows = connection.execute(select(CandidateRow.set_name, CandidateRow.candidate_id)).all()
    ago = recipes_ago(connection, (row.candidate_id for row in rows))
    counts = Counter(row.set_name for row in rows if ago[row.candidate_id])
    for one in sets:
        one.older = counts[one.set_name]


def _groups(connection: Connection) -> Iterable[Any]:
    """Candidates that stand alike, and how many. A note counts only where a person overrides safety with it."""
    reasons = func.coalesce(PERSON.reasons, POLICY.reasons, "[]", type_=String)
    overrides = and_(PERSON.keep, PERSON.reasons.contains(f'"{OVERRIDE}"', autoescape=True))
    columns: Sequence[Any] = (
        CandidateRow.set_name,
        CandidateRow.asset_id,
        CandidateRow.registration_sha256,
        ImageRow.area,
        ImageRow.state,
        ScorecardRow.safety,
        PERSON.keep.label("person_keep"),
        POLICY.keep.label("policy_keep"),
        reasons.label("reasons"),
        case((overrides, PERSON.note), else_="").label("override_note"),
    )
    query = standing().with_only_columns(*columns, func.count().label("n"))
    return connection.execute(query.group_by(*columns))


def _compare(agreement: Agreement, person: bool | None, policy: bool | None, n: int) -> None:
    if person is None or policy is None:
        return
    if person and policy:
        agreement.both_keep += n
    elif not person and not policy:
        agreement.both_reject += n
    elif person:
        agreement.only_person_keeps += n
    else:
        agreement.only_policy_keeps += n


def _count_assets(sets: Sequence[SetStats], wanted: Mapping[Asset, int], filled: Counter[Asset]) -> None:
    by_name = {one.set_name: one for one in sets}
    for asset, keepers in wanted.items():
        by_name[asset[0]].assets += 1
        by_name[asset[0]].holes += filled[asset] < keepers


def _device_seconds(connection: Connection) -> dict[str, float]:
    query = (
        select(ExecutionRow.value, func.sum(CandidateRow.seconds))
        .join(CandidateRow, CandidateRow.stack_sha256 == ExecutionRow.stack_sha256)
        .group_by(ExecutionRow.stack_sha256, ExecutionRow.value)
    )
    found: dict[str, float] = defaultdict(float)
    for value, seconds in _pairs(connection, query):
        stack = json.loads(value)
        found[f"{stack['device']} ({stack['device_name']})"] += seconds
    return {device: round(seconds, 1) for device, seconds in sorted(found.items())}


def _bytes_under(folder: Path) -> int:
    """Sizes of all files under a folder, links not followed; what goes away meanwhile counts nothing."""
    total = 0
    for root, _, files in os.walk(folder):
        for name in files:
            try:
                total += os.lstat(os.path.join(root, name)).st_size  # noqa: PTH118 (hundreds of thousands of files)
            except FileNotFoundError:
                continue
    return total
