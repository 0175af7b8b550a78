"""Finding the best choice: branch and bound for small sets, greedy starts and changes of one place for large ones.

``climb`` keeps, for each row, what all that is chosen costs it; changing a place touches only the rows that are like
the picture that goes or like the one that comes. So a sweep costs about as much for each place however many there are.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.selection.neighbours import Neighbours
from scoring.selection.objective import BAN, DECIMALS, Objective, Rows

EXACT_OPTIONS = 1500  # more ways to fill the assets' places than this: no exact search
EXACT_NODES = 20_000  # and it is given up after so many steps
SWEEPS = 40


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
        everyone = np.arange(len(objective.entrants), dtype=np.intp)
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

    Each is settled by worth and coherence alone, which is quick; doubles are left to ``climb``.
    """
    leans: list[NDArray[np.floating[Any]]] = [np.zeros(len(objective.entrants))]
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


def climb(objective: Objective, start: list[int], neighbours: Neighbours) -> Board:
    """Change one place at a time for the better, doubles and bans counted, until nothing changes."""
    board = Board(objective, start, neighbours)
    for _ in range(SWEEPS):
        if not sum(board.improve(place) for place in range(len(board.held))):
            break
    return board


class Board:
    """A choice laid out by place. ``held[p]`` is the row in place p, or −1; ``same`` and ``bans`` (N,) are what all
    pictures in places cost each row, and how many of them ban it; ``style`` (D,) is the sum of the chosen styles."""

    def __init__(self, objective: Objective, chosen: list[int], neighbours: Neighbours) -> None:
        self.objective, self.alone, self.neighbours = objective, objective.alone(), neighbours
        self.assets = [asset for asset in objective.blocks for _ in range(objective.wanted[asset])]
        self.places: dict[str, list[int]] = {asset: [] for asset in objective.blocks}
        for place, asset in enumerate(self.assets):
            self.places[asset].append(place)
        self.held = [-1] * len(self.assets)
        self.same, self.bans = np.zeros(len(self.alone)), np.zeros(len(self.alone), dtype=np.int64)
        self.style = objective.styles[:0].sum(axis=0, dtype=np.float64)
        neighbours.find(chosen)
        order = sorted(chosen)
        for asset, rows in objective.blocks.items():
            mine = order[bisect_left(order, rows.start) : bisect_left(order, rows.stop)]
            for place, row in zip(self.places[asset], mine, strict=False):
                self._give(place, row)

    def chosen(self) -> list[int]:
        """The rows that are held, sorted."""
        return sorted(row for row in self.held if row >= 0)

    def coherence(self, place: int, rows: slice) -> NDArray[np.float64]:
        """What each of ``rows`` would add in coherence if it had this place."""
        mine = self.held[place]
        rest = self.style - self.objective.styles[mine] if mine >= 0 else self.style
        return np.asarray(self.objective.pull * (self.objective.styles[rows] @ rest), dtype=np.float64)

    def sameness(self, place: int, rows: slice) -> NDArray[np.float64]:
        """What each of ``rows`` would cost in sameness if it had this place."""
        cost = self.same[rows].copy()
        if self.held[place] >= 0:
            near = self.neighbours.of(self.held[place])
            part = near.within(rows)
            cost[near.rows[part] - rows.start] -= near.same[part]
        return cost

    def bans_on(self, place: int, rows: slice) -> NDArray[np.int64]:
        """With how many pictures in other places each of ``rows`` cannot stand."""
        count = self.bans[rows].copy()
        if self.held[place] >= 0:
            near = self.neighbours.of(self.held[place])
            part = near.within(rows)
            count[near.rows[part] - rows.start] -= near.banned[part]
        return count

    def banning(self) -> Rows:
        """(N,) the first place whose picture bans each row, or −1."""
        found = np.full(len(self.alone), -1, dtype=np.intp)
        for place in reversed(range(len(self.held))):
            if self.held[place] >= 0:
                near = self.neighbours.of(self.held[place])
                found[near.rows[near.banned]] = place
        return found

    def gains(self, place: int) -> NDArray[np.float64]:
        """What each row of the place's asset would add in it; −∞ for those that hold another place."""
        rows = self.objective.blocks[self.assets[place]]
        gains = self.alone[rows] + self.coherence(place, rows) - self.sameness(place, rows)
        gains -= BAN * self.bans_on(place, rows)
        for other in self.places[self.assets[place]]:
            if other != place and self.held[other] >= 0:
                gains[self.held[other] - rows.start] = -np.inf
        return np.asarray(np.round(gains, DECIMALS))

    def improve(self, place: int) -> bool:
        """Give a place to the row that adds most; returns whether that changed anything."""
        first = self.objective.blocks[self.assets[place]].start
        gains, mine = self.gains(place), self.held[place]
        best = int(np.argmax(gains))
        row = best + first if gains[best] > 0 else -1
        if row == mine or (mine >= 0 and row >= 0 and gains[best] <= gains[mine - first]):
            return False
        self._give(place, row)
        return True

    def _give(self, place: int, row: int) -> None:
        for one, sign in ((self.held[place], -1), (row, 1)):
            if one >= 0:
                near = self.neighbours.of(one)
                self.style = self.style + sign * self.objective.styles[one]
                self.same[near.rows] += sign * near.same
                self.bans[near.rows] += sign * near.banned
        self.held[place] = row
