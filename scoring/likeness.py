"""Likeness: is this the same picture as that one? A 64-bit perceptual hash and the cosine of embeddings. Pure numpy.

The hash is a DCT hash (pHash; Zauner, 2010): the picture's brightness averaged to 32 × 32, its 8 × 8 lowest
frequencies, one bit each for above or below their median. Re-encoding, a shift of a few pixels and small changes of
colour flip few of the 64 bits; another picture flips about half of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.floating[Any]]
SIDE = 32
KEPT = 8
_LUMA = np.array([0.299, 0.587, 0.114])


def phash(pixels: NDArray[np.uint8]) -> str:
    """(H, W, 3) uint8 → 16 hex digits (64 bits, row by row of the frequencies, first bit highest)."""
    small = area_mean(pixels.astype(np.float64) @ _LUMA, SIDE, SIDE)
    lowest = _BASIS @ small @ _BASIS.T
    values = np.round(lowest.ravel(), 6)  # so that flat pictures hash alike, not by rounding noise
    bits = values > np.median(values[1:])
    return f"{int(''.join('1' if bit else '0' for bit in bits), 2):016x}"


def area_mean(grey: Matrix, rows: int, columns: int) -> NDArray[np.float64]:
    """(H, W) → (rows, columns) by exact area averages, whatever H and W are."""
    return _area_weights(grey.shape[0], rows) @ grey @ _area_weights(grey.shape[1], columns).T


def hamming(one: str, other: str) -> int:
    """How many of the 64 bits differ: 0 … 64."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def hamming_matrix(ones: Sequence[str], others: Sequence[str]) -> NDArray[np.uint8]:
    """(M, N) numbers of differing bits."""
    left = np.array([int(value, 16) for value in ones], dtype=np.uint64)
    right = np.array([int(value, 16) for value in others], dtype=np.uint64)
    return np.asarray(np.bitwise_count(left[:, None] ^ right[None, :]), dtype=np.uint8)


@lru_cache(maxsize=32)
def _area_weights(length: int, side: int) -> NDArray[np.float64]:
    edges = np.linspace(0, length, side + 1)
    starts, ends = edges[:-1, None], edges[1:, None]
    places = np.arange(length)[None, :]
    overlap = np.clip(np.minimum(ends, places + 1) - np.maximum(starts, places), 0, None)
    return np.asarray(overlap / (length / side))


def _basis() -> NDArray[np.float64]:
    """The first rows of the orthonormal DCT-II."""
    rows = np.arange(KEPT)[:, None]
    basis = np.cos(np.pi * rows * (np.arange(SIDE)[None, :] + 0.5) / SIDE) * np.sqrt(2 / SIDE)
    basis[0] /= np.sqrt(2)
    return np.asarray(basis)


_BASIS = _basis()
