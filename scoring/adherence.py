"""Adherence: does the picture show what its prompt asks, and would one recognise it among the set? Pure numpy.

*Adherence* is the cosine between picture and prompt (CLIPScore without its factor 2.5; Hessel et al., 2021,
arXiv:2104.08718). Its level differs from prompt to prompt; *identification* does not share that fault: among the
prompts of all assets of the set, which one does the picture match best?
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.floating[Any]]
DECIMALS = 6
CHUNK = 4096  # pictures at a time, to bound memory at (CHUNK, prompts)


@dataclass(frozen=True, slots=True)
class Adherence:
    """``cosine`` −1…1; ``rank`` 1 = its own prompt fits best; ``margin`` −1…1: the own prompt's softmax share less
    the best other one's (None for both when the set has fewer than two different prompts)."""

    cosine: float
    rank: int | None
    margin: float | None


def measure_adherence(
    images: Matrix, texts: Matrix, own: Sequence[int], logit_scale: float = 100.0
) -> list[Adherence | None]:
    """Score (N, D) pictures against (T, D) different prompts, both L2-normalised; ``own[i]`` is picture i's prompt.

    ``texts`` holds each prompt text once, so that assets that share a prompt never compete with each other.
    ``logit_scale`` is the CLIP's own (100 for the published ones). A picture that is not finite gives None.
    """
    found: list[Adherence | None] = []
    for start in range(0, len(images), CHUNK):
        rows = np.asarray(images[start : start + CHUNK], dtype=np.float64)
        cosines = np.round(rows @ np.asarray(texts, dtype=np.float64).T, 9)
        found.extend(
            _identify(row, own[start + place], logit_scale) if np.isfinite(row).all() else None
            for place, row in enumerate(cosines)
        )
    return found


def _identify(cosines: NDArray[np.float64], own: int, logit_scale: float) -> Adherence:
    mine = float(cosines[own])
    if len(cosines) < 2:
        return Adherence(round(mine, DECIMALS), None, None)
    share = np.exp(logit_scale * (cosines - cosines.max()))
    share /= share.sum()
    others = np.delete(cosines, own)
    rank = 1 + int((others > mine).sum())
    margin = float(share[own] - share[int(np.argmax(np.where(np.arange(len(cosines)) == own, -np.inf, cosines)))])
    return Adherence(round(mine, DECIMALS), rank, round(margin, DECIMALS))
