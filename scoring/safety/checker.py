"""The safety checker's vision tower: its own, or the loaded CLIP's when the two are the same tensor by tensor.

Imports torch.

The CompVis checker is OpenAI's CLIP ViT-L/14 with a list of concepts, so that a set scored with that CLIP needs one
forward for both. Whether they are the same is never assumed from names: each tensor of the checker's file is compared
with the CLIP's at load, and so are the activation, the heads, the epsilon and the preprocessing. The decision itself
is in ``scoring.safety.concepts``.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from scoring.clip.config import MOST_PATCHES
from scoring.clip.embedding import Clip, DeviceSetting, Pixels, Preprocess, check_pixels
from scoring.clip.resample import crops_agree
from scoring.errors import ScorerError
from scoring.folder import ScorerFolder, check_shapes, folder_of
from scoring.safety.checker_config import (
    CONFIG_FILE,
    VISION_DEFAULTS,
    read_concepts,
    read_preprocessor,
    read_vision,
    tower_shapes,
)
from scoring.safety.concepts import Concepts, make_concepts, unknown
from scoring.scorecard import Safety
from specs.boundary.tensor_file import FLOATS, Header
from specs.checkpoint import Checkpoint
from specs.errors import LimnerError

Tensors = dict[str, torch.Tensor]
WEIGHTS_FILE = "model.safetensors"
CONCEPT_TENSORS = ("concept_embeds", "concept_embeds_weights", "special_care_embeds", "special_care_embeds_weights")
HOW_TO_GET = (
    f"needs config.json and {WEIGHTS_FILE} (CompVis/stable-diffusion-safety-checker, or the safety_checker folder of a "
    "Stable Diffusion checkpoint); fetch the registry's entry with --online"
)
COUNTED = {"visual_projection.weight": 8192, "concept_embeds": 1000, "special_care_embeds": 1000}  # most rows of each


@dataclass(eq=False)
class Checker:
    """A loaded checker. ``own_because`` says why it runs its own forward, empty when the CLIP's serves both."""

    name: str
    concepts: Concepts
    preprocess: Preprocess
    tensors: Tensors
    vision: dict[str, Any]
    own_because: str
    device: torch.device
    batch_size: int
    _tower: Any = None

    @property
    def shared(self) -> bool:
        """Whether the CLIP's forward serves (for pictures that both preprocessings crop alike: all square ones)."""
        return not self.own_because

    def measure(self, pixels: Pixels, embeddings: NDArray[np.float32]) -> list[Safety]:
        """(B, H, W, 3) uint8 and the CLIP's (B, D) embeddings of them → one Safety each.

        Whatever goes wrong gives *unknown* with the reason, never an exception: it must not stop a run, nor pass one.
        """
        try:
            found = self.concepts.measure(self._embeddings(pixels, embeddings))
        except Exception as error:
            return [unknown(f"the checker failed: {type(error).__name__}: {error}")] * len(pixels)
        if len(found) != len(pixels):
            return [unknown("the checker answered for another number of pictures")] * len(pixels)
        return found

    def _embeddings(self, pixels: Pixels, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.shared and crops_agree(pixels.shape[1], pixels.shape[2], self.preprocess.size_px):
            return embeddings
        check_pixels(pixels)
        starts = range(0, len(pixels), self.batch_size)
        return np.concatenate([self._forward(pixels[start : start + self.batch_size]) for start in starts])

    def _forward(self, pixels: Pixels) -> NDArray[np.float32]:
        if self._tower is None:
            self._tower = _build_tower(self.tensors, self.vision).to(self.device)
        count = len(pixels)
        padded = np.concatenate([pixels, np.repeat(pixels[-1:], self.batch_size - count, axis=0)])
        with torch.inference_mode():
            pooled = self._tower(self.preprocess(padded, self.device, half_down=True)).pooler_output
            rows = pooled @ self.tensors["visual_projection.weight"].to(self.device).T
        return np.asarray(rows[:count].float().cpu().numpy(), dtype=np.float32)


def load_checker(
    checkpoint: Checkpoint, folder: Path, clip: Clip | None, setting: DeviceSetting, batch_size: int = 8
) -> Checker:
    """Read the checker in ``folder`` and compare it with the loaded CLIP; raises ScorerError when it cannot be used."""
    files = folder_of(checkpoint, folder, "safety checker", HOW_TO_GET)
    vision = read_vision(files)
    preprocess = Preprocess(vision["image_size"], *read_preprocessor(files, vision["image_size"]))
    named = read_concepts(files)
    tensors = _read_tensors(files, vision)
    compvis = "compvis" in f"{checkpoint.name} {checkpoint.source.repo_id or ''}".lower()
    concepts = make_concepts(
        {name: tensors[name].numpy() for name in CONCEPT_TENSORS}, named, folder, checkpoint.name, compvis
    )
    return Checker(
        name=checkpoint.name,
        concepts=concepts,
        preprocess=preprocess,
        tensors=tensors,
        vision=vision,
        own_because=_difference(tensors, vision, preprocess, clip),
        device=torch.device(setting.device),
        batch_size=batch_size,
    )


def _read_tensors(files: ScorerFolder, vision: dict[str, Any]) -> Tensors:
    """The checker's tensors in float32; names of the vision tower without their ``vision_model.`` prefixes."""
    try:
        return {
            _short(tensor.name): torch.tensor(values, dtype=torch.float32)
            for tensor, values in files.tensors(WEIGHTS_FILE, lambda header: _check(header, vision, files))
            if not _ignored(tensor.name)
        }
    except (MemoryError, RuntimeError) as error:
        raise ScorerError(f"{files.label}: {files.path / WEIGHTS_FILE}: cannot be loaded: {error}") from error


def _check(header: Header, vision: dict[str, Any], files: ScorerFolder) -> None:
    """The file holds exactly the tower that config.json describes, a projection, and concepts as wide as it."""
    stored = {_short(name): tensor for name, tensor in header.tensors.items() if not _ignored(name)}
    if len(stored) < sum(not _ignored(name) for name in header.tensors):
        raise LimnerError(f"{header.path}: got a tensor twice, under an older and a newer name")
    for name, tensor in header.tensors.items():
        if tensor.dtype not in FLOATS and not _ignored(name):
            raise LimnerError(f"{header.path}: {name}: got {tensor.dtype} numbers; allowed: {', '.join(FLOATS)}")
        if _ignored(name) and math.prod(tensor.shape) > MOST_PATCHES + 1:
            raise LimnerError(f"{header.path}: {name}: got shape {list(tensor.shape)}; allowed: one number a patch")
    sizes = {name: stored[name].shape[0] for name in COUNTED if name in stored and stored[name].shape}
    for name, size in sizes.items():
        if not 1 <= size <= COUNTED[name]:
            raise LimnerError(f"{header.path}: {name}: got {size:,} rows; allowed: 1 to {COUNTED[name]:,}")
    dim, concepts, special = (sizes.get(name, 1) for name in COUNTED)
    wanted = tower_shapes(vision) | {
        "visual_projection.weight": (dim, vision["hidden_size"]),
        "concept_embeds": (concepts, dim),
        "concept_embeds_weights": (concepts,),
        "special_care_embeds": (special, dim),
        "special_care_embeds_weights": (special,),
    }
    check_shapes(replace(header, tensors=stored), wanted, files.path / CONFIG_FILE)


def _short(name: str) -> str:
    return re.sub(r"^(vision_model\.)+", "", name)


def _ignored(name: str) -> bool:
    """Counting numbers, which older files hold and transformers makes itself."""
    return "position_ids" in name


def _difference(tensors: Tensors, vision: dict[str, Any], preprocess: Preprocess, clip: Clip | None) -> str:
    """Why the CLIP's forward cannot serve the checker, in words; empty when the two are one."""
    if clip is None:
        return "no CLIP is loaded"
    tower = clip.model.visual
    if type(tower).__name__ != "VisionTransformer" or getattr(tower, "pool_type", "tok") != "tok":
        return f"the CLIP's vision tower is a {type(tower).__name__}"
    ours = {name: tensor.cpu().float() for name, tensor in tower.state_dict().items()}
    theirs = _as_open_clip({name: tensor for name, tensor in tensors.items() if name not in CONCEPT_TENSORS})
    if odd := sorted(set(ours) ^ set(theirs)):
        return f"tensor {odd[0]} is in one of them only"
    for name in sorted(ours):
        if ours[name].shape != theirs[name].shape or not torch.equal(ours[name], theirs[name]):
            return f"tensor {name} differs"
    block = tower.transformer.resblocks[0]
    act = {"QuickGELU": "quick_gelu", "GELU": "gelu"}.get(type(block.mlp.gelu).__name__, "?")
    pairs = {
        "activation": (act, vision["hidden_act"]),
        "heads": (block.attn.num_heads, vision["num_attention_heads"]),
        "layer norm epsilon": (tower.ln_pre.eps, vision["layer_norm_eps"]),
        "preprocessing": (clip.preprocess, preprocess),
    }
    return next((f"{what} differs: {one} and {other}" for what, (one, other) in pairs.items() if one != other), "")


def _as_open_clip(tensors: Tensors) -> Tensors:
    """transformers' names of a CLIP vision tower and its projection → open_clip's; q, k, v joined into in_proj."""
    fixed = {
        "embeddings.class_embedding": "class_embedding",
        "embeddings.patch_embedding.weight": "conv1.weight",
        "embeddings.position_embedding.weight": "positional_embedding",
    }
    stems = {
        "pre_layrnorm.": "ln_pre.",
        "post_layernorm.": "ln_post.",
        "encoder.layers.": "transformer.resblocks.",
        ".self_attn.out_proj.": ".attn.out_proj.",
        ".layer_norm1.": ".ln_1.",
        ".layer_norm2.": ".ln_2.",
        ".mlp.fc1.": ".mlp.c_fc.",
        ".mlp.fc2.": ".mlp.c_proj.",
    }
    named: Tensors = {}
    for name, tensor in tensors.items():
        if name == "visual_projection.weight":
            named["proj"] = tensor.T
        elif match := re.fullmatch(r"encoder\.layers\.(\d+)\.self_attn\.q_proj\.(weight|bias)", name):
            parts = [tensors[name.replace(".q_proj.", f".{letter}_proj.")] for letter in "qkv"]
            named[f"transformer.resblocks.{match[1]}.attn.in_proj_{match[2]}"] = torch.cat(parts)
        elif not re.search(r"\.self_attn\.[kv]_proj\.", name):
            new = fixed.get(name, name)
            for old, replacement in stems.items():
                new = new.replace(old, replacement)
            named[new] = tensor
    return named


def _build_tower(tensors: Tensors, vision: dict[str, Any]) -> Any:
    """transformers' CLIPVisionModel holding exactly these tensors (strict: nothing is left at random)."""
    from transformers import CLIPVisionConfig, CLIPVisionModel

    model = CLIPVisionModel(CLIPVisionConfig(**{name: vision[name] for name in VISION_DEFAULTS}))
    names = {re.sub(r"^(vision_model\.)+", "", name): name for name in model.state_dict() if "position_ids" not in name}
    state = {names.get(name, name): tensor for name, tensor in tensors.items() if name not in CONCEPT_TENSORS}
    del state["visual_projection.weight"]
    model.load_state_dict(state, strict=True)
    return model.eval().requires_grad_(False)
