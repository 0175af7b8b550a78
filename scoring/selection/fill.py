"""Filling places that doubles have left empty: tabu search over choices without a banned pair. Pure numpy.

Each step gives an empty place to the picture that the fewest chosen ones ban, and those give way; for a while they may
not come back (Blöchliger and Zufferey, 2008, "A graph coloring heuristic using partial solutions and a reactive tabu
scheme"; there for colours of vertices, here for pictures of places).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scoring.selection.assignment import Assignment
from scoring.selection.objective import Rows

PATIENCE = 2000  # steps without one more filled place, after which the rest counts as unfillable
TENURE = 10  # steps for which a picture that gave way stays away, and up to as many more by chance


def fill(assignment: Assignment) -> bool:
    """Fill as many places as can be found to go together; returns whether there are more now. What is pinned stays.

    Equal boards are filled equally.
    """
    if -1 not in assignment.held:
        return False
    rng, away = np.random.default_rng(0), np.zeros(len(assignment.alone), dtype=np.int64)
    settled, best = _settled(assignment), list(assignment.held)
    step = found = 0
    while -1 in best and step < found + PATIENCE:
        step += 1
        rows = _waiting(assignment, settled)
        if not len(rows):
            break
        row = int(rows[np.argmin(assignment.bans[rows] + rng.random(len(rows)) + len(best) * (away[rows] > step))])
        for place in assignment.banned_by(row):
            away[assignment.held[place]] = step + TENURE + rng.integers(TENURE)
            assignment.give(place, -1)
        assignment.give(next(place for place in assignment.places_of(row) if assignment.held[place] < 0), row)
        if assignment.held.count(-1) < best.count(-1):
            best, found = list(assignment.held), step
    assignment.lay(best)
    return found > 0


def _settled(assignment: Assignment) -> NDArray[np.bool_]:
    """(N,) what is pinned, or banned by what is: no search changes it."""
    settled = assignment.objective.pinned.copy()
    for row in np.flatnonzero(settled):
        near = assignment.neighbours.of(int(row))
        settled[near.rows[near.banned]] = True
    return settled


def _waiting(assignment: Assignment, settled: NDArray[np.bool_]) -> Rows:
    """The rows that an empty place can be given to."""
    empty = dict.fromkeys(asset for asset, row in zip(assignment.assets, assignment.held, strict=True) if row < 0)
    rows = np.concatenate([np.arange(*assignment.objective.blocks[asset].indices(len(settled))) for asset in empty])
    return np.asarray(rows[~settled[rows] & ~np.isin(rows, assignment.held)])
