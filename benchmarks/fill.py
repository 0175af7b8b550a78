"""How full and how good the choice is where doubles abound. ``python -m benchmarks.fill [SETS] [FIRST_SEED]``

Random sets of 4 to 60 assets × 2 to 12 candidates, one place or two each, some pictures pinned. On odd seeds candidates
show one of a few motifs, about as many as there are places or up to twice as many; on even seeds embeddings lie anyhow
in 4 to 8 dimensions, and the limit gives each candidate doubles among a tenth to all of as many as its asset has.

The most places that can be filled is found by HiGHS (branch and cut, as SciPy brings it). *Former*: the choice that
changed one place at a time and knew no other way to fill. The value, places not counted, is compared on every tenth set
with an annealing of five times as many steps that starts at the choice, from another seed; a positive gap is what the
longer one found beyond it.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from scoring.selection.anneal import STEPS, anneal
from scoring.selection.assignment import Assignment, hill_climb
from scoring.selection.neighbours import Neighbours
from scoring.selection.objective import PIN, PLACE, Objective, Option, make_objective
from scoring.selection.search import exactly, starts
from scoring.selection.select import filled, select
from specs.spec import SelectionWeights

VALUED = 10  # every so-manyth set is valued
LONGER = 5


@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """What ``select`` takes."""

    options: list[Option]
    wanted: dict[str, int]
    weights: SelectionWeights
    limit: float

    def objective(self) -> Objective:
        """The objective's numbers."""
        return make_objective(self.options, self.wanted, self.weights, self.limit, None)

    def chosen(self) -> list[int]:
        """The rows that ``select`` chooses."""
        choice = select(self.options, self.wanted, self.weights, self.limit)
        picked = {pick.image_sha256 for pick in choice.picks}
        return [row for row, one in enumerate(self.objective().options) if one.image_sha256 in picked]


def crowd(seed: int, most_assets: int = 60, most_each: int = 12) -> Crowd:
    """A random set."""
    rng = np.random.default_rng(seed)
    assets, each = int(rng.integers(4, most_assets + 1)), int(rng.integers(2, most_each + 1))
    wanted = {f"asset-{number:03d}": int(rng.choice([1, 1, 1, 1, 2])) for number in range(assets)}
    count, places = assets * each, sum(wanted.values())
    if seed % 2:
        motifs, limit = rng.normal(size=(max(2, int(places * rng.uniform(0.95, 2.0))), 32)), 0.9
        vectors = motifs[rng.integers(len(motifs), size=count)] + 0.1 * rng.normal(size=(count, 32))
    else:
        vectors = rng.normal(size=(count, int(rng.integers(4, 9))))
        units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        likeness = np.sort((units @ units.T)[np.triu_indices(count, 1)])
        limit = float(likeness[-max(1, int(rng.uniform(0.1, 1.0) * each * count / 2))])
    pinned = rng.random(count) < rng.choice([0.0, 0.05])
    options = [
        Option(
            f"asset-{row // each:03d}", f"{row:064x}", rng.normal(5.5, 0.6), rng.normal(0.29, 0.02), vectors[row],
            pinned=bool(pinned[row]),
        )
        for row in range(count)
    ]  # fmt: skip
    return Crowd(options, wanted, SelectionWeights(coherence=float(rng.choice([0.0, 0.5, 1.0]))), limit)


def former(objective: Objective) -> Assignment:
    """One place changed at a time."""
    near = Neighbours(objective)
    boards = (hill_climb(objective, start, near) for start in starts(objective)[:2])
    return max(boards, key=lambda one: objective.rank(one.chosen()))


def most_places(objective: Objective) -> int:
    """The most places that can be filled: one variable a row, one constraint for each asset and clique of bans."""
    every = np.arange(len(objective.options), dtype=np.intp)
    bans = objective.banned(objective.likeness(objective.embeds(every), every), every, every)
    bans = (bans | bans.T) & ~np.eye(len(bans), dtype=bool)
    lines = [np.arange(rows.start, rows.stop) for rows in objective.blocks.values()]
    cliques = list(_cliques(bans))
    most = np.array([*objective.wanted.values(), *[1] * len(cliques)], dtype=np.float64)
    lines += cliques
    at = np.repeat(np.arange(len(lines)), [len(line) for line in lines])
    matrix = csr_array((np.ones(len(at)), (at, np.concatenate(lines))), shape=(len(lines), len(every)))
    found = milp(
        -np.ones(len(every)),
        constraints=LinearConstraint(matrix, -np.inf, most),
        integrality=np.ones(len(every)),
        bounds=Bounds(objective.pinned.astype(np.float64), 1.0),
    )
    return round(-found.fun)


def _cliques(bans: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    """Cliques that hold every banned pair, found greedily."""
    left, found = np.triu(bans, 1), []
    while left.any():
        row = int(left.any(axis=1).argmax())
        clique, common = [row, int(left[row].argmax())], bans[row] & bans[int(left[row].argmax())]
        while common.any():
            clique.append(int(common.argmax()))
            common = common & bans[clique[-1]]
        found.append(np.array(clique, dtype=np.intp))
        left[np.ix_(clique, clique)] = False
    return found


def value_of(objective: Objective, chosen: list[int]) -> float:
    """What a choice is worth, places and pins not counted."""
    return objective.value(chosen) - PLACE * len(chosen) - PIN * int(objective.pinned[chosen].sum())


def gap(objective: Objective, chosen: list[int], seed: int, longer: int = LONGER) -> float:
    """By what share of its value a longer annealing beats a choice."""
    assignment = Assignment(objective, chosen, Neighbours(objective))
    best = value_of(objective, anneal(assignment, longer * STEPS, seed))
    return (best - value_of(objective, chosen)) / max(abs(best), 1e-9)


def main() -> None:
    """Print how many sets are filled as far as can be, and how far the value is from the longer annealing's."""
    count, first = (int(word) for word in (sys.argv[1:] + ["500", "200000"][len(sys.argv) - 1 :]))
    equal = equal_before = missing = 0
    gaps, before = [], []
    for seed in range(first, first + count):
        one = crowd(seed)
        objective = one.objective()
        most, was = most_places(objective), former(objective)
        equal += len(filled(objective).chosen()) == most
        equal_before += len(was.chosen()) == most
        missing = max(missing, most - len(was.chosen()))
        if seed % VALUED < 2 and (seed // VALUED) % 2:
            rows = one.chosen()
            gaps.append(gap(objective, rows, seed))
            if len(was.chosen()) == len(rows):
                best = exactly(objective, was.chosen()) or was.chosen()
                better = value_of(objective, rows) * (1 + gaps[-1])
                before.append((better - value_of(objective, best)) / max(abs(better), 1e-9))
    print(f"seeds from {first}: as many places filled as can be in {equal} of {count} sets")
    print(f"former: in {equal_before}, up to {missing} places left empty that could be filled")
    worst, over = 100 * np.max(gaps), int(np.sum(np.array(gaps) > 0.005))
    print(
        f"value against the longer annealing, {len(gaps)} sets: {100 * np.mean(gaps):.2f} % below on average, ", end=""
    )
    print(f"{worst:.2f} % at worst, over 0.5 % in {over}")
    shares = f": {100 * np.mean(before):.2f} %, {100 * np.max(before):.2f} %" if before else ""
    print(f"former, {len(before)} sets of these that it filled as well{shares}")


if __name__ == "__main__":
    main()
