"""Does a subject cross a line that is drawn around the picture? Pure numpy.

Each cell of the line is asked whether a subject is there, by a small network (``HIDDEN`` rectified units) over the
signs of ``line_signs.py``; the line is crossed when its ``LEAST_CELLS`` surest cells say so on average. Where the
picture's rim has one colour, whatever on the line has another is the subject. In a picture without a subject, a
landscape or a wall that fills it to its sides, nothing crosses the line.

``crossing.safetensors`` was fitted by ``python -m benchmarks.fit_crossing`` to drawings over the starter's grounds and
over grounds of other kinds, on other seeds than those that ``benchmarks.defects`` measures it on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from scoring.defects.grid import LEAST_EDGE, ColourGrid, Floats
from scoring.defects.line_signs import Box, signs

WEIGHTS = Path(__file__).with_name("crossing.safetensors")
HIDDEN = 16
LEAST_CELLS = 3  # a subject on fewer cells of the line is too little to be sure of
PLAIN = 12.0  # levels of 255: a rim that varies less has one colour
FARTHEST = 4.0  # standard deviations: signs further off than this are taken for as far


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """``mean``, ``spread`` (SIGNS,); ``hidden`` (SIGNS, HIDDEN) and its bias; ``out`` (HIDDEN,) and its bias."""

    mean: NDArray[np.float32]
    spread: NDArray[np.float32]
    hidden: NDArray[np.float32]
    hidden_bias: NDArray[np.float32]
    out: NDArray[np.float32]
    bias: NDArray[np.float32]

    def logits(self, found: Floats) -> Floats:
        """(N, SIGNS) → (N,): above 0, a subject is more likely there than not."""
        rows = np.clip((found - self.mean) / self.spread, -FARTHEST, FARTHEST)
        return np.asarray(np.maximum(rows @ self.hidden + self.hidden_bias, 0) @ self.out + self.bias)


def crosses(cells: ColourGrid, box: Box) -> bool:
    """Whether a subject crosses the outline of ``box``, in px of the picture."""
    found, rows, columns = signs(cells, box)
    return _on_plain(cells.colours, rows, columns) or surest(_network().logits(found)) > 0


def surest(logits: Floats) -> float:
    """The mean of the LEAST_CELLS greatest."""
    return float(np.sort(logits)[-LEAST_CELLS:].mean())


def _on_plain(colours: Floats, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> bool:
    """Whether the rim is of one colour, and some cells of the line clearly are not."""
    rim = np.concatenate([colours[0], colours[-1], colours[:, 0], colours[:, -1]])
    other = np.abs(colours[rows, columns] - rim.mean(axis=0)).max(axis=1) > LEAST_EDGE
    return bool(np.ptp(rim, axis=0).max() < PLAIN and other.sum() > LEAST_CELLS)


@cache
def _network() -> Network:
    return Network(**load_file(WEIGHTS))
