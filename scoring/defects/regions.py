"""Regions of one colour in a small grid of colours: places that can be reached from each other without a clear step."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
STEP = 14.0  # levels of 255: neighbours that differ by less are of one region


def label_regions(colours: Floats) -> NDArray[np.intp]:
    """(H, W, 3) → (H, W) labels below H · W: the least index of a place in the region, counted row by row.

    Labels spread to the four neighbours, then each label takes over what the label it met has become, until nothing
    changes: a few rounds, however a region winds.
    """
    height, width = colours.shape[:2]
    labels = np.arange(height * width).reshape(height, width)
    across = np.abs(np.diff(colours, axis=1)).max(axis=2) < STEP
    down = np.abs(np.diff(colours, axis=0)).max(axis=2) < STEP
    while True:
        met = labels.copy()
        for one, other, joined in ((met[:, :-1], met[:, 1:], across), (met[:-1], met[1:], down)):
            least = np.minimum(one, other)
            np.minimum(one, least, out=one, where=joined)
            np.minimum(other, least, out=other, where=joined)
        become = np.arange(height * width)
        np.minimum.at(become, labels.ravel(), met.ravel())
        for _ in range(4):
            become = become[become]
        met = become[met]
        if np.array_equal(met, labels):
            return labels
        labels = met
