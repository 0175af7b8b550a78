"""Choosing keepers of a whole set: good pictures that look like one deck and are not each other's doubles. Pure.

To be maximised over the chosen set S, with at most the wanted number of each asset::

    Σ quality(i)  +  coherence · 2/(n−1) · Σ_{i<j} cos(style_i, style_j)  −  sameness · Σ_{i<j} same(i, j)

- *quality* is the weighted sum of the aesthetic and adherence scores, each standardised over the set's candidates.
- *style* of a candidate is its embedding less the mean of its asset's candidates: what the picture is of cancels out,
  how it is done remains. With reference pictures it is simply the cosine with their mean.
- *same* is 0 up to a cosine of 0.9 between two chosen pictures' embeddings, then grows to 1.

Filling the wanted places always comes before beauty; two pictures above ``max_likeness`` are never both chosen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specs.spec import Weights

Matrix = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Entrant:
    """A candidate that passed ``judge``. ``embedding`` (D,) is L2-normalised, or None when no CLIP was used.

    ``pinned``: a person said keep; it is chosen before all others. ``quality`` overrides the scores (taste).
    """

    asset_id: str
    image_sha256: str
    aesthetic: float | None = None
    adherence: float | None = None
    embedding: Matrix | None = None
    pinned: bool = False
    quality: float | None = None


@dataclass(frozen=True, slots=True)
class Pick:
    """A chosen picture: its share of each part of the objective, the runner-up of its asset, and why it won."""

    asset_id: str
    image_sha256: str
    quality: float
    coherence: float
    sameness: float
    total: float
    runner_up: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Choice:
    """``picks`` sorted by (asset, hash); ``passed_over`` (image, reason) of the others; ``short`` (asset, missing)."""

    picks: tuple[Pick, ...]
    passed_over: tuple[tuple[str, str], ...]
    short: tuple[tuple[str, int], ...]
    exact: bool
    total: float
    mean_coherence: float | None


SAME_FROM = 0.9
PLACE = 1e6  # the worth of one filled place: more than any sum of the other parts
EXACT_OPTIONS = 200_000  # at most this many combinations are searched through completely
SWEEPS = 30


def select(
    entrants: Sequence[Entrant],
    wanted: Mapping[str, int],
    weights: Weights,
    max_likeness: Mapping[str, float | None] | float | None = None,
    references: Matrix | None = None,
) -> Choice:
    """Choose at most ``wanted[asset]`` of each asset's entrants; deterministic, whatever the entrants' order.

    ``max_likeness`` (cosine) for all assets or for each; ``references`` (R, D) are pictures whose style is asked for.
    Exact when the combinations are few enough (``Choice.exact`` says so), else a greedy start improved by swaps.
    """
    ordered = sorted(entrants, key=lambda entrant: (entrant.asset_id, entrant.image_sha256))
    problem = _Problem(ordered, wanted, weights, max_likeness, references)
    chosen = problem.exactly() if problem.combinations() <= EXACT_OPTIONS else None
    exact = chosen is not None
    if chosen is None:
        chosen = max((problem.improved(start) for start in problem.starts()), key=problem.rank)
    return _report(problem, sorted(chosen), wanted, exact)


class _Problem:
    """The objective over row numbers of ``entrants``: ``worth`` (N,) of each alone, ``pairs(rows, others)`` of two."""

    def __init__(
        self,
        entrants: Sequence[Entrant],
        wanted: Mapping[str, int],
        weights: Weights,
        max_likeness: Mapping[str, float | None] | float | None,
        references: Matrix | None,
    ) -> None:
        self.entrants = entrants
        self.pinned = np.array([entrant.pinned for entrant in entrants], dtype=bool)
        self.blocks = _blocks(entrants)
        self.wanted = {
            asset: max(wanted.get(asset, 0), int(self.pinned[rows].sum())) for asset, rows in self.blocks.items()
        }
        self.embeds = _embeddings(entrants)
        self.styles = _styles(self.embeds, self.blocks)
        self.quality = _quality(entrants, weights)
        self.worth = self.quality.copy()
        places = sum(min(self.wanted[asset], len(rows)) for asset, rows in self.blocks.items())
        self.pull = weights.coherence * 2 / (places - 1) if places > 1 and references is None else 0.0
        self.push = weights.sameness
        if references is not None and len(references) and self.embeds.shape[1]:
            self.worth += weights.coherence * _standard(self.embeds @ _unit(references.mean(axis=0, keepdims=True))[0])
        self.limits = _limits(entrants, max_likeness)

    def combinations(self) -> float:
        """How many choices there are, without regard to likeness."""
        total = 1.0
        for asset, rows in self.blocks.items():
            total *= _subsets(len(rows), min(self.wanted[asset], len(rows)))
        return total

    def pairs(self, rows: NDArray[np.intp], others: NDArray[np.intp]) -> NDArray[np.float64]:
        """(M, K) what two pictures add together: coherence less sameness; two that are too alike cost a place each."""
        likeness = self.embeds[rows] @ self.embeds[others].T
        values = self.pull * (self.styles[rows] @ self.styles[others].T)
        values -= self.push * np.clip((likeness - SAME_FROM) / (1 - SAME_FROM), 0, 1)
        banned = likeness > np.minimum(self.limits[rows][:, None], self.limits[others][None, :])
        banned &= ~(self.pinned[rows][:, None] & self.pinned[others][None, :])
        return np.asarray(values - 4 * PLACE * banned, dtype=np.float64)

    def value(self, chosen: Sequence[int]) -> float:
        """The objective of a choice, with the worth of its filled places and of the pinned pictures in it."""
        rows = np.array(sorted(chosen), dtype=np.intp)
        together = self.pairs(rows, rows)
        alone = self.worth[rows].sum() + PLACE * len(rows) + 8 * PLACE * self.pinned[rows].sum()
        return float(alone + np.triu(together, 1).sum())

    def rank(self, chosen: Sequence[int]) -> tuple[float, list[int]]:
        """For ``max``: the better value; between equals, the one whose rows come first."""
        return (round(self.value(chosen), 9), [-row for row in sorted(chosen)])

    def gains(self, rows: NDArray[np.intp], chosen: Sequence[int]) -> NDArray[np.float64]:
        """(M,) what each of ``rows`` would add to ``chosen``."""
        alone = self.worth[rows] + PLACE + 8 * PLACE * self.pinned[rows]
        others = np.array(chosen, dtype=np.intp)
        return alone + self.pairs(rows, others).sum(axis=1) if len(others) else alone

    def starts(self) -> list[list[int]]:
        """Greedy choices to improve on: by worth alone, and leaning to either end of the main directions of style."""
        leans = [np.zeros(len(self.entrants))]
        if self.pull and self.styles.shape[1]:
            _, _, axes = np.linalg.svd(self.styles.T @ self.styles)
            for axis in axes[:2]:
                lean = self.styles @ (axis if axis[np.argmax(np.abs(axis))] > 0 else -axis)
                leans += [lean * self.pull * len(self.blocks) / 2, -lean * self.pull * len(self.blocks) / 2]
        return [self._greedy(lean) for lean in leans]

    def _greedy(self, lean: NDArray[np.float64]) -> list[int]:
        chosen: list[int] = []
        for asset, rows in self.blocks.items():
            for _ in range(min(self.wanted[asset], len(rows))):
                free = np.array([row for row in rows if row not in chosen], dtype=np.intp)
                gains = self.gains(free, chosen) + lean[free]
                best = int(np.argmax(np.round(gains, 9)))
                if gains[best] > 0:
                    chosen.append(int(free[best]))
        return chosen

    def improved(self, chosen: list[int]) -> list[int]:
        """Change one place at a time for the better until nothing changes."""
        chosen = list(chosen)
        for _ in range(SWEEPS):
            before = set(chosen)
            for asset, rows in self.blocks.items():
                held = [row for row in chosen if row in set(rows.tolist())]
                for slot in [*held, *[None] * (min(self.wanted[asset], len(rows)) - len(held))]:
                    rest = [row for row in chosen if row != slot]
                    free = np.array([row for row in rows if row not in rest], dtype=np.intp)
                    gains = np.round(self.gains(free, rest), 9)
                    best = int(np.argmax(gains))
                    chosen = [*rest, int(free[best])] if gains[best] > 0 else rest
            if set(chosen) == before:
                break
        return chosen

    def exactly(self) -> list[int]:
        """The best choice of all, by depth-first search that leaves a branch when its bound cannot win."""
        blocks = [(min(self.wanted[asset], len(rows)), rows) for asset, rows in self.blocks.items()]
        everyone = np.arange(len(self.entrants), dtype=np.intp)
        together = self.pairs(everyone, everyone) if len(everyone) else np.zeros((0, 0))
        np.fill_diagonal(together, 0.0)
        options = [_options(rows, count) for count, rows in blocks]
        start = max((self.improved(start) for start in self.starts()), key=self.rank)
        return _Search(self, together, options, sorted(start)).run()


class _Search:
    """Depth-first branch and bound over the assets' options (each a tuple of rows)."""

    def __init__(
        self, problem: _Problem, together: NDArray[np.float64], options: list[list[tuple[int, ...]]], best: list[int]
    ) -> None:
        self.problem, self.together, self.options = problem, together, options
        self.best, self.best_rank = best, problem.rank(best)
        alone = problem.worth + PLACE + 8 * PLACE * problem.pinned
        self.own = [
            [float(alone[list(rows)].sum() + np.triu(together[np.ix_(rows, rows)], 1).sum()) for rows in choices]
            for choices in options
        ]
        self.ceiling = [self._ceiling(depth) for depth in range(len(options) + 1)]

    def _ceiling(self, depth: int) -> float:
        """At most what the assets from ``depth`` on can add among themselves."""
        total = 0.0
        for place in range(depth, len(self.options)):
            later = self.options[place + 1 :]
            total += max(
                own + sum(max(self._between(rows, other) for other in choices) for choices in later)
                for own, rows in zip(self.own[place], self.options[place], strict=True)
            )
        return total

    def _between(self, rows: tuple[int, ...], others: tuple[int, ...]) -> float:
        return float(self.together[np.ix_(rows, others)].sum()) if rows and others else 0.0

    def run(self) -> list[int]:
        """The best choice, as sorted rows."""
        self._descend(0, 0.0, [], np.zeros(len(self.together)))
        return self.best

    def _descend(self, depth: int, value: float, chosen: list[int], pull: NDArray[np.float64]) -> None:
        if depth == len(self.options):
            rank = self.problem.rank(chosen)
            if rank > self.best_rank:
                self.best, self.best_rank = sorted(chosen), rank
            return
        ahead = sum(max(float(pull[list(rows)].sum()) for rows in choices) for choices in self.options[depth:])
        if value + ahead + self.ceiling[depth] < self.best_rank[0] - 1e-6:
            return
        for own, rows in zip(self.own[depth], self.options[depth], strict=True):
            added = own + float(pull[list(rows)].sum())
            self._descend(depth + 1, value + added, [*chosen, *rows], pull + self.together[list(rows)].sum(axis=0))


def _blocks(entrants: Sequence[Entrant]) -> dict[str, NDArray[np.intp]]:
    rows: dict[str, list[int]] = {}
    for row, entrant in enumerate(entrants):
        rows.setdefault(entrant.asset_id, []).append(row)
    return {asset: np.array(places, dtype=np.intp) for asset, places in rows.items()}


def _options(rows: NDArray[np.intp], count: int) -> list[tuple[int, ...]]:
    return [option for size in range(count, -1, -1) for option in combinations(rows.tolist(), size)]


def _subsets(of: int, at_most: int) -> float:
    return float(sum(comb(of, size) for size in range(at_most + 1)))


def _embeddings(entrants: Sequence[Entrant]) -> NDArray[np.float64]:
    """(N, D) unit rows; zeros where a candidate has none, so that it is like nothing."""
    width = next((len(entrant.embedding) for entrant in entrants if entrant.embedding is not None), 0)
    rows = [np.zeros(width) if entrant.embedding is None else np.asarray(entrant.embedding) for entrant in entrants]
    return _unit(np.nan_to_num(np.array(rows, dtype=np.float64).reshape(len(entrants), width)))


def _styles(embeds: NDArray[np.float64], blocks: Mapping[str, NDArray[np.intp]]) -> NDArray[np.float64]:
    """What is left of each embedding without its asset's mean, at unit length."""
    styles = np.zeros_like(embeds)
    for rows in blocks.values():
        styles[rows] = embeds[rows] - embeds[rows].mean(axis=0)
    return _unit(styles)


def _unit(rows: Matrix) -> NDArray[np.float64]:
    lengths = np.sqrt((np.asarray(rows, dtype=np.float64) ** 2).sum(axis=1, keepdims=True))
    return np.asarray(np.divide(rows, lengths, out=np.zeros(rows.shape), where=lengths > 1e-9))


def _quality(entrants: Sequence[Entrant], weights: Weights) -> NDArray[np.float64]:
    scores = [
        (weights.aesthetic, [entrant.aesthetic for entrant in entrants]),
        (weights.adherence, [entrant.adherence for entrant in entrants]),
    ]
    mixed = sum(
        (weight * _standard(np.array(values, dtype=np.float64)) for weight, values in scores), np.zeros(len(entrants))
    )
    given = [entrant.quality for entrant in entrants]
    return np.array([mixed[row] if value is None else value for row, value in enumerate(given)], dtype=np.float64)


def _standard(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """In standard deviations from the mean; what was not measured counts as the mean."""
    known = values[np.isfinite(values)]
    spread = known.std() if len(known) else 0.0
    return np.nan_to_num((values - known.mean()) / spread) if spread > 1e-9 else np.zeros(len(values))


def _limits(
    entrants: Sequence[Entrant], max_likeness: Mapping[str, float | None] | float | None
) -> NDArray[np.float64]:
    if not isinstance(max_likeness, Mapping):
        return np.full(len(entrants), np.inf if max_likeness is None else max_likeness)
    found = [max_likeness.get(entrant.asset_id) for entrant in entrants]
    return np.array([np.inf if limit is None else limit for limit in found])


def _report(problem: _Problem, chosen: list[int], wanted: Mapping[str, int], exact: bool) -> Choice:
    entrants = problem.entrants
    picks = tuple(_pick(problem, row, [other for other in chosen if other != row]) for row in chosen)
    held = {asset: [row for row in chosen if entrants[row].asset_id == asset] for asset in {*wanted, *problem.blocks}}
    passed = tuple(
        (entrant.image_sha256, _passed_over(problem, row, chosen, held[entrant.asset_id]))
        for row, entrant in enumerate(entrants)
        if row not in set(chosen)
    )
    short = tuple(
        (asset, wanted[asset] - len(held[asset])) for asset in sorted(wanted) if len(held[asset]) < wanted[asset]
    )
    styles = problem.styles[chosen]
    count = len(chosen)
    together = float((styles.sum(axis=0) ** 2).sum() - (styles**2).sum()) / (count * (count - 1)) if count > 1 else None
    total = problem.value(chosen) - PLACE * count - 8 * PLACE * int(problem.pinned[chosen].sum()) if count else 0.0
    return Choice(picks, passed, short, exact, round(total, 6), None if together is None else round(together, 6))


def _pick(problem: _Problem, row: int, rest: list[int]) -> Pick:
    entrant = problem.entrants[row]
    quality, coherence, sameness = _parts(problem, row, rest)
    total = quality + coherence - sameness
    rivals = [other for other in problem.blocks[entrant.asset_id].tolist() if other != row and other not in rest]
    gains = problem.gains(np.array(rivals, dtype=np.intp), rest) if rivals else np.zeros(0)
    runner = rivals[int(np.argmax(np.round(gains, 9)))] if rivals else None
    return Pick(
        entrant.asset_id,
        entrant.image_sha256,
        *(round(part, 6) for part in (quality, coherence, sameness, total)),
        runner_up=None if runner is None else problem.entrants[runner].image_sha256,
        why=_why(problem, row, runner, rest),
    )


def _parts(problem: _Problem, row: int, rest: list[int]) -> tuple[float, float, float]:
    """(quality, coherence, sameness) that a picture adds to the others."""
    coherence = float(problem.worth[row] - problem.quality[row])
    if not rest:
        return float(problem.quality[row]), coherence, 0.0
    likeness = problem.embeds[rest] @ problem.embeds[row]
    coherence += problem.pull * float((problem.styles[rest] @ problem.styles[row]).sum())
    sameness = problem.push * float(np.clip((likeness - SAME_FROM) / (1 - SAME_FROM), 0, 1).sum())
    return float(problem.quality[row]), coherence, sameness


def _why(problem: _Problem, row: int, runner: int | None, rest: list[int]) -> str:
    if problem.pinned[row]:
        return "kept before"
    count = len(problem.blocks[problem.entrants[row].asset_id])
    mine = _parts(problem, row, rest)
    if runner is None:
        return f"the only one left of {count} that passed"
    theirs = _parts(problem, runner, rest)
    words = [
        f"{name} {sign * (one - other):+.2f}"
        for name, sign, one, other in zip(("quality", "coherence", "sameness"), (1, 1, -1), mine, theirs, strict=True)
        if abs(one - other) >= 0.005
    ]
    name = problem.entrants[runner].image_sha256[:12]
    if _twins(problem, runner, rest):
        return f"of {count} that passed; the runner-up {name} is too like another keeper"
    return f"of {count} that passed; against the runner-up {name}: {', '.join(words) or 'equal, first by hash'}"


def _twins(problem: _Problem, row: int, chosen: list[int]) -> list[int]:
    """Chosen pictures that this one is too like to stand beside."""
    likeness = problem.embeds[chosen] @ problem.embeds[row] if chosen else np.zeros(0)
    return [
        other
        for other, value in zip(chosen, likeness, strict=True)
        if value > min(problem.limits[row], problem.limits[other])
    ]


def _passed_over(problem: _Problem, row: int, chosen: list[int], held: list[int]) -> str:
    if twins := _twins(problem, row, chosen):
        return f"too_like:{problem.entrants[twins[0]].image_sha256}"
    return f"outscored:{problem.entrants[held[0]].image_sha256}" if held else "not_wanted"
