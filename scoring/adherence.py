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
CELLS = 4_000_000  # cosines at a time, to bound memory


@dataclass(frozen=True, slots=True)
class Adherence:
    """``cosine`` −1…1; ``rank`` 1 = its own prompt fits best; ``margin`` −1…1: the own prompt's softmax share less
    the best other one's (None for both when the set has fewer than two different prompts).

    ``rank`` counts the other prompts that fit at least as well: two that fit equally are both behind, so that prompts
    which the CLIP cannot tell apart are never said to be recognised."""

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
    prompts = np.asarray(texts, dtype=np.float64).T
    step = max(1, CELLS // max(1, prompts.shape[1]))
    for start in range(0, len(images), step):
        rows = np.asarray(images[start : start + step], dtype=np.float64)
        found += _identify(np.round(rows @ prompts, 9), np.asarray(own[start : start + step]), logit_scale)
    return found


def _identify(cosines: NDArray[np.float64], own: NDArray[np.intp], logit_scale: float) -> list[Adherence | None]:
    rows = np.arange(len(cosines))
    mine = cosines[rows, own]
    finite = [bool(good) for good in np.atleast_1d(np.isfinite(cosines).all(axis=1))]
    if cosines.shape[1] < 2:
        cosine = np.round(mine, DECIMALS).tolist()
        return [Adherence(value, None, None) if good else None for value, good in zip(cosine, finite, strict=True)]
    ranks = (cosines >= mine[:, None]).sum(axis=1)  # its own is one of them
    share = np.exp(logit_scale * (cosines - cosines.max(axis=1, keepdims=True)))
    total = share.sum(axis=1)
    own_share = share[rows, own]
    share[rows, own] = 0.0
    margins = np.round((own_share - share.max(axis=1)) / total, DECIMALS).tolist()
    columns = zip(np.round(mine, DECIMALS).tolist(), ranks.tolist(), margins, finite, strict=True)
    return [Adherence(cosine, rank, margin) if good else None for cosine, rank, margin, good in columns]
