"""Tiny scorers for the tests: real classes, seeded random weights, made in a second; deterministic.

``build(folder)`` writes ``clip/`` (open_clip local-dir), ``aesthetic/`` (a linear head that belongs to that CLIP) and
``safety/`` (a StableDiffusionSafetyChecker whose vision tower is that CLIP's, unless ``shared=False``).
"""

from __future__ import annotations

import hashlib
import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from specs.checkpoint import Checkpoint, Source, Status, WeightFile

DIM, WIDTH, HEADS, LAYERS, PATCH, SIDE = 32, 64, 2, 2, 8, 32
TEXT_WIDTH, CONTEXT = 32, 24
SAME_BLOCKS = {
    "attn.out_proj": "self_attn.out_proj",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
}
Tensors = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Tiny:
    """The three scorers, each as ``load_scorers`` takes them."""

    clip: tuple[Checkpoint, Path]
    aesthetic: tuple[Checkpoint, Path]
    safety: tuple[Checkpoint, Path]


def build(folder: Path, seed: int = 0, *, shared: bool = True, quick_gelu: bool = True) -> Tiny:
    """Write all three under ``folder``; equal arguments give equal bytes."""
    clip = build_clip(folder / "clip", seed, quick_gelu=quick_gelu)
    weights = load_file(clip[1] / "open_clip_model.safetensors")
    tower = weights if shared else _clip_tensors(np.random.default_rng(seed + 1000))
    return Tiny(
        clip,
        build_head(folder / "aesthetic", clip[0].files[1].sha256, seed),
        build_checker(folder / "safety", tower, seed, act="quick_gelu" if quick_gelu else "gelu"),
    )


def build_clip(folder: Path, seed: int = 0, *, quick_gelu: bool = True) -> tuple[Checkpoint, Path]:
    """An open_clip ViT of two layers, 32 px, D = 32."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "model_cfg": {
            "embed_dim": DIM,
            "quick_gelu": quick_gelu,
            "vision_cfg": {
                "image_size": SIDE,
                "layers": LAYERS,
                "width": WIDTH,
                "head_width": WIDTH // HEADS,
                "patch_size": PATCH,
            },
            "text_cfg": {"context_length": CONTEXT, "vocab_size": 49408, "width": TEXT_WIDTH, "heads": 2, "layers": 1},
        },
        "preprocess_cfg": {"mean": [0.48145466, 0.4578275, 0.40821073], "std": [0.26862954, 0.26130258, 0.27577711]},
    }
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    save_file(_clip_tensors(np.random.default_rng(seed)), folder / "open_clip_model.safetensors")
    return checkpoint("tiny-clip", "open-clip", folder), folder


def build_head(
    folder: Path, clip_sha256: str, seed: int = 0, layout: str = "linear", dim: int = DIM
) -> tuple[Checkpoint, Path]:
    """A head that gives about 5 ± 1."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed + 1)
    widths = (dim, 1) if layout == "linear" else (dim, 16, 8, 1)
    tensors: Tensors = {}
    for number, (wide, narrow) in enumerate(itertools.pairwise(widths)):
        prefix = "" if layout == "linear" else f"layers.{2 * number}."
        tensors[f"{prefix}weight"] = rng.normal(0, 4 if layout == "linear" else 0.5, (narrow, wide)).astype(np.float32)
        tensors[f"{prefix}bias"] = np.full(narrow, 5.0 if narrow == 1 else 0.1, np.float32)
    save_file(tensors, folder / "head.safetensors")
    config = {
        "architecture": "aesthetic-head",
        "layout": layout,
        "clip": clip_sha256,
        "embedding_dim": dim,
        "scale": [1, 10],
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    return checkpoint("tiny-aesthetic", "aesthetic-head", folder), folder


def build_checker(
    folder: Path, clip_tensors: Tensors, seed: int = 0, *, act: str = "quick_gelu", threshold: float = 0.2
) -> tuple[Checkpoint, Path]:
    """diffusers' checker with the vision tower of ``clip_tensors`` (open_clip's names) and 17 + 3 random concepts."""
    import torch
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
    from transformers import CLIPConfig

    folder.mkdir(parents=True, exist_ok=True)
    vision: dict[str, Any] = {
        "hidden_size": WIDTH, "intermediate_size": 4 * WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
        "image_size": SIDE, "patch_size": PATCH, "projection_dim": DIM, "hidden_act": act,
    }  # fmt: skip
    text = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    checker = StableDiffusionSafetyChecker(CLIPConfig(projection_dim=DIM, vision_config=vision, text_config=text))
    rng = np.random.default_rng(seed + 2)
    state = {name: torch.from_numpy(value) for name, value in _as_transformers(clip_tensors).items()}
    state["concept_embeds"] = torch.from_numpy(rng.normal(size=(17, DIM)).astype(np.float32))
    state["special_care_embeds"] = torch.from_numpy(rng.normal(size=(3, DIM)).astype(np.float32))
    state["concept_embeds_weights"] = torch.from_numpy((threshold + rng.uniform(0, 0.2, 17)).astype(np.float32))
    state["special_care_embeds_weights"] = torch.from_numpy((threshold + rng.uniform(0, 0.2, 3)).astype(np.float32))
    checker.load_state_dict(state, strict=True)
    checker.save_pretrained(folder)
    processor = {"crop_size": SIDE, "size": SIDE, "image_mean": [0.48145466, 0.4578275, 0.40821073],
                 "image_std": [0.26862954, 0.26130258, 0.27577711], "resample": 3}  # fmt: skip
    (folder / "preprocessor_config.json").write_text(json.dumps(processor, indent=2), encoding="utf-8")
    return checkpoint("tiny-safety", "safety-checker", folder), folder


def checkpoint(name: str, architecture: str, folder: Path) -> Checkpoint:
    """A Checkpoint of ``folder`` with every file hashed, sorted by name."""
    files = tuple(
        WeightFile(path.name, hashlib.sha256(path.read_bytes()).hexdigest()) for path in sorted(folder.iterdir())
    )
    return Checkpoint(name, architecture, Source(folder=str(folder)), files, "CC0-1.0", Status.VERIFIED, True)


def _clip_tensors(rng: np.random.Generator) -> Tensors:
    """open_clip's names for a tiny CLIP; weights spread widely enough that pictures differ."""

    def normal(*shape: int, std: float = 0.05) -> NDArray[np.float32]:
        return rng.normal(0, std, shape).astype(np.float32)

    tensors = {
        "visual.class_embedding": normal(WIDTH, std=1),
        "visual.positional_embedding": normal((SIDE // PATCH) ** 2 + 1, WIDTH, std=0.5),
        "visual.conv1.weight": normal(WIDTH, 3, PATCH, PATCH, std=0.2),
        "visual.proj": normal(WIDTH, DIM, std=0.3),
        "positional_embedding": normal(CONTEXT, TEXT_WIDTH, std=0.1),
        "token_embedding.weight": normal(49408, TEXT_WIDTH, std=1),
        "text_projection": normal(TEXT_WIDTH, DIM, std=0.3),
        "logit_scale": np.array(np.log(100.0), np.float32),
    }
    for prefix, width in (("visual.ln_pre", WIDTH), ("visual.ln_post", WIDTH), ("ln_final", TEXT_WIDTH)):
        tensors |= {f"{prefix}.weight": 1 + normal(width), f"{prefix}.bias": normal(width)}
    blocks = [("visual.transformer.resblocks", WIDTH, LAYERS), ("transformer.resblocks", TEXT_WIDTH, 1)]
    for stem, width, layers in blocks:
        for layer in range(layers):
            tensors |= _block(f"{stem}.{layer}", width, normal)
    return tensors


def _block(stem: str, width: int, normal: Any) -> Tensors:
    shapes = {
        "attn.in_proj_weight": (3 * width, width), "attn.in_proj_bias": (3 * width,),
        "attn.out_proj.weight": (width, width), "attn.out_proj.bias": (width,),
        "mlp.c_fc.weight": (4 * width, width), "mlp.c_fc.bias": (4 * width,),
        "mlp.c_proj.weight": (width, 4 * width), "mlp.c_proj.bias": (width,),
    }  # fmt: skip
    tensors: Tensors = {f"{stem}.{name}": normal(*shape, std=0.15) for name, shape in shapes.items()}
    for norm in ("ln_1", "ln_2"):
        tensors |= {f"{stem}.{norm}.weight": 1 + normal(width), f"{stem}.{norm}.bias": normal(width)}
    return tensors


def _as_transformers(clip: Tensors) -> Tensors:
    """The vision tower under the names that transformers' CLIPVisionModel uses inside the checker."""
    stem = "vision_model."
    named = {
        f"{stem}embeddings.class_embedding": clip["visual.class_embedding"],
        f"{stem}embeddings.patch_embedding.weight": clip["visual.conv1.weight"],
        f"{stem}embeddings.position_embedding.weight": clip["visual.positional_embedding"],
        "visual_projection.weight": np.ascontiguousarray(clip["visual.proj"].T),
    }
    for ours, theirs in (("ln_pre", "pre_layrnorm"), ("ln_post", "post_layernorm")):
        for part in ("weight", "bias"):
            named[f"{stem}{theirs}.{part}"] = clip[f"visual.{ours}.{part}"]
    for layer in range(LAYERS):
        block, target = f"visual.transformer.resblocks.{layer}", f"{stem}encoder.layers.{layer}"
        for part in ("weight", "bias"):
            for name, piece in zip("qkv", np.split(clip[f"{block}.attn.in_proj_{part}"], 3), strict=True):
                named[f"{target}.self_attn.{name}_proj.{part}"] = np.ascontiguousarray(piece)
            for ours, theirs in SAME_BLOCKS.items():
                named[f"{target}.{theirs}.{part}"] = clip[f"{block}.{ours}.{part}"]
    return named
