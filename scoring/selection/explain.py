"""Why a picture was chosen and its runner-up was not: each part of the objective, as the choice stands. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scoring.selection.assignment import Assignment
from scoring.selection.neighbours import Neighbours
from scoring.selection.objective import DECIMALS, Matrix, Objective, Option, make_objective
from specs.spec import SelectionWeights


@dataclass(frozen=True, slots=True)
class ObjectiveParts:
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
    chosen: ObjectiveParts
    runner_up: ObjectiveParts | None
    passed: int
    pinned: bool


def explain(
    options: Sequence[Option],
    chosen: Collection[str],
    wanted: Mapping[str, int],
    weights: SelectionWeights,
    max_likeness: Mapping[str, float | None] | float | None = None,
    references: Matrix | None = None,
) -> tuple[Explanation, ...]:
    """Explain a choice that was made, by whomever; arguments as of ``scoring.selection.select.select``.

    ``chosen`` are the hashes of the chosen pictures (those that are no options are left out). Sorted by (asset, hash).
    """
    objective = make_objective(options, wanted, weights, max_likeness, references)
    rows = [row for row, option in enumerate(objective.options) if option.image_sha256 in chosen]
    if not rows:
        return ()
    assignment = Assignment(objective, rows, Neighbours(objective))
    return tuple(_explanation(objective, assignment, place) for place, row in enumerate(assignment.held) if row >= 0)


def _explanation(objective: Objective, assignment: Assignment, place: int) -> Explanation:
    row, block = assignment.held[place], objective.blocks[assignment.assets[place]]
    gains = assignment.gains(place)
    gains[row - block.start] = -np.inf
    runner = int(np.argmax(gains)) + block.start if np.isfinite(gains).any() else None
    return Explanation(
        asset_id=objective.options[row].asset_id,
        chosen=_parts(objective, assignment, place, row),
        runner_up=None if runner is None else _parts(objective, assignment, place, runner),
        passed=block.stop - block.start,
        pinned=bool(objective.pinned[row]),
    )


def _parts(objective: Objective, assignment: Assignment, place: int, row: int) -> ObjectiveParts:
    quality, itself = float(objective.quality[row]), slice(row, row + 1)
    coherence = float(assignment.coherence(place, itself)[0] + objective.worth[row]) - quality
    sameness = float(assignment.sameness(place, itself)[0])
    twin = _twin(assignment, place, row) if assignment.bans_on(place, itself)[0] else None
    return ObjectiveParts(
        image_sha256=objective.options[row].image_sha256,
        quality=round(quality, DECIMALS),
        coherence=round(coherence, DECIMALS),
        sameness=round(sameness, DECIMALS),
        total=round(quality + coherence - sameness, DECIMALS),
        too_like=None if twin is None else objective.options[twin].image_sha256,
    )


def _twin(assignment: Assignment, place: int, row: int) -> int | None:
    """The first chosen picture of another place that this one may not stand beside."""
    for other, held in enumerate(assignment.held):
        if other != place and held >= 0:
            near = assignment.neighbours.of(held)
            if row in near.rows[near.banned]:
                return held
    return None
