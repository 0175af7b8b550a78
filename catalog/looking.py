"""Pictures by what they look like: hashes and embeddings of any set, keepers of other sets. Reads only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, func, select

from catalog.queries import PERSON, POLICY, candidate_of, standing
from catalog.schema import CandidateRow, EmbeddingRow, ImageRow, Registration, SetRow, VerdictRow

if TYPE_CHECKING:
    import numpy as np

    Vector = np.ndarray[Any, np.dtype[np.float16]]

AT_ONCE = 500


def set_paths(connection: Connection) -> dict[str, str]:
    """Set → the path of its spec, as it was registered last; sorted by set."""
    registered = Registration.registration_sha256 == SetRow.registration_sha256
    query = select(SetRow.set_name, Registration.path).join(Registration, registered).order_by(SetRow.set_name)
    return {row.set_name: row.path for row in connection.execute(query)}


def vectors(connection: Connection, image_sha256s: Iterable[str], clip_id: str) -> dict[str, Vector]:
    """Picture → (D,) float16, of those that this CLIP has embedded."""
    import numpy as np

    found: dict[str, Vector] = {}
    columns = (EmbeddingRow.image_sha256, EmbeddingRow.vector)
    for some in _parts(image_sha256s):
        query = select(*columns).where(EmbeddingRow.image_sha256.in_(some), EmbeddingRow.clip_id == clip_id)
        for row in connection.execute(query):
            found[row.image_sha256] = np.frombuffer(row.vector, dtype="<f2")
    return found


def phashes(connection: Connection, image_sha256s: Iterable[str]) -> dict[str, str]:
    """Picture → 16 hex digits."""
    found: dict[str, str] = {}
    for some in _parts(image_sha256s):
        query = select(ImageRow.image_sha256, ImageRow.phash).where(ImageRow.image_sha256.in_(some))
        found |= {row.image_sha256: row.phash for row in connection.execute(query)}
    return found


def kept_elsewhere(connection: Connection, set_name: str) -> list[str]:
    """Pictures that other sets keep, each once, sorted."""
    ever_kept = select(VerdictRow.candidate_id).where(VerdictRow.keep)  # few: only their newest verdicts are looked up
    elsewhere = standing().where(CandidateRow.set_name != set_name, CandidateRow.candidate_id.in_(ever_kept))
    query = elsewhere.where(func.coalesce(PERSON.keep, POLICY.keep))
    kept = (candidate_of(row) for row in connection.execute(query))
    return sorted({candidate.image_sha256 for candidate in kept if candidate.is_keeper})


def _parts(values: Iterable[str]) -> Iterable[list[str]]:
    distinct = list(dict.fromkeys(values))
    return (distinct[start : start + AT_ONCE] for start in range(0, len(distinct), AT_ONCE))
