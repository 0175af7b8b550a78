"""Questions to the catalog: what is made, what is kept, the embeddings of a set. Reads only."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, select

from catalog.made import OVERRIDE, Embeddings, Keeper, MadeCandidate
from catalog.provenance import CandidateKey
from catalog.schema import (
    AssetRow,
    AssetVersion,
    CandidateRow,
    EmbeddingRow,
    ImageRow,
    JobRow,
    ScorecardRow,
    VerdictRow,
)
from scoring.scorecard import SafetyState


def made(connection: Connection, set_name: str) -> dict[str, dict[str, MadeCandidate]]:
    """Asset id → job id → candidate, of a whole set; those whose picture was lost are not made."""
    found: dict[str, dict[str, MadeCandidate]] = {}
    for row in connection.execute(_standing().where(CandidateRow.set_name == set_name)):
        candidate = _candidate(row)
        found.setdefault(candidate.key.asset_id, {})[candidate.key.job_id] = candidate
    return found


def keepers(
    connection: Connection, library: Path, set_name: str | None, asset_ids: Iterable[str] | None = None
) -> list[Keeper]:
    """What is kept and may be shown, in the order of sets and of their rows, then by number."""
    versions = AssetVersion.value
    query = (
        _standing()
        .add_columns(
            ImageRow.width_px, ImageRow.height_px, JobRow.seed, JobRow.prompt, versions.label("asset"), _newest_at()
        )
        .join(JobRow, JobRow.job_id == CandidateRow.job_id)
        .join(AssetRow, and_(AssetRow.set_name == CandidateRow.set_name, AssetRow.asset_id == CandidateRow.asset_id))
        .join(AssetVersion, AssetVersion.asset_sha256 == AssetRow.asset_sha256)
        .order_by(CandidateRow.set_name, AssetRow.position, CandidateRow.asset_id, CandidateRow.number)
    )
    query = query.where(func.coalesce(_person.c.keep, _policy.c.keep))
    if set_name is not None:
        query = query.where(CandidateRow.set_name == set_name)
    if asset_ids is not None:
        query = query.where(CandidateRow.asset_id.in_(list(asset_ids)))
    rows = [(row, _candidate(row)) for row in connection.execute(query)]
    return [_keeper(row, candidate, library) for row, candidate in rows if candidate.is_keeper]


def embeddings(connection: Connection, set_name: str, clip_id: str | None = None) -> Embeddings:
    """All embeddings of a set's pictures, sorted by picture; without ``clip_id`` those of the CLIP that most have."""
    import numpy as np

    of_set = select(CandidateRow.image_sha256).where(CandidateRow.set_name == set_name)
    chosen = clip_id or _commonest_clip(connection, of_set)
    query = (
        select(EmbeddingRow.image_sha256, EmbeddingRow.vector)
        .where(EmbeddingRow.image_sha256.in_(of_set), EmbeddingRow.clip_id == chosen)
        .order_by(EmbeddingRow.image_sha256)
    )
    rows = connection.execute(query).all()
    flat = np.frombuffer(b"".join(row.vector for row in rows), dtype="<f2")
    return Embeddings(chosen, tuple(row.image_sha256 for row in rows), flat.reshape(len(rows), -1 if rows else 0))


def _commonest_clip(connection: Connection, of_set: Select[Any]) -> str:
    query = (
        select(EmbeddingRow.clip_id)
        .where(EmbeddingRow.image_sha256.in_(of_set))
        .group_by(EmbeddingRow.clip_id)
        .order_by(func.count().desc(), EmbeddingRow.clip_id)
        .limit(1)
    )
    return connection.execute(query).scalar_one_or_none() or ""


def _newest_verdict(by_person: bool) -> Any:
    """The newest verdict of persons (or of policies) per candidate and picture."""
    newest = (
        func.row_number()
        .over(partition_by=(VerdictRow.candidate_id, VerdictRow.image_sha256), order_by=VerdictRow.number.desc())
        .label("age")
    )
    table = VerdictRow.__table__
    ranked = select(table, newest).where(VerdictRow.by_person == by_person).subquery()
    return select(ranked).where(ranked.c.age == 1).subquery()


_person = _newest_verdict(True)
_policy = _newest_verdict(False)
_card = (
    select(ScorecardRow.candidate_id, func.max(ScorecardRow.number).label("number"))
    .group_by(ScorecardRow.candidate_id)
    .subquery()
)


def _standing() -> Select[Any]:
    """Candidates as they stand: newest scorecard, newest verdicts on their present picture; no lost ones."""
    candidate = CandidateRow
    return (
        select(
            candidate.set_name,
            candidate.asset_id,
            candidate.job_id,
            candidate.number,
            candidate.image_sha256,
            ImageRow.area,
            ImageRow.state,
            ScorecardRow.safety,
            ScorecardRow.card,
            func.coalesce(_person.c.keep, _policy.c.keep).label("keep"),
            func.coalesce(_person.c.decided_by, _policy.c.decided_by, "").label("decided_by"),
            func.coalesce(_person.c.reasons, _policy.c.reasons, "[]").label("reasons"),
            func.coalesce(_person.c.note, _policy.c.note, "").label("note"),
            _person.c.keep.label("person_keep"),
            func.coalesce(_policy.c.policy_sha256, "").label("policy_sha256"),
        )
        .join(ImageRow, ImageRow.image_sha256 == candidate.image_sha256)
        .join(_card, _card.c.candidate_id == candidate.candidate_id)
        .join(
            ScorecardRow,
            and_(ScorecardRow.candidate_id == candidate.candidate_id, ScorecardRow.number == _card.c.number),
        )
        .outerjoin(_person, _on(_person))
        .outerjoin(_policy, _on(_policy))
        .where(ImageRow.state != "lost")
    )


def _on(verdict: Any) -> Any:
    return and_(
        verdict.c.candidate_id == CandidateRow.candidate_id, verdict.c.image_sha256 == CandidateRow.image_sha256
    )


def _newest_at() -> Any:
    return func.coalesce(_person.c.at, _policy.c.at, "").label("at")


def _candidate(row: Row[Any]) -> MadeCandidate:
    overridden = bool(row.person_keep) and bool(row.note.strip()) and OVERRIDE in row.reasons
    return MadeCandidate(
        CandidateKey(row.set_name, row.asset_id, row.job_id),
        row.number,
        row.image_sha256,
        row.area,
        row.state,
        SafetyState(row.safety),
        row.card,
        None if row.keep is None else bool(row.keep),
        row.decided_by,
        overridden,
        row.policy_sha256,
    )


def _keeper(row: Row[Any], candidate: MadeCandidate, library: Path) -> Keeper:
    sha256 = candidate.image_sha256
    return Keeper(
        made=candidate,
        path=library / candidate.area / sha256[:2] / f"{sha256}.png",
        width_px=row.width_px,
        height_px=row.height_px,
        seed=row.seed,
        prompt=row.prompt,
        title=json.loads(row.asset)["title"],
        reasons=tuple(json.loads(row.reasons)),
        note=row.note,
        decided_at=row.at,
    )
