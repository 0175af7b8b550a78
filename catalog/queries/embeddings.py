"""Pictures by what they look like: hashes and embeddings of any set, keepers of other sets. Reads only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, func, select

from catalog.database.rows import among
from catalog.database.schema import CandidateRow, EmbeddingRow, ImageRow, Registration, SetRow, VerdictRow
from catalog.queries.candidates import PERSON, POLICY, candidate_of, standing
from catalog.writes.places import surplus

if TYPE_CHECKING:
    import numpy as np

    Vector = np.ndarray[Any, np.dtype[np.float16]]


def set_paths(connection: Connection) -> dict[str, str]:
    """Set → the path of its spec, as it was registered last; sorted by set."""
    registered = Registration.registration_sha256 == SetRow.registration_sha256
    query = select(SetRow.set_name, Registration.path).join(Registration, registered).order_by(SetRow.set_name)
    return {row.set_name: row.path for row in connection.execute(query)}


def vectors(connection: Connection, image_sha256s: Iterable[str], clip_id: str) -> dict[str, Vector]:
    """Picture → (D,) float16, of those that this CLIP has embedded."""
    import numpy as np

    its = among(EmbeddingRow.image_sha256, image_sha256s)
    query = select(EmbeddingRow.image_sha256, EmbeddingRow.vector).where(its, EmbeddingRow.clip_id == clip_id)
    return {row.image_sha256: np.frombuffer(row.vector, dtype="<f2") for row in connection.execute(query)}


def phashes(connection: Connection, image_sha256s: Iterable[str]) -> dict[str, str]:
    """Picture → 16 hex digits."""
    query = select(ImageRow.image_sha256, ImageRow.phash).where(among(ImageRow.image_sha256, image_sha256s))
    return dict(connection.execute(query).tuples().all())


def kept_elsewhere(connection: Connection, set_name: str) -> list[str]:
    """Pictures that other sets keep, each once, sorted."""
    ever_kept = select(VerdictRow.candidate_id).where(VerdictRow.keep)  # few: only their newest verdicts are looked up
    elsewhere = standing().where(CandidateRow.set_name != set_name, CandidateRow.candidate_id.in_(ever_kept))
    query = elsewhere.where(func.coalesce(PERSON.keep, POLICY.keep))
    kept = [one for one in map(candidate_of, connection.execute(query)) if one.is_keeper]
    by_rule = {(one.key.set_name, one.key.asset_id) for one in kept if not one.by_person}
    gone = surplus(connection, by_rule)
    return sorted({one.image_sha256 for one in kept if one.key.candidate_id not in gone})
