"""Near-duplicates: which pictures of many are the same picture. Pure numpy.

Two pictures are the same when their perceptual hashes differ in few bits *and* their embeddings are close; the hash is
blind to colour, the embedding of a small CLIP to detail. Both limits are set on drawings: a shift of 2 of 128 pixels
costs a CLIP of small patches more cosine than another picture of the same subject does, so the hash has to tell those
two apart (``benchmarks.likeness`` prints how well). Groups are the connected parts of that relation (union-find), so
that "these are the same picture" can be shown as one row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.likeness.hashes import hamming_matrix

Matrix = NDArray[np.floating[Any]]
MAX_BITS = 7  # of 64
MIN_COSINE = 0.84
ROWS = 2048  # at a time, to bound memory


def same_picture(
    one_phash: str, other_phash: str, cosine: float, max_bits: int = MAX_BITS, min_cosine: float = MIN_COSINE
) -> bool:
    """Whether two pictures are near-duplicates by hash and by embedding."""
    return (int(one_phash, 16) ^ int(other_phash, 16)).bit_count() <= max_bits and cosine >= min_cosine


def near_duplicates(
    phashes: Sequence[str], embeddings: Matrix, max_bits: int = MAX_BITS, min_cosine: float = MIN_COSINE
) -> list[tuple[int, int]]:
    """Pairs (i, j), i < j, of near-duplicates among N pictures; ``embeddings`` (N, D) L2-normalised, or (N, 0)."""
    vectors = np.asarray(embeddings, dtype=np.float32)
    found: list[tuple[int, int]] = []
    for start in range(0, len(phashes), ROWS):
        rows = slice(start, min(start + ROWS, len(phashes)))
        close = hamming_matrix(phashes[rows], phashes[start:]) <= max_bits
        left, right = np.nonzero(np.triu(close, 1))
        left, right = left + start, right + start
        if vectors.shape[1] and len(left):
            alike = np.einsum("nd,nd->n", vectors[left], vectors[right]) >= min_cosine
            left, right = left[alike], right[alike]
        found += zip(left.tolist(), right.tolist(), strict=True)
    return found


def cluster(count: int, pairs: Sequence[tuple[int, int]]) -> list[tuple[int, ...]]:
    """Groups of two or more rows of ``count`` that the pairs connect; each sorted, groups by their first row."""
    leader = list(range(count))

    def find(row: int) -> int:
        while leader[row] != row:
            leader[row] = leader[leader[row]]
            row = leader[row]
        return row

    for one, other in pairs:
        first, second = sorted((find(one), find(other)))
        leader[second] = first
    groups: dict[int, list[int]] = {}
    for row in range(count):
        groups.setdefault(find(row), []).append(row)
    return [tuple(rows) for rows in groups.values() if len(rows) > 1]
