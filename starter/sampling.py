"""Pictures from the starter's image model, for the scripts of this folder alone."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from numpy.typing import NDArray

STEPS, GUIDANCE = 16, 4.0


def load_pipeline(folder: Path, device: str = "cpu") -> StableDiffusionPipeline:
    """The pipeline in float32, silent."""
    pipeline = StableDiffusionPipeline.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device)


def sampled(
    pipeline: StableDiffusionPipeline, prompts: list[str], seeds: list[int], batch: int = 20, **settings: object
) -> Iterator[NDArray[np.uint8]]:
    """One (side, side, 3) uint8 picture per prompt and seed."""
    settings = {"num_inference_steps": STEPS, "guidance_scale": GUIDANCE} | settings
    for start in range(0, len(prompts), batch):
        noise = [torch.Generator().manual_seed(seed) for seed in seeds[start : start + batch]]
        made = pipeline(prompts[start : start + batch], generator=noise, output_type="np", **settings).images
        yield from (np.asarray(made) * 255).round().astype(np.uint8)
