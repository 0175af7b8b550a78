"""Fit the weights of ``scoring.crossing`` to drawings. ``python -m benchmarks.fit_crossing [DRAWINGS]``

Prints WEIGHTS and BIAS to be copied there: a ridge logistic fit on half of the drawings and on some bare grounds, then
the bias that takes 1.5 % of the other half's uncut subjects for cut ones; and what is then found in that half.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.drawn import TUNING, drawn, placed
from scoring.crossing import SIGNS, cells_of, signs

MARGIN = (0.02, 0.13)
SIDE_PX = 160
ALLOWED = 0.015


def examples(first: int, count: int, bare: bool) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(N, 5) signs and whether the subject is cut: one picture of each kind a drawing, with ``bare`` some grounds."""
    rng = np.random.default_rng(first)
    rows, cuts = [], []
    for number in range(count):
        one = drawn(first + number, 192)
        for cut in (True, False):
            if (made := placed(one, cut, rng, SIDE_PX, MARGIN)) is not None:
                rows.append(_signs(made.pixels, made.margin_px))
                cuts.append(cut)
        if bare and number % 4 == 0:
            alone = np.asarray(Image.fromarray(one.ground).resize((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS))
            rows.append(_signs(alone, round(SIDE_PX * rng.uniform(*MARGIN))))
            cuts.append(False)
    return np.stack(rows), np.array(cuts)


def _signs(pixels: NDArray[np.uint8], margin: int) -> NDArray[np.float64]:
    return np.asarray(np.log(signs(cells_of(pixels), (margin, margin, SIDE_PX - margin, SIDE_PX - margin)) + 0.01))


def fit(rows: NDArray[np.float64], cuts: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(6,) weights and bias by Newton's method, ridge 1 on standardised signs."""
    mean, spread = rows.mean(axis=0), rows.std(axis=0)
    points = np.column_stack([(rows - mean) / spread, np.ones(len(rows))])
    solution, penalty = np.zeros(points.shape[1]), np.diag([1.0] * rows.shape[1] + [0.0])
    for _ in range(30):
        chance = 1 / (1 + np.exp(-points @ solution))
        curve = (points.T * np.maximum(chance * (1 - chance), 1e-6)) @ points + penalty
        solution += np.linalg.solve(curve, points.T @ (cuts - chance) - penalty @ solution)
    weights = solution[:-1] / spread
    return np.append(weights, solution[-1] - mean @ weights)


def main() -> None:
    """Fit on the first half, set the bias and report on the second."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    rows, cuts = examples(TUNING, count // 2, bare=True)
    solution: Any = fit(rows, cuts)
    others, other_cuts = examples(TUNING + 1_000_000, count - count // 2, bare=False)
    values = others @ solution[:-1]
    bias = -float(np.quantile(values[~other_cuts], 1 - ALLOWED))
    said = values + bias > 0
    print(f"SIGNS = {SIGNS}")
    print(f"WEIGHTS = {tuple(round(float(weight), 4) for weight in solution[:-1])}")
    print(f"BIAS = {bias:.4f}")
    print(f"found {100 * said[other_cuts].mean():.1f} %, false alarms {100 * said[~other_cuts].mean():.1f} %")


if __name__ == "__main__":
    main()
