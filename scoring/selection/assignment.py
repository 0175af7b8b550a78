"""A choice laid out by place, and changes of one place for the better.

``Assignment`` keeps, for each row, what all that is chosen costs it; changing a place touches only the rows that are
like the picture that goes or like the one that comes. So a sweep costs about as much for each place however many there
are.
"""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray

from scoring.selection.neighbours import Neighbours
from scoring.selection.objective import BAN, DECIMALS, Objective, Rows

SWEEPS = 40


def hill_climb(objective: Objective, start: list[int], neighbours: Neighbours) -> Assignment:
    """Change one place at a time for the better, doubles and bans counted, until nothing changes."""
    assignment = Assignment(objective, start, neighbours)
    for _ in range(SWEEPS):
        if not sum(assignment.improve(place) for place in range(len(assignment.held))):
            break
    return assignment


class Assignment:
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
                self.give(place, row)

    def lay(self, held: list[int]) -> None:
        """Make the places hold these rows."""
        changed = [place for place, row in enumerate(held) if row != self.held[place]]
        for place in changed:
            self.give(place, -1)
        for place in changed:
            self.give(place, held[place])

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

    def banned_by(self, row: int) -> list[int]:
        """The places that hold a picture which may not stand beside ``row``."""
        near = self.neighbours.of(row)
        banned = set(near.rows[near.banned].tolist()) - {row}
        return [place for place, held in enumerate(self.held) if held in banned]

    def places_of(self, row: int) -> list[int]:
        """The places of a row's asset."""
        return self.places[self.objective.options[row].asset_id]

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
        self.give(place, row)
        return True

    def give(self, place: int, row: int) -> None:
        """Put ``row`` (−1: nothing) into a place."""
        for one, sign in ((self.held[place], -1), (row, 1)):
            if one >= 0:
                near = self.neighbours.of(one)
                self.style = self.style + sign * self.objective.styles[one]
                self.same[near.rows] += sign * near.same
                self.bans[near.rows] += sign * near.banned
        self.held[place] = row
