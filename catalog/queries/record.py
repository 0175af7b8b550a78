"""The whole record of one candidate, as ``show`` prints it."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, and_, select

from catalog.database.rows import Row, fetch
from catalog.database.schema import (
    AssetRow,
    AssetVersion,
    Base,
    CandidateRow,
    CheckpointRow,
    EmbeddingRow,
    ExecutionRow,
    ImageRow,
    JobRow,
    Registration,
    RightsRow,
    ScorecardRow,
    SpecText,
    VerdictRow,
)
from catalog.errors import NotFoundError
from catalog.provenance import CandidateKey, Provenance
from catalog.queries.candidate_state import name_of
from catalog.queries.recipes import changed_since, recipes_ago
from catalog.writes.annotations import history, tags_of
from specs.canonical import sha256_hex
from specs.commands import limner


def provenance(connection: Connection, key: CandidateKey) -> Provenance:
    """Everything on record of a candidate. Raises NotFoundError."""
    rows = fetch(connection, CandidateRow, "candidate_id", [key.candidate_id])
    if not rows:
        raise NotFoundError(f"{key.set_name}/{key.asset_id}: no candidate of job {key.job_id[:19]} is on record.")
    row = rows[0]
    ago = recipes_ago(connection, [row["candidate_id"]])[row["candidate_id"]]
    registration = _one(connection, Registration, "registration_sha256", row["registration_sha256"])
    image = _one(connection, ImageRow, "image_sha256", row["image_sha256"])
    job = _one(connection, JobRow, "job_id", row["job_id"])
    recipe = json.loads(job["recipe"])
    value: dict[str, Any] = {
        "provenance_sha256": row["provenance_sha256"],
        "id": name_of(row["set_name"], row["asset_id"], row["number"], ago),
        "set": row["set_name"],
        "number": row["number"],
        "recipes_ago": ago,
        "changed_since": list(changed_since(connection, row["candidate_id"])) if ago else [],
        "made_at": row["made_at"],
        "image": {**image, "also": _also(connection, row)},
        "asset": _asset(connection, row["asset_sha256"]),
        "asset_now": _asset_now(connection, row["set_name"], row["asset_id"]),
        "prompt": {"text": job["prompt"], "negative": recipe.get("negative_prompt", "")},
        "job": {"job_id": row["job_id"], "recipe": recipe},
        "checkpoint": _checkpoint(connection, registration["checkpoint_sha256"]),
        "rights": _rights(connection, registration["rights_sha256"]),
        "execution": _execution(connection, row),
        "scores": _scores(connection, row["candidate_id"], json.loads(registration["scorers"])),
        "embeddings": _embeddings(connection, row["image_sha256"]),
        "verdicts": _verdicts(connection, row["candidate_id"]),
        "tags": list(tags_of(connection, [row["candidate_id"]]).get(row["candidate_id"], ())),
        **history(connection, row["candidate_id"]),
        "spec": _spec(connection, registration),
    }
    return Provenance(value, row["provenance_sha256"])


def _one(connection: Connection, model: type[Base], column: str, value: str) -> Row:
    rows = fetch(connection, model, column, [value])
    if not rows:
        raise NotFoundError(f"{model.__tablename__}: the row {value[:19]} is missing; run `{limner('verify')}`.")
    return rows[0]


def _also(connection: Connection, row: Row) -> list[Any]:
    """The other candidates that are this very picture."""
    found = fetch(connection, CandidateRow, "image_sha256", [row["image_sha256"]])
    others = [other for other in found if other["candidate_id"] != row["candidate_id"]]
    ago = recipes_ago(connection, (other["candidate_id"] for other in others))
    return sorted(
        name_of(other["set_name"], other["asset_id"], other["number"], ago[other["candidate_id"]]) for other in others
    )


def _asset(connection: Connection, sha256: str) -> Row:
    return {"asset_sha256": sha256, **json.loads(_one(connection, AssetVersion, "asset_sha256", sha256)["value"])}


def _asset_now(connection: Connection, set_name: str, asset_id: str) -> Row:
    """The asset as its spec has it now; ``asset`` is as it was when the picture was made."""
    its = and_(AssetRow.set_name == set_name, AssetRow.asset_id == asset_id)
    sha256, in_spec = connection.execute(select(AssetRow.asset_sha256, AssetRow.in_spec).where(its)).one()
    return {"in_spec": bool(in_spec), **_asset(connection, sha256)}


def _checkpoint(connection: Connection, sha256: str) -> Row:
    row = _one(connection, CheckpointRow, "checkpoint_sha256", sha256)
    return {"checkpoint_sha256": sha256, **json.loads(row["value"])}


def _rights(connection: Connection, sha256: str) -> Row:
    return {"rights_sha256": sha256, **json.loads(_one(connection, RightsRow, "rights_sha256", sha256)["value"])}


def _execution(connection: Connection, row: Row) -> Row:
    value = json.loads(_one(connection, ExecutionRow, "stack_sha256", row["stack_sha256"])["value"])
    return {"stack_sha256": row["stack_sha256"], "seconds": row["seconds"], **value}


def _scores(connection: Connection, candidate_id: str, scorers: dict[str, str]) -> Row:
    rows = sorted(fetch(connection, ScorecardRow, "candidate_id", [candidate_id]), key=lambda row: int(row["number"]))
    weights = {role: _checkpoint(connection, sha256) for role, sha256 in scorers.items()}
    return {
        **json.loads(rows[-1]["card"]),
        "weights": weights,
        "earlier": [json.loads(row["card"]) for row in rows[:-1]],
    }


def _embeddings(connection: Connection, image_sha256: str) -> list[Row]:
    rows = fetch(connection, EmbeddingRow, "image_sha256", [image_sha256])
    return [
        {"clip_id": row["clip_id"], "dim": row["dim"], "vector_sha256": sha256_hex(row["vector"])}
        for row in sorted(rows, key=lambda row: str(row["clip_id"]))
    ]


def _verdicts(connection: Connection, candidate_id: str) -> list[Row]:
    rows = sorted(fetch(connection, VerdictRow, "candidate_id", [candidate_id]), key=lambda row: int(row["number"]))
    left_out = ("candidate_id", "by_person", "reasons")
    return [
        {**{name: row[name] for name in row if name not in left_out}, "reasons": json.loads(row["reasons"])}
        for row in rows
    ]


def _spec(connection: Connection, registration: Row) -> Row:
    row = _one(connection, SpecText, "spec_sha256", registration["spec_sha256"])
    commit = registration["git_commit"]
    git = {"commit": commit, "dirty": registration["git_dirty"]} if commit is not None else None
    sources = dict(json.loads(row["sources"]))
    return {
        "spec_sha256": row["spec_sha256"],
        "path": registration["path"],
        "sources": sources,
        "git": git,
        "registration_sha256": registration["registration_sha256"],
        "registered_at": registration["at"],
        "text": row["text"],
    }
