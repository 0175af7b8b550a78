"""The line around a picture: what it reads of the grid, and that a picture without a subject crosses nothing."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.backdrops import BACKDROPS
from scoring.defects.crossing import crosses
from scoring.defects.grid import cells_of
from scoring.defects.line_signs import SIGNS, signs
from scoring.defects.regions import STEP, label_regions
from starter.draw.grounds import GROUNDS

BOX = (12, 12, 148, 148)


def flooded(colours: np.ndarray) -> np.ndarray:
    """Regions by visiting every place in turn."""
    height, width = colours.shape[:2]
    labels = np.full((height, width), -1)
    for start in range(height * width):
        waiting = [divmod(start, width)] if labels.flat[start] < 0 else []
        while waiting:
            row, column = waiting.pop()
            if labels[row, column] >= 0:
                continue
            labels[row, column] = start
            for there in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
                if 0 <= there[0] < height and 0 <= there[1] < width:
                    step = np.abs(colours[row, column] - colours[there]).max()
                    waiting += [there] if step < STEP else []
    return labels


class TestRegions:
    @pytest.mark.parametrize("seed", range(10))
    def test_are_what_can_be_reached_without_a_clear_step(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        colours = rng.integers(0, 2 + seed % 3, (23, 31, 1)) * np.full(3, 20.0) + rng.uniform(0, 5, (23, 31, 3))
        assert np.array_equal(label_regions(colours), flooded(colours))

    def test_however_they_wind(self) -> None:
        spiral = np.zeros((41, 41, 3))
        for inset in range(0, 20, 2):
            spiral[inset, inset : 41 - inset] = spiral[inset : 41 - inset, 40 - inset] = 200
            spiral[40 - inset, inset : 41 - inset] = spiral[inset + 2 : 41 - inset, inset] = 200
            spiral[inset + 2, inset : inset + 2] = 200
        assert np.array_equal(label_regions(spiral), flooded(spiral))


class TestTheLine:
    def test_goes_around_the_box_just_outside_it(self) -> None:
        cells = cells_of(np.zeros((160, 160, 3), np.uint8))
        found, rows, columns = signs(cells, BOX)
        assert found.shape == (len(rows), SIGNS)
        assert {rows.min(), columns.min()} == {5}
        assert {rows.max(), columns.max()} == {74}
        assert len({*zip(rows.tolist(), columns.tolist(), strict=True)}) == len(rows) == 4 * 69

    def test_a_bar_from_the_middle_over_it_crosses_it_and_one_that_ends_before_does_not(self) -> None:
        picture = np.full((160, 160, 3), (90, 120, 200), np.uint8)
        picture[70:90, 60:130] = (200, 60, 40)
        assert not crosses(cells_of(picture), BOX)
        picture[70:90, 60:] = (200, 60, 40)
        assert crosses(cells_of(picture), BOX)


class TestNothingCrossesWhereThereIsNoSubject:
    def test_the_starters_grounds(self) -> None:
        rng = np.random.default_rng(7)
        bare = [np.asarray(make(rng, 160)) for make in GROUNDS.values() for _ in range(5)]
        assert np.mean([crosses(cells_of(picture), BOX) for picture in bare]) <= 0.02

    def test_most_grounds_of_other_kinds(self) -> None:
        rng = np.random.default_rng(8)
        bare = [make(rng, 160) for make in BACKDROPS.values() for _ in range(6)]
        assert np.mean([crosses(cells_of(picture), BOX) for picture in bare]) <= 0.12
