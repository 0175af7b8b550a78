"""Which recipe a picture is of: the one in force, or one of those before it.

Candidates are numbered anew with every recipe, so that ``set/asset#0`` alone would name several pictures. It names
that of the recipe in force (the set as it is registered); ``set/asset#0~1`` is candidate 0 of the recipe before,
``~2`` of the one before that. A recipe is all that an asset's jobs share, and where their seeds come from; older ones
are in the order in which they were first used.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Select, and_, select

from catalog.database.rows import among
from catalog.database.schema import (
    AssetRow,
    AssetVersion,
    CandidateRow,
    CheckpointRow,
    JobRow,
    Registration,
    SetRow,
    SpecText,
)
from specs.differences import Recipe, differences
from specs.job import Job, derive_seed
from specs.reading.document import NotReadable, parse

Asset = tuple[str, str]
_SEED = re.compile(r"^[\"']?seed[\"']?[ \t]*:[ \t]*(\d+)[ \t]*(?:#.*)?$", re.MULTILINE)
_UNTOLD = 0  # the seed of a spec that names none


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """What a set was registered with: the checkpoint's weights and name, the set's seed."""

    weights_id: str
    checkpoint: str
    seed: int


RegisteredModels = Callable[[str], RegisteredModel]


def recipes_ago(connection: Connection, candidate_ids: Iterable[str]) -> dict[str, int]:
    """Candidate id → 0 for the recipe in force, n for the nth before it."""
    ids = list(candidate_ids)
    if not ids:
        return {}
    source = _sources(connection)
    found, older = {}, set()
    in_force = lru_cache(maxsize=None)(lambda value, registered: _recipe(value, source(registered)))
    for row in connection.execute(_in_force().where(among(CandidateRow.candidate_id, ids))):
        recipe = in_force(row.value, row.registration_sha256)
        if _job_id(recipe, row.asset_id, row.number) == row.job_id:
            found[row.candidate_id] = 0
        else:
            older.add((row.set_name, row.asset_id))
    for asset in sorted(older):
        turns = _turns(connection, asset, source, in_force)
        found |= {id_: turn for id_, turn in turns.items() if id_ not in found}
    return {id_: found.get(id_, 0) for id_ in ids}


def changed_since(connection: Connection, candidate_id: str) -> tuple[str, ...]:
    """What changed from a candidate's recipe to the one in force, in words; empty when it is the one in force."""
    source = _sources(connection)
    now = connection.execute(_in_force().where(CandidateRow.candidate_id == candidate_id)).one_or_none()
    was = connection.execute(_as_made().where(CandidateRow.candidate_id == candidate_id)).one_or_none()
    if now is None or was is None:
        return ()
    in_force = _recipe(now.value, source(now.registration_sha256))
    if _job_id(in_force, now.asset_id, now.number) == now.job_id:
        return ()
    return differences(_made(was, source), in_force)


def newest_recipes(connection: Connection, set_name: str, asset_ids: Iterable[str]) -> dict[str, Recipe]:
    """Of each of these assets the recipe of the picture that was made last."""
    source = _sources(connection)
    of_assets = and_(CandidateRow.set_name == set_name, among(CandidateRow.asset_id, asset_ids))
    order = (CandidateRow.made_at, CandidateRow.number, CandidateRow.candidate_id)
    rows = connection.execute(
        select(CandidateRow.asset_id, CandidateRow.candidate_id).where(of_assets).order_by(*order)
    )
    newest = {row.asset_id: row.candidate_id for row in rows}
    made = connection.execute(_as_made().where(among(CandidateRow.candidate_id, newest.values())))
    return {row.asset_id: _made(row, source) for row in made}


def _turns(
    connection: Connection, asset: Asset, source: RegisteredModels, in_force: Callable[[str, str], Recipe]
) -> dict[str, int]:
    """Candidate id → how many recipes ago, of all candidates of an asset."""
    of_asset = and_(CandidateRow.set_name == asset[0], CandidateRow.asset_id == asset[1])
    present = {
        row.candidate_id
        for row in connection.execute(_in_force().where(of_asset))
        if _job_id(in_force(row.value, row.registration_sha256), row.asset_id, row.number) == row.job_id
    }
    groups: dict[tuple[Any, ...], list[tuple[str, str]]] = defaultdict(list)
    for row in connection.execute(_as_made().where(of_asset)):
        if row.candidate_id not in present:
            recipe = _made(row, source)
            job = json.dumps({name: value for name, value in recipe.job.items() if name != "seed"}, sort_keys=True)
            groups[job, recipe.seeds].append((row.made_at, row.candidate_id))
    newest_first = sorted(groups.values(), key=lambda group: min(group), reverse=True)
    turns = {id_: turn for turn, group in enumerate(newest_first, 1) for _, id_ in group}
    return dict.fromkeys(present, 0) | turns


def _in_force() -> Select[Any]:
    """A candidate, with its asset's row and its set's registration as they are in force."""
    its = and_(AssetRow.set_name == CandidateRow.set_name, AssetRow.asset_id == CandidateRow.asset_id)
    return (
        select(
            CandidateRow.candidate_id, CandidateRow.set_name, CandidateRow.asset_id, CandidateRow.number,
            CandidateRow.job_id, AssetVersion.value, SetRow.registration_sha256,
        )
        .join(AssetRow, its)
        .join(AssetVersion, AssetVersion.asset_sha256 == AssetRow.asset_sha256)
        .join(SetRow, SetRow.set_name == CandidateRow.set_name)
    )  # fmt: skip


def _as_made() -> Select[Any]:
    """A candidate, with its recipe, its asset's row and its registration as they were when it was made."""
    return (
        select(
            CandidateRow.candidate_id, CandidateRow.asset_id, CandidateRow.made_at, CandidateRow.registration_sha256,
            JobRow.recipe, AssetVersion.value,
        )
        .join(JobRow, JobRow.job_id == CandidateRow.job_id)
        .join(AssetVersion, AssetVersion.asset_sha256 == CandidateRow.asset_sha256)
    )  # fmt: skip


def _made(row: Any, source: RegisteredModels) -> Recipe:
    made_with, value = source(row.registration_sha256), json.loads(row.value)
    return Recipe(json.loads(row.recipe), value["row"], made_with.checkpoint, _seeds(value, made_with))


def _recipe(value: str, source: RegisteredModel) -> Recipe:
    """The recipe of an asset's jobs, but for the seed, from its row on record."""
    asset = json.loads(value)
    picture, layout = asset["picture"], asset["layout"]
    job = Job(
        prompt=asset["prompt"],
        negative_prompt=asset["negative_prompt"],
        weights_id=source.weights_id,
        scheduler=picture["scheduler"],
        steps=picture["steps"],
        guidance=float(picture["guidance"]),
        width_px=layout["width_px"],
        height_px=layout["height_px"],
        seed=0,
        clip_skip=picture.get("clip_skip", 1),
    )
    return Recipe(job.recipe(), asset["row"], source.checkpoint, _seeds(asset, source))


def _job_id(recipe: Recipe, asset_id: str, number: int) -> str:
    """The job that candidate ``number`` of a recipe is, '' beyond the seeds that are listed."""
    if isinstance(recipe.seeds, int):
        seed = derive_seed(recipe.seeds, asset_id, number)
    elif number < len(recipe.seeds):
        seed = recipe.seeds[number]
    else:
        return ""
    return Job.from_recipe({**recipe.job, "seed": seed}).job_id


def _seeds(asset: Mapping[str, Any], source: RegisteredModel) -> int | tuple[int, ...]:
    return source.seed if asset["seeds"] is None else tuple(asset["seeds"])


def _sources(connection: Connection) -> RegisteredModels:
    """Registration → its source, each read when it is first asked for."""

    def read(registration_sha256: str) -> RegisteredModel:
        query = (
            select(CheckpointRow.weights_id, CheckpointRow.name, SpecText.text)
            .select_from(Registration)
            .join(CheckpointRow, CheckpointRow.checkpoint_sha256 == Registration.checkpoint_sha256)
            .join(SpecText, SpecText.spec_sha256 == Registration.spec_sha256)
            .where(Registration.registration_sha256 == registration_sha256)
        )
        weights_id, checkpoint, text = connection.execute(query).one()
        return RegisteredModel(weights_id, checkpoint, _seed_of(text))

    return lru_cache(maxsize=None)(read)


@lru_cache(maxsize=256)
def _seed_of(text: str) -> int:
    """The set's seed, from the text of a spec that was read once. A key of the whole begins its line, but in JSON."""
    if found := _SEED.search(text):
        return int(found[1])
    if not text.lstrip("\ufeff \t\r\n").startswith("{"):
        return _UNTOLD
    try:
        value = parse(text, "spec")[0].value()
    except NotReadable:
        return _UNTOLD
    seed = value.get("seed", _UNTOLD) if isinstance(value, dict) else _UNTOLD
    return seed if isinstance(seed, int) else _UNTOLD
