"""Stable Diffusion XL: two text encoders side by side, the second one's pooled output, and the picture's size."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from generator.families import stable_diffusion
from generator.families.family import Conditioning, Family
from generator.families.part import Part, demand


def check_together(networks: Mapping[str, Part]) -> None:
    """The widths fit, and the UNet reads the size and the pooled output of the second text encoder."""
    stable_diffusion.check_widths(networks)
    unet, texts = networks["unet"], (networks["text_encoder"], networks["text_encoder_2"])
    config, path = unet.config, unet.config_path
    kind, size = config["addition_embed_type"], config["addition_time_embed_dim"]
    demand(kind == "text_time", path, "addition_embed_type", kind, "text_time for SDXL")
    demand(size is not None, path, "addition_time_embed_dim", size, "a number for SDXL")
    key, pooled = "projection_class_embeddings_input_dim", texts[1].config["projection_dim"]
    wanted = 6 * size + pooled
    allowed = f"{wanted}: 6 × addition_time_embed_dim + projection_dim of text_encoder_2"
    demand(config[key] == wanted, path, key, config[key], allowed)
    lengths = [part.config["max_position_embeddings"] for part in texts]
    demand(
        lengths[0] == lengths[1],
        texts[1].config_path,
        "max_position_embeddings",
        lengths[1],
        f"{lengths[0]}, as in text_encoder",
    )


SDXL = Family(
    name="sdxl",
    pipeline="StableDiffusionXLPipeline",
    pipeline_arguments=MappingProxyType({"add_watermarker": False}),
    parts=MappingProxyType(
        {
            **stable_diffusion.PARTS,
            "text_encoder_2": ("transformers", "CLIPTextModelWithProjection"),
            "tokenizer_2": ("transformers", "CLIPTokenizer"),
        }
    ),
    conditioning=Conditioning(
        encoders=(("tokenizer", "text_encoder"), ("tokenizer_2", "text_encoder_2")),
        last_layer=2,
        normed=False,
        pooled=True,
        zeros_for_empty_negative=True,
    ),
    check_together=check_together,
    multiple_px=8,
    native_px=1024,
    weights_gib=7.0,
    picture_gib=4.5,
)
