"""A safety checker's configuration files: which keys and values are taken. Imports no library.

``config.json`` is written by transformers with dozens of settings that limner never reads; they are listed here, so
that published files are taken and a key that nobody knows is refused. What is read goes to ``CLIPVisionConfig`` by
name, and to nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scoring.clip.config import MOST_PATCHES, OPENAI_MEAN, OPENAI_STD
from scoring.errors import ScorerError
from scoring.folder import ScorerFolder
from specs.boundary.config_keys import (
    TRANSFORMERS_KEYS,
    Value,
    either,
    flag,
    number,
    only,
    optional,
    section,
    several,
    text,
    unread,
    whole,
)

CONFIG_FILE = "config.json"
PREPROCESSOR_FILE = "preprocessor_config.json"
CONCEPTS_FILE = "concepts.json"
VISION_DEFAULTS: dict[str, Any] = {
    "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
    "image_size": 224, "patch_size": 32, "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5,
}  # fmt: skip
_EVERY_MODEL = (
    *TRANSFORMERS_KEYS,
    *("_commit_hash", "attention_dropout", "attn_implementation", "bos_token_id", "eos_token_id", "pad_token_id"),
    *("logit_scale_init_value", "projection_dim"),
)
_NEVER_READ = dict.fromkeys(_EVERY_MODEL, unread())
_READ: Mapping[str, Value] = {
    "hidden_size": whole(1, 8192),
    "intermediate_size": whole(1, 65_536),
    "num_hidden_layers": whole(1, 96),
    "num_attention_heads": whole(1, 256),
    "image_size": whole(8, 1024),
    "patch_size": whole(1, 256),
    "hidden_act": only("quick_gelu", "gelu"),
    "layer_norm_eps": number(1e-12, 1e-2),
}
_VISION: Mapping[str, Value] = {
    **_NEVER_READ,
    **_READ,
    "model_type": only("clip_vision_model"),
    "num_channels": only(3),
}
_TEXT: Mapping[str, Value] = {  # the checker has no text tower
    **_NEVER_READ,
    **dict.fromkeys(_READ, unread()),
    **dict.fromkeys(("model_type", "vocab_size", "max_position_embeddings"), unread()),
}
CONFIG: Mapping[str, Value] = {
    **_NEVER_READ,
    "architectures": optional(several(only("StableDiffusionSafetyChecker"), 1, 1)),
    "model_type": only("clip"),
    "vision_config": optional(section(_VISION)),
    "vision_config_dict": optional(section(_VISION)),
    "text_config": optional(section(_TEXT)),
    "text_config_dict": optional(section(_TEXT)),
}
_SIDE = whole(8, 1024)
_SIDES = dict.fromkeys(("height", "width", "shortest_edge"), _SIDE)
_CLASSES = ("CLIPImageProcessor", "CLIPImageProcessorFast", "CLIPImageProcessorPil", "CLIPFeatureExtractor")


def _size() -> Value:
    """A side in px, or an object of sides."""

    def fits(value: Any) -> bool:
        sides = value.items() if isinstance(value, dict) and value else [("height", value)]
        return all(key in _SIDES and _SIDE.fits(side) for key, side in sides)

    return Value(f"{_SIDE.allowed}, or an object of such height and width, or shortest_edge", fits)


PREPROCESSOR: Mapping[str, Value] = {
    "size": _size(),
    "crop_size": _size(),
    **dict.fromkeys(("do_resize", "do_center_crop", "do_rescale", "do_normalize", "do_convert_rgb"), flag()),
    "resample": whole(0, 5),
    "rescale_factor": number(1 / 255 - 1e-9, 1 / 255 + 1e-9),
    "image_mean": several(number(0, 1), 3, 3),
    "image_std": several(number(1e-6, 1e3), 3, 3),
    "image_processor_type": only(*_CLASSES),
    "feature_extractor_type": only(*_CLASSES),
    **dict.fromkeys(
        ("processor_class", "_valid_processor_keys", "_processor_class", "data_format", "input_data_format",
         "return_tensors", "default_to_square", "device", "disable_grouping", "do_pad", "pad_size"),
        unread(),
    ),
}  # fmt: skip
_NAME = text(r"(?s).{1,200}", "a text of 1 to 200 characters")
_NAMES = optional(
    several(
        either(
            _NAME,
            Value("an object with a name", lambda value: isinstance(value, dict) and _NAME.fits(value.get("name"))),
        ),
        0,
        1000,
    )
)
CONCEPTS: Mapping[str, Value] = {
    "concepts": _NAMES,
    "special_care": _NAMES,
    "covers": optional(text(r"(?s).{0,2000}", "a text of at most 2,000 characters")),
    **dict.fromkeys(("policy", "unused_slots", "notes"), unread()),
}


def read_vision(folder: ScorerFolder) -> dict[str, Any]:
    """The vision tower's settings, those of VISION_DEFAULTS; raises ScorerError."""
    config = folder.json(CONFIG_FILE, CONFIG)
    given = config.get("vision_config") or {}
    vision = VISION_DEFAULTS | {key: given[key] for key in VISION_DEFAULTS if key in given}
    place = f"{folder.label}: {folder.path / CONFIG_FILE}"
    for key, value in (config.get("vision_config_dict") or {}).items():
        if key in VISION_DEFAULTS and value != vision[key]:
            raise ScorerError(f"{place}: vision_config_dict.{key}: got {value!r}; vision_config says {vision[key]!r}")
    if vision["hidden_size"] % vision["num_attention_heads"]:
        raise ScorerError(
            f"{place}: vision_config: got hidden_size {vision['hidden_size']} and num_attention_heads "
            f"{vision['num_attention_heads']}; allowed: a size that the heads divide"
        )
    if not 1 <= (vision["image_size"] // vision["patch_size"]) ** 2 <= MOST_PATCHES:
        raise ScorerError(
            f"{place}: vision_config: got image_size {vision['image_size']} in patches of {vision['patch_size']}; "
            f"allowed: 1 to {MOST_PATCHES:,} patches"
        )
    return vision


def read_preprocessor(
    folder: ScorerFolder, image_size: int
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Mean and standard deviation of each channel, 0–1; raises ScorerError for other steps than CLIP's own.

    From ``preprocessor_config.json`` when it is there, else what CLIPImageProcessor does by itself.
    """
    config = folder.json(PREPROCESSOR_FILE, PREPROCESSOR) if folder.has(PREPROCESSOR_FILE) else {}
    size, crop = config.get("size", image_size), config.get("crop_size", image_size)
    sides = {side for value in (size, crop) for side in (value.values() if isinstance(value, dict) else [value])}
    steps = [config.get(step, True) for step in ("do_resize", "do_center_crop", "do_rescale", "do_normalize")]
    if sides != {image_size} or not all(steps) or config.get("resample", 3) != 3:
        raise ScorerError(
            f"{folder.label}: {folder.path / PREPROCESSOR_FILE}: got size {size}, crop {crop}, "
            f"resample {config.get('resample', 3)}; allowed: resize and crop to {image_size} by bicubic (3), "
            "rescale and normalise"
        )
    mean, std = config.get("image_mean", OPENAI_MEAN), config.get("image_std", OPENAI_STD)
    return (float(mean[0]), float(mean[1]), float(mean[2])), (float(std[0]), float(std[1]), float(std[2]))


def read_concepts(folder: ScorerFolder) -> dict[str, Any]:
    """``concepts.json``, which names the concepts of the weights; empty where there is none."""
    return folder.json(CONCEPTS_FILE, CONCEPTS) if folder.has(CONCEPTS_FILE) else {}


def tower_shapes(vision: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """The tensors of transformers' CLIPVisionModel and their shapes, without their ``vision_model.`` prefix."""
    wide, inner, patch = vision["hidden_size"], vision["intermediate_size"], vision["patch_size"]
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.class_embedding": (wide,),
        "embeddings.patch_embedding.weight": (wide, 3, patch, patch),
        "embeddings.position_embedding.weight": ((vision["image_size"] // patch) ** 2 + 1, wide),
    }
    linear = {f"self_attn.{part}_proj": (wide, wide) for part in ("q", "k", "v", "out")}
    linear |= {"mlp.fc1": (inner, wide), "mlp.fc2": (wide, inner)}
    for layer in range(vision["num_hidden_layers"]):
        stem = f"encoder.layers.{layer}"
        for name, shape in linear.items():
            shapes |= {f"{stem}.{name}.weight": shape, f"{stem}.{name}.bias": shape[:1]}
        shapes |= {f"{stem}.layer_norm{n}.{part}": (wide,) for n in (1, 2) for part in ("weight", "bias")}
    norms = ("pre_layrnorm", "post_layernorm")
    return shapes | {f"{norm}.{part}": (wide,) for norm in norms for part in ("weight", "bias")}
