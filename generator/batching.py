"""Jobs → batches of one shape. Pure: the same jobs in the same order give the same batches."""

from __future__ import annotations

from collections.abc import Iterable

from generator.candidate import Batch
from specs.job import Job


def batch_key(job: Job) -> tuple[object, ...]:
    """What the jobs of one batch must share: everything that shapes a picture but its prompts and its seed."""
    return (
        job.weights_id,
        job.scheduler,
        job.steps,
        job.guidance,
        job.width_px,
        job.height_px,
        job.clip_skip,
        job.adapters,
    )


def make_batches(jobs: Iterable[Job], size: int) -> list[Batch]:
    """Batches of at most ``size`` ≥ 1 jobs, in the order in which their kinds first appear, jobs in the order given.

    A picture does not depend on which batch its job lands in (every batch is rendered at the padded shape ``size``),
    so this order is for speed and for a progress that people can follow, never for the result.
    """
    if size < 1:
        raise ValueError(f"batch size: got {size}; 1 or more is allowed")
    groups: dict[tuple[object, ...], list[Job]] = {}
    for job in jobs:
        groups.setdefault(batch_key(job), []).append(job)
    return [
        Batch(tuple(group[start : start + size]), size)
        for group in groups.values()
        for start in range(0, len(group), size)
    ]
