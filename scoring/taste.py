"""A person's taste, learned from their verdicts: a small logistic head on CLIP embeddings. Pure numpy.

From 40 verdicts on, kept and rejected both. The strength of the ridge is chosen, and the agreement with the person
measured, by cross-validation that the chosen head has never seen (nested), beside the agreement that the stock
aesthetic score would reach with the best threshold. Taste ranks and suggests; it decides only when the spec says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.errors import TasteError

Matrix = NDArray[np.floating[Any]]
Vector = NDArray[np.float64]
LEAST_VERDICTS = 40
LEAST_EACH = 8
FOLDS = 10
RIDGES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
ROUNDS = 3  # shufflings of the outer folds, averaged; one is enough for hundreds of verdicts
MANY_VERDICTS = 300


@dataclass(frozen=True, slots=True, eq=False)
class Taste:
    """``score`` of an embedding is the estimated chance (0–1) that this person keeps it.

    ``agreement`` and ``stock_agreement``: shares (0–1) of held-out verdicts that taste and the aesthetic score get
    right; ``majority``: the share that always saying the commoner verdict gets right. Below it, taste has learned
    nothing.
    """

    mean: Vector
    weight: Vector
    bias: float
    ridge: float
    verdicts: int
    agreement: float
    stock_agreement: float | None
    majority: float

    def score(self, embeddings: Matrix) -> Vector:
        """(N, D) → (N,) chances, rounded to 6 decimals."""
        logits = (np.asarray(embeddings, dtype=np.float64) - self.mean) @ self.weight + self.bias
        return np.round(_sigmoid(logits), 6)


def learn_taste(embeddings: Matrix, keeps: Sequence[bool], stock: Sequence[float | None] | None = None) -> Taste:
    """Learn from (N, D) embeddings of judged pictures and whether the person kept each; deterministic.

    All is computed in the span of the embeddings, centred and scaled to unit root mean square length: at most N
    unknowns however wide D is, and a ridge that means the same for any CLIP.
    ``stock``: their aesthetic scores, for comparison. Raises TasteError with too few verdicts, or of one kind only.
    """
    rows, labels = np.asarray(embeddings, dtype=np.float64), np.asarray(keeps, dtype=np.float64)
    kept = int(labels.sum())
    if len(labels) < LEAST_VERDICTS or min(kept, len(labels) - kept) < LEAST_EACH:
        raise TasteError(
            f"taste: got {len(labels)} verdicts ({kept} keep, {len(labels) - kept} reject); at least "
            f"{LEAST_VERDICTS} are needed and {LEAST_EACH} of each kind: review more pictures (limner review)"
        )
    middle = rows.mean(axis=0)
    scale = float(np.sqrt(((rows - middle) ** 2).sum(axis=1).mean())) or 1.0
    _, spread, axes = np.linalg.svd((rows - middle) / scale, full_matrices=False)
    axes = axes[spread > 1e-6 * max(spread[0], 1e-12)]
    points = (rows - middle) @ axes.T / scale
    ridge = _best_ridge(points, labels, seed=0)
    mean, weight, bias = _fit(points, labels, ridge)
    return Taste(
        mean=middle,
        weight=weight @ axes / scale,
        bias=bias - float(mean @ weight),
        ridge=ridge,
        verdicts=len(labels),
        agreement=_agreement(points, labels),
        stock_agreement=_stock_agreement(stock, labels),
        majority=max(kept, len(labels) - kept) / len(labels),
    )


def _agreement(rows: Matrix, labels: Vector) -> float:
    """Nested cross-validation: in each outer fold the ridge is chosen without it."""
    right, rounds = 0, 1 if len(labels) > MANY_VERDICTS else ROUNDS
    for number in range(rounds):
        for test in _folds(labels, number):
            train = ~test
            ridge = _best_ridge(rows[train], labels[train], seed=number)
            mean, weight, bias = _fit(rows[train], labels[train], ridge)
            said = (rows[test] - mean) @ weight + bias > 0
            right += int((said == (labels[test] > 0.5)).sum())
    return right / (rounds * len(labels))


def _best_ridge(rows: Matrix, labels: Vector, seed: int) -> float:
    """The ridge with the least held-out log loss."""
    losses = np.zeros(len(RIDGES))
    for test in _folds(labels, seed + 100, 5):
        for place, ridge in enumerate(RIDGES):
            mean, weight, bias = _fit(rows[~test], labels[~test], ridge)
            chance = np.clip(_sigmoid((rows[test] - mean) @ weight + bias), 1e-6, 1 - 1e-6)
            losses[place] -= (labels[test] * np.log(chance) + (1 - labels[test]) * np.log(1 - chance)).sum()
    return RIDGES[int(np.argmin(np.round(losses, 9)))]


def _folds(labels: Vector, seed: int, count: int = FOLDS) -> list[NDArray[np.bool_]]:
    """Masks of test rows: each kind of verdict is dealt out evenly."""
    rng = np.random.default_rng(seed)
    place = np.empty(len(labels), dtype=int)
    for kind in (0.0, 1.0):
        members = rng.permutation(np.flatnonzero(labels == kind))
        place[members] = np.arange(len(members)) % count
    return [place == number for number in range(count) if (place == number).any()]


def _fit(rows: Matrix, labels: Vector, ridge: float) -> tuple[Vector, Vector, float]:
    """Ridge logistic regression by Newton's method: (mean, weight, bias); the logit is (x − mean) · weight + bias."""
    mean = rows.mean(axis=0)
    points = np.column_stack([rows - mean, np.ones(len(rows))])
    penalty = np.diag([ridge] * rows.shape[1] + [1e-6])
    solution = np.zeros(points.shape[1])
    for _ in range(20):
        chance = _sigmoid(points @ solution)
        slope = points.T @ (labels - chance) - penalty @ solution
        curve = (points.T * np.maximum(chance * (1 - chance), 1e-6)) @ points + penalty
        step = np.linalg.solve(curve, slope)
        solution += step
        if np.abs(step).max() < 1e-6:
            break
    return mean, solution[:-1], float(solution[-1])


def _stock_agreement(stock: Sequence[float | None] | None, labels: Vector) -> float | None:
    """Held-out agreement of the aesthetic score with the threshold that suits the other folds best."""
    if stock is None or any(value is None for value in stock):
        return None
    scores = np.array(stock, dtype=np.float64)
    right = 0
    for test in _folds(labels, 0):
        cuts = np.unique(scores[~test])
        said = scores[~test][None, :] >= cuts[:, None]
        cut = cuts[int(np.argmax((said == (labels[~test] > 0.5)).mean(axis=1)))]
        right += int(((scores[test] >= cut) == (labels[test] > 0.5)).sum())
    return right / len(labels)


def _sigmoid(values: Vector) -> Vector:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(values, -60, 60))))
