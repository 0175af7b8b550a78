"""Choosing keepers of a whole set: good pictures that look like one deck and are not each other's doubles. Pure.

To be maximised over the chosen set S, with at most the wanted number of each asset::

    Σ quality(i)  +  coherence · 4/(n−1) · Σ_{i<j} cos(style_i, style_j)  −  sameness · Σ_{i<j} same(i, j)

- *quality* is the weighted sum of the aesthetic and adherence scores, each standardised over the set's candidates.
- *style* of a candidate is its embedding less the mean of its asset's candidates: what the picture is of cancels out,
  how it is done remains. With reference pictures it is the cosine with their mean, standardised, for each picture.
- *same* is 0 up to a cosine of 0.9 between two chosen pictures' embeddings, then grows to 1.

Filling the wanted places always comes before beauty; two pictures above ``max_likeness`` are never both chosen; what
is pinned is always chosen. Equal input gives equal output, whatever its order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scoring.reasons import BEGUN, NOT_WANTED, OUTSCORED, TOO_LIKE
from scoring.selection.anneal import anneal
from scoring.selection.assignment import Assignment, hill_climb
from scoring.selection.fill import fill
from scoring.selection.neighbours import Neighbours
from scoring.selection.objective import DECIMALS, PIN, PLACE, Matrix, Objective, Option, make_objective
from scoring.selection.search import exactly, starts
from specs.spec import SelectionWeights

__all__ = ["Choice", "Option", "Pick", "select"]


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
    """``picks`` sorted by (asset, hash); ``passed_over`` (image, reason) of the others; ``short`` (asset, missing).

    Reasons: ``outscored:<hash>`` by a picture of its asset, ``too_like:<hash>`` a keeper, ``not_wanted``.
    ``mean_coherence`` is the mean cosine between the chosen pictures' styles, None for fewer than two.
    """

    picks: tuple[Pick, ...]
    passed_over: tuple[tuple[str, str], ...]
    short: tuple[tuple[str, int], ...]
    exact: bool
    total: float
    mean_coherence: float | None


def select(
    options: Sequence[Option],
    wanted: Mapping[str, int],
    weights: SelectionWeights,
    max_likeness: Mapping[str, float | None] | float | None = None,
    references: Matrix | None = None,
) -> Choice:
    """Choose at most ``wanted[asset]`` of each asset's options.

    ``max_likeness`` (cosine −1…1) for all assets or for each; ``references`` (R, D) are pictures whose style is asked
    for. Exact when the set is small enough to search through (``Choice.exact`` says so), else greedy with changes of
    one place. Where limits of likeness leave places empty, tabu search fills them; where they bind, annealing improves.
    """
    objective = make_objective(options, wanted, weights, max_likeness, references)
    if not objective.options:
        return Choice(
            (), (), tuple(sorted((asset, count) for asset, count in wanted.items() if count)), True, 0.0, None
        )
    assignment = filled(objective)
    best = exactly(objective, assignment.chosen())
    chosen = anneal(assignment) if best is None else best
    return _report(Assignment(objective, chosen, assignment.neighbours), wanted, exact=best is not None)


def filled(objective: Objective) -> Assignment:
    """A good choice that fills as many places as were found to go together."""
    near = Neighbours(objective)
    climbed = (hill_climb(objective, start, near) for start in starts(objective)[:2])
    assignment = max(climbed, key=lambda one: objective.rank(one.chosen()))
    return hill_climb(objective, assignment.chosen(), near) if fill(assignment) else assignment


def _report(assignment: Assignment, wanted: Mapping[str, int], *, exact: bool) -> Choice:
    objective, chosen = assignment.objective, assignment.chosen()
    options, is_chosen = objective.options, set(chosen)
    held: dict[str, list[int]] = {asset: [] for asset in {*wanted, *objective.blocks}}
    for row in chosen:
        held[options[row].asset_id].append(row)
    left = [row for row in range(len(options)) if row not in is_chosen]
    short = [(asset, wanted[asset] - len(held[asset])) for asset in sorted(wanted) if len(held[asset]) < wanted[asset]]
    count, banning = len(chosen), assignment.banning()
    place_of = {row: place for place, row in enumerate(assignment.held) if row >= 0}
    total = objective.value(chosen) - PLACE * count - PIN * int(objective.pinned[chosen].sum()) if count else 0.0
    return Choice(
        picks=tuple(_pick(assignment, place_of[row]) for row in chosen),
        passed_over=tuple(
            (options[row].image_sha256, _passed_over(assignment, row, held, int(banning[row]))) for row in left
        ),
        short=tuple(short),
        exact=exact,
        total=round(total, DECIMALS),
        mean_coherence=_mean_coherence(objective, chosen),
    )


def _mean_coherence(objective: Objective, chosen: list[int]) -> float | None:
    if len(chosen) < 2 or not objective.styles.shape[1]:
        return None
    styles = objective.styles[chosen].astype(np.float64)
    together = (styles.sum(axis=0) ** 2).sum() - (styles**2).sum()
    return round(float(together / (len(chosen) * (len(chosen) - 1))), DECIMALS)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a picture adds beside the others that are chosen."""

    quality: float
    coherence: float
    sameness: float

    @property
    def total(self) -> float:
        return self.quality + self.coherence - self.sameness


def _pick(assignment: Assignment, place: int) -> Pick:
    objective, row = assignment.objective, assignment.held[place]
    option, first = objective.options[row], objective.blocks[assignment.assets[place]].start
    gains = assignment.gains(place)
    gains[row - first] = -np.inf
    runner = int(np.argmax(gains)) + first if np.isfinite(gains).any() else None
    parts = _parts(assignment, place, row)
    return Pick(
        asset_id=option.asset_id,
        image_sha256=option.image_sha256,
        quality=round(parts.quality, DECIMALS),
        coherence=round(parts.coherence, DECIMALS),
        sameness=round(parts.sameness, DECIMALS),
        total=round(parts.total, DECIMALS),
        runner_up=None if runner is None else objective.options[runner].image_sha256,
        why=_why(assignment, place, runner),
    )


def _parts(assignment: Assignment, place: int, row: int) -> _Parts:
    """The parts of the objective that ``row`` adds, or would add, in a place."""
    quality = float(assignment.objective.quality[row])
    alone = slice(row, row + 1)
    coherence = float(assignment.coherence(place, alone)[0] + assignment.objective.worth[row]) - quality
    return _Parts(quality, coherence, float(assignment.sameness(place, alone)[0]))


def _why(assignment: Assignment, place: int, runner: int | None) -> str:
    """One sentence: how many passed, the runner-up, and by what it was behind."""
    objective, row = assignment.objective, assignment.held[place]
    block = objective.blocks[assignment.assets[place]]
    among = f"of {block.stop - block.start} that passed"
    if objective.pinned[row]:
        return f"{among}: kept before, so it stays"
    if runner is None:
        return f"{among}: no other is left"
    name = objective.options[runner].image_sha256[:BEGUN]
    if assignment.bans_on(place, slice(runner, runner + 1))[0]:
        return f"{among}: the runner-up {name} is too like another keeper"
    mine, theirs = _parts(assignment, place, row), _parts(assignment, place, runner)
    gaps = {
        "quality": mine.quality - theirs.quality,
        "coherence": mine.coherence - theirs.coherence,
        "sameness": theirs.sameness - mine.sameness,
    }
    words = ", ".join(f"{part} {gap:+.2f}" for part, gap in gaps.items() if abs(gap) >= 0.005)
    return f"{among}: against the runner-up {name}, {words or 'equal, first by its hash'}"


def _passed_over(assignment: Assignment, row: int, held: Mapping[str, list[int]], banning: int) -> str:
    options = assignment.objective.options
    if banning >= 0:
        return f"{TOO_LIKE}:{options[assignment.held[banning]].image_sha256}"
    mine = held[options[row].asset_id]
    return f"{OUTSCORED}:{options[mine[0]].image_sha256}" if mine else NOT_WANTED
