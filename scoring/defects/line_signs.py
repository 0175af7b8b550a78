"""What is seen at each place of a line around a picture: 40 signs of whether a subject is there, or its ground.

Of a cell of the line: how common its colour is in the picture's middle, in the box, on the line, and beyond the line on
each side (a ground's colours are on several sides, also opposite each other, a subject's mostly in the middle); how
firmly it is linked with the middle by an unbroken path of edges; how much it stands out from the line left and right of
it, and whether those are alike; and of the region of its colour: its area, how deep into the picture and along which
sides it reaches. Its length along the sides against the root of its area is the boundary connectivity of Zhu et al.,
2014 ("Saliency optimization from robust background detection", CVPR). Then, the same for all cells of a line, how busy
the picture is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scoring.defects.grid import CELLS, LEAST_EDGE, ColourGrid, Floats, Indices, middle_of

Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels; right and bottom are outside
COLOUR_REACH = 10.0  # levels of 255: colours this near count as one
NEAR = 0.12  # of the side: how far from its mirror image a colour is looked for on the opposite side
APART = (3, 6, 12, 20)  # cells left and right, with which a cell of the line is compared
SIGNS = 40


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """The cells just outside a box, clockwise from its upper left corner: ``rows``, ``columns`` (N,) on the grid,
    ``side`` 0 top, 1 right, 2 bottom, 3 left, ``along`` 0–1 the place on that side, ``colours`` (N, 3)."""

    inside: tuple[int, int, int, int]  # left, top, right, bottom in cells; the last two outside
    rows: Indices
    columns: Indices
    side: Indices
    along: Floats
    colours: Floats


def signs(cells: ColourGrid, box: Box) -> tuple[Floats, Indices, Indices]:
    """(N, SIGNS) signs of the N cells of the line around ``box``, in px of the picture; and their rows and columns."""
    line = _line(cells, box)
    parts = (_colour_signs(cells, line), _step_signs(cells, line), _region_signs(cells, line), _busy_signs(cells, line))
    return np.column_stack(parts), line.rows, line.columns


def _colour_signs(cells: ColourGrid, line: _Line) -> Floats:
    """(N, 14): how common the cell's colour is elsewhere, in logarithms; and on the rest of the line."""
    colours, (left, top, right, bottom) = cells.colours, line.inside
    strips = (colours[:top], colours[:, right:], colours[bottom:], colours[:, :left])
    beyond = np.column_stack([_density(line.colours, _thinned(strip, 300)) for strip in strips])
    own, after, opposite, before = (beyond[np.arange(len(beyond)), (line.side + turn) % 4] for turn in range(4))
    common = [
        _density(line.colours, _thinned(colours[middle_of(), middle_of()], 500)),
        _density(line.colours, _thinned(colours[top:bottom, left:right], 500)),
        own,
        *-np.sort(-beyond, axis=1).T,
        opposite,
        np.maximum(after, before),
        np.minimum(after, before),
        _density(line.colours, line.colours),
    ]
    alike = np.exp(-_squares(line.colours, line.colours) / (2 * COLOUR_REACH**2))
    facing = line.side[:, None] == (line.side[None, :] + 2) % 4
    mirrored = facing & (np.abs(line.along[:, None] - line.along[None, :]) < NEAR)
    found = [np.where(where, alike, 0).max(axis=1) for where in (mirrored, facing)]
    elsewhere = np.where(line.side[:, None] != line.side[None, :], alike, 0).mean(axis=1)
    return np.column_stack([np.log(np.column_stack(common) + 0.01), *found, elsewhere])


def _step_signs(cells: ColourGrid, line: _Line) -> Floats:
    """(N, 10): the path from the middle, the edge, and steps to the line left and right, in own edges."""
    found = [np.minimum(cells.linked[line.rows, line.columns] / cells.own_edge, 1.5), _edge(cells, line)]
    for apart in APART:
        left, right = np.roll(line.colours, apart, axis=0), np.roll(line.colours, -apart, axis=0)
        out = np.minimum(_step(line.colours, left), _step(line.colours, right))
        found += [np.minimum(step / cells.own_edge, 2) for step in (out, _step(left, right))]
    return np.column_stack(found)


def _region_signs(cells: ColourGrid, line: _Line) -> Floats:
    """(N, 8): area and area in the box (logarithms), boundary connectivity, the three sides of the picture that the
    region lies along most (shares), its share of the line, and how near it comes to the centre (1 = not at all)."""
    labels, count = cells.regions, CELLS * CELLS
    left, top, right, bottom = line.inside
    mine = labels[line.rows, line.columns]
    area, inner = (
        np.bincount(part.ravel(), minlength=count)[mine] / count for part in (labels, labels[top:bottom, left:right])
    )
    sides = [np.bincount(side, minlength=count)[mine] for side in (labels[0], labels[:, -1], labels[-1], labels[:, 0])]
    touched = -np.sort(-np.column_stack(sides), axis=1) / CELLS
    from_centre = np.abs(np.arange(CELLS) - (CELLS - 1) / 2)
    near = np.full(count, CELLS / 2)
    np.minimum.at(near, labels.ravel(), np.maximum(from_centre[:, None], from_centre[None, :]).ravel())
    found = (
        np.log(area + 0.001),
        np.log(inner + 0.001),
        np.minimum(touched.sum(axis=1) / np.sqrt(area + 0.0001), 6),
        touched[:, :3],
        np.bincount(mine, minlength=count)[mine] / len(mine),
        near[mine] / (CELLS / 2),
    )
    return np.column_stack(found)


def _busy_signs(cells: ColourGrid, line: _Line) -> Floats:
    """(N, 8): the same for every cell of the line."""
    left, top, right, bottom = line.inside
    edges, own = cells.edges, cells.own_edge
    steepest = np.sort(edges[line.rows, line.columns])[::-1]
    change = _step(np.roll(line.colours, -2, axis=0), line.colours).sum() / own
    regions = (np.bincount(cells.regions.ravel()) > 8).sum()
    found = (
        np.log(min(change, 50) + 0.01),
        steepest[len(steepest) // 20] / own,
        np.median(edges) / own,
        np.log(own / LEAST_EDGE),
        (_edge(cells, line) > 0.3).mean(),
        np.median(edges[top:bottom, left:right]) / own,
        np.percentile(np.concatenate([edges[:top], edges[bottom:]]), 75) / own,
        np.log(regions / 20 + 0.1),
    )
    return np.tile(np.array(found), (len(line.rows), 1))


def _line(cells: ColourGrid, box: Box) -> _Line:
    """The line around the box, at least one cell from every side of the picture."""
    high, wide = CELLS / cells.height_px, CELLS / cells.width_px
    left, right = max(round(box[0] * wide), 1), min(round(box[2] * wide), CELLS - 1)
    top, bottom = max(round(box[1] * high), 1), min(round(box[3] * high), CELLS - 1)
    across, down = np.arange(left - 1, right), np.arange(top - 1, bottom)
    rows = np.concatenate([np.full(len(across), top - 1), down, np.full(len(across), bottom), down[::-1] + 1])
    columns = np.concatenate([across, np.full(len(down), right), across[::-1] + 1, np.full(len(down), left - 1)])
    side = np.repeat(np.arange(4), [len(across), len(down), len(across), len(down)])
    along = np.where(side % 2 == 0, columns, rows) / CELLS
    return _Line((left, top, right, bottom), rows, columns, side, along, cells.colours[rows, columns])


def _edge(cells: ColourGrid, line: _Line) -> Floats:
    return np.asarray(np.minimum(cells.edges[line.rows, line.columns] / cells.own_edge, 2))


def _step(one: Floats, other: Floats) -> Floats:
    """(N, 3) twice → (N,) the greatest difference in a colour."""
    return np.asarray(np.abs(one - other).max(axis=1))


def _thinned(colours: Floats, count: int) -> Floats:
    """About ``count`` of the colours, evenly: (M, 3)."""
    flat = colours.reshape(-1, 3)
    return flat[:: max(1, len(flat) // count)]


def _density(colours: Floats, among: Floats) -> Floats:
    """How common each of (N, 3) colours is among (M, 3), 0–1: a mean of Gaussians."""
    return np.asarray(np.exp(-_squares(colours, among) / (2 * COLOUR_REACH**2)).mean(axis=1))


def _squares(one: Floats, other: Floats) -> Floats:
    """(N, 3), (M, 3) → (N, M) squared distances."""
    squares = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)[None, :] - 2 * one @ other.T
    return np.asarray(np.maximum(squares, 0))
