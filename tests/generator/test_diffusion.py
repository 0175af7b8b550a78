"""What ``render`` promises of a batch of jobs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import combinations, permutations
from pathlib import Path

import numpy as np
import pytest
import torch

from generator.candidate import Batch
from generator.environment import Setting, choose_setting
from generator.sampling.diffusion import render
from generator.weights.loading import LoadedModel, load
from specs.checkpoint import Checkpoint
from specs.errors import LimnerError
from specs.samplers import SCHEDULERS
from tests.generator.conftest import job, rendered

FolderOf = Callable[[str], Path]
Pinned = Callable[[str, Path], Checkpoint]
LONG = "silver sword on night ground, " * 30


@pytest.fixture
def fresh(folder_of: FolderOf, pinned: Pinned, setting: Setting) -> LoadedModel:
    """A loaded model of this test's own, to count or to break."""
    return load(pinned("sd1", folder_of("sd1")), folder_of("sd1"), setting)


class TestAPictureDependsOnItsJobAlone:
    """… at one batch shape: not on its neighbours, its place, or what was rendered before."""

    @pytest.mark.parametrize("name", SCHEDULERS)
    def test_with_every_scheduler(self, sd1: LoadedModel, name: str) -> None:
        jobs = [
            job(sd1, "red potion", 1, scheduler=name),
            job(sd1, "night", 2, scheduler=name),
            job(sd1, scheduler=name),
        ]
        together, swapped = rendered(sd1, *jobs), rendered(sd1, jobs[2], jobs[0])
        assert together.finite == (True, True, True)
        assert np.array_equal(swapped.pixels, together.pixels[[2, 0]])

    @pytest.mark.parametrize("kind", ["sd1", "sd2", "sdxl"])
    def test_in_any_order_and_any_subset(self, model_of: Callable[[str], LoadedModel], kind: str) -> None:
        model = model_of(kind)
        jobs = [job(model, scheduler="euler-a", seed=seed) for seed in (1, 2, 3)]
        alone = {each: rendered(model, each).pixels[0].tobytes() for each in jobs}
        assert len(set(alone.values())) == 3
        for chosen in [*permutations(jobs), *combinations(jobs, 2)]:
            for each, pixels in zip(chosen, rendered(model, *chosen).pixels, strict=True):
                assert pixels.tobytes() == alone[each]

    def test_beside_a_neighbour_with_a_long_prompt(self, sd1: LoadedModel) -> None:
        short, long = job(sd1), job(sd1, LONG)
        alone, together = rendered(sd1, short), rendered(sd1, long, short)
        assert np.array_equal(together.pixels[1], alone.pixels[0])

    def test_yet_differs_with_prompt_negative_seed_and_every_setting(self, sd1: LoadedModel) -> None:
        changes = [{}, {"prompt": "red potion"}, {"negative_prompt": "night"}, {"seed": 2}, {"steps": 4}]
        changes += [{"guidance": 5.0}, {"scheduler": "ddim"}, {"clip_skip": 2}]
        pictures = {rendered(sd1, replace(job(sd1), **change)).pixels.tobytes() for change in changes}  # type: ignore[arg-type]
        assert len(pictures) == len(changes)


class TestWorkIsNotDoneTwice:
    def test_each_prompt_is_encoded_once(self, fresh: LoadedModel) -> None:
        rendered(fresh, job(fresh, "red", 1), job(fresh, "red", 2), job(fresh, "potion", 1))
        rendered(fresh, job(fresh, "potion", 7), job(fresh, "red", 8))
        assert fresh.encoder_calls == 3  # red, potion, and the negative prompt

    def test_a_batch_costs_one_forward_a_step(self, fresh: LoadedModel) -> None:
        rendered(fresh, job(fresh, seed=1), job(fresh, seed=2), job(fresh, seed=3))
        assert fresh.forwards == 3

    def test_without_guidance_the_negative_prompt_is_not_encoded(self, fresh: LoadedModel) -> None:
        rendered(fresh, job(fresh, guidance=1.0))
        assert fresh.encoder_calls == 1

    def test_what_is_remembered_is_bounded(self, fresh: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("generator.prompts.encoding.REMEMBERED", 2)
        for prompt in ("red", "silver", "potion"):
            fresh.prompts.encode(prompt, 1, 1)
        fresh.prompts.encode("potion", 1, 1)
        assert fresh.encoder_calls == 3
        fresh.prompts.encode("red", 1, 1)
        assert fresh.encoder_calls == 4


class TestOutOfMemory:
    def test_halves_the_shape_until_it_fits_and_says_so(
        self, fresh: LoadedModel, caplog: pytest.LogCaptureFixture
    ) -> None:
        jobs = [job(fresh, seed=seed) for seed in range(6)]
        with memory_for(fresh, 2), caplog.at_level(logging.WARNING, "limner"):
            done = rendered(fresh, *jobs, size=8)
        assert done.batch_size == 2
        assert [record.getMessage() for record in caplog.records] == [
            "out of memory with 8 pictures of 32×32 px at once; halving to 4",
            "out of memory with 4 pictures of 32×32 px at once; halving to 2",
        ]

    def test_renders_all_pictures_of_the_batch_at_the_shape_that_it_records(self, fresh: LoadedModel) -> None:
        jobs = [job(fresh, seed=seed) for seed in range(3)]
        with memory_for(fresh, 2):
            halved = rendered(fresh, *jobs, size=4)
        again = rendered(fresh, *jobs[2:], size=2)
        assert np.array_equal(again.pixels[0], halved.pixels[2])

    def test_later_batches_start_from_the_shape_that_fitted(self, fresh: LoadedModel) -> None:
        with memory_for(fresh, 1) as refused:
            rendered(fresh, job(fresh), size=4)
            before = refused.count
            assert rendered(fresh, job(fresh), size=4).batch_size == 1
            assert refused.count == before
        assert rendered(fresh, job(fresh, width_px=64), size=4).batch_size == 4  # another size has its own limit

    def test_with_one_picture_is_an_error_that_says_what_to_do(self, fresh: LoadedModel) -> None:
        with memory_for(fresh, 0), pytest.raises(LimnerError, match=r"one picture of 32×32 px; .*smaller pictures"):
            rendered(fresh, job(fresh), size=2)


class TestBrokenNumbers:
    def test_a_row_with_nan_is_flagged_and_its_neighbours_are_not(self, fresh: LoadedModel) -> None:
        jobs = [job(fresh, seed=seed) for seed in (1, 2, 3)]
        good = rendered(fresh, *jobs)
        spoil = fresh.pipe.unet.register_forward_hook(
            lambda _, __, out: (out[0].index_fill(0, torch.tensor([1]), torch.nan),)
        )
        done = rendered(fresh, *jobs)
        spoil.remove()
        assert done.finite == (True, False, True)
        assert np.array_equal(done.pixels[[0, 2]], good.pixels[[0, 2]])

    def test_infinite_latents_are_flagged_even_where_the_pixels_hide_them(self, fresh: LoadedModel) -> None:
        decode = fresh.pipe.vae.decode
        fresh.pipe.vae.decode = lambda latents, **options: decode(torch.nan_to_num(latents), **options)
        fresh.pipe.unet.register_forward_hook(lambda _, __, out: (out[0] * torch.inf,))
        assert rendered(fresh, job(fresh)).finite == (False,)

    def test_no_picture_of_nan_is_nearly_black_by_luck(self, fresh: LoadedModel) -> None:
        fresh.pipe.unet.register_forward_hook(lambda _, __, out: (out[0] * torch.nan,))
        assert rendered(fresh, job(fresh)).pixels.max() == 0


class TestWhatCannotBeRendered:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"width_px": 60}, r"got 60×32 px; allowed .* multiples of 8 px"),
            ({"height_px": 28}, r"got 32×28 px; allowed .* multiples of 8 px"),
            ({"scheduler": "dpm-fast"}, r"scheduler: got 'dpm-fast'; allowed are euler,"),
            ({"steps": 0}, r"steps: got 0 with scheduler 'dpmpp-2m'"),
            ({"clip_skip": 9}, r"clip_skip: got 9; .* allows 1 to 4"),
            ({"weights_id": "sha256:" + "0" * 64}, r"got weights sha256:0+; loaded is 'tiny-sd1'"),
            ({"adapters": ("lora",)}, r"adapters: got lora; none are allowed yet"),
            ({"prompt": "silver " * 2000}, r"prompt 'silver silver.*got 27 chunks of 75 tokens; at most 16"),
        ],
    )
    def test_is_refused_with_a_sentence(self, sd1: LoadedModel, change: dict[str, object], message: str) -> None:
        with pytest.raises(LimnerError, match=message):
            rendered(sd1, job(sd1, **change))

    def test_jobs_of_two_kinds_in_one_batch_are_a_mistake_of_ours(self, sd1: LoadedModel) -> None:
        with pytest.raises(ValueError, match="group them with make_batches"):
            rendered(sd1, job(sd1), job(sd1, steps=4))


class TestProgress:
    def test_is_reported_after_each_step(self, sd1: LoadedModel) -> None:
        seen: list[tuple[int, int]] = []
        render(sd1, Batch((job(sd1), job(sd1, LONG)), 2), lambda done, of: seen.append((done, of)))
        assert seen == [(1, 6), (2, 6), (3, 6), (4, 6), (5, 6), (6, 6)]

    def test_an_error_raised_there_stops_the_batch(self, sd1: LoadedModel) -> None:
        def stop(_done: int, _of: int) -> None:
            raise KeyboardInterrupt

        before = sd1.forwards
        with pytest.raises(KeyboardInterrupt):
            render(sd1, Batch((job(sd1),), 1), stop)
        assert sd1.forwards == before + 1

    def test_nothing_is_printed(self, fresh: LoadedModel, capfd: pytest.CaptureFixture[str]) -> None:
        rendered(fresh, job(fresh, scheduler="dpmpp-sde"), job(fresh, LONG, scheduler="dpmpp-sde"))
        assert capfd.readouterr() == ("", "")


class TestLowMemoryMode:
    def test_makes_the_same_picture_within_a_grey_level(
        self, folder_of: FolderOf, pinned: Pinned, sd1: LoadedModel
    ) -> None:
        small = load(
            pinned("sd1", folder_of("sd1")), folder_of("sd1"), choose_setting("cpu", low_memory=True, threads=1)
        )
        jobs = [job(sd1, seed=1), job(sd1, seed=2)]
        plain, slow = rendered(sd1, *jobs, size=2), rendered(small, *jobs, size=2)
        assert np.abs(plain.pixels.astype(int) - slow.pixels).max() <= 1

    def test_decodes_one_picture_at_a_time(self, folder_of: FolderOf, pinned: Pinned) -> None:
        small = load(
            pinned("sd1", folder_of("sd1")), folder_of("sd1"), choose_setting("cpu", low_memory=True, threads=1)
        )
        rows: list[int] = []
        small.pipe.vae.decoder.register_forward_hook(lambda _, given, __: rows.append(len(given[0])))
        rendered(small, job(small, seed=1), job(small, seed=2), size=2)
        assert rows == [1, 1]


class _Refused:
    count = 0


@contextmanager
def memory_for(model: LoadedModel, pictures: int) -> Iterator[_Refused]:
    """A device on which the UNet runs out of memory above so many pictures (twice as many rows, with guidance)."""
    refused = _Refused()

    def check(_: object, given: tuple[torch.Tensor, ...]) -> None:
        if len(given[0]) > 2 * pictures:
            refused.count += 1
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate …")

    hook = model.pipe.unet.register_forward_pre_hook(check)
    try:
        yield refused
    finally:
        hook.remove()
