"""Finding the best choice: branch and bound for small sets, greedy starts for large ones."""

from __future__ import annotations

from itertools import combinations
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.selection.assignment import SWEEPS
from scoring.selection.objective import DECIMALS, Objective, Rows

EXACT_OPTIONS = 1500  # more ways to fill the assets' places than this: no exact search
EXACT_NODES = 20_000  # and it is given up after so many steps


def exactly(objective: Objective, start: list[int]) -> list[int] | None:
    """The best choice of all, or None when the set is too large to search through. ``start`` is a good choice."""
    counts = [(rows.stop - rows.start, objective.wanted[asset]) for asset, rows in objective.blocks.items()]
    if sum(comb(of, size) for of, places in counts for size in range(places + 1)) > EXACT_OPTIONS:
        return None
    return _Branches(objective, start).run()


class _Branches:
    """Depth-first search over the assets; an *option* is a tuple of rows that may fill an asset's places."""

    def __init__(self, objective: Objective, start: list[int]) -> None:
        self.objective, self.best, self.best_rank, self.nodes = objective, sorted(start), objective.rank(start), 0
        everyone = np.arange(len(objective.options), dtype=np.intp)
        together = objective.pairs(everyone, everyone)
        np.fill_diagonal(together, 0.0)
        self.options: list[tuple[int, ...]] = []
        self.spans: list[slice] = []
        for asset, rows in objective.blocks.items():
            first = len(self.options)
            sizes = range(objective.wanted[asset], -1, -1)
            self.options += [pick for size in sizes for pick in combinations(range(rows.start, rows.stop), size)]
            self.spans.append(slice(first, len(self.options)))
        member = np.zeros((len(self.options), len(everyone)))
        for option, rows_of in enumerate(self.options):
            member[option, list(rows_of)] = 1.0
        self.between = member @ together @ member.T
        self.own = member @ objective.alone() + np.diag(self.between) / 2
        self.ahead = np.zeros(len(self.options))  # at most what an option can gain with the assets after its own
        for place, span in enumerate(self.spans):
            self.ahead[span] = sum((self.between[span, later].max(axis=1) for later in self.spans[place + 1 :]), 0.0)

    def run(self) -> list[int] | None:
        done = self._descend(0, 0.0, (), np.zeros(len(self.options)))
        return self.best if done else None

    def _descend(self, depth: int, value: float, chosen: tuple[int, ...], gain: NDArray[np.float64]) -> bool:
        self.nodes += 1
        if self.nodes > EXACT_NODES:
            return False
        if depth == len(self.spans):
            rank = self.objective.rank(chosen)
            if rank > self.best_rank:
                self.best, self.best_rank = sorted(chosen), rank
            return True
        hope = self.own + gain + self.ahead
        if value + sum(hope[span].max() for span in self.spans[depth:]) < self.best_rank[0] - 1e-4:
            return True
        span = self.spans[depth]
        order = np.argsort(-np.round(hope[span], DECIMALS), kind="stable") + span.start
        return all(
            self._descend(
                depth + 1,
                value + self.own[option] + gain[option],
                (*chosen, *self.options[option]),
                gain + self.between[option],
            )
            for option in order
        )


def starts(objective: Objective) -> list[list[int]]:
    """Choices to improve on, best first: by worth alone, and leaning to either end of the main directions of style.

    Each is settled by worth and coherence alone, which is quick; doubles are left to ``hill_climb``.
    """
    leans: list[NDArray[np.floating[Any]]] = [np.zeros(len(objective.options))]
    if objective.pull and objective.styles.shape[1]:
        strength = objective.pull * sum(objective.wanted.values())  # as if all others had that style already
        for axis in main_directions(objective.styles):
            lean = strength * (objective.styles @ axis)
            leans += [lean, -lean]
    return sorted(_settle(objective, np.stack(leans)), key=objective.rank, reverse=True)


def main_directions(styles: NDArray[np.float32], count: int = 2) -> list[NDArray[np.float32]]:
    """The first principal directions of (N, D) rows, roughly: power iteration over at most a thousand rows."""
    sample = styles[:: 1 + len(styles) // 1000]
    directions: list[NDArray[np.float32]] = []
    for number in range(min(count, styles.shape[1])):
        axis = np.cos(np.arange(styles.shape[1], dtype=np.float32) * (number + 1))  # a start that no data avoids
        for _ in range(25):
            for found in directions:
                axis = axis - (axis @ found) * found
            axis = (sample @ axis) @ sample
            length = np.sqrt(axis @ axis)
            if length < 1e-6:
                return directions
            axis = axis / length
        directions.append(axis)
    return directions


def _settle(objective: Objective, leans: NDArray[np.floating[Any]]) -> list[list[int]]:
    """For each of (L, N) ``leans``: the places filled by worth and lean, then changed for coherence until nothing
    changes. All at once: the styles of a set are read from memory once a sweep, which is what a sweep costs."""
    alone = objective.alone()
    held = {
        asset: _top(alone[rows] + leans[:, rows], objective.wanted[asset]) + rows.start
        for asset, rows in objective.blocks.items()
    }
    total = np.zeros((len(leans), objective.styles.shape[1]), dtype=np.float32)
    for mine in held.values():
        total += objective.styles[mine].sum(axis=1)
    for _ in range(SWEEPS if objective.pull else 0):
        changed = False
        for asset, rows in objective.blocks.items():
            rest = total - objective.styles[held[asset]].sum(axis=1)
            gains = alone[rows] + objective.pull * (rest @ objective.styles[rows].T)
            best = _top(gains, objective.wanted[asset]) + rows.start
            changed |= not np.array_equal(best, held[asset])
            held[asset], total = best, rest + objective.styles[best].sum(axis=1)
        if not changed:
            break
    return [sorted(rows) for rows in np.concatenate(list(held.values()), axis=1).tolist()]


def _top(values: NDArray[np.float64], count: int) -> Rows:
    """(L, count) the columns of the highest values of each row, sorted; the first ones among equals."""
    return np.sort(np.argsort(-np.round(values, DECIMALS), axis=1, kind="stable")[:, :count], axis=1)
