"""A batch of jobs → pixels.

Imports torch.

Promise: at one batch shape, on one stack, a job's pixels depend on the job alone: not on its neighbours, its place in
the batch, or what was rendered before. Hence one CPU generator a picture (initial noise and every later draw), prompts
encoded one at a time, a fresh scheduler a batch, a fixed shape (the last job repeated), and rows whose prompts need
another number of chunks rendered apart.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from generator.batching import batch_key
from generator.candidate import Batch
from generator.sampling.schedulers import build_scheduler, check_steps
from generator.weights.loading import LoadedModel
from specs.errors import LimnerError
from specs.job import Job

log = logging.getLogger("limner.generator")
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a batch gave, one row a job, in the batch's order.

    ``pixels`` (n, H, W, 3) uint8; ``finite`` False where the network produced NaN or infinity (the row is then black
    there and must not be kept); ``batch_size`` the shape it was rendered at, which is less than the batch's where
    memory ran out; ``seconds`` of wall time.
    """

    pixels: np.ndarray[Any, np.dtype[np.uint8]]
    finite: tuple[bool, ...]
    batch_size: int
    seconds: float


def render(model: LoadedModel, batch: Batch, progress: Progress | None = None) -> Rendered:
    """Render a batch of one kind (see ``batching.batch_key``). ``progress`` is called with (steps done, steps in all).

    Out of memory halves the shape, says so, and renders the whole batch anew, so that all its pictures share one
    shape; later batches of that picture size start from there. LimnerError when one picture alone does not fit.
    """
    _check(model, batch)
    started = time.perf_counter()
    picture = (batch.jobs[0].width_px, batch.jobs[0].height_px)
    size = min(batch.size, model.fitting.get(picture, batch.size))
    pixels = _attempt(model, batch.jobs, size, progress)
    while pixels is None:
        _release(model)
        if size == 1:
            raise LimnerError(
                f"out of memory on {model.setting.device} ({model.setting.device_name}) with one picture of "
                f"{picture[0]}×{picture[1]} px; allowed is what fits. Ask for smaller pictures, run in low memory "
                f"mode, or free the device's memory."
            )
        log.warning("out of memory with %d pictures of %d×%d px at once; halving to %d", size, *picture, size // 2)
        size //= 2
        model.fitting[picture] = size
        pixels = _attempt(model, batch.jobs, size, progress)
    finite = tuple(bool(row) for row in pixels.finite)
    return Rendered(pixels.pixels, finite, size, time.perf_counter() - started)


@dataclass(frozen=True, slots=True)
class _Rows:
    pixels: np.ndarray[Any, np.dtype[np.uint8]]
    finite: np.ndarray[Any, np.dtype[np.bool_]]


def _check(model: LoadedModel, batch: Batch) -> None:
    """Refuse what would render something else than the jobs say."""
    if not 1 <= len(batch.jobs) <= batch.size:
        raise ValueError(f"batch: got {len(batch.jobs)} jobs for a shape of {batch.size}")
    job = batch.jobs[0]
    if any(batch_key(other) != batch_key(job) for other in batch.jobs):
        raise ValueError("batch: its jobs differ in more than prompts and seed; group them with make_batches")
    if job.weights_id != model.checkpoint.weights_id:
        raise LimnerError(
            f"job: got weights {job.weights_id}; loaded is {model.checkpoint.name!r} with "
            f"{model.checkpoint.weights_id}. Load the checkpoint that the job names."
        )
    if job.adapters:
        raise LimnerError(f"adapters: got {', '.join(job.adapters)}; none are allowed yet")
    multiple = max(8, model.checkpoint.multiple_px, model.pipe.vae_scale_factor)
    if job.width_px < 1 or job.height_px < 1 or job.width_px % multiple or job.height_px % multiple:
        raise LimnerError(
            f"picture: got {job.width_px}×{job.height_px} px; allowed for {model.checkpoint.name!r} are multiples of "
            f"{multiple} px"
        )
    check_steps(job.scheduler, model.noise, job.steps)


def _attempt(model: LoadedModel, jobs: Sequence[Job], size: int, progress: Progress | None) -> _Rows | None:
    """The rows, or None when memory ran out. The error is dropped here, because it holds on to the tensors."""
    try:
        with torch.inference_mode():
            return _render_at(model, jobs, size, progress)
    except (torch.OutOfMemoryError, MemoryError):
        return None
    except RuntimeError as error:
        if "out of memory" in str(error) or "can't allocate memory" in str(error):  # MPS; CPU
            return None
        raise


def _release(model: LoadedModel) -> None:
    model.pipe.maybe_free_model_hooks()
    if model.setting.kind == "cuda":
        torch.cuda.empty_cache()
    elif model.setting.kind == "mps":
        torch.mps.empty_cache()


def _render_at(model: LoadedModel, jobs: Sequence[Job], size: int, progress: Progress | None) -> _Rows:
    """Rows by number of chunks, each group in runs of ``size``."""
    chunks = [_chunks(model, job) for job in jobs]
    runs = []
    for count in sorted(set(chunks)):
        rows = [row for row, needed in enumerate(chunks) if needed == count]
        runs += [(count, rows[start : start + size]) for start in range(0, len(rows), size)]
    height, width = jobs[0].height_px, jobs[0].width_px
    pixels = np.zeros((len(jobs), height, width, 3), np.uint8)
    finite = np.zeros(len(jobs), np.bool_)
    for number, (count, rows) in enumerate(runs):
        report = _progress(progress, number, len(runs))
        done = _run(model, [jobs[row] for row in rows], count, size, report)
        pixels[rows], finite[rows] = done.pixels, done.finite
    return _Rows(pixels, finite)


def _run(model: LoadedModel, jobs: Sequence[Job], chunks: int, size: int, report: Progress) -> _Rows:
    """One call of the pipeline, at shape ``size``."""
    pipe, job = model.pipe, jobs[0]
    padded = [*jobs, *[jobs[-1]] * (size - len(jobs))]
    generators = [torch.Generator("cpu").manual_seed(each.seed) for each in padded]
    pipe.scheduler = build_scheduler(job.scheduler, model.noise)
    last: dict[str, torch.Tensor] = {}

    def step_ended(_: Any, step: int, __: Any, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        last["latents"] = tensors["latents"]
        report(step + 1, pipe.num_timesteps)
        return {}

    pictures = pipe(
        **_conditioning(model, padded, chunks),
        width=job.width_px,
        height=job.height_px,
        num_inference_steps=job.steps,
        guidance_scale=job.guidance,
        generator=generators,
        latents=_noise(pipe, job, generators).to(model.setting.torch_dtype),
        output_type="pt",
        return_dict=False,
        callback_on_step_end=step_ended,
        callback_on_step_end_tensor_inputs=["latents"],
    )[0]
    finite = _finite(last["latents"]) & _finite(pictures)
    rounded = (torch.nan_to_num(pictures.float(), 0.0) * 255).round().to(torch.uint8)
    pixels = rounded.permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return _Rows(pixels[: len(jobs)], finite.cpu().numpy()[: len(jobs)])


def _chunks(model: LoadedModel, job: Job) -> int:
    needed = model.prompts.chunks(job.prompt)
    return max(needed, model.prompts.chunks(job.negative_prompt)) if job.guidance > 1 else needed


def _conditioning(model: LoadedModel, jobs: Sequence[Job], chunks: int) -> dict[str, torch.Tensor]:
    """The pipeline's arguments for the prompts: (n, L·chunks, D) each way, pooled (n, P) too for SDXL."""
    encode, skip = model.prompts.encode, jobs[0].clip_skip
    sides = {"": [encode(job.prompt, skip, chunks) for job in jobs]}
    if jobs[0].guidance > 1:
        sides["negative_"] = [encode(job.negative_prompt, skip, chunks, negative=True) for job in jobs]
    arguments = {}
    for side, rows in sides.items():
        arguments[f"{side}prompt_embeds"] = torch.cat([row.tokens for row in rows])
        pooled = [row.pooled for row in rows if row.pooled is not None]
        if pooled:
            arguments[f"{side}pooled_prompt_embeds"] = torch.cat(pooled)
    return arguments


def _noise(pipe: Any, job: Job, generators: Sequence[torch.Generator]) -> torch.Tensor:
    """(n, C, H/8, W/8) float32 on the CPU, whatever the device and dtype: a seed means one picture everywhere."""
    factor = pipe.vae_scale_factor
    shape = (1, pipe.unet.config.in_channels, job.height_px // factor, job.width_px // factor)
    return torch.cat([torch.randn(shape, generator=each, dtype=torch.float32) for each in generators])


def _finite(tensor: torch.Tensor) -> torch.Tensor:
    """(n,) bool: rows without NaN or infinity."""
    return torch.isfinite(tensor).flatten(1).all(dim=1)


def _progress(progress: Progress | None, run: int, runs: int) -> Progress:
    if progress is None:
        return lambda done, steps: None
    return lambda done, steps: progress(run * steps + done, runs * steps)
