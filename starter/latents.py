"""Drawings as latents, computed once after the autoencoder is trained; harmed copies teach the words of harms."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from PIL import Image

from starter import linear_code
from starter.dataset import Drawings
from starter.harms import TAUGHT

_HARMED_SHARE = 16


@dataclass(frozen=True)
class Latents:
    """``values`` (N, 32, 8, 8) float16, scaled to unit spread; row i shows drawing ``source[i]`` under ``harm[i]``."""

    values: NDArray[np.float16]
    source: NDArray[np.int64]
    harm: list[str | None]


def harmed(pixels: NDArray[np.uint8], row: int) -> tuple[NDArray[np.uint8], str]:
    """Drawing ``row`` with one taught harm, strong enough to be seen."""
    rng = np.random.default_rng([row, 6])
    name = str(rng.choice(list(TAUGHT)))
    spoiled = TAUGHT[name](Image.fromarray(pixels[row]), rng, float(rng.uniform(0.4, 1)))
    return np.asarray(spoiled), name


def prepare_latents(vae: AutoencoderKL, drawings: Drawings, work: Path) -> Latents:
    """Latents of all drawings and of a harmed sixteenth, from ``work/latents.npy`` or computed now."""
    path, count = work / "latents.npy", len(drawings.pixels)
    spoiled = {row: harmed(drawings.pixels, row) for row in range(0, count, _HARMED_SHARE)}
    if not path.exists():
        encode = encoder_of(vae, work)
        clean = [encode(np.asarray(drawings.pixels[i : i + 200])) for i in range(0, count, 200)]
        copies = np.stack([pixels for pixels, _ in spoiled.values()])
        values = np.concatenate([*clean, *(encode(copies[i : i + 200]) for i in range(0, len(copies), 200))])
        np.save(path, (values * vae.config.scaling_factor).astype(np.float16))
    source = np.concatenate([np.arange(count), np.array(list(spoiled))])
    return Latents(np.load(path, mmap_mode="r"), source, [None] * count + [name for _, name in spoiled.values()])


def encoder_of(vae: AutoencoderKL, work: Path) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """Pixels (B, side, side, 3) → unscaled latents. While the encoder still is the linear code, matrices do it."""
    if (work / "code.npz").exists():
        return linear_code.load(work / "code.npz").encode

    @torch.no_grad()
    def encode(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        picture = torch.from_numpy(pixels).permute(0, 3, 1, 2).to(vae.device).float() / 127.5 - 1
        return vae.encode(picture).latent_dist.mean.float().cpu().numpy()  # type: ignore[no-any-return]

    return encode
