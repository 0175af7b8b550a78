"""Which keys a checkpoint's configuration files may hold, and which of them shape a module. Data; imports no library.

Every key of every file that diffusers or transformers would interpret is listed with its range. ``PASSED`` keys are
handed to the class, with ``DEFAULTS`` (those of the class itself) where a file leaves them out; ``unread`` keys are in
published files and change nothing that limner uses. A key that is not listed is refused.

Sources: the constructors of diffusers 0.42 (``UNet2DConditionModel``, ``AutoencoderKL``, the schedulers with a discrete
beta schedule) and of transformers 5 (``CLIPTextConfig``, ``PreTrainedConfig``; the generic keys of 3.x and 4.x too).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from specs.boundary.config_keys import (
    TRANSFORMERS_KEYS,
    Keys,
    Value,
    either,
    flag,
    number,
    only,
    optional,
    several,
    text,
    unread,
    whole,
)

MOST_BLOCKS = 8
MOST_CHANNELS = 8192
MOST_LAYERS = 64
STANDARD = "limner builds the standard networks of Stable Diffusion 1, 2 and XL only"


def unread_keys(names: str) -> dict[str, Value]:
    """Names, apart by spaces, of keys that change nothing that limner uses."""
    return dict.fromkeys(names.split(), unread())


def _blocks(item: Value) -> Value:
    return several(item, 1, MOST_BLOCKS)


def _each(item: Value) -> Value:
    """One value for all blocks, or one for each."""
    return either(item, _blocks(item))


def _class(name: str) -> Value:
    return only(name, fix=STANDARD)


LABEL = text(r"[\w.+/ -]{0,200}", "a version or a name")
CHANNELS = whole(1, MOST_CHANNELS)
POSITIVE = number(1e-6, 1e4)
EPSILON = number(1e-12, 0.1)
ACTIVATION = only("silu", "swish", "mish", "gelu", "relu")
DEPTH = whole(0, MOST_LAYERS)
KERNEL = only(1, 3, 5, 7)
SIDE = whole(1, 16384)

UNET: Keys = MappingProxyType(
    {
        "_class_name": _class("UNet2DConditionModel"),
        "sample_size": optional(either(SIDE, several(SIDE, 2, 2))),
        "in_channels": CHANNELS,
        "out_channels": CHANNELS,
        "center_input_sample": flag(),
        "flip_sin_to_cos": flag(),
        "freq_shift": number(0, 1),
        "down_block_types": _blocks(only("DownBlock2D", "CrossAttnDownBlock2D", fix=STANDARD)),
        "mid_block_type": only("UNetMidBlock2DCrossAttn", "UNetMidBlock2D", None, fix=STANDARD),
        "up_block_types": _blocks(only("UpBlock2D", "CrossAttnUpBlock2D", fix=STANDARD)),
        "only_cross_attention": _each(only(False)),
        "block_out_channels": _blocks(whole(4, MOST_CHANNELS)),
        "layers_per_block": _each(whole(1, 16)),
        "downsample_padding": whole(0, 1),
        "mid_block_scale_factor": POSITIVE,
        "dropout": number(0, 0.99),
        "act_fn": ACTIVATION,
        "norm_num_groups": whole(1, MOST_CHANNELS),
        "norm_eps": EPSILON,
        "cross_attention_dim": _each(CHANNELS),
        "transformer_layers_per_block": _each(either(DEPTH, several(DEPTH, 1, 17))),
        "reverse_transformer_layers_per_block": optional(_blocks(either(DEPTH, several(DEPTH, 1, 17)))),
        "encoder_hid_dim": only(None, fix=STANDARD),
        "encoder_hid_dim_type": only(None, fix=STANDARD),
        "attention_head_dim": _each(whole(1, MOST_CHANNELS)),
        "num_attention_heads": only(None, fix="diffusers takes the number of heads from attention_head_dim"),
        "dual_cross_attention": only(False, fix=STANDARD),
        "use_linear_projection": flag(),
        "class_embed_type": only(None, fix=STANDARD),
        "addition_embed_type": only(None, "text", "text_time", fix=STANDARD),
        "addition_time_embed_dim": optional(whole(4, MOST_CHANNELS)),
        "num_class_embeds": only(None, fix=STANDARD),
        "upcast_attention": either(flag(), only(None)),
        "resnet_time_scale_shift": only("default", "scale_shift", fix=STANDARD),
        "resnet_skip_time_act": flag(),
        "resnet_out_scale_factor": POSITIVE,
        "time_embedding_type": only("positional", fix=STANDARD),
        "time_embedding_dim": optional(CHANNELS),
        "time_embedding_act_fn": optional(ACTIVATION),
        "timestep_post_act": optional(ACTIVATION),
        "time_cond_proj_dim": optional(CHANNELS),
        "conv_in_kernel": KERNEL,
        "conv_out_kernel": KERNEL,
        "projection_class_embeddings_input_dim": optional(whole(1, 65536)),
        "attention_type": only("default", fix=STANDARD),
        "class_embeddings_concat": only(False, fix=STANDARD),
        "mid_block_only_cross_attention": only(None, False, fix=STANDARD),
        "cross_attention_norm": only(None, fix=STANDARD),
        "addition_embed_type_num_heads": whole(1, 1024),
        **unread_keys(
            "_diffusers_version _name_or_path decay inv_gamma min_decay optimization_step power update_after_step"
        ),
        **unread_keys("use_ema_warmup"),  # diffusers' training scripts leave the state of EMA there
    }
)
UNET_REQUIRED = ("block_out_channels", "down_block_types", "up_block_types", "cross_attention_dim")

VAE: Keys = MappingProxyType(
    {
        "_class_name": _class("AutoencoderKL"),
        "in_channels": only(3),
        "out_channels": only(3),
        "down_block_types": _blocks(only("DownEncoderBlock2D", fix=STANDARD)),
        "up_block_types": _blocks(only("UpDecoderBlock2D", fix=STANDARD)),
        "block_out_channels": _blocks(CHANNELS),
        "layers_per_block": whole(1, 16),
        "act_fn": ACTIVATION,
        "latent_channels": whole(1, 1024),
        "norm_num_groups": whole(1, MOST_CHANNELS),
        "sample_size": either(whole(8, 16384), several(whole(8, 16384), 2, 2)),
        "scaling_factor": POSITIVE,
        "shift_factor": only(None, 0, 0.0, fix=STANDARD),
        "latents_mean": optional(several(number(-1e4, 1e4), 1, 1024)),
        "latents_std": optional(several(POSITIVE, 1, 1024)),
        "force_upcast": flag(),
        "use_quant_conv": flag(),
        "use_post_quant_conv": flag(),
        "mid_block_add_attention": flag(),
        **unread_keys("_diffusers_version _name_or_path"),
    }
)
VAE_REQUIRED = ("block_out_channels", "down_block_types", "up_block_types", "latent_channels")

TEXT_ACTIVATION = only("quick_gelu", "gelu", "gelu_new", "gelu_fast", "gelu_pytorch_tanh", "relu", "silu", "swish")
TOKEN = optional(whole(0, 10_000_000))
TEXT: Keys = MappingProxyType(
    {
        "model_type": only("clip_text_model", fix=STANDARD),
        "vocab_size": whole(4, 1_000_000),
        "hidden_size": CHANNELS,
        "intermediate_size": whole(1, 65536),
        "projection_dim": CHANNELS,
        "num_hidden_layers": whole(1, MOST_LAYERS),
        "num_attention_heads": whole(1, 1024),
        "max_position_embeddings": whole(4, 4096),
        "hidden_act": TEXT_ACTIVATION,
        "layer_norm_eps": EPSILON,
        "attention_dropout": number(0, 0.99),
        "pad_token_id": TOKEN,
        "bos_token_id": TOKEN,
        "eos_token_id": TOKEN,
        **dict.fromkeys(TRANSFORMERS_KEYS, unread()),
        **unread_keys("gradient_checkpointing num_labels output_attention use_cache xla_device"),
    }
)
TEXT_REQUIRED = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")

DEFAULTS: dict[str, dict[str, Any]] = {
    "UNet2DConditionModel": {
        "in_channels": 4,
        "out_channels": 4,
        "layers_per_block": 2,
        "norm_num_groups": 32,
        "mid_block_type": "UNetMidBlock2DCrossAttn",
        "transformer_layers_per_block": 1,
        "reverse_transformer_layers_per_block": None,
        "attention_head_dim": 8,
        "use_linear_projection": False,
        "addition_embed_type": None,
        "addition_time_embed_dim": None,
        "resnet_time_scale_shift": "default",
        "time_embedding_dim": None,
        "time_cond_proj_dim": None,
        "conv_in_kernel": 3,
        "conv_out_kernel": 3,
        "projection_class_embeddings_input_dim": None,
        "addition_embed_type_num_heads": 64,
        "freq_shift": 0,
    },
    "AutoencoderKL": {
        "in_channels": 3,
        "out_channels": 3,
        "layers_per_block": 1,
        "norm_num_groups": 32,
        "sample_size": 32,
        "latents_mean": None,
        "latents_std": None,
        "use_quant_conv": True,
        "use_post_quant_conv": True,
        "mid_block_add_attention": True,
    },
    "CLIPTextModel": {
        "vocab_size": 49408,
        "max_position_embeddings": 77,
        "projection_dim": 512,
        "bos_token_id": 49406,
        "eos_token_id": 49407,
        "pad_token_id": 1,
    },
}
DEFAULTS["CLIPTextModelWithProjection"] = DEFAULTS["CLIPTextModel"]
# The keys of each class, those that its file must hold, and the names that are labels and never handed on.
TABLES: dict[str, tuple[Keys, tuple[str, ...]]] = {
    "UNet2DConditionModel": (UNET, UNET_REQUIRED),
    "AutoencoderKL": (VAE, VAE_REQUIRED),
    "CLIPTextModel": (TEXT, TEXT_REQUIRED),
    "CLIPTextModelWithProjection": (TEXT, TEXT_REQUIRED),
}
LABELS = ("_class_name", "model_type")


def passed(keys: Keys) -> frozenset[str]:
    """The names that shape a module: those with a range of their own."""
    return frozenset(name for name, value in keys.items() if value.allowed != "anything" and name not in LABELS)
