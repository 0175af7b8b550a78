"""Questions to the catalog: what is made, what is kept, the embeddings of a set. Reads only."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, select
from sqlalchemy.orm import aliased

from catalog.database.rows import among
from catalog.database.schema import (
    AssetRow,
    AssetVersion,
    CandidateRow,
    EmbeddingRow,
    ImageRow,
    JobRow,
    ScorecardRow,
    VerdictRow,
)
from catalog.database.scorecards import STATES
from catalog.objects.areas import ImageState
from catalog.provenance import CandidateKey
from catalog.queries.candidate_state import OVERRIDE, WITHDRAWN, CandidateState, Embeddings, Keeper
from catalog.writes.annotations import tags_of
from catalog.writes.register import text


def candidates(connection: Connection, set_name: str) -> dict[str, dict[str, CandidateState]]:
    """Asset id → job id → candidate, of a whole set; those whose picture was lost are not made."""
    found: dict[str, dict[str, CandidateState]] = {}
    for row in connection.execute(standing().where(CandidateRow.set_name == set_name)).all():
        candidate = candidate_of(row)
        found.setdefault(candidate.key.asset_id, {})[candidate.key.job_id] = candidate
    return found


def keepers(connection: Connection, library: Path, where: Sequence[ColumnElement[bool]] = ()) -> list[Keeper]:
    """What is kept and may be shown, in the order of sets and of their rows, then by number. ``where`` narrows."""
    made_for = aliased(AssetVersion)
    query = (
        standing()
        .add_columns(
            ImageRow.width_px,
            ImageRow.height_px,
            JobRow.seed,
            JobRow.prompt,
            AssetVersion.value.label("asset"),
            made_for.value.label("asset_when_made"),
            _newest_at(),
            CandidateRow.candidate_id,
        )
        .join(JobRow, JobRow.job_id == CandidateRow.job_id)
        .join(AssetRow, and_(AssetRow.set_name == CandidateRow.set_name, AssetRow.asset_id == CandidateRow.asset_id))
        .join(AssetVersion, AssetVersion.asset_sha256 == AssetRow.asset_sha256)
        .join(made_for, made_for.asset_sha256 == CandidateRow.asset_sha256)
        .where(CandidateRow.candidate_id.in_(_EVER_KEPT), func.coalesce(PERSON.keep, POLICY.keep), *where)
        .order_by(
            CandidateRow.set_name,
            AssetRow.position,
            CandidateRow.asset_id,
            CandidateRow.number,
            CandidateRow.candidate_id,
        )
    )
    rows = [(row, candidate_of(row)) for row in connection.execute(query)]
    kept = [(row, one) for row, one in rows if one.is_keeper]
    tags = tags_of(connection, (row.candidate_id for row, _ in kept))
    return [_keeper(row, one, library, tags.get(row.candidate_id, ())) for row, one in kept]


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
    images: list[str] = []
    flat = bytearray()
    for rows in connection.execute(query, execution_options={"yield_per": ROWS}).partitions():
        named, stored = zip(*rows, strict=True)
        images += named
        flat += b"".join(stored)
    vectors = np.frombuffer(flat, dtype="<f2")
    vectors.flags.writeable = False  # whoever reads them shares them
    return Embeddings(chosen, tuple(images), vectors.reshape(len(images), -1 if images else 0))


def not_rejected(connection: Connection, image_sha256s: Iterable[str]) -> set[str]:
    """Which of these pictures some candidate keeps, or has not been judged by: a picture may serve several assets."""
    query = standing().where(among(CandidateRow.image_sha256, image_sha256s))
    candidates = map(candidate_of, connection.execute(query))
    return {one.image_sha256 for one in candidates if one.keep is not False}


def _commonest_clip(connection: Connection, of_set: Select[Any]) -> str:
    query = (
        select(EmbeddingRow.clip_id)
        .where(EmbeddingRow.image_sha256.in_(of_set))
        .group_by(EmbeddingRow.clip_id)
        .order_by(func.count().desc(), EmbeddingRow.clip_id)
        .limit(1)
    )
    return connection.execute(query).scalar_one_or_none() or ""


ROWS = 1024  # embeddings at a time
PERSON = aliased(VerdictRow)
POLICY = aliased(VerdictRow)
_EVER_KEPT = select(VerdictRow.candidate_id).where(VerdictRow.keep)  # few: the newest verdicts of these are looked up
_NO_SAY = text([WITHDRAWN])  # the reasons of a person's verdict that takes all of theirs back: then the policy's counts


def _newest_verdict(verdict: Any, by_person: bool) -> ColumnElement[bool]:
    """``verdict`` is the newest one of persons (or of policies) on the candidate's present picture."""
    other = aliased(VerdictRow)
    newest = select(func.max(other.number)).where(
        other.candidate_id == CandidateRow.candidate_id,
        other.by_person == by_person,
        other.image_sha256 == CandidateRow.image_sha256,
    )
    its = and_(verdict.candidate_id == CandidateRow.candidate_id, verdict.number == newest.scalar_subquery())
    return and_(its, verdict.reasons != _NO_SAY) if by_person else its


def _newest_card() -> ColumnElement[bool]:
    other = aliased(ScorecardRow)
    newest = select(func.max(other.number)).where(other.candidate_id == CandidateRow.candidate_id)
    return and_(ScorecardRow.candidate_id == CandidateRow.candidate_id, ScorecardRow.number == newest.scalar_subquery())


@functools.cache
def standing() -> Select[Any]:
    """Candidates as they stand: newest scorecard, newest verdicts on their present picture; no lost ones. Built once.

    Every lookup goes by primary key from the candidate, so the cost grows with the set, not with the library.
    """
    candidate = CandidateRow
    columns: list[Any] = [
        candidate.set_name,
        candidate.asset_id,
        candidate.job_id,
        candidate.number,
        candidate.image_sha256,
        ImageRow.area,
        ImageRow.state,
        ScorecardRow.safety,
        ScorecardRow.card,
        ScorecardRow.number.label("card_number"),
        func.coalesce(PERSON.keep, POLICY.keep).label("keep"),
        func.coalesce(PERSON.decided_by, POLICY.decided_by, "").label("decided_by"),
        func.coalesce(PERSON.reasons, POLICY.reasons, "[]").label("reasons"),
        func.coalesce(PERSON.note, POLICY.note, "").label("note"),
        PERSON.keep.label("person_keep"),
        func.coalesce(POLICY.policy_sha256, "").label("policy_sha256"),
        func.coalesce(POLICY.reasons, "[]").label("policy_reasons"),
    ]
    return (
        select(*columns)
        .select_from(candidate)
        .join(ImageRow, ImageRow.image_sha256 == candidate.image_sha256)
        .join(ScorecardRow, _newest_card())
        .outerjoin(PERSON, _newest_verdict(PERSON, True))
        .outerjoin(POLICY, _newest_verdict(POLICY, False))
        .where(ImageRow.state != ImageState.LOST)
    )


def _newest_at() -> Any:
    return func.coalesce(PERSON.at, POLICY.at, "").label("at")


def candidate_of(row: Sequence[Any]) -> CandidateState:
    set_name, asset_id, job_id, number, sha256, area, state, safety, card, card_number = row[:10]
    keep, decided_by, reasons, note, person_keep, policy_sha256, policy_reasons = row[10:17]
    overridden = bool(person_keep) and bool(note.strip()) and OVERRIDE in json.loads(reasons)
    return CandidateState(
        CandidateKey(set_name, asset_id, job_id),
        number,
        sha256,
        area,
        state,
        STATES[safety],
        card,
        card_number,
        None if keep is None else bool(keep),
        decided_by,
        overridden,
        policy_sha256,
        policy_reasons,
    )


def _keeper(row: Row[Any], candidate: CandidateState, library: Path, tags: Sequence[str]) -> Keeper:
    sha256 = candidate.image_sha256
    asset = json.loads(row.asset)
    return Keeper(
        candidate=candidate,
        path=library / f"{candidate.area}/{sha256[:2]}/{sha256}.png",
        width_px=row.width_px,
        height_px=row.height_px,
        seed=row.seed,
        prompt=row.prompt,
        title=asset["title"],
        reasons=tuple(json.loads(row.reasons)),
        note=row.note,
        decided_at=row.at,
        row=asset["row"],
        row_when_made=json.loads(row.asset_when_made)["row"],
        tags=tuple(tags),
    )
