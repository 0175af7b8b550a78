"""Making a choice better where limits of likeness bind, by simulated annealing. Pure numpy.

Every state is free of banned pairs. A step proposes a picture for a place; those that ban it give way, and their places
take the best that is then allowed (heat added to each), or stay empty at a price. So two places can trade what neither
could take alone. A step for the worse is kept with the chance exp(−loss / heat); the best state seen is what counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import exp

import numpy as np
from numpy.typing import NDArray

from scoring.selection.assignment import Assignment, hill_climb
from scoring.selection.objective import BAN, Objective, Rows

STEPS = 40_000  # for each group of assets
HOT, COLD = 1.5, 0.1  # heat at the first and the last sweep, in standard deviations of quality
EMPTY, GIVES_WAY = 6.0, 0.7  # in the same: what an empty place costs; how much a proposal is held back for each ban
MOST_ROWS, MOST_EACH = 2000, 100  # of a group, and of an asset: all their pairs are held in memory
MOST_GIVE_WAY = 3


def anneal(assignment: Assignment, steps: int = STEPS, seed: int = 0) -> list[int]:
    """The rows of a choice that is as good as the board's or better, the same ones where no limit binds.

    ``steps``: how long it takes, for each group of assets. Equal boards and seeds give equal choices.
    """
    objective, chosen = assignment.objective, assignment.chosen()
    groups = list(_groups(assignment))
    if not groups:
        return chosen
    for assets in groups:
        chosen = _Group(objective, chosen, assets).cooled(steps, np.random.default_rng(seed))
    chosen = hill_climb(objective, chosen, assignment.neighbours).chosen()
    return max(assignment.chosen(), chosen, key=objective.rank)


def _groups(assignment: Assignment) -> Iterator[list[str]]:
    """The assets that limits of likeness concern, in groups of at most MOST_ROWS; all assets of a small set."""
    blocks, names = assignment.objective.blocks, list(assignment.objective.blocks)
    concerned = set()
    for place, row in enumerate(assignment.held):
        if row >= 0:
            near, mine = assignment.neighbours.of(row), assignment.assets[place]
            banned = near.rows[near.banned & (near.rows != row)]
            others = {names[block] for block in assignment.objective.block_of[banned]}
            others -= {mine} if assignment.objective.wanted[mine] == 1 else set()
            concerned |= {mine, *others} if others else set()
    if concerned and sum(min(rows.stop - rows.start, MOST_EACH) for rows in blocks.values()) <= MOST_ROWS:
        concerned = set(names)
    group, size = list[str](), 0
    for asset in sorted(concerned):
        more = min(blocks[asset].stop - blocks[asset].start, MOST_EACH)
        if group and size + more > MOST_ROWS:
            yield group
            group, size = [], 0
        group.append(asset)
        size += more
    if group:
        yield group


class _Group:
    """The places of some assets that nothing is pinned in, all others as they are.

    Rows are counted within the group. ``together`` (K, K): what two rows add, −BAN for each with itself; ``gain`` (K,):
    what each would add to what is held, −BAN for each that bans it; ``options``: the rows of each place.
    """

    def __init__(self, objective: Objective, chosen: Sequence[int], assets: Sequence[str]) -> None:
        fixed = np.array(_outside(objective, chosen, assets), dtype=np.intp)
        free = set(chosen) - set(fixed.tolist())
        self.scale = float(objective.worth.std()) + objective.pull * (sum(objective.wanted.values()) - 1) / 4 or 1.0
        rows, self.options, self.held = list[int](), list[Rows](), list[int]()
        for asset in assets:
            block = objective.blocks[asset]
            every = np.arange(block.start, block.stop)
            alone = objective.worth[every] + EMPTY * self.scale + objective.pairs(every, fixed).sum(axis=1)
            pinned = objective.pinned[every]
            mine = [row for row in every.tolist() if row in free]
            allowed = every[(alone > -BAN / 2) & ~pinned]
            best = allowed[np.argsort(-alone[allowed - block.start], kind="stable")[:MOST_EACH]]
            taken = sorted({*best.tolist(), *mine})
            here = np.arange(len(rows), len(rows) + len(taken))
            rows += taken
            places = objective.wanted[asset] - int(np.isin(every[pinned], fixed).sum())
            self.options += [here] * places
            self.held += [int(here[taken.index(row)]) for row in mine] + [-1] * (places - len(mine))
        self.rows, self.fixed = np.array(rows, dtype=np.intp), fixed
        self.together = objective.pairs(self.rows, self.rows)
        np.fill_diagonal(self.together, -BAN)
        self.banned = [np.flatnonzero(line < -BAN / 2).tolist() for line in self.together]
        self.place_of = {row: place for place, row in enumerate(self.held) if row >= 0}
        alone = objective.worth[self.rows] + EMPTY * self.scale + objective.pairs(self.rows, fixed).sum(axis=1)
        self.gain: NDArray[np.float64] = alone + self.together[:, list(self.place_of)].sum(axis=1)

    def cooled(self, steps: int, rng: np.random.Generator) -> list[int]:
        """The best of the fullest choices that the cooling came by."""
        places = [place for place, options in enumerate(self.options) if len(options)]
        value, best_held, best = 0.0, list(self.held), (len(self.place_of), 0.0)
        for heat in np.geomspace(HOT, COLD, max(steps // max(len(places), 1), 1)) * self.scale:
            for place in rng.permutation(places).tolist():
                value += self._step(place, float(heat), rng)
                if (len(self.place_of), value - 1e-9) > best:
                    best, best_held = (len(self.place_of), value), list(self.held)
        return sorted([*self.fixed.tolist(), *self.rows[[row for row in best_held if row >= 0]].tolist()])

    def _step(self, place: int, heat: float, rng: np.random.Generator) -> float:
        """Propose a change; what it gained, 0 where it was not kept."""
        before = self.gain, list(self.held), dict(self.place_of)
        lost = self._give(place, -1)
        row, bans = self._proposal(place, before[1][place], heat, rng)
        giving_way = [self.place_of[other] for other in self.banned[row] if other in self.place_of] if bans else []
        change = lost + sum(self._give(other, -1) for other in giving_way) + self._give(place, row)
        for other in giving_way:
            options = self.options[other]
            gains = self.gain[options] + heat * rng.gumbel(size=len(options))
            at = int(gains.argmax())
            if gains[at] > -BAN / 2:
                change += self._give(other, int(options[at]))
        if bans <= MOST_GIVE_WAY and (change >= 0 or rng.random() < exp(change / heat)):
            return change
        self.gain, self.held, self.place_of = before
        return 0.0

    def _proposal(self, place: int, former: int, heat: float, rng: np.random.Generator) -> tuple[int, int]:
        """A row for an empty place, by its gain and chance, another than ``former`` where there is; its bans."""
        options = self.options[place]
        bans = np.rint(-self.gain[options] / BAN)
        liked = self.gain[options] + bans * (BAN - GIVES_WAY * self.scale) + heat * rng.gumbel(size=len(options))
        liked[options == former] = -np.inf
        at = int(liked.argmax())
        return int(options[at]), int(bans[at])

    def _give(self, place: int, row: int) -> float:
        """Put a row (−1: nothing) into a place; what that gains."""
        gained, former = 0.0, self.held[place]
        if former >= 0:
            self.gain = self.gain - self.together[former]
            gained -= float(self.gain[former])
            del self.place_of[former]
        if row >= 0:
            gained += float(self.gain[row])
            self.gain = self.gain + self.together[row]
            self.place_of[row] = place
        self.held[place] = row
        return gained


def _outside(objective: Objective, chosen: Sequence[int], assets: Sequence[str]) -> list[int]:
    """The chosen rows that stay: pinned ones, and those of other assets."""
    inside = {row for asset in assets for row in range(*objective.blocks[asset].indices(len(objective.options)))}
    return [row for row in chosen if row not in inside or objective.pinned[row]]
