"""Train the autoencoder: 128 × 128 pixels ↔ 8 × 8 × 32 latents. ``python -m starter.train_vae``.

The encoder starts as the best linear code (`starter.linear_code`) and, by default, stays it, so that the denoiser can
be trained at the same time; the decoder learns to draw from latents that are a little noisy, as sampled ones are. Every
stage of it is also asked for the picture at its own size, which lets the deep stages learn from the first step on.
``--joint`` trains the encoder too; the denoiser must then be trained on the new latents.
"""

from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from starter import linear_code
from starter.dataset import Drawings, prepare
from starter.latents import prepare_latents
from starter.training import Run, Trainer, batches, begin, parser

IMAGE_FOLDER = Path(__file__).parent / "image"
_KL_WEIGHT = 1e-4
_LATENT_NOISE = 0.2
_CHANNELS = (16, 32, 64, 96, 96)


def new_vae() -> AutoencoderKL:
    """Random weights in the shipped shape: thin where the picture is large, no attention."""
    return AutoencoderKL(
        block_out_channels=_CHANNELS,
        down_block_types=("DownEncoderBlock2D",) * 5,
        up_block_types=("UpDecoderBlock2D",) * 5,
        latent_channels=linear_code.LATENT_CHANNELS,
        layers_per_block=1,
        norm_num_groups=1,
        mid_block_add_attention=False,
        sample_size=128,
    )


def linear_vae(drawings: Drawings, work: Path) -> AutoencoderKL:
    """A new autoencoder whose encoder is the linear code, fitted to the first 2,000 drawings."""
    vae, path = new_vae(), work / "code.npz"
    if not path.exists():
        linear_code.save(linear_code.fit(np.asarray(drawings.pixels[:2000])), path)
    code = linear_code.load(path)
    linear_code.install(code, vae)
    spread = float(code.encode(np.asarray(drawings.pixels[:500])).std())
    vae.register_to_config(scaling_factor=round(1 / spread, 5))
    return vae


class Staged(nn.Module):
    """The autoencoder with a read-out of RGB after each stage of the decoder, used in training alone."""

    def __init__(self, vae: AutoencoderKL) -> None:
        super().__init__()
        self.vae = vae
        stages = vae.decoder.up_blocks[:-1]
        self.heads = nn.ModuleList(nn.Conv2d(stage.resnets[-1].out_channels, 3, 1) for stage in stages)
        self._seen: list[torch.Tensor] = []
        for stage in stages:
            stage.register_forward_hook(lambda module, inputs, output: self._seen.append(output))

    def forward(self, latents: torch.Tensor) -> list[torch.Tensor]:
        """Unscaled latents → the picture, preceded by each stage's own (B, 3, h, w)."""
        self._seen = []
        picture = self.vae.decode(latents).sample
        return [*(head(seen) for head, seen in zip(self.heads, self._seen, strict=True)), picture]


def pictures_of(pixels: NDArray[np.uint8]) -> torch.Tensor:
    """(B, side, side, 3) uint8 → (B, 3, side, side) float32 in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float() / 127.5 - 1


def differences(picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Horizontal and vertical neighbour differences."""
    return picture[..., :, 1:] - picture[..., :, :-1], picture[..., 1:, :] - picture[..., :-1, :]


def loss_of(
    model: Staged, latents: torch.Tensor, target: torch.Tensor, run: Run
) -> tuple[torch.Tensor, dict[str, float]]:
    """Absolute error of pixels, of their differences and, at a fifth, of every stage."""
    with run.autocast():
        *stages, output = model(latents + _LATENT_NOISE * torch.randn_like(latents))
    output = output.float()
    small = [functional.interpolate(target, stage.shape[-2:], mode="area") for stage in stages]
    staged = torch.stack([(s.float() - t).abs().mean() for s, t in zip(stages, small, strict=True)]).sum()
    pixel = (output - target).abs().mean()
    pairs = zip(differences(output), differences(target), strict=True)
    edge = torch.stack([(a - b).abs().mean() for a, b in pairs]).sum()
    mse = ((output.clamp(-1, 1) - target) ** 2).mean().item() / 4
    return pixel + 0.5 * edge + 0.2 * staged, {"l1": pixel.item(), "psnr_db": -10 * float(np.log10(mse))}


def main() -> None:
    """Train, or go on training, and save to the image folder."""
    options = parser(main.__doc__ or "", steps=4000, batch=6, learning_rate=2e-3)
    options.add_argument("--joint", action="store_true", help="train the encoder too")
    chosen = options.parse_args()
    run = begin("vae", chosen)
    drawings = prepare(run.work, "train")
    vae = (
        AutoencoderKL.from_pretrained(run.init_from, dtype=torch.float32)
        if run.init_from
        else linear_vae(drawings, run.work)
    )
    for module in (vae.encoder, vae.quant_conv):
        module.requires_grad_(chosen.joint)
    if not (IMAGE_FOLDER / "vae").exists():
        save(vae)
    trainer = Trainer(run, Staged(vae))
    known = None if chosen.joint else prepare_latents(vae, drawings, run.work).values
    for rows in batches(run, len(drawings.pixels), trainer.step):
        torch.manual_seed(run.seed + trainer.step)
        target = pictures_of(drawings.pixels[rows]).to(run.device)
        latents, divergence = _latents(vae, known, rows, target, run)
        loss, parts = loss_of(trainer.module, latents, target, run)  # type: ignore[arg-type]
        trainer.update(loss + _KL_WEIGHT * divergence, parts, log_every=25, save_every=250)
    trainer.averaged()
    save(vae)


def _latents(
    vae: AutoencoderKL, known: NDArray[np.float16] | None, rows: NDArray[np.int64], target: torch.Tensor, run: Run
) -> tuple[torch.Tensor, torch.Tensor]:
    """Unscaled latents of the rows and their divergence from a unit Gaussian (0 where they are fixed)."""
    if known is not None:
        fixed = torch.from_numpy(known[rows]).float() / vae.config.scaling_factor
        return fixed.to(run.device), torch.zeros((), device=run.device)
    with run.autocast():
        posterior = vae.encode(target).latent_dist
    mean, log_variance = posterior.mean.float(), posterior.logvar.float()
    return posterior.sample().float(), 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean()


def save(vae: AutoencoderKL, folder: Path = IMAGE_FOLDER / "vae") -> None:
    """Float16 weights in the folder; the module itself stays as it is."""
    # said again: ``from_config`` forgets what was registered over a default
    copy = AutoencoderKL.from_config(vae.config, scaling_factor=vae.config.scaling_factor)
    copy.load_state_dict(vae.state_dict())
    copy.half().save_pretrained(folder)


if __name__ == "__main__":
    main()
