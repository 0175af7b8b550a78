"""Jobs are cut into batches by kind, in order, and none is lost."""

from __future__ import annotations

import random

import pytest

from generator.batching import make_batches
from specs.job import Job


def job(seed: int, **changes: object) -> Job:
    recipe = {"scheduler": "euler", "steps": 20, "guidance": 4.0, "width_px": 512, "height_px": 512} | changes
    return Job(f"prompt {seed}", "", "sha256:" + "0" * 64, seed=seed, **recipe)  # type: ignore[arg-type]


class TestBatches:
    def test_share_everything_but_prompts_and_seed(self) -> None:
        kinds: list[dict[str, object]] = [
            {},
            {"scheduler": "ddim"},
            {"steps": 21},
            {"guidance": 5.0},
            {"width_px": 256},
        ]
        kinds += [{"height_px": 256}, {"clip_skip": 2}, {"adapters": ("x",)}]
        jobs = [job(seed, **kind) for seed in range(3) for kind in kinds]
        assert [[each.seed for each in batch.jobs] for batch in make_batches(jobs, 8)] == [[0, 1, 2]] * len(kinds)

    def test_follow_the_order_in_which_kinds_first_appear(self) -> None:
        jobs = [job(0, steps=9), job(1, steps=5), job(2, steps=9)]
        assert [[each.seed for each in batch.jobs] for batch in make_batches(jobs, 8)] == [[0, 2], [1]]

    @pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 100])
    def test_hold_every_job_once_and_never_more_than_their_size(self, size: int) -> None:
        draw = random.Random(size)
        jobs = [job(seed, steps=draw.randint(1, 4)) for seed in range(100)]
        batches = make_batches(iter(jobs), size)
        assert sorted(each.seed for batch in batches for each in batch.jobs) == list(range(100))
        assert all(1 <= len(batch.jobs) <= batch.size == size for batch in batches)

    def test_of_nothing_are_none(self) -> None:
        assert make_batches([], 4) == []

    def test_of_no_size_are_refused(self) -> None:
        with pytest.raises(ValueError, match="got 0; 1 or more is allowed"):
            make_batches([], 0)
