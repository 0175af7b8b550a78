"""Likeness: is this the same picture as that one? A 64-bit perceptual hash and the cosine of embeddings. Pure numpy.

The hash is of the *amplitude spectrum*: brightness averaged to 64 × 64 under a window that fades towards the sides, the
strengths of 64 spatial frequencies (five to eight waves a side), one bit each for above or below the median of the
41 frequencies nearest to it in wave length. A shift changes the phase of a frequency and hardly its strength, so that
re-encoding, a shift of a few pixels and small changes of colour flip few of the 64 bits; another picture flips about
a third of them or more, also when it is of the same subject in the same place, where a hash of the picture's lowest
frequencies (pHash; Zauner, 2010) stays nearly as it was. What a spectrum cannot see, a half turn and a negative, the
embedding sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.floating[Any]]
SIDE = 64
WAVES = 15  # the most waves a side that are looked at
FIRST, BITS, AROUND = 40, 64, 20  # of the frequencies by length: where the bits start, and the neighbours on each side
FLOOR = 1.0  # amplitudes below a thousandth of a grey level count as nothing
_LUMA = np.array([0.299, 0.587, 0.114])


def phash(pixels: NDArray[np.uint8]) -> str:
    """(H, W, 3) uint8 → 16 hex digits (64 bits, longest waves first, first bit highest)."""
    small = area_mean(pixels.astype(np.float64) @ _LUMA, SIDE, SIDE)
    spectrum = np.abs(_ACROSS @ (small - small.mean()) @ _DOWN.T).ravel()[_ORDER]
    strengths = np.round(np.log(np.maximum(spectrum, FLOOR)), 6)  # so that flat pictures hash alike
    near = np.lib.stride_tricks.sliding_window_view(strengths[FIRST - AROUND :], 2 * AROUND + 1)
    bits = strengths[FIRST : FIRST + BITS] > np.median(near, axis=1)
    return f"{int(''.join('1' if bit else '0' for bit in bits), 2):016x}"


def area_mean(grey: Matrix, rows: int, columns: int) -> NDArray[np.float64]:
    """(H, W) → (rows, columns) by exact area averages, whatever H and W are."""
    return area_weights(grey.shape[0], rows) @ grey @ area_weights(grey.shape[1], columns).T


def hamming_matrix(ones: Sequence[str], others: Sequence[str]) -> NDArray[np.uint8]:
    """(M, N) numbers of differing bits."""
    left = np.array([int(value, 16) for value in ones], dtype=np.uint64)
    right = np.array([int(value, 16) for value in others], dtype=np.uint64)
    return np.asarray(np.bitwise_count(left[:, None] ^ right[None, :]), dtype=np.uint8)


@lru_cache(maxsize=32)
def area_weights(length: int, side: int) -> NDArray[np.float64]:
    """(side, length): each row averages its exact share of ``length`` samples."""
    edges = np.linspace(0, length, side + 1)
    starts, ends = edges[:-1, None], edges[1:, None]
    places = np.arange(length)[None, :]
    overlap = np.clip(np.minimum(ends, places + 1) - np.maximum(starts, places), 0, None)
    return np.asarray(overlap / (length / side))


def _waves(numbers: NDArray[np.intp]) -> NDArray[np.complex128]:
    """(N, SIDE): so many waves a side each, under half a sine that fades towards the sides."""
    places = np.arange(SIDE)
    fade = np.sin(np.pi * (places + 0.5) / SIDE)
    return np.asarray(fade * np.exp(-2j * np.pi * numbers[:, None] * places / SIDE))


def _order() -> NDArray[np.intp]:
    """Places of the frequencies that are looked at in the flattened spectrum, longest waves first."""
    found = [(u, v) for u in range(WAVES + 1) for v in range(-WAVES, WAVES + 1) if u > 0 or v > 0]
    found.sort(key=lambda wave: (wave[0] ** 2 + wave[1] ** 2, wave))
    places = [u * (2 * WAVES + 1) + v + WAVES for u, v in found[: FIRST + BITS + AROUND]]
    return np.array(places, dtype=np.intp)


_ACROSS, _DOWN = _waves(np.arange(WAVES + 1)), _waves(np.arange(-WAVES, WAVES + 1))
_ORDER = _order()
