"""Defects and likeness on drawings: each defect found where it is and not where it is not; doubles told from others.

A sample here; ``pytest --whole`` takes 400 drawings.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import defects
from benchmarks.drawn import HELD_OUT, Picture, drawn
from benchmarks.likeness import AGAIN, CHANGES, reencoded
from scoring.defects.find import Frame, find_defects
from scoring.likeness.clusters import MAX_BITS, cluster, near_duplicates, same_picture
from scoring.likeness.hashes import hamming_matrix, phash
from starter.draw.scene import draw, random_scene
from tests import samples

COUNT, DRAWINGS = samples.size(40, 400), samples.size(80, 400)
TRIM = Frame(trim_box_px=(16, 16, 240, 240))


@pytest.fixture(scope="module")
def drawings() -> list[Picture]:
    return [drawn(HELD_OUT + number, 128).pixels for number in range(DRAWINGS)]


@pytest.fixture(scope="module")
def rates() -> defects.Rates:
    return defects.measure(COUNT)[0]


NAMED = [*defects.SPOILT, "tile_seam", "cut_by_trim", "outside_safe_zone", "low_dpi"]


class TestEachDefectIsFound:
    @pytest.mark.parametrize("name", [*NAMED, "framed (drawn frames)"])
    def test_where_it_is_and_nowhere_else(self, rates: defects.Rates, name: str) -> None:
        there, absent = rates[name]
        assert min(len(there), len(absent)) >= 3
        assert np.mean(there) >= 0.95
        assert np.mean(absent) <= (0.025 if name == "cut_by_trim" else 0.02)  # one of 40

    def test_a_cut_subject_also_over_other_grounds_than_the_starters(self, rates: defects.Rates) -> None:
        there, absent = rates[f"cut_by_trim{defects.OVER}"]
        assert np.mean(there) >= 0.92
        assert np.mean(absent) <= 0.05

    def test_no_bare_ground_is_cut_and_few_of_other_kinds(self, rates: defects.Rates) -> None:
        assert np.mean(rates[f"cut_by_trim{defects.BARE}"][1]) <= 0.02
        assert np.mean(rates[f"cut_by_trim{defects.OVER}{defects.BARE}"][1]) <= 0.06

    @pytest.mark.parametrize("name", defects.BURNT)
    def test_burnt_out_where_most_values_are_at_the_limit(self, rates: defects.Rates, name: str) -> None:
        assert len(rates[name][0]) >= 3
        assert np.mean(rates[name][0]) >= 0.95
        assert np.mean(rates[name][1]) <= 0.02

    def test_a_subject_between_the_safe_line_and_the_trim_line(self) -> None:
        picture = np.full((256, 256, 3), 220, np.uint8)
        picture[60:200, 22:140] = (40, 60, 160)
        frame = Frame(trim_box_px=(10, 10, 246, 246), safe_margin_px=20)
        assert find_defects(picture, frame) == ("outside_safe_zone",)


class TestNoDefectIsImagined:
    def test_in_at_most_2_percent_of_good_drawings(self, drawings: list[Picture]) -> None:
        assert np.mean([bool(find_defects(picture)) for picture in drawings]) <= 0.02

    def test_a_white_or_black_ground_is_not_a_burnt_picture(self) -> None:
        for ground in (255, 0):
            picture = np.full((128, 128, 3), ground, np.uint8)
            picture[40:90, 40:90] = (180, 60, 90)
            assert find_defects(picture) == ()

    def test_a_small_subject_inside_the_trim_line_is_not_cut(self) -> None:
        picture = np.full((256, 256, 3), 220, np.uint8)
        picture[90:160, 90:160] = (40, 60, 160)
        assert find_defects(picture, TRIM) == ()

    def test_nan_is_said_whatever_the_pixels_are(self, drawings: list[Picture]) -> None:
        assert find_defects(drawings[0], finite=False) == ("nan_black",)


def bits(one: Picture, other: Picture) -> int:
    """How many bits of their hashes differ."""
    return int(hamming_matrix([phash(one)], [phash(other)])[0, 0])


class TestTheHashKnowsAPictureAgain:
    @pytest.mark.parametrize("name", CHANGES)
    def test_changed_a_little_it_stays_within_the_bits(self, drawings: list[Picture], name: str) -> None:
        near = [bits(picture, CHANGES[name](picture)) <= MAX_BITS for picture in drawings]
        assert np.mean(near) >= 0.98

    def test_the_same_words_drawn_again_are_another_picture(self, drawings: list[Picture]) -> None:
        scenes = [replace(random_scene(HELD_OUT + number), framed=False) for number in range(DRAWINGS)]
        again = [np.asarray(draw(replace(scene, seed=scene.seed + AGAIN))) for scene in scenes]
        far = [bits(one, other) > MAX_BITS for one, other in zip(drawings, again, strict=True)]
        assert np.mean(far) >= 0.98  # by the hash alone; the embedding has its say too (tests/scoring/test_starter.py)

    def test_hash_and_embedding_must_agree(self) -> None:
        assert same_picture("0" * 16, "0" * 15 + "7", 0.99)
        assert not same_picture("0" * 16, "0" * 15 + "7", 0.5)
        assert not same_picture("0" * 16, "f" * 16, 0.99)


class TestClusters:
    def test_pairs_are_joined_into_groups(self) -> None:
        assert cluster(7, [(0, 3), (3, 5), (1, 2)]) == [(0, 3, 5), (1, 2)]

    def test_near_duplicates_among_many(self, drawings: list[Picture]) -> None:
        hashes = [phash(picture) for picture in [*drawings, reencoded(drawings[3])]]
        vectors = np.eye(DRAWINGS + 1, dtype=np.float32)
        vectors[DRAWINGS] = vectors[3]
        assert near_duplicates(hashes, vectors) == [(3, DRAWINGS)]
