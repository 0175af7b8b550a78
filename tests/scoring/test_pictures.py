"""Defects and likeness on drawings: each defect found where it is and not where it is not; doubles told from others.

A sample here; ``LIMNER_FULL=1`` takes 400 drawings.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from scoring.clusters import cluster, near_duplicates, nearest, same_picture
from scoring.defects import Frame, find_defects
from scoring.likeness import hamming, phash
from starter.draw.scene import draw, random_scene

Picture = NDArray[np.uint8]
COUNT = 400 if os.environ.get("LIMNER_FULL") else 60
HELD_OUT = 20_000_000  # the seeds that no starter model is trained on


@pytest.fixture(scope="module")
def drawings() -> list[Picture]:
    scenes = [replace(random_scene(HELD_OUT + number), framed=False) for number in range(COUNT)]
    return [np.asarray(draw(scene, 256)) for scene in scenes]


@pytest.fixture(scope="module")
def textures() -> list[Picture]:
    """Cloudy textures that tile: random phases under a power law."""
    made = []
    for seed in range(COUNT):
        rng = np.random.default_rng(seed)
        waves = np.fft.fft2(rng.normal(size=(256, 256, 3)), axes=(0, 1))
        across, down = np.meshgrid(np.fft.fftfreq(256) * 256, np.fft.fftfreq(256) * 256)
        waves *= (np.hypot(across, down)[..., None] + 3) ** -rng.uniform(1.0, 1.6)
        values = np.fft.ifft2(waves, axes=(0, 1)).real
        made.append(as_bytes(128 + 45 * (values - values.mean()) / values.std()))
    return made


def as_bytes(values: NDArray[np.floating]) -> Picture:
    return np.clip(values, 0, 255).astype(np.uint8)


def blurred(picture: Picture) -> Picture:
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(0.02 * picture.shape[1])))


def framed(picture: Picture) -> Picture:
    made = np.full_like(picture, 20 if picture.mean() > 128 else 240)
    made[12:-12, 12:-12] = picture[12:-12, 12:-12]
    return made


def letterboxed(picture: Picture) -> Picture:
    made = picture.copy()
    made[:30] = made[-30:] = 0 if picture.mean() > 128 else 255
    return made


def zoomed(picture: Picture) -> Picture:
    return np.asarray(Image.fromarray(picture).resize((440, 440), Image.Resampling.LANCZOS))[92:348, 92:348]


def share(name: str, pictures: list[Picture], frame: Frame | None = None) -> float:
    return float(np.mean([name in find_defects(picture, frame) for picture in pictures]))


TRIM = Frame(trim_box_px=(16, 16, 240, 240))


class TestEachDefectIsFound:
    @pytest.mark.parametrize(
        ("name", "spoil"),
        [
            ("nan_black", np.zeros_like),
            ("blank", lambda picture: np.full_like(picture, 77)),
            ("near_uniform", lambda picture: as_bytes(picture.mean((0, 1)) + 0.03 * (picture - picture.mean((0, 1))))),
            ("blurred", blurred),
            ("framed", framed),
            ("letterboxed", letterboxed),
        ],
    )
    def test_in_95_percent_of_the_pictures_that_have_it(
        self, drawings: list[Picture], name: str, spoil: Callable[[Picture], Picture]
    ) -> None:
        assert share(name, [spoil(picture) for picture in drawings]) >= 0.95

    @pytest.mark.parametrize(("name", "limit", "shift"), [("blown", 253, 150), ("crushed", 2, -300)])
    def test_burnt_out_where_most_values_are_at_the_limit(
        self, drawings: list[Picture], name: str, limit: int, shift: int
    ) -> None:
        spoilt = [as_bytes(picture * 1.8 + shift) for picture in drawings]
        burnt = []
        for picture in spoilt:
            at_limit = picture >= limit if shift > 0 else picture <= limit
            border = np.concatenate([at_limit[0], at_limit[-1], at_limit[:, 0], at_limit[:, -1]]).all(axis=1)
            if (
                at_limit.mean() > 0.4 and border.mean() < 0.9 and np.ptp(picture) > 60
            ):  # not a plain white or black ground
                burnt.append(picture)
        assert len(burnt) >= 3
        assert share(name, burnt) >= 0.95

    def test_a_seam_in_what_should_tile(self, textures: list[Picture]) -> None:
        cut = [np.asarray(Image.fromarray(texture[:200, :200]).resize((256, 256))) for texture in textures]
        assert share("tile_seam", cut, Frame(tiles=True)) >= 0.95

    def test_a_subject_that_the_trim_line_cuts(self, drawings: list[Picture]) -> None:
        assert share("cut_by_trim", [zoomed(picture) for picture in drawings], TRIM) >= 0.85

    def test_too_few_pixels_for_the_print_size(self, drawings: list[Picture]) -> None:
        assert "low_dpi" in find_defects(drawings[0], Frame(dpi=72, min_dpi=285))
        assert "low_dpi" not in find_defects(drawings[0], Frame(dpi=300, min_dpi=285))

    def test_a_subject_between_the_safe_line_and_the_trim_line(self) -> None:
        picture = np.full((256, 256, 3), 220, np.uint8)
        picture[60:200, 22:140] = (40, 60, 160)
        frame = Frame(trim_box_px=(10, 10, 246, 246), safe_margin_px=20)
        assert find_defects(picture, frame) == ("outside_safe_zone",)


class TestNoDefectIsImagined:
    def test_in_at_most_2_percent_of_good_drawings(self, drawings: list[Picture]) -> None:
        assert np.mean([bool(find_defects(picture)) for picture in drawings]) <= 0.02

    def test_no_seam_in_textures_that_tile(self, textures: list[Picture]) -> None:
        assert share("tile_seam", textures, Frame(tiles=True)) <= 0.02

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


def recompressed(picture: Picture) -> Picture:
    store = io.BytesIO()
    Image.fromarray(picture).save(store, "JPEG", quality=85)
    return np.asarray(Image.open(store).convert("RGB"))


class TestTheHashKnowsAPictureAgain:
    @pytest.mark.parametrize(
        "change",
        [
            recompressed,
            lambda picture: np.pad(picture, ((2, 0), (2, 0), (0, 0)), "edge")[:-2, :-2],
            lambda picture: as_bytes(picture * np.array([1.03, 0.97, 1.0])),
        ],
        ids=["re-encoded", "shifted 2 px", "recoloured 3 %"],
    )
    def test_changed_a_little_it_stays_within_the_bits(
        self, drawings: list[Picture], change: Callable[[Picture], Picture]
    ) -> None:
        near = [hamming(phash(picture), phash(change(picture))) <= 12 for picture in drawings]
        assert np.mean(near) >= 0.98

    def test_another_picture_is_far_away(self, drawings: list[Picture]) -> None:
        hashes = [phash(picture) for picture in drawings]
        far = [hamming(one, other) > 12 for one, other in pairwise(hashes)]
        assert np.mean(far) >= 0.98

    def test_hash_and_embedding_must_agree(self) -> None:
        assert same_picture("0" * 16, "0" * 15 + "7", 0.99)
        assert not same_picture("0" * 16, "0" * 15 + "7", 0.5)
        assert not same_picture("0" * 16, "f" * 16, 0.99)


class TestClusters:
    def test_pairs_are_joined_into_groups(self) -> None:
        assert cluster(7, [(0, 3), (3, 5), (1, 2)]) == [(0, 3, 5), (1, 2)]

    def test_near_duplicates_among_many(self, drawings: list[Picture]) -> None:
        hashes = [phash(picture) for picture in [*drawings, recompressed(drawings[3])]]
        vectors = np.eye(COUNT + 1, dtype=np.float32)
        vectors[COUNT] = vectors[3]
        assert near_duplicates(hashes, vectors) == [(3, COUNT)]
        assert nearest(hashes[3], vectors[3], hashes, vectors)[0] == (3, 1.0)
