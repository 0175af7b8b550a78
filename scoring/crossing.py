"""Does a subject cross a line that is drawn around the picture? Pure numpy.

Five signs, each a number without a unit, are read along the line and weighed by a logistic rule:

- *linked*: how strongly the line is linked with the picture's middle by an unbroken path of edges (the widest path:
  its weakest edge), where the line's colour belongs more to the middle than to the rim and is rare on the line;
- *own colours*: the greatest share that the middle has in a colour of the line, against the rim; and
- *own length*: how much of the line has such colours (a share above 0.8);
- *change*: how much the colour changes along the line, in steps of the subject's own edges;
- *busy*: the edges that one in twenty places of the line exceeds: a ground that is busy all along is meant to be cut.

The weights were fitted to drawings (``python -m benchmarks.fit_crossing 800``), on other seeds than those that
``benchmarks.defects`` measures it on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.likeness import area_weights

Floats = NDArray[np.floating[Any]]
Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels; right and bottom are outside
CELLS = 80  # a side of the grid on which the signs are read
MIDDLE, SEED = 0.2, 0.3  # shares of the side: where the middle starts, and where paths of edges start
COLOUR_REACH = 10.0  # levels of 255: colours this near count as one
LEAST_EDGE = 40.0  # levels of 255: a subject's own edges are at least so steep
PLAIN = 12.0  # levels of 255: a rim that varies less has one colour
MOST = 50.0  # more change than this says no more
SIGNS = ("linked", "own_colours", "own_length", "change", "busy")
WEIGHTS = (1.1424, 3.5761, 0.7364, 1.0334, 0.2607)
BIAS = 3.9349
_OPPONENT = np.array(
    [[0.299, 0.587, 0.114], [0.6, -0.6, 0.0], [0.25, 0.25, -0.5]]
)  # brightness, red-green, yellow-blue


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """What is read of an (H, W, 3) uint8 picture, once for all lines: (CELLS, CELLS, 3) ``colours``, opponent, and the
    (CELLS, CELLS) greatest step of a colour in each cell."""

    height_px: int
    width_px: int
    colours: Floats
    edges: Floats


def cells_of(pixels: NDArray[np.uint8]) -> Cells:
    """Read a picture."""
    fine = _grid(pixels)
    edges = _edges(fine).reshape(CELLS, 2, CELLS, 2).max(axis=(1, 3))
    return Cells(pixels.shape[0], pixels.shape[1], fine.reshape(CELLS, 2, CELLS, 2, 3).mean(axis=(1, 3)), edges)


def crosses(cells: Cells, box: Box) -> bool:
    """Whether a subject crosses the outline of ``box``, in px of the picture.

    Where the picture's rim has one colour, whatever on the line has another is the subject; else the signs decide.
    """
    return _on_plain(cells, box) or float(np.log(signs(cells, box) + 0.01) @ np.array(WEIGHTS)) + BIAS > 0


def signs(cells: Cells, box: Box) -> NDArray[np.float64]:
    """(5,) the numbers named in ``SIGNS``."""
    colours, edges = cells.colours, cells.edges
    inside = _inside(cells.height_px, cells.width_px, box)
    around = _outline(inside)
    start = round(CELLS * MIDDLE)
    middle = slice(start, CELLS - start)
    own_edge = max(float(np.percentile(edges[middle, middle], 95)), LEAST_EDGE)
    linked = np.minimum(_widest(edges, round(CELLS * SEED))[around] / own_edge, 1.5)
    line = colours[around]
    core, rim = _thinned(colours[middle, middle].reshape(-1, 3), 500), _thinned(colours[_outside(inside)], 400)
    share = _density(line, core)
    share = share / (share + _density(line, rim) + 1e-4)
    rare = share * (1 - _density(line, line))
    near = np.max([np.roll(rare, step) for step in range(-2, 3)], axis=0)
    change = np.abs(np.roll(line, -2, axis=0) - line).max(axis=1).sum() / own_edge
    busy = np.sort(edges[around])[::-1][len(line) // 20] / own_edge
    length = (share > 0.8).mean()
    return np.array([np.sort(near * linked)[-4], np.sort(share)[-3], length, min(change, MOST), busy])


def _on_plain(cells: Cells, box: Box) -> bool:
    """Whether the rim is of one colour, and some cells of the line clearly are not."""
    colours = cells.colours
    rim = np.concatenate([colours[0], colours[-1], colours[:, 0], colours[:, -1]])
    line = colours[_outline(_inside(cells.height_px, cells.width_px, box))]
    other = np.abs(line - rim.mean(axis=0)).max(axis=1) > LEAST_EDGE
    return bool(np.ptp(rim, axis=0).max() < PLAIN and other.sum() >= 4)


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


def _inside(height_px: int, width_px: int, box: Box) -> tuple[int, int, int, int]:
    """The box in cells (left, top, right, bottom; the last two outside), at least one cell from every side."""
    left, right = round(box[0] * CELLS / width_px), round(box[2] * CELLS / width_px)
    top, bottom = round(box[1] * CELLS / height_px), round(box[3] * CELLS / height_px)
    return max(left, 1), max(top, 1), min(right, CELLS - 1), min(bottom, CELLS - 1)


def _outline(inside: tuple[int, int, int, int]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """(rows, columns) of the cells just outside the box, clockwise from its upper left corner."""
    left, top, right, bottom = inside[0] - 1, inside[1] - 1, inside[2], inside[3]
    across, down = np.arange(left, right), np.arange(top, bottom)
    rows = np.concatenate([np.full(len(across), top), down, np.full(len(across), bottom), down[::-1] + 1])
    columns = np.concatenate([across, np.full(len(down), right), across[::-1] + 1, np.full(len(down), left)])
    return rows.astype(np.intp), columns.astype(np.intp)


def _outside(inside: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    """(CELLS, CELLS): the rim, all that lies outside the box."""
    rim = np.ones((CELLS, CELLS), dtype=bool)
    rim[inside[1] : inside[3], inside[0] : inside[2]] = False
    return rim


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


def _thinned(colours: Floats, count: int) -> Floats:
    return colours[:: max(1, len(colours) // count)]


def _density(colours: Floats, among: Floats) -> Floats:
    """How common each of (N, 3) colours is among (M, 3), 0–1: a mean of Gaussians."""
    squares = (colours**2).sum(axis=1)[:, None] + (among**2).sum(axis=1)[None, :] - 2 * colours @ among.T
    return np.asarray(np.exp(-np.maximum(squares, 0) / (2 * COLOUR_REACH**2)).mean(axis=1))
