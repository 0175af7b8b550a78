"""From specs to jobs: pure, stable, exact."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specs.expand import expand, lay_out, mm_to_px
from specs.job import SEED_LIMIT, Job, derive_seed
from specs.spec import Picture, PrintSize, Spec
from tests.specs.making import GOOD, HEAD, checkpoint, load

JOB_ID = "sha256:975cfb2b4bba7d8fae2916e9c999bcffbedf124dd500a403b8d1ab92fdc62a98"
CARDS = [f"  - {{id: card-{n}, subject: sword, colour: c{n}}}\n" for n in range(50)]


def jobs(spec: Spec) -> dict[str, list[str]]:
    """Every job's id, by asset."""
    plans = expand(spec, checkpoint())
    return {p.asset.asset_id: [p.job(n).job_id for n in range(p.asset.candidates.at_most)] for p in plans}


def deck(folder: Path, rows: list[str], head: str = HEAD) -> dict[str, list[str]]:
    return jobs(load(folder, head + "assets:\n" + "".join(rows)))


class TestSeeds:
    def test_are_what_they_were_in_the_first_version(self) -> None:
        assert [derive_seed(20220916, "short-sword", n) for n in (0, 1)] == [1154481999, 3586492695]
        assert derive_seed(0, "a", 0) == 1262057093

    @given(st.integers(0, SEED_LIMIT - 1), st.text(max_size=64), st.integers(0, 10_000))
    def test_fit_in_32_bits(self, seed: int, asset_id: str, number: int) -> None:
        assert 0 <= derive_seed(seed, asset_id, number) < SEED_LIMIT

    def test_of_a_set_are_all_different(self) -> None:
        seeds = {derive_seed(7, f"card-{asset}", n) for asset in range(100) for n in range(20)}
        assert len(seeds) == 2000

    def test_that_are_listed_are_taken_in_their_order(self, tmp_path: Path) -> None:
        spec = load(tmp_path, GOOD.replace("colour: blue}", "colour: blue, seeds: [9, 0, 4294967295]}"))
        assert [expand(spec, checkpoint())[1].job(n).seed for n in range(3)] == [9, 0, SEED_LIMIT - 1]


class TestJobs:
    def test_of_other_assets_stay_when_a_row_is_inserted_deleted_or_moved(self, tmp_path: Path) -> None:
        before = deck(tmp_path, CARDS)
        new = "  - {id: new, subject: bow, colour: red}\n"
        inserted = deck(tmp_path, [*CARDS[:25], new, *CARDS[25:]])
        assert {name: ids for name, ids in inserted.items() if name != "new"} == before
        deleted = deck(tmp_path, CARDS[:10] + CARDS[11:])
        assert deleted == {name: ids for name, ids in before.items() if name != "card-10"}
        shuffled = random.Random(1).sample(CARDS, len(CARDS))
        assert deck(tmp_path, shuffled) == before

    def test_stay_when_only_what_no_pixel_depends_on_changes(self, tmp_path: Path) -> None:
        before = deck(tmp_path, CARDS[:3])
        head = HEAD.replace("set: deck", "set: other\ntitle: Other\nuse: commercial\nkeep: {min_aesthetic: 9}")
        assert deck(tmp_path, CARDS[:3], head) == before

    def test_that_exist_stay_when_more_candidates_are_asked_for(self, tmp_path: Path) -> None:
        before = deck(tmp_path, CARDS[:3], "candidates: 4\n" + HEAD)
        after = deck(tmp_path, CARDS[:3], "candidates: 9\n" + HEAD)
        assert all(after[name][:4] == ids for name, ids in before.items())

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("seed: 7", "seed: 8"),
            ("blurry", "cropped"),
            ("a {colour}", "one {colour}"),
            ("width_px: 128", "width_px: 136"),
            ("height_px: 96}", "height_px: 96, steps: 21}"),
            ("height_px: 96}", "height_px: 96, guidance: 7.5}"),
            ("height_px: 96}", "height_px: 96, scheduler: euler}"),
            ("height_px: 96}", "height_px: 96, clip_skip: 2}"),
        ],
    )
    def test_change_with_everything_that_shapes_a_pixel(self, tmp_path: Path, old: str, new: str) -> None:
        before, after = deck(tmp_path, CARDS[:2]), deck(tmp_path, CARDS[:2], HEAD.replace(old, new))
        assert not {i for ids in before.values() for i in ids} & {i for ids in after.values() for i in ids}

    def test_change_with_the_weights_and_not_with_their_name(self, tmp_path: Path) -> None:
        spec = load(tmp_path)
        first = expand(spec, checkpoint())[0].job(0)
        assert expand(spec, checkpoint(name="other", licence="MIT"))[0].job(0) == first
        files = (replace(checkpoint().files[0], sha256="cd" * 32),)
        assert expand(spec, checkpoint(files=files))[0].job(0) != first

    def test_have_the_ids_that_they_had_in_the_first_version(self) -> None:
        job = Job("a red sword", "blurry", "sha256:" + "ab" * 32, "dpmpp-2m", 20, 7.0, 512, 512, 1)
        assert job.job_id == JOB_ID
        assert replace(job, clip_skip=2).job_id != JOB_ID

    def test_have_the_same_id_whoever_is_asked(self, tmp_path: Path) -> None:
        spec = load(tmp_path, GOOD.replace("colour: blue}", "colour: blue, seeds: [9, 0, 4294967295]}"))
        for plan in expand(spec, checkpoint()):
            numbers = range(plan.asset.candidates.at_most)
            assert [plan.job_id(n) for n in numbers] == [plan.job(n).job_id for n in numbers]

    def test_outside_of_what_was_asked_for_are_refused(self, tmp_path: Path) -> None:
        plan = expand(load(tmp_path), checkpoint())[0]
        for number in (-1, 4):
            for ask in (plan.job, plan.job_id, plan.seed):
                with pytest.raises(IndexError, match="candidates 0 to 3"):
                    ask(number)


class TestExpansion:
    def test_is_the_same_each_time_and_leaves_its_arguments_alone(self, tmp_path: Path) -> None:
        spec, known = load(tmp_path), checkpoint()
        copies = (replace(spec), replace(known))
        assert expand(spec, known) == expand(spec, known)
        assert (spec, known) == copies

    def test_keeps_the_order_of_the_rows(self, tmp_path: Path) -> None:
        assert [plan.asset.asset_id for plan in expand(load(tmp_path), checkpoint())] == ["one", "two", "three"]

    def test_needs_weights_that_are_hashed(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="without hashed files"):
            expand(load(tmp_path), checkpoint(files=()))

    def test_of_thirty_thousand_jobs_is_quick(self, tmp_path: Path) -> None:
        assets = load(tmp_path, "candidates: 10000\n" + GOOD)
        plans = expand(assets, checkpoint())
        start = process_time()
        ids = {plan.job(n).job_id for plan in plans for n in range(10_000)}
        assert len(ids) == 30_000
        assert process_time() - start < 3.0, "takes 0.4 s on an idle core"


def printed(trim: tuple[float, float], bleed: float, dpi: int) -> Picture:
    return Picture(None, None, PrintSize(trim, bleed, dpi), 20, 7.0, "euler")


class TestLayout:
    def test_of_a_euro_card_has_the_pixels_that_printers_ask_for(self) -> None:
        layout = lay_out(printed((63, 88), 3, 300), 8)
        assert (layout.width_px, layout.height_px, layout.dpi) == (816, 1112, 300)
        assert layout.bleed_box_px == (0, 1, 815, 1111)
        assert layout.trim_box_px is not None
        left, top, right, bottom = layout.trim_box_px
        assert (right - left, bottom - top) == (744, 1039)

    @pytest.mark.parametrize(
        ("trim_in", "px"),
        [
            ((2.5, 3.5), (825, 1125)),
            ((2.25, 3.5), (750, 1125)),
            ((2.75, 4.75), (900, 1500)),
            ((3.5, 3.5), (1125, 1125)),
        ],
    )
    def test_of_the_game_crafters_cards_has_their_pixels(
        self, trim_in: tuple[float, float], px: tuple[int, int]
    ) -> None:
        trim = (trim_in[0] * 25.4, trim_in[1] * 25.4)
        layout = lay_out(printed((round(trim[0], 3), round(trim[1], 3)), 3.175, 300), 1)
        assert (layout.width_px, layout.height_px) == px

    def test_is_rounded_up_to_the_checkpoints_multiple(self) -> None:
        px = Picture(100, 128, None, 20, 7.0, "euler")
        assert [lay_out(px, m).width_px for m in (1, 8, 16, 64)] == [100, 104, 112, 128]
        assert lay_out(px, 64).height_px == 128
        assert lay_out(px, 8).trim_box_px is None

    @given(
        st.floats(5, 300, allow_nan=False).map(lambda mm: round(mm, 2)),
        st.floats(5, 300, allow_nan=False).map(lambda mm: round(mm, 2)),
        st.sampled_from([0.0, 3.0, 3.175, 5.5]),
        st.integers(30, 1200),
        st.sampled_from([8, 16, 64]),
    )
    def test_has_trim_in_bleed_in_picture_and_wastes_less_than_a_multiple(
        self, width: float, height: float, bleed: float, dpi: int, multiple: int
    ) -> None:
        layout = lay_out(printed((width, height), bleed, dpi), multiple)
        outer = (0, 0, layout.width_px, layout.height_px)
        assert layout.bleed_box_px is not None
        assert layout.trim_box_px is not None
        for inner, around in ((layout.bleed_box_px, outer), (layout.trim_box_px, layout.bleed_box_px)):
            assert around[0] <= inner[0] < inner[2] <= around[2]
            assert around[1] <= inner[1] < inner[3] <= around[3]
            assert abs((inner[0] - around[0]) - (around[2] - inner[2])) <= 1
        assert layout.width_px % multiple == layout.height_px % multiple == 0
        assert layout.width_px - layout.bleed_box_px[2] + layout.bleed_box_px[0] < multiple

    def test_rounds_to_the_nearest_pixel_exactly(self) -> None:
        assert [mm_to_px(mm, 254) for mm in (0.05, 0.04, 0.15, 0.1)] == [1, 0, 2, 1]
