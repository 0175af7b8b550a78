"""Pictures by what is in them: stored CLIP embeddings against the embedding of words, or of another picture.

Embeddings of two CLIPs cannot be compared, so a search is among those of one. The matrix (N, D) float32 is read at the
first search, 4 D bytes a picture, and extended by what is new.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from catalog.catalog import Catalog
from catalog.database.rows import among
from catalog.database.schema import EmbeddingRow
from catalog.database.sqlite import reading
from catalog.errors import NotFoundError
from catalog.review.search.library_state import Standing
from specs.errors import LimnerError

Matrix = NDArray[np.float32]
EmbedText = Callable[[str, str], NDArray[np.float32]]  # (clip_id, words) → (D,), L2-normalised; raises LimnerError


class Alike:
    """Cosines of pictures with words or with a picture, for one library. Threads share it."""

    def __init__(self, catalog: Catalog, embed_text: EmbedText) -> None:
        self._catalog, self._embed_text, self._lock = catalog, embed_text, threading.Lock()
        self._read: dict[str, _Vectors] = {}
        self._clips: tuple[int, dict[str, int]] = (-1, {})

    def clips(self, writes: int) -> dict[str, int]:
        """clip_id → pictures embedded by it, the commonest first; counted once for each number of ``writes``."""
        known, clips = self._clips
        if known != writes:
            with reading(self._catalog.engine) as connection:
                clips = _clips(connection)
            self._clips = (writes, clips)
        return clips

    def to_words(self, clip_id: str, words: str, standing: Standing) -> NDArray[np.float64]:
        """Cosine of each candidate's picture with the words, NaN where this CLIP has not embedded it. LimnerError."""
        return self._cosines(clip_id, self._embed_text(clip_id, words), standing)

    def to_picture(self, clip_id: str, candidate_id: str, standing: Standing) -> NDArray[np.float64]:
        """Cosine of each candidate's picture with that candidate's. NotFoundError when it has no embedding."""
        vectors = self._vectors(clip_id, standing)
        at = np.flatnonzero(standing.columns.candidate == candidate_id.encode("ascii", "replace"))
        row = int(vectors.rows(standing.columns.image)[at[0]]) if len(at) else -1
        if row < 0:
            raise NotFoundError(
                f"{candidate_id[:32]!r}: has no embedding of CLIP {clip_id[:19]}; allowed: candidates scored with it."
            )
        return self._cosines(clip_id, vectors.matrix[row], standing)

    def _cosines(self, clip_id: str, vector: NDArray[np.float32], standing: Standing) -> NDArray[np.float64]:
        vectors = self._vectors(clip_id, standing)
        if vectors.matrix.shape[1:] != vector.shape:
            raise LimnerError(
                f"CLIP {clip_id[:19]}: gives vectors of {len(vector)} numbers, the library's have "
                f"{vectors.matrix.shape[1]}; allowed: the weights that embedded the pictures."
            )
        every = np.append(vectors.matrix @ vector.astype(np.float32), np.float32("nan"))  # row -1: no embedding
        return every[vectors.rows(standing.columns.image)].astype(np.float64)

    def _vectors(self, clip_id: str, standing: Standing) -> _Vectors:
        count = self.clips(standing.writes).get(clip_id, 0)
        if not count:
            raise NotFoundError(f"CLIP {clip_id[:19]!r}: embedded no picture of this library.")
        with self._lock:
            known = self._read.get(clip_id)
            if known is None or len(known.at) < count:
                with reading(self._catalog.engine) as connection:
                    known = self._read[clip_id] = _read(connection, clip_id, known)
            return known


class _Vectors:
    """Of one CLIP: ``at[image]`` is the picture's row in ``matrix``."""

    def __init__(self, at: dict[bytes, int], matrix: Matrix) -> None:
        self.at, self.matrix = at, matrix
        self._last: tuple[NDArray[np.bytes_] | None, NDArray[np.intp]] = (None, np.zeros(0, np.intp))

    def rows(self, images: NDArray[np.bytes_]) -> NDArray[np.intp]:
        """The row of each picture, -1 without one; remembered for the same array."""
        asked, found = self._last
        if asked is not images:
            found = np.array([self.at.get(image, -1) for image in images.tolist()], dtype=np.intp)
            self._last = (images, found)
        return found


def _clips(connection: Connection) -> dict[str, int]:
    count = func.count().label("pictures")
    query = select(EmbeddingRow.clip_id, count).group_by(EmbeddingRow.clip_id)
    rows = connection.execute(query.order_by(count.desc(), EmbeddingRow.clip_id)).all()
    return {row.clip_id: row.pictures for row in rows}


def _read(connection: Connection, clip_id: str, known: _Vectors | None) -> _Vectors:
    """All embeddings of a CLIP; those that are known already are not read again: they never change."""
    if known is None:
        rows = _rows(connection, clip_id, None)
        return _Vectors({sha256.encode(): row for row, (sha256, _) in enumerate(rows)}, _unit(_matrix(rows)))
    ids = connection.execute(select(EmbeddingRow.image_sha256).where(EmbeddingRow.clip_id == clip_id)).scalars()
    new = [sha256 for sha256 in ids if sha256.encode() not in known.at]
    rows = _rows(connection, clip_id, new)
    at = {**known.at, **{sha256.encode(): len(known.at) + row for row, (sha256, _) in enumerate(rows)}}
    return _Vectors(at, np.concatenate([known.matrix, _unit(_matrix(rows))]))


def _rows(connection: Connection, clip_id: str, images: Sequence[str] | None) -> Sequence[Any]:
    query = select(EmbeddingRow.image_sha256, EmbeddingRow.vector).where(EmbeddingRow.clip_id == clip_id)
    if images is not None:
        query = query.where(among(EmbeddingRow.image_sha256, images))
    return connection.execute(query).all()


def _matrix(rows: Sequence[Any]) -> Matrix:
    flat = np.frombuffer(b"".join(vector for _, vector in rows), dtype="<f2")
    return flat.reshape(len(rows), -1).astype(np.float32)


def _unit(matrix: Matrix) -> Matrix:
    """Rows of length one; a row of zeros (a picture that could not be measured) stays so."""
    matrix /= np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), np.float32(1e-9))
    return matrix
