"""Which rows are so like a chosen one that choosing both costs something: few, so they are kept as lists. Pure numpy.

The cosines of rows with a block of all others are one matrix product, of which only what is above the least cosine that
matters is kept: memory grows with the likenesses that there are, not with rows × places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.selection.objective import SAME_FROM, Objective, Rows

CELLS = 1 << 20  # cosines at a time


@dataclass(frozen=True, slots=True, eq=False)
class Near:
    """``rows`` (K,) ascending; ``same`` (K,) what each costs in sameness, ``banned`` (K,) which may not be chosen."""

    rows: Rows
    same: NDArray[np.float64]
    banned: NDArray[np.bool_]

    def within(self, rows: slice) -> slice:
        """Which of the K lie in a range of rows."""
        first, last = np.searchsorted(self.rows, [rows.start, rows.stop])
        return slice(int(first), int(last))


class Neighbours:
    """Near rows by row, found once each."""

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        same_from = SAME_FROM if objective.push else np.inf
        self.least = float(min(same_from, objective.limits.min(initial=np.inf)))
        self._found: dict[int, Near] = {}

    def of(self, row: int) -> Near:
        """The near rows of ``row``, itself among them where it is above the least cosine."""
        if row not in self._found:
            self.find([row])
        return self._found[row]

    def find(self, rows: Sequence[int]) -> None:
        """Find the near rows of many rows at once."""
        new = np.array([row for row in dict.fromkeys(rows) if row not in self._found], dtype=np.intp)
        if not len(new):
            return
        embeds, found = self.objective.embeds(new), []
        block = max(CELLS // len(new), 1)
        for start in range(0, len(self.objective.options), block):
            likeness = self.objective.likeness(embeds, slice(start, start + block))
            at, near = np.nonzero(likeness > self.least)
            found.append((at, near + start, likeness[at, near]))
        at, near, cosines = (np.concatenate(parts) for parts in zip(*found, strict=True))
        order = np.argsort(at, kind="stable")
        ends = np.searchsorted(at[order], np.arange(1, len(new)))
        for row, mine in zip(new, np.split(order, ends), strict=True):
            self._found[int(row)] = self._near(int(row), near[mine], cosines[mine][:, None])

    def _near(self, row: int, near: Rows, cosines: NDArray[np.float32]) -> Near:
        return Near(
            near,
            self.objective.sameness(cosines)[:, 0].astype(np.float64),
            self.objective.banned(cosines, near, np.array([row], dtype=np.intp))[:, 0],
        )
