"""A picture as a small grid of colours and edges, read once for all the lines that are drawn on it. Pure numpy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.defects.regions import label_regions
from scoring.likeness.hashes import area_weights

Floats = NDArray[np.floating[Any]]
Indices = NDArray[np.intp]
CELLS = 80  # a side of the grid
MIDDLE, SEED = 0.2, 0.3  # shares of the side: where the middle starts, and where paths of edges start
LEAST_EDGE = 40.0  # levels of 255: a subject's own edges are at least so steep
_OPPONENT = np.array(
    [[0.299, 0.587, 0.114], [0.6, -0.6, 0.0], [0.25, 0.25, -0.5]]
)  # brightness, red-green, yellow-blue


@dataclass(frozen=True, slots=True, eq=False)
class ColourGrid:
    """What is read of an (H, W, 3) uint8 picture, once for all lines.

    (CELLS, CELLS, 3) ``colours``, opponent; (CELLS, CELLS) ``edges``, the greatest step of a colour in each cell,
    ``linked``, the weakest edge on the best path of edges from the middle, and ``regions``, labels; ``own_edge``: how
    steep the edges of what is in the middle are.
    """

    height_px: int
    width_px: int
    colours: Floats
    edges: Floats
    linked: Floats
    regions: Indices
    own_edge: float


def cells_of(pixels: NDArray[np.uint8]) -> ColourGrid:
    """Read a picture."""
    fine = _grid(pixels)
    edges = _edges(fine).reshape(CELLS, 2, CELLS, 2).max(axis=(1, 3))
    colours = fine.reshape(CELLS, 2, CELLS, 2, 3).mean(axis=(1, 3))
    middle = edges[middle_of(), middle_of()]
    own_edge = max(float(np.percentile(middle, 95)), LEAST_EDGE)
    linked, regions = _widest(edges, round(CELLS * SEED)), label_regions(colours)
    return ColourGrid(pixels.shape[0], pixels.shape[1], colours, edges, linked, regions, own_edge)


def middle_of() -> slice:
    """The rows, or columns, of the grid's middle."""
    start = round(CELLS * MIDDLE)
    return slice(start, CELLS - start)


def _grid(pixels: NDArray[np.uint8]) -> Floats:
    """(2 · CELLS, 2 · CELLS, 3) area means in opponent colours."""
    down, across = area_weights(pixels.shape[0], 2 * CELLS), area_weights(pixels.shape[1], 2 * CELLS)
    means = np.stack([down @ pixels[..., channel] @ across.T for channel in range(3)], axis=-1)
    return np.asarray(means @ _OPPONENT.T)


def _edges(colours: Floats) -> Floats:
    """The greatest step from each cell to its four neighbours, in any of the three colours."""
    found = np.zeros(colours.shape[:2])
    for axis in (0, 1):
        step = np.abs(np.diff(colours, axis=axis)).max(axis=2)
        before = [(0, 1) if side == axis else (0, 0) for side in (0, 1)]
        after = [(1, 0) if side == axis else (0, 0) for side in (0, 1)]
        found = np.maximum(found, np.maximum(np.pad(step, before), np.pad(step, after)))
    return found


def _widest(edges: Floats, seed: int) -> Floats:
    """For each cell the weakest edge of the best path of cells, corners touching, from the middle to it."""
    reached = np.zeros_like(edges)
    reached[seed:-seed, seed:-seed] = np.inf
    limit = np.where(np.isinf(reached), np.inf, edges)
    while True:
        wide = np.pad(reached, 1)
        wide = np.maximum(np.maximum(wide[:-2], wide[1:-1]), wide[2:])
        wide = np.maximum(np.maximum(wide[:, :-2], wide[:, 1:-1]), wide[:, 2:])
        further = np.minimum(wide, limit)
        if np.array_equal(further, reached):
            return reached
        reached = further
