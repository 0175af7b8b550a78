"""Scorecards anew from stored embeddings: no picture is decoded, no CLIP runs, no torch is imported.

What a change of head, second opinion, forbidden concept or policy touches is recomputed; what only the pixels can tell
(the checker, defects, scorers of others) is kept, as long as it was measured by the scorers that are asked for now.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.adherence import Adherence, measure_adherence
from scoring.aesthetic.heads import Head
from scoring.defects.frames import FRAME_ROLE
from scoring.safety.forbidden import Forbidden, second_opinions, with_forbidden, with_second_opinion, without_opinions
from scoring.scorecard import Safety, SafetyState, Scorecard

Matrix = NDArray[np.floating[Any]]
Identity = tuple[tuple[str, str], ...]
NEED_PIXELS = (
    "clip",
    "measures",
    "safety",
    "windows",
    FRAME_ROLE,
)  # roles whose change only a new look at the picture can answer
OTHER = "other:"
OPINIONS = ("forbid", "safety-second")


@dataclass(frozen=True, slots=True, eq=False)
class Prompts:
    """``texts`` (T, D): each different prompt of the set once, L2-normalised; ``own`` (N,): each picture's prompt."""

    texts: Matrix
    own: Sequence[int]
    logit_scale: float = 100.0


@dataclass(frozen=True, slots=True, eq=False)
class Heads:
    """What reads an embedding. ``aesthetic`` None: no such score; ``forbidden``, ``second`` None: not looked for."""

    aesthetic: Head | None = None
    forbidden: Forbidden | None = None
    second: Head | None = None


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
    heads: Heads,
    identity: Identity,
    prompts: Prompts | None = None,
) -> Rescored:
    """New cards for (N, D) stored embeddings under the scorers ``identity`` (see ``scoring.identity``).

    ``prompts`` None: adherence and identification stay as they were. Raises ValueError when cards, embeddings and
    prompts are not of one length.
    """
    if len(cards) != len(embeddings) or (prompts is not None and len(prompts.own) != len(cards)):
        raise ValueError(f"got {len(cards)} cards, {len(embeddings)} embeddings: they must be of one length")
    stored = _finite_or_nan(embeddings)
    aesthetic = heads.aesthetic.score(stored).tolist() if heads.aesthetic and len(cards) else [None] * len(cards)
    adherence = measure_adherence(stored, prompts.texts, prompts.own, prompts.logit_scale) if prompts else None
    opinions = _Opinions(heads, stored, identity)
    asked = {role for role, _ in identity}
    new, stale = [], []
    for row, card in enumerate(cards):
        if roles := roles_that_need_pixels(card.scorers, identity):
            stale.append((card.image_sha256, roles))
            new.append(card)
            continue
        score = aesthetic[row]
        fresh = Scorecard(
            image_sha256=card.image_sha256,
            aesthetic=None if score is None or math.isnan(score) else score,
            adherence=card.adherence,
            rank=card.rank,
            margin=card.margin,
            safety=opinions.of(card, row),
            defects=card.defects,
            scorers=identity,
            extra=card.extra and tuple(one for one in card.extra if f"{OTHER}{one[0]}" in asked),
        )
        new.append(fresh if adherence is None else _with(fresh, adherence[row]))
    return Rescored(tuple(new), tuple(stale))


@lru_cache(maxsize=256)  # the cards of a set were measured by few kinds of scorers
def roles_that_need_pixels(measured_by: Identity, asked: Identity) -> tuple[str, ...]:
    """Which scorers have changed such that a stored embedding is not enough; empty = ``rescore`` can do it.

    To do without a scorer of others needs no look at the picture; to ask for one does.
    """
    before, now = dict(measured_by), dict(asked)
    changed = {role for role in {*before, *now} if before.get(role) != now.get(role)}
    return tuple(sorted(role for role in changed if role in NEED_PIXELS or (role.startswith(OTHER) and role in now)))


def _finite_or_nan(embeddings: Matrix) -> Matrix:
    """Rows of zeros stand for embeddings that were no numbers (they are stored so): nothing is measured of them."""
    stored = np.asarray(embeddings)
    suspects = np.flatnonzero((stored[:, :8] == 0).all(axis=1))  # few, so that the whole is not gone through
    empty = suspects[(stored[suspects] == 0).all(axis=1)]
    if len(empty):
        stored = stored.copy()
        stored[empty] = np.nan
    return stored


class _Opinions:
    """The opinions that read the embedding, of cards that heard others; computed at the first that did."""

    def __init__(self, heads: Heads, embeddings: Matrix, identity: Identity) -> None:
        self.heads, self.embeddings = heads, embeddings
        self.asked = _heard(identity)
        self.forbidden: list[tuple[tuple[str, float], ...]] | None = None
        self.chances: list[float] | None = None

    def of(self, card: Scorecard, row: int) -> Safety:
        """The card's safety with the opinions asked for now; what is unknown stays so."""
        if _heard(card.scorers) == self.asked or card.safety.state is SafetyState.UNKNOWN:
            return card.safety
        safety = without_opinions(card.safety)
        if self.heads.forbidden:
            self.forbidden = self.forbidden or self.heads.forbidden.measure(self.embeddings)
            safety = with_forbidden(safety, self.forbidden[row])
        if self.heads.second:
            self.chances = self.chances or second_opinions(self.heads.second, self.embeddings)
            safety = with_second_opinion(safety, self.chances[row])
        return safety


@lru_cache(maxsize=256)
def _heard(identity: Identity) -> list[tuple[str, str]]:
    return [(role, name) for role, name in identity if role in OPINIONS]


def _with(card: Scorecard, found: Adherence | None) -> Scorecard:
    if found is None:
        return replace(card, adherence=None, rank=None, margin=None)
    return replace(card, adherence=found.cosine, rank=found.rank, margin=found.margin)
