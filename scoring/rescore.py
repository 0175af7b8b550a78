"""Scorecards anew from stored embeddings: no picture is decoded, no CLIP runs, no torch is imported.

What a change of head, threshold or policy touches is recomputed; what only the pixels can tell (safety, defects) is
kept, as long as it was measured by the scorers that are asked for now.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.adherence import Adherence, measure_adherence
from scoring.heads import Head
from scoring.scorecard import Scorecard

Matrix = NDArray[np.floating[Any]]
NEED_PIXELS = ("clip", "measures", "safety")  # roles whose change only a new look at the picture can answer


@dataclass(frozen=True, slots=True, eq=False)
class Prompts:
    """``texts`` (T, D): each different prompt of the set once, L2-normalised; ``own`` (N,): each picture's prompt."""

    texts: Matrix
    own: Sequence[int]
    logit_scale: float = 100.0


@dataclass(frozen=True, slots=True)
class Rescored:
    """``cards`` in the given order; ``stale`` (image, roles) of those that only the pixels can bring up to date.

    A stale card is returned as it was, with its old scorers' identities, so that it still counts as stale.
    """

    cards: tuple[Scorecard, ...]
    stale: tuple[tuple[str, tuple[str, ...]], ...]


def rescore(
    cards: Sequence[Scorecard],
    embeddings: Matrix,
    head: Head | None,
    identity: tuple[tuple[str, str], ...],
    prompts: Prompts | None = None,
) -> Rescored:
    """New cards for (N, D) stored embeddings under the scorers ``identity`` (see ``scoring.identity``).

    ``head`` None: the set does without an aesthetic score. ``prompts`` None: adherence and identification stay as
    they were. Raises ValueError when cards, embeddings and prompts are not of one length.
    """
    if len(cards) != len(embeddings) or (prompts is not None and len(prompts.own) != len(cards)):
        raise ValueError(f"got {len(cards)} cards, {len(embeddings)} embeddings: they must be of one length")
    stored = np.asarray(embeddings)
    aesthetic = head.score(stored).tolist() if head and len(cards) else [None] * len(cards)
    adherence = measure_adherence(stored, prompts.texts, prompts.own, prompts.logit_scale) if prompts else None
    new, stale = [], []
    for row, card in enumerate(cards):
        if roles := roles_that_need_pixels(card.scorers, identity):
            stale.append((card.image_sha256, roles))
            new.append(card)
            continue
        score = aesthetic[row]
        fresh = replace(card, aesthetic=None if score is None or np.isnan(score) else score, scorers=identity)
        new.append(fresh if adherence is None else _with(fresh, adherence[row]))
    return Rescored(tuple(new), tuple(stale))


def roles_that_need_pixels(measured_by: Sequence[tuple[str, str]], asked: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Which scorers have changed such that a stored embedding is not enough; empty = ``rescore`` can do it."""
    before, now = dict(measured_by), dict(asked)
    changed = {role for role in {*before, *now} if before.get(role) != now.get(role)}
    return tuple(sorted(role for role in changed if role in NEED_PIXELS or role.startswith(("other:", "forbid"))))


def _with(card: Scorecard, found: Adherence | None) -> Scorecard:
    if found is None:
        return replace(card, adherence=None, rank=None, margin=None)
    return replace(card, adherence=found.cosine, rank=found.rank, margin=found.margin)
