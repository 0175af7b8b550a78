"""What Stable Diffusion 1, 2 and XL share: their parts, and that latents and texts fit where they are read."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from generator.families.family import Conditioning, PartClasses
from generator.families.part import Part, demand
from generator.families.shapes import per_block

PARTS: PartClasses = MappingProxyType(
    {
        "unet": ("diffusers", "UNet2DConditionModel"),
        "vae": ("diffusers", "AutoencoderKL"),
        "text_encoder": ("transformers", "CLIPTextModel"),
        "tokenizer": ("transformers", "CLIPTokenizer"),
        "scheduler": ("diffusers", None),  # any: only its noise schedule is read, the solver is the job's
    }
)
# Of 1 and 2. Safety is scored, with its reasons, on the finished picture (scoring/safety/checker.py).
PIPELINE = "StableDiffusionPipeline"
PIPELINE_ARGUMENTS = MappingProxyType(
    {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
)
CONDITIONING = Conditioning(
    encoders=(("tokenizer", "text_encoder"),),
    last_layer=1,
    normed=True,
    pooled=False,
    zeros_for_empty_negative=False,
)


def check_widths(networks: Mapping[str, Part]) -> None:
    """The parts are of one model: latents and texts are as wide where they are read as where they are made."""
    unet, vae = networks["unet"], networks["vae"]
    texts = [part for name, part in networks.items() if name.startswith("text_encoder")]
    latents = vae.config["latent_channels"]
    for key in ("in_channels", "out_channels"):
        allowed = f"{latents}, the latent_channels of the VAE (limner renders text to image only)"
        demand(unet.config[key] == latents, unet.config_path, key, unet.config[key], allowed)
    width = sum(part.config["hidden_size"] for part in texts)
    for cross in per_block(unet.config["cross_attention_dim"], 1):
        allowed = f"{width}, the width of the text encoder" + ("s together" if len(texts) > 1 else "")
        demand(cross == width, unet.config_path, "cross_attention_dim", cross, allowed)


def check_together(networks: Mapping[str, Part]) -> None:
    """``check_widths``, and nothing that Stable Diffusion XL alone has."""
    check_widths(networks)
    unet, vae = networks["unet"], networks["vae"]
    kind = unet.config["addition_embed_type"]
    demand(kind in (None, "text"), unet.config_path, "addition_embed_type", kind, "null or text, but in SDXL")
    means = vae.config["latents_mean"]
    demand(means is None, vae.config_path, "latents_mean", means, "null, but in SDXL")
