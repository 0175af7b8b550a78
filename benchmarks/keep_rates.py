"""How well taste is learned from persons who keep little, or much. ``python -m benchmarks.keep_rates [PERSONS] [SEED]``

54 groups: three kinds of pictures (those of ``benchmarks.taste``) × a liking that is a slope, or nearness to one of
three pictures × nine keep rates. A verdict follows the liking with normal noise of 0.3 standard deviations. Persons
with rates under 15 % or over 85 % gave 240 verdicts, others 80; who has not given 8 of each kind is left out.

Balanced accuracy on verdicts not seen, of what is suggested (``taste.learn.suggested``), beside logistic regression
(strength by five-fold cross-validation; cut at 0.5, and by rank as taste), and beside the former method (slips of 5 %,
a narrow bias, no kernels, no shift; cut at 0.5; *learned* when its agreement passed that of the commoner verdict).
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.drawn import HELD_OUT
from benchmarks.starter_clip import starter_clip
from benchmarks.taste import few_qualities, of_pictures
from scoring.errors import TasteError
from scoring.taste.learn import DOUBT, STEADINESS, learn_taste, suggested
from scoring.taste.preference import Priors, learn_preference, shares_of
from starter.draw.scene import draw, random_scene

Matrix = NDArray[np.floating[Any]]
Vector = NDArray[np.float64]
RATES = (0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95)
KINDS = ("few qualities", "drawings, what varies", "drawings, any direction")
FORMER, FORMER_SLIP = Priors(slips=(0.02, 0.1), bias=1.0, reaches=()), 0.05
NOISE, DRAWINGS, STRENGTHS, FOLDS = 0.3, 600, 10.0 ** np.arange(-4, 3), 5
RANDOM_PERSONS = 20


def near_some(rows: Matrix, rng: np.random.Generator) -> Vector:
    """A liking: nearness to the nearest of three pictures along the four main axes."""
    axes = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)[0][:, :4]
    axes = axes / axes.std(axis=0)
    liked = axes[rng.permutation(len(axes))[:3]]
    return np.asarray(-((axes[:, None] - liked[None]) ** 2).sum(axis=2).min(axis=1))


def person(embeds: Matrix | None, kind: str, rate: float, seed: int, *, curved: bool) -> tuple[float, ...] | None:
    """Balanced accuracies (regression at 0.5, by rank, former, now), whether learned (former, now), whether the
    interval holds the agreement; None where there were too few verdicts of a kind."""
    rng = np.random.default_rng((seed, KINDS.index(kind), curved, round(100 * rate)))
    if kind == KINDS[0] or embeds is None:
        rows, liking = few_qualities(rng)
    else:
        rows, liking = of_pictures(embeds, rng, varying=kind == KINDS[1])
    liking = near_some(rows, rng) if curved else liking
    heard = liking + NOISE * liking.std() * rng.normal(size=len(liking))
    said = heard > np.quantile(heard, 1 - rate)
    count = 240 if not 0.15 <= rate <= 0.85 else 80
    judged, unseen, truth = rows[:count], rows[count:], said[count:]
    try:
        taste = learn_taste(judged, said[:count].tolist(), library=rows)
    except TasteError:
        return None
    chances = taste.score(unseen)
    agreed = float(((chances > 0.5) == truth).mean())
    low, high = taste.interval or (0.0, 1.0)
    regression = cross_validated(judged, said[:count], unseen, rng)
    was, agreement = former(judged, said[:count], rows, unseen)
    return (
        balanced(regression > 0.5, truth),
        balanced(by_rank(regression), truth),
        balanced(was > 0.5, truth),
        balanced(by_rank(chances), truth),
        float(agreement > taste.majority),
        float(bool(taste.learned)),
        float(low <= agreed <= high),
    )


def at_random(verdicts: int, kept: int, seed: int) -> bool:
    """Whether verdicts without a liking are said to have taught something."""
    rng = np.random.default_rng(seed)
    rows, _ = few_qualities(rng)
    said = rng.permutation(np.arange(verdicts) < kept).tolist()
    return bool(learn_taste(rows[:verdicts], said, library=rows).learned)


def by_rank(chances: Vector) -> NDArray[np.bool_]:
    """What is suggested."""
    found = np.zeros(len(chances), dtype=bool)
    found[suggested(chances.tolist())] = True
    return found


def balanced(said: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """The mean of the shares of kept and of rejected pictures that are said to be so."""
    return float(said[truth].mean() + (~said[~truth]).mean()) / 2


def former(judged: Matrix, keeps: NDArray[np.bool_], every: Matrix, unseen: Matrix) -> tuple[Vector, float]:
    """Chances and shown agreement of the method before this one."""
    found = learn_preference(judged, keeps, every, FORMER)
    kept = lambda liking: FORMER_SLIP + (1 - 2 * FORMER_SLIP) / (1 + np.exp(-liking))  # noqa: E731
    logs = [np.log(kept(steady * np.where(keeps, 1, -1) * found.left_out)).sum() for steady in STEADINESS]
    shares = shares_of(np.array(logs) - (np.log(STEADINESS) / DOUBT) ** 2 / 2)
    likings = np.abs(found.head.liking(every))
    agreement = float(shares @ [kept(steady * likings).mean() for steady in STEADINESS])
    return np.asarray(1 / (1 + np.exp(-(shares @ STEADINESS) * found.head.liking(unseen)))), agreement


def cross_validated(judged: Matrix, keeps: NDArray[np.bool_], unseen: Matrix, rng: np.random.Generator) -> Vector:
    """Chances by logistic regression with the ridge that predicts left-out folds best."""
    mean, spread = judged.mean(axis=0), judged.std()
    left, values, axes = np.linalg.svd((judged - mean) / spread, full_matrices=False)
    there = values > 1e-6 * values[0]
    rows, signs = left[:, there] * values[there], np.where(keeps, 1.0, -1.0)
    fold = np.empty(len(keeps), dtype=int)
    for kind in (False, True):
        members = rng.permutation(np.flatnonzero(keeps == kind))
        fold[members] = np.arange(len(members)) % FOLDS
    losses = []
    for strength in STRENGTHS:
        loss = 0.0
        for test in (fold == number for number in range(FOLDS)):
            weights = _ridge(rows[~test], signs[~test], strength)
            loss += np.logaddexp(0, -signs[test] * (rows[test] @ weights[:-1] + weights[-1])).sum()
        losses.append(loss)
    weights = _ridge(rows, signs, STRENGTHS[int(np.argmin(losses))])
    liking = ((unseen - mean) / spread) @ axes[there].T @ weights[:-1] + weights[-1]
    return np.asarray(1 / (1 + np.exp(-np.clip(liking, -60, 60))))


def _ridge(rows: Matrix, signs: Vector, strength: float) -> Vector:
    """Newton's method; the bias (last) is all but free."""
    points = np.column_stack([rows, np.ones(len(rows))])
    prior, weights = np.append(np.full(rows.shape[1], 1 / strength), 1e-6), np.zeros(rows.shape[1] + 1)
    for _ in range(25):
        wrong = 1 / (1 + np.exp(np.clip(signs * (points @ weights), -30, 30)))
        hessian = (points.T * np.maximum(wrong * (1 - wrong), 1e-6)) @ points + np.diag(prior)
        step = np.linalg.solve(hessian, points.T @ (signs * wrong) - prior * weights)
        length = np.linalg.norm(step)
        weights += step * min(1.0, 20 / max(length, 1e-9))
        if length < 1e-4:
            break
    return weights


def main() -> None:
    """A line for each group, and in how many the goal is met."""
    persons, first = (int(word) for word in (sys.argv[1:] + ["3", "5000"][len(sys.argv) - 1 :]))
    pictures = np.stack([np.asarray(draw(random_scene(HELD_OUT + number))) for number in range(DRAWINGS)])
    embeds = starter_clip().embed(pictures).astype(np.float16)
    groups, covered = [], []
    for kind in KINDS:
        for curved in (False, True):
            for rate in RATES:
                found = [person(embeds, kind, rate, first + number, curved=curved) for number in range(persons)]
                made = np.array([one for one in found if one is not None])
                if not len(made):
                    print(f"{kind}, {'near some' if curved else 'slope'}, keeps {rate:.0%}: too few verdicts")
                    continue
                cut, ranked, was, now, learned_before, learned, _ = 100 * made.mean(axis=0)
                groups.append((cut, ranked, was, now))
                covered += made[:, -1].tolist()
                print(
                    f"{kind}, {'near some' if curved else 'slope'}, keeps {rate:.0%}, {len(made)} persons: "
                    f"{now:.1f} % balanced (former {was:.1f}, regression {cut:.1f}, by rank {ranked:.1f}); "
                    f"learned {learned:.0f} % (former {learned_before:.0f})",
                    flush=True,
                )
    cut, ranked, was, now = np.array(groups).T
    print(f"not 0.5 points below regression in {(now >= cut - 0.5).sum()} of {len(now)} groups, ", end="")
    print(f"worst {(now - cut).min():+.1f}; former in {(was >= cut - 0.5).sum()}, worst {(was - cut).min():+.1f}")
    print(f"not 0.5 points below regression by rank in {(now >= ranked - 0.5).sum()}, ", end="")
    print(f"worst {(now - ranked).min():+.1f}; former in {(was >= ranked - 0.5).sum()}")
    print(f"the interval holds the agreement of {100 * np.mean(covered):.1f} % of {len(covered)} persons (goal: 90)")
    for kept, verdicts in ((30, 60), (12, 240)):
        lucky = np.mean([at_random(verdicts, kept, first + number) for number in range(RANDOM_PERSONS)])
        print(f"of {RANDOM_PERSONS} who kept {kept} of {verdicts} at random, {lucky:.0%} are said to have taught")


if __name__ == "__main__":
    main()
