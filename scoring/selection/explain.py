"""Why a picture was chosen and its runner-up was not: each part of the objective, as the choice stands. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scoring.board import Board
from scoring.selection.neighbours import Neighbours
from scoring.selection.objective import DECIMALS, Entrant, Matrix, Objective, make_objective
from specs.spec import Weights


@dataclass(frozen=True, slots=True)
class Parts:
    """What a picture adds beside the others that are chosen; ``total`` is quality + coherence − sameness.

    ``too_like`` names a chosen picture of another place that it may not stand beside.
    """

    image_sha256: str
    quality: float
    coherence: float
    sameness: float
    total: float
    too_like: str | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """A chosen picture and the best one of its asset that is not chosen, None when no other passed."""

    asset_id: str
    chosen: Parts
    runner_up: Parts | None
    passed: int
    pinned: bool


def explain(
    entrants: Sequence[Entrant],
    chosen: Collection[str],
    wanted: Mapping[str, int],
    weights: Weights,
    max_likeness: Mapping[str, float | None] | float | None = None,
    references: Matrix | None = None,
) -> tuple[Explanation, ...]:
    """Explain a choice that was made, by whomever; arguments as of ``scoring.selection.select.select``.

    ``chosen`` are the hashes of the chosen pictures (those that are no entrants are left out). Sorted by (asset, hash).
    """
    objective = make_objective(entrants, wanted, weights, max_likeness, references)
    rows = [row for row, entrant in enumerate(objective.entrants) if entrant.image_sha256 in chosen]
    if not rows:
        return ()
    board = Board(objective, rows, Neighbours(objective))
    return tuple(_explanation(objective, board, place) for place, row in enumerate(board.held) if row >= 0)


def _explanation(objective: Objective, board: Board, place: int) -> Explanation:
    row, block = board.held[place], objective.blocks[board.assets[place]]
    gains = board.gains(place)
    gains[row - block.start] = -np.inf
    runner = int(np.argmax(gains)) + block.start if np.isfinite(gains).any() else None
    return Explanation(
        asset_id=objective.entrants[row].asset_id,
        chosen=_parts(objective, board, place, row),
        runner_up=None if runner is None else _parts(objective, board, place, runner),
        passed=block.stop - block.start,
        pinned=bool(objective.pinned[row]),
    )


def _parts(objective: Objective, board: Board, place: int, row: int) -> Parts:
    quality, itself = float(objective.quality[row]), slice(row, row + 1)
    coherence = float(board.coherence(place, itself)[0] + objective.worth[row]) - quality
    sameness = float(board.sameness(place, itself)[0])
    twin = _twin(board, place, row) if board.bans_on(place, itself)[0] else None
    return Parts(
        image_sha256=objective.entrants[row].image_sha256,
        quality=round(quality, DECIMALS),
        coherence=round(coherence, DECIMALS),
        sameness=round(sameness, DECIMALS),
        total=round(quality + coherence - sameness, DECIMALS),
        too_like=None if twin is None else objective.entrants[twin].image_sha256,
    )


def _twin(board: Board, place: int, row: int) -> int | None:
    """The first chosen picture of another place that this one may not stand beside."""
    for other, held in enumerate(board.held):
        if other != place and held >= 0:
            near = board.neighbours.of(held)
            if row in near.rows[near.banned]:
                return held
    return None
