"""Train the denoiser on latents, under the frozen text encoder. ``python -m starter.train_unet``.

v-prediction on a cosine schedule; where the signal is over five times the noise, the error
counts less, since only grain is decided there. One caption in ten is dropped for classifier-free guidance.
"""

import json
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, DPMSolverMultistepScheduler, StableDiffusionPipeline, UNet2DConditionModel
from numpy.typing import NDArray
from transformers import CLIPTextModel, CLIPTokenizer

from starter.captions import caption
from starter.dataset import prepare
from starter.draw.scene import Scene
from starter.latents import prepare_latents
from starter.train_text import IMAGE_FOLDER, dressed, tokens_of
from starter.training import Run, Trainer, batches, begin, parser

_DROPPED = 0.1
_SNR_CAP = 5.0


def new_unet() -> UNet2DConditionModel:
    """Random weights: two resolutions, 8 × 8 and 4 × 4, attention where it is cheap.

    The text also scales and shifts every residual block, pooled beside the time (as in DeepFloyd IF): a word then
    reaches all of the picture long before cross-attention has learned where to look.
    """
    return UNet2DConditionModel(
        sample_size=8,
        in_channels=32,
        out_channels=32,
        block_out_channels=(96, 160),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=192,
        attention_head_dim=4,
        norm_num_groups=16,
        addition_embed_type="text",
        addition_embed_type_num_heads=4,
        resnet_time_scale_shift="scale_shift",
    )


def betas(steps: int = 1000, reach: float = 0.984) -> list[float]:
    """The cosine schedule (Nichol & Dhariwal 2021) up to a noise of 40 times the signal.

    The whole cosine ends at 20,000 times, where Karras' and other spacings would spend half of their steps.
    """
    share = np.arange(steps + 1) / steps * reach
    kept = np.cos((share + 0.008) / 1.008 * np.pi / 2) ** 2
    return [round(float(beta), 8) for beta in 1 - kept[1:] / kept[:-1]]


def scheduler() -> DPMSolverMultistepScheduler:
    """The schedule of the training and, as DPM-Solver++ 2M, the default sampler."""
    return DPMSolverMultistepScheduler(
        trained_betas=betas(),
        prediction_type="v_prediction",
        timestep_spacing="trailing",
        algorithm_type="dpmsolver++",
        solver_order=2,
    )


def loss_of(
    unet: UNet2DConditionModel, clean: torch.Tensor, text: torch.Tensor, alphas: torch.Tensor, run: Run
) -> tuple[torch.Tensor, dict[str, float]]:
    """Weighted error of v for latents (B, 32, 8, 8) under text states (B, 32, 192)."""
    times = torch.randint(0, len(alphas), (len(clean),), device=clean.device)
    alpha = alphas[times].view(-1, 1, 1, 1)
    noise = torch.randn_like(clean)
    noised = alpha.sqrt() * clean + (1 - alpha).sqrt() * noise
    target = alpha.sqrt() * noise - (1 - alpha).sqrt() * clean
    with run.autocast():
        output = unet(noised, times, text).sample
    error = ((output.float() - target) ** 2).mean((1, 2, 3))
    snr = (alpha / (1 - alpha)).flatten()
    weight = _SNR_CAP / snr.clamp(min=_SNR_CAP)
    return (weight * error).mean(), {"v_error": error.mean().item()}


def main() -> None:
    """Train, or go on training, and save the whole pipeline folder."""
    options = parser(main.__doc__ or "", steps=6000, batch=128, learning_rate=8e-4)
    options.add_argument("--focus", type=Path, help="evaluation.json: subjects that went wrong are shown more often")
    chosen = options.parse_args()
    run = begin("unet", chosen)
    drawings = prepare(run.work, "train")
    vae = AutoencoderKL.from_pretrained(IMAGE_FOLDER / "vae", dtype=torch.float32).to(run.device)
    latents = prepare_latents(vae, drawings, run.work)
    tokenizer = CLIPTokenizer.from_pretrained(IMAGE_FOLDER / "tokenizer")
    encoder = CLIPTextModel.from_pretrained(IMAGE_FOLDER / "text_encoder", dtype=torch.float32).to(run.device).eval()
    unet = UNet2DConditionModel.from_pretrained(run.init_from, dtype=torch.float32) if run.init_from else new_unet()
    trainer = Trainer(run, unet, decay=0.9985)
    alphas = scheduler().alphas_cumprod.to(run.device)
    weights = focused([drawings.scenes[i] for i in latents.source], chosen.focus)
    for rows in batches(run, len(latents.source), trainer.step, weights):
        rng = np.random.default_rng([run.seed, trainer.step, 9])
        torch.manual_seed(int(rng.integers(2**62)))
        texts = [_text(drawings.scenes[latents.source[row]], latents.harm[row], rng) for row in rows]
        with torch.no_grad(), run.autocast():
            states = encoder(tokens_of(tokenizer, texts).to(run.device)).last_hidden_state.float()
        clean = torch.from_numpy(latents.values[rows]).to(run.device).float()
        trainer.update(*loss_of(unet, clean, states, alphas, run))
    trainer.averaged()
    save_pipeline(unet)


def focused(scenes: list[Scene], evaluation: Path | None) -> NDArray[np.float64]:
    """How often each scene is shown: by the share of samples that missed its subject, squared; without, all alike."""
    if evaluation is None:
        return np.ones(len(scenes))
    right: dict[str, float] = json.loads(evaluation.read_text())["image"]["per_subject"]
    return np.array([(1.2 - min(right[figure.subject] for figure in scene.figures)) ** 2 for scene in scenes])


def _text(scene: Scene, harm: str | None, rng: np.random.Generator) -> str:
    return "" if rng.random() < _DROPPED else dressed(caption(scene, rng), harm, rng)


def save_pipeline(unet: UNet2DConditionModel, folder: Path = IMAGE_FOLDER) -> None:
    """The folder in Stable Diffusion's layout, every weight in float16."""
    pipeline = StableDiffusionPipeline(
        vae=AutoencoderKL.from_pretrained(folder / "vae"),
        text_encoder=CLIPTextModel.from_pretrained(folder / "text_encoder"),
        tokenizer=CLIPTokenizer.from_pretrained(folder / "tokenizer"),
        unet=unet,
        scheduler=scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.to(dtype=torch.float16).save_pretrained(folder)
    for path in folder.rglob("config.json"):  # diffusers notes where a part was loaded from: nobody's business
        settings = json.loads(path.read_text())
        settings.pop("_name_or_path", None)
        path.write_text(json.dumps(settings, indent=2) + "\n")


if __name__ == "__main__":
    main()
