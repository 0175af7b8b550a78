"""The shapes that ``families/shapes.py`` works out are those of the classes, at published sizes as at odd ones."""

from __future__ import annotations

from typing import Any

import diffusers
import pytest
import torch
import transformers

from generator.families.configurations import DEFAULTS
from generator.families.shapes import canonical, expected

SD1: dict[str, Any] = {
    "block_out_channels": [320, 640, 1280, 1280],
    "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
    "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
    "cross_attention_dim": 768,
}
SDXL: dict[str, Any] = {
    "block_out_channels": [320, 640, 1280],
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    "cross_attention_dim": 2048,
    "attention_head_dim": [5, 10, 20],
    "transformer_layers_per_block": [1, 2, 10],
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}
UNETS = {
    "sd1": SD1,
    "sd2": SD1 | {"cross_attention_dim": 1024, "attention_head_dim": [5, 10, 20, 20], "use_linear_projection": True},
    "sdxl": SDXL,
    "odd": {
        "block_out_channels": [32, 64],
        "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
        "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
        "cross_attention_dim": 24,
        "layers_per_block": [1, 3],
        "norm_num_groups": 8,
        "resnet_time_scale_shift": "scale_shift",
        "time_embedding_dim": 48,
        "time_cond_proj_dim": 16,
        "conv_in_kernel": 1,
        "mid_block_type": "UNetMidBlock2D",
    },
}
VAES: dict[str, dict[str, Any]] = {
    "sd": {"block_out_channels": [128, 256, 512, 512], "layers_per_block": 2, "latent_channels": 4},
    "odd": {
        "block_out_channels": [32, 64],
        "latent_channels": 3,
        "norm_num_groups": 8,
        "use_quant_conv": False,
        "use_post_quant_conv": False,
        "mid_block_add_attention": False,
    },
}
TEXT: dict[str, Any] = {
    "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
}  # fmt: skip


def shapes_of(module: torch.nn.Module, class_name: str) -> dict[str, tuple[int, ...]]:
    """Canonical name → shape of everything that the module stores."""
    return {canonical(class_name, name): tuple(value.shape) for name, value in module.state_dict().items()}


@pytest.mark.parametrize("name", UNETS)
def test_a_unets(name: str) -> None:
    config = DEFAULTS["UNet2DConditionModel"] | UNETS[name]
    with torch.device("meta"):
        module = diffusers.UNet2DConditionModel(**config)
    assert expected("UNet2DConditionModel", config) == shapes_of(module, "UNet2DConditionModel")


@pytest.mark.parametrize("name", VAES)
def test_a_vaes(name: str) -> None:
    blocks = len(VAES[name]["block_out_channels"])
    kinds = {"down_block_types": ["DownEncoderBlock2D"] * blocks, "up_block_types": ["UpDecoderBlock2D"] * blocks}
    config = DEFAULTS["AutoencoderKL"] | VAES[name] | kinds
    with torch.device("meta"):
        module = diffusers.AutoencoderKL(**config)
    assert expected("AutoencoderKL", config) == shapes_of(module, "AutoencoderKL")


@pytest.mark.parametrize("class_name", ["CLIPTextModel", "CLIPTextModelWithProjection"])
def test_a_text_encoders(class_name: str) -> None:
    config = DEFAULTS[class_name] | TEXT
    with torch.device("meta"):
        module = getattr(transformers, class_name)(transformers.CLIPTextConfig(**config))
    found = {name: shape for name, shape in shapes_of(module, class_name).items() if "position_ids" not in name}
    assert expected(class_name, config) == found
