"""A preference behind noisy verdicts: Bayesian logistic regression on embeddings, averaged over priors. Numpy.

Sixty verdicts say little about hundreds of unknowns; the thousands of pictures that nobody has judged say which
directions the pictures vary along. The prior of the weight along each principal axis of *all* embeddings is normal with
variance ∝ (axis variance)^power, for several powers (0: a preference may point anywhere; 1: mostly along what varies)
and strengths, and a verdict is turned round by a slip with a small chance. Each combination is fitted by Laplace's
approximation (Rasmussen and Williams, 2006, "Gaussian processes for machine learning", chapter 3; here in the space of
weights), and the fits are averaged by their evidence: nothing is chosen on held-out verdicts, so that none are spent.

Likings that are no straight slope are heard as well: beside the linear priors stand Gaussian processes whose likings
agree between pictures nearer than a *reach*, and their evidence says how much they count.

What each verdict would have been said to be without it follows in closed form from the same fits (leave-one-out).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.floating[Any]]
Vector = NDArray[np.float64]
POWERS = (0.0, 0.5, 1.0)
STRENGTHS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)  # variances of the preference over all pictures, in logits
REACHES = (0.35, 0.7)  # of kernels, in root mean square distances between two pictures
BENT = -3.0  # logarithm of how much less likely a kernel is than a slope, before any verdict
MOST_FEATURES = 200  # of a kernel: its main directions among the judged pictures
LEAST_VARIANCE = 1e-6  # of an axis, against the first
NEWTON_STEPS, HALVINGS = 30, 10


@dataclass(frozen=True, slots=True)
class Priors:
    """``slips``: chances that a verdict says the opposite; ``bias``: variance of the liking of all pictures alike."""

    slips: tuple[float, ...] = (0.01, 0.1)
    bias: float = 10.0
    reaches: tuple[float, ...] = REACHES


@dataclass(frozen=True, slots=True, eq=False)
class PreferenceHead:
    """The liking of an embedding x, above 0 for what is rather kept: (x − ``mean``) · ``weight`` + ``bias`` +
    Σ_kn ``pulls[k, n]`` · exp(−|x − ``points[n]``|² / ``widths[k]``); (K,) widths, (N, D) points, (K, N) pulls."""

    mean: Vector
    weight: Vector
    bias: float
    points: Matrix
    widths: Vector
    pulls: Matrix

    def liking(self, embeddings: Matrix) -> Vector:
        """(M, D) → (M,)."""
        rows = np.asarray(embeddings, dtype=np.float64)
        found = (rows - self.mean) @ self.weight + self.bias
        if len(self.widths):
            apart = _apart(rows, self.points)
            for width, pull in zip(self.widths, self.pulls, strict=True):
                found = found + np.exp(-apart / width) @ pull
        return np.asarray(found)

    def raised(self, by: float) -> PreferenceHead:
        """Every liking so much higher."""
        return replace(self, bias=self.bias + by)

    def times(self, factor: float) -> PreferenceHead:
        """Every liking so many times as strong."""
        return replace(self, weight=factor * self.weight, bias=factor * self.bias, pulls=factor * self.pulls)


@dataclass(frozen=True, slots=True, eq=False)
class Preference:
    """``left_out`` (N,): what each judged picture's liking would be without its own verdict."""

    head: PreferenceHead
    left_out: Vector


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """One combination: its weights (R,) and bias (last), log evidence, and per verdict the liking and the log chance
    (N,) that the others give it."""

    weights: Vector
    evidence: float
    left_out: Vector
    chances: Vector


def learn_preference(
    judged: Matrix, keeps: NDArray[np.bool_], library: Matrix, priors: Priors | None = None
) -> Preference:
    """From (N, D) embeddings of judged pictures, (N,) whether each was kept, and (M, D) of all pictures."""
    asked = priors or Priors()
    rows, signs = np.asarray(judged, dtype=np.float64), np.where(keeps, 1.0, -1.0)
    mean, axes, variances = _axes(np.asarray(library, dtype=np.float64))
    widths = 2 * np.array(asked.reaches) ** 2 * 2 * variances.sum()
    fits, weights, pulls = [], [], []
    for power in POWERS:
        root = np.sqrt(variances**power / (variances ** (1 + power)).sum())  # the liking's variance is 1
        features, spread, turn = np.linalg.svd((rows - mean) @ axes * root, full_matrices=False)
        for fit in _fits(features * spread, signs, asked):
            fits.append(fit)
            weights.append(axes @ (root * (fit.weights[:-1] @ turn)))
            pulls.append(np.zeros((len(widths), len(rows))))
    for number, width in enumerate(widths):
        features, back = _features(np.exp(-_apart(rows, rows) / width))
        for fit in _fits(features, signs, asked):
            fits.append(fit)
            weights.append(np.zeros(len(mean)))
            pulls.append(np.zeros((len(widths), len(rows))))
            pulls[-1][number] = back @ fit.weights[:-1]
    bent = np.array([bool(pull.any()) for pull in pulls])
    evidence = np.array([fit.evidence for fit in fits]) + BENT * bent
    shares = shares_of(evidence)
    bias = float(shares @ [fit.weights[-1] for fit in fits])
    head = PreferenceHead(
        mean, shares @ np.array(weights), bias, rows, widths, np.tensordot(shares, np.array(pulls), 1)
    )
    without = evidence[:, None] - np.array([fit.chances for fit in fits])
    left_out = (shares_of(without) * np.array([fit.left_out for fit in fits])).sum(axis=0)
    return Preference(head, left_out)


def _fits(features: Matrix, signs: Vector, priors: Priors) -> list[_Fit]:
    """One for each strength and slip."""
    return [
        _laplace(features, signs, strength, slip, priors.bias)
        for strength, slip in itertools.product(STRENGTHS, priors.slips)
    ]


def _features(kernel: Matrix) -> tuple[Matrix, Matrix]:
    """(N, R) features whose products are the kernel's values, and (N, R) what turns their weights into pulls."""
    values, vectors = np.linalg.eigh(kernel)
    values, vectors = values[-MOST_FEATURES:], vectors[:, -MOST_FEATURES:]
    there = values > LEAST_VARIANCE * values[-1]
    root = np.sqrt(values[there])
    return vectors[:, there] * root, vectors[:, there] / root


def _apart(rows: Matrix, others: Matrix) -> Matrix:
    """(M, N) squared distances."""
    squares = (rows**2).sum(axis=1)[:, None] + (others**2).sum(axis=1)[None, :] - 2 * rows @ others.T
    return np.asarray(np.maximum(squares, 0.0))


def _axes(library: Matrix) -> tuple[Vector, Matrix, Vector]:
    """Mean (D,), principal axes (D, R) as columns and the variances (R,) along them, those without any left out."""
    mean = library.mean(axis=0)
    apart = library - mean
    variances, axes = np.linalg.eigh(apart.T @ apart / len(library))
    there = variances > LEAST_VARIANCE * max(variances[-1], 1e-12)
    if not there.any():  # all pictures are the same one
        return mean, axes[:, -1:], np.ones(1)
    return mean, axes[:, there], variances[there]


def _laplace(rows: Matrix, signs: Vector, strength: float, slip: float, bias: float) -> _Fit:
    """The most probable weights under normal priors of these variances, and what they leave uncertain."""
    points = np.column_stack([rows, np.ones(len(rows))])
    prior = np.append(np.full(rows.shape[1], 1 / strength), 1 / bias)
    weights, value = np.zeros(len(prior)), -np.inf
    for _ in range(NEWTON_STEPS):
        slope, curve, _ = _verdicts(points @ weights, signs, slip)
        step = np.linalg.solve(_hessian(points, curve, prior), points.T @ slope - prior * weights)
        before = value
        for halved in range(HALVINGS):
            tried = weights + step / 2**halved
            value = _verdicts(points @ tried, signs, slip)[2].sum() - (prior * tried**2).sum() / 2
            if value >= before:
                break
        weights = tried
        if value - before < 1e-7:
            break
    return _summed(points, signs, prior, weights, slip)


def _summed(points: Matrix, signs: Vector, prior: Vector, weights: Vector, slip: float) -> _Fit:
    """The evidence, and each verdict left out: its site is taken from the normal posterior of its liking."""
    liking = points @ weights
    slope, curve, chances = _verdicts(liking, signs, slip)
    hessian = _hessian(points, curve, prior)
    evidence = chances.sum() - (prior * weights**2).sum() / 2
    evidence += (np.log(prior).sum() - np.linalg.slogdet(hessian)[1]) / 2
    variance = np.maximum((points * np.linalg.solve(hessian, points.T).T).sum(axis=1), 1e-12)
    wider = 1 / np.maximum(1 / variance - curve, 1e-9)
    alone = wider * (liking / variance - curve * liking - slope)
    return _Fit(weights, float(evidence), alone, _verdicts(alone / np.sqrt(1 + np.pi * wider / 8), signs, slip)[2])


def _verdicts(liking: Vector, signs: Vector, slip: float) -> tuple[Vector, Vector, Vector]:
    """(N,) each: slope of the verdict's log chance, its expected curvature, and the log chance itself."""
    right = 1 / (1 + np.exp(-np.clip(signs * liking, -60, 60)))
    chance = slip + (1 - 2 * slip) * right
    change = (1 - 2 * slip) * right * (1 - right)
    return signs * change / chance, np.maximum(change**2 / (chance * (1 - chance)), 1e-6), np.log(chance)


def _hessian(points: Matrix, curve: Vector, prior: Vector) -> Matrix:
    return np.asarray((points.T * curve) @ points + np.diag(prior))


def shares_of(logs: Matrix) -> Matrix:
    """Shares along the first axis that are proportional to the exponentials."""
    shares = np.exp(logs - logs.max(axis=0))
    return np.asarray(shares / shares.sum(axis=0))
