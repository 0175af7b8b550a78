"""A linear preference behind noisy verdicts: Bayesian logistic regression on embeddings, averaged over priors. Numpy.

Sixty verdicts say little about hundreds of unknowns; the thousands of pictures that nobody has judged say which
directions the pictures vary along. The prior of the weight along each principal axis of *all* embeddings is normal with
variance ∝ (axis variance)^power, for several powers (0: a preference may point anywhere; 1: mostly along what varies)
and strengths, and a verdict is turned round by a slip with a small chance. Each combination is fitted by Laplace's
approximation (Rasmussen and Williams, 2006, "Gaussian processes for machine learning", chapter 3; here in the space of
weights), and the fits are averaged by their evidence: nothing is chosen on held-out verdicts, so that none are spent.

What each verdict would have been said to be without it follows in closed form from the same fits (leave-one-out).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.floating[Any]]
Vector = NDArray[np.float64]
POWERS = (0.0, 0.5, 1.0)
STRENGTHS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)  # variances of the preference over all pictures, in logits
SLIPS = (0.02, 0.1)  # chances that a verdict says the opposite
LEAST_VARIANCE = 1e-6  # of an axis, against the first
NEWTON_STEPS, HALVINGS = 30, 10


@dataclass(frozen=True, slots=True, eq=False)
class Preference:
    """The liking of an embedding x is (x − ``mean``) · ``weight`` + ``bias``, above 0 for what is rather kept.

    ``left_out`` (N,): what each judged picture's liking would be without its own verdict.
    """

    mean: Vector
    weight: Vector
    bias: float
    left_out: Vector


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """One combination: its weights (R,) and bias (last), log evidence, and per verdict the liking and the log chance
    (N,) that the others give it."""

    weights: Vector
    evidence: float
    left_out: Vector
    chances: Vector


def learn_preference(judged: Matrix, keeps: NDArray[np.bool_], library: Matrix) -> Preference:
    """From (N, D) embeddings of judged pictures, (N,) whether each was kept, and (M, D) of all pictures."""
    mean, axes, variances = _axes(np.asarray(library, dtype=np.float64))
    apart, signs = (np.asarray(judged, dtype=np.float64) - mean) @ axes, np.where(keeps, 1.0, -1.0)
    fits, weights = [], []
    for power in POWERS:
        root = np.sqrt(variances**power / (variances ** (1 + power)).sum())  # the liking's variance is 1
        rows, spread, turn = np.linalg.svd(apart * root, full_matrices=False)
        for strength, slip in itertools.product(STRENGTHS, SLIPS):
            fit = _laplace(rows * spread, signs, strength, slip)
            fits.append(fit)
            weights.append(np.append(root * (fit.weights[:-1] @ turn), fit.weights[-1]))
    evidence = np.array([fit.evidence for fit in fits])
    averaged = shares_of(evidence) @ np.array(weights)
    without = evidence[:, None] - np.array([fit.chances for fit in fits])
    left_out = (shares_of(without) * np.array([fit.left_out for fit in fits])).sum(axis=0)
    return Preference(mean, axes @ averaged[:-1], float(averaged[-1]), left_out)


def _axes(library: Matrix) -> tuple[Vector, Matrix, Vector]:
    """Mean (D,), principal axes (D, R) as columns and the variances (R,) along them, those without any left out."""
    mean = library.mean(axis=0)
    apart = library - mean
    variances, axes = np.linalg.eigh(apart.T @ apart / len(library))
    there = variances > LEAST_VARIANCE * max(variances[-1], 1e-12)
    if not there.any():  # all pictures are the same one
        return mean, axes[:, -1:], np.ones(1)
    return mean, axes[:, there], variances[there]


def _laplace(rows: Matrix, signs: Vector, strength: float, slip: float) -> _Fit:
    """The most probable weights under a normal prior of this variance (bias: 1), and what they leave uncertain."""
    points = np.column_stack([rows, np.ones(len(rows))])
    prior = np.append(np.full(rows.shape[1], 1 / strength), 1.0)
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
