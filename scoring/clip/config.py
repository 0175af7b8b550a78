"""``open_clip_config.json``: which keys and values are taken, and why others are refused. Imports no library.

open_clip would read far more than is allowed here: ``timm_model_name`` and ``hf_model_name`` build towers by name and
fetch their parts from the hub, ``tokenizer_kwargs`` go to transformers, where ``trust_remote_code`` runs the folder's
code. Allowed are the towers that open_clip defines itself (ViT-*, RN*), with the keys that its own model_configs use;
the classes are those of open_clip 3.3 (``CLIPVisionCfg``, ``CLIPTextCfg``, ``PreprocessCfg``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scoring.errors import ScorerError
from scoring.folder import ScorerFolder
from specs.boundary.config_keys import (
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

CONFIG_FILE = "open_clip_config.json"
OPENAI_MEAN, OPENAI_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
MOST_PATCHES = 4096  # 1024 px in patches of 16
NATIVE = "Use a CLIP whose towers are open_clip's own (ViT-*, RN*)"
SIMPLE_VOCABULARY = 49408  # tokens of the tokenizer that open_clip brings

_SIDE, _WIDTH, _LAYERS = whole(8, 1024), whole(1, 8192), whole(1, 96)
_RATIO, _SCALE = number(0.0625, 16), optional(number(1e-12, 1e3))
_NOT = only(False, None, fix=NATIVE)
_EPSILON = optional(section({"eps": number(1e-12, 1e-2)}))
_BLOCK = {
    "act_kwargs": only(None, fix=NATIVE),
    "norm_kwargs": _EPSILON,
    "block_type": only(None, "default", fix=NATIVE),
    **dict.fromkeys(
        ("qk_norm", "scaled_cosine_attn", "scale_heads", "scale_attn_inner", "scale_attn", "scale_fc"), _NOT
    ),
    "output_tokens": _NOT,
}
_BY_NAME = "A model is never built by its name, nor fetched. " + NATIVE

VISION: Mapping[str, Value] = {
    "layers": either(_LAYERS, several(whole(1, 64), 4, 4)),
    "width": _WIDTH,
    "head_width": whole(1, 1024),
    "mlp_ratio": _RATIO,
    "patch_size": optional(whole(1, 256)),
    "image_size": either(_SIDE, several(_SIDE, 2, 2)),
    "ls_init_value": _SCALE,
    "patch_dropout": number(0, 1),
    "no_ln_pre": flag(),
    "final_ln_after_pool": flag(),
    "pool_type": only("tok", "avg"),
    "pos_embed_type": only("learnable"),
    "attentional_pool": _NOT,
    "attn_pooler_queries": unread(),
    "attn_pooler_heads": unread(),
    **_BLOCK,
    "timm_model_name": only(None, "", fix=_BY_NAME),
    "timm_model_pretrained": only(False, None, fix=_BY_NAME),
    **dict.fromkeys(("timm_pool", "timm_proj", "timm_proj_bias", "timm_drop", "timm_drop_path"), unread()),
}
TEXT: Mapping[str, Value] = {
    "context_length": whole(2, 1024),
    "vocab_size": whole(2, 1_000_000),
    "width": _WIDTH,
    "heads": whole(1, 256),
    "layers": _LAYERS,
    "mlp_ratio": _RATIO,
    "ls_init_value": _SCALE,
    "embed_cls": _NOT,
    "pad_id": whole(0, 1_000_000),
    "eos_id": whole(0, 1_000_000),
    "no_causal_mask": flag(),
    "final_ln_after_pool": only(False, None),
    "pool_type": only("argmax", "first", "last", "eos"),
    "proj_type": only("linear"),
    "proj_bias": flag(),
    **_BLOCK,
    "hf_tokenizer_name": optional(
        text(
            r"(?!.*\.\.)([A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)?)?",
            "a plain name, which is not looked up: the folder's own tokenizer.json is read",
            'Put the tokenizer\'s files into the folder and name it "local"',
        )
    ),
    "tokenizer_mode": only(None, fix=NATIVE),
    "tokenizer_kwargs": optional(section({"clean": only("lower", "whitespace", "canonicalize")})),
    "hf_model_name": only(None, "", fix=_BY_NAME),
    **dict.fromkeys(("hf_model_pretrained", "hf_proj_type", "hf_pooler_type"), unread()),
}
MODEL: Mapping[str, Value] = {
    "embed_dim": _WIDTH,
    "vision_cfg": section(VISION),
    "text_cfg": section(TEXT),
    "quick_gelu": flag(),
    "custom_text": flag(),
    "init_logit_scale": number(-100, 100),
    "init_logit_bias": optional(number(-1000, 1000)),
    "nonscalar_logit_scale": flag(),
    "output_dict": optional(flag()),
}
_CHANNELS = several(number(0, 1), 3, 3)
PREPROCESS: Mapping[str, Value] = {
    "size": optional(either(_SIDE, several(_SIDE, 1, 2))),
    "mode": only("RGB", None),
    "mean": optional(_CHANNELS),
    "std": optional(several(number(1e-6, 1e3), 3, 3)),
    "interpolation": only("bicubic", None),
    "resize_mode": only("shortest", None),
    "fill_color": unread(),
    "source": unread(),
}
KEYS: Mapping[str, Value] = {
    "model_cfg": section(MODEL, ("embed_dim", "vision_cfg", "text_cfg")),
    "preprocess_cfg": optional(section(PREPROCESS)),
}
_VISION_USED = (
    "layers", "width", "head_width", "mlp_ratio", "patch_size", "image_size", "ls_init_value", "no_ln_pre",
    "final_ln_after_pool", "pool_type", "norm_kwargs",
)  # fmt: skip
_TEXT_USED = (
    "context_length", "vocab_size", "width", "heads", "layers", "mlp_ratio", "ls_init_value", "pad_id", "eos_id",
    "no_causal_mask", "pool_type", "proj_bias", "norm_kwargs",
)  # fmt: skip
_VISION_DEFAULTS: dict[str, Any] = {"layers": 12, "width": 768, "head_width": 64, "patch_size": 16, "image_size": 224}
_TEXT_DEFAULTS: dict[str, Any] = {
    "context_length": 77,
    "vocab_size": 49408,
    "width": 512,
    "heads": 8,
    "pool_type": "argmax",
    "eos_id": 2,
}


@dataclass(frozen=True, slots=True)
class ClipConfig:
    """What a CLIP is built of. ``vision`` and ``text`` are arguments of open_clip's CLIPVisionCfg and CLIPTextCfg.

    ``size_px``: the side of the square that the vision tower sees; ``own_tokenizer``: the folder brings one;
    ``quick_gelu`` is None where the file does not say; ``words``: everything that it says, in lower case.
    """

    embed_dim: int
    vision: dict[str, Any]
    text: dict[str, Any]
    quick_gelu: bool | None
    custom_text: bool
    logit_bias: bool
    logit_shape: tuple[int, ...]
    size_px: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    own_tokenizer: bool
    clean: str | None
    words: str


def read_config(folder: ScorerFolder) -> ClipConfig:
    """The configuration in a CLIP's folder; raises ScorerError naming the file, the key, and what is allowed."""
    if not folder.has(CONFIG_FILE):
        raise ScorerError(f"{folder.label}: {folder.path / CONFIG_FILE} is missing; {folder.fix}")
    value = folder.json(CONFIG_FILE, KEYS, ("model_cfg",))
    model, preprocess = value["model_cfg"], value.get("preprocess_cfg") or {}
    vision = _VISION_DEFAULTS | _given(model["vision_cfg"], _VISION_USED)
    words = _TEXT_DEFAULTS | _given(model["text_cfg"], _TEXT_USED)
    place = f"{folder.label}: {folder.path / CONFIG_FILE}: model_cfg"
    if isinstance(vision["image_size"], list):
        vision["image_size"] = _square(vision["image_size"], f"{place}.vision_cfg.image_size")
    _check_vision(vision, model["vision_cfg"], f"{place}.vision_cfg")
    if words["width"] % words["heads"]:
        raise ScorerError(_uneven(f"{place}.text_cfg", "width", words["width"], "heads", words["heads"]))
    tokenizer = model["text_cfg"].get("tokenizer_kwargs") or {}
    mean, std = preprocess.get("mean") or OPENAI_MEAN, preprocess.get("std") or OPENAI_STD
    return ClipConfig(
        embed_dim=model["embed_dim"],
        vision=vision,
        text=words,
        quick_gelu=model.get("quick_gelu"),
        custom_text=model.get("custom_text", False),
        logit_bias=model.get("init_logit_bias") is not None,
        logit_shape=(1,) if model.get("nonscalar_logit_scale") else (),
        size_px=vision["image_size"],
        mean=(float(mean[0]), float(mean[1]), float(mean[2])),
        std=(float(std[0]), float(std[1]), float(std[2])),
        own_tokenizer=bool(model["text_cfg"].get("hf_tokenizer_name")),
        clean=tokenizer.get("clean"),
        words=repr(value).lower(),
    )


def _given(value: Mapping[str, Any], used: tuple[str, ...]) -> dict[str, Any]:
    return {key: value[key] for key in used if value.get(key) is not None}


def _square(sides: list[int], place: str) -> int:
    if len(set(sides)) != 1:
        raise ScorerError(f"{place}: got {sides}; allowed: a square. {NATIVE}")
    return sides[0]


def _check_vision(vision: Mapping[str, Any], given: Mapping[str, Any], place: str) -> None:
    """The numbers fit together: heads divide the width, and there is at least one patch, and not too many."""
    resnet = isinstance(vision["layers"], list)
    width = vision["width"] * (32 if resnet else 1)
    heads = width // vision["head_width"]
    if not heads or width % heads:
        raise ScorerError(_uneven(place, "width", vision["width"], "head_width", vision["head_width"]))
    if resnet and (vision["width"] % 2 or vision["image_size"] % 32):
        raise ScorerError(f"{place}: got width {vision['width']} and image_size {vision['image_size']}; allowed for a "
                          "ResNet: an even width, and a multiple of 32 px")  # fmt: skip
    if not resnet and "patch_size" in given and given["patch_size"] is None:
        raise ScorerError(f"{place}.patch_size: got null; allowed for a ViT: a whole number. {NATIVE}")
    patches = (vision["image_size"] // (32 if resnet else vision["patch_size"])) ** 2
    if not 1 <= patches <= MOST_PATCHES:
        raise ScorerError(
            f"{place}: image_size {vision['image_size']} in patches of {vision['patch_size']}: got {patches:,} "
            f"patches; allowed: 1 to {MOST_PATCHES:,}"
        )


def _uneven(place: str, what: str, width: int, by: str, parts: int) -> str:
    return f"{place}: got {what} {width} and {by} {parts}; allowed: a {what} that its attention heads divide"
