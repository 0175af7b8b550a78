"""Register a set: the spec's text, its weights, rights and assets, before anything of it is recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection

from catalog.database.rows import Row, add, add_absent, fetch, now, replace
from catalog.database.schema import AssetRow, AssetVersion, CheckpointRow, Registration, RightsRow, SetRow, SpecText
from catalog.provenance import GitState, checkpoint_value, jsonable
from specs.canonical import Json, canonical_json, value_sha256
from specs.checkpoint import Checkpoint
from specs.registry.rights import RightsDecision
from specs.spec import Asset, Spec

ASSET_KIND = "limner.asset/1"
CHECKPOINT_KIND = "limner.checkpoint/1"
RIGHTS_KIND = "limner.rights/1"
REGISTRATION_KIND = "limner.registration/1"


class Planned(Protocol):
    """What is needed of ``specs.expand.AssetPlan``."""

    @property
    def asset(self) -> Asset: ...
    @property
    def layout(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one registration, ready to be put in; ``scope`` is the set's own row."""

    scope: Row
    registration: Row
    spec: Row
    checkpoints: list[Row]
    rights: Row
    versions: list[Row]
    assets: list[Row]


def rows_for(
    spec: Spec,
    checkpoint: Checkpoint,
    scorers: Mapping[str, Checkpoint],
    plans: Sequence[Planned],
    rights: RightsDecision,
    git: GitState | None,
) -> Rows:
    """Work out the rows; pure. Raises ValueError when a checkpoint has no hashed files."""
    image = _checkpoint_row(checkpoint)
    scoring = {role: _checkpoint_row(scorer) for role, scorer in sorted(scorers.items())}
    decision = _valued("rights_sha256", RIGHTS_KIND, jsonable(rights))
    registration: Row = {
        "set_name": spec.set_name,
        "spec_sha256": spec.spec_sha256,
        "checkpoint_sha256": image["checkpoint_sha256"],
        "rights_sha256": decision["rights_sha256"],
        "scorers": text({role: row["checkpoint_sha256"] for role, row in scoring.items()}),
        "path": spec.path,
        "git_commit": git.commit if git else None,
        "git_dirty": git.dirty if git else None,
    }
    sha256 = value_sha256(REGISTRATION_KIND, registration)
    versions = [_valued("asset_sha256", ASSET_KIND, asset_value(spec.set_name, plan)) for plan in plans]
    assets: list[Row] = [
        {
            "set_name": spec.set_name,
            "asset_id": plan.asset.asset_id,
            "asset_sha256": version["asset_sha256"],
            "position": position,
            "in_spec": True,
        }
        for position, (plan, version) in enumerate(zip(plans, versions, strict=True))
    ]
    scope = {"set_name": spec.set_name, "title": spec.title, "use": spec.use, "registration_sha256": sha256}
    sources = text([[path, source] for path, source in spec.sources])
    return Rows(
        scope=scope,
        registration={"registration_sha256": sha256, **registration, "at": now()},
        spec={"spec_sha256": spec.spec_sha256, "text": spec.text, "sources": sources},
        checkpoints=[image, *scoring.values()],
        rights=decision,
        versions=versions,
        assets=assets,
    )


def is_current(connection: Connection, rows: Rows) -> bool:
    """Is the set registered exactly so already?"""
    name = rows.scope["set_name"]
    return fetch(connection, SetRow, "set_name", [name]) == [rows.scope] and _stored_assets(connection, name) == {
        row["asset_id"]: row for row in rows.assets
    }


def put(connection: Connection, rows: Rows) -> None:
    """Write what is not there yet; assets that the spec no longer has stay, marked."""
    add_absent(connection, SpecText, [rows.spec])
    add_absent(connection, CheckpointRow, rows.checkpoints)
    add_absent(connection, RightsRow, [rows.rights])
    add_absent(connection, Registration, [rows.registration])
    add_absent(connection, AssetVersion, rows.versions)
    add_absent(connection, SetRow, [rows.scope])
    replace(connection, SetRow, [rows.scope])
    stored = _stored_assets(connection, rows.scope["set_name"])
    wanted = {row["asset_id"]: row for row in rows.assets}
    add(connection, AssetRow, [row for id_, row in wanted.items() if id_ not in stored])
    replace(connection, AssetRow, [row for id_, row in wanted.items() if id_ in stored and stored[id_] != row])
    gone = [row for id_, row in stored.items() if id_ not in wanted and row["in_spec"]]
    replace(connection, AssetRow, [{**row, "in_spec": False} for row in gone])


def asset_value(set_name: str, plan: Planned) -> dict[str, Json]:
    """An asset's row and layout, without its place in the file: moving a row changes nothing."""
    value: dict[str, Json] = jsonable(plan.asset)
    del value["place"]
    value["row"] = dict(plan.asset.row)
    return {"set_name": set_name, **value, "layout": jsonable(plan.layout)}


def text(value: Json) -> str:
    """Canonical JSON as text: what is hashed is what is stored."""
    return canonical_json(value).decode()


def _checkpoint_row(checkpoint: Checkpoint) -> Row:
    row = _valued("checkpoint_sha256", CHECKPOINT_KIND, checkpoint_value(checkpoint))
    return {**row, "weights_id": checkpoint.weights_id, "name": checkpoint.name}


def _valued(column: str, kind: str, value: Json) -> Row:
    return {column: value_sha256(kind, value), "value": text(value)}


def _stored_assets(connection: Connection, set_name: str) -> dict[str, Row]:
    return {row["asset_id"]: row for row in fetch(connection, AssetRow, "set_name", [set_name])}
