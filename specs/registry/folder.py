"""What a folder of weights is, read from its small JSON files: architecture, size rules. Opens no weights."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from specs.boundary.files import has_file, has_folder
from specs.checkpoint import IMAGE_ARCHITECTURES
from specs.errors import UsageError

MOST_JSON_BYTES = 4 * 1024 * 1024
PIPELINES = {"StableDiffusionPipeline": "sd1", "StableDiffusionXLPipeline": "sdxl"}
OPENCLIP_TEXT_WIDTH = 1024  # SD 2.x reads OpenCLIP ViT-H's 1024-wide text, SD 1.x CLIP ViT-L's 768


@dataclass(frozen=True, slots=True)
class FolderFacts:
    """Architecture by its name in ``checkpoint.py``; sizes in px."""

    architecture: str
    multiple_px: int
    native_px: int


def inspect_folder(folder: Path) -> FolderFacts:
    """The facts of a diffusers, open_clip or limner head folder; raises UsageError for anything else."""
    if not has_folder(folder):
        raise UsageError(f"checkpoint folder: got {folder}, which is no folder; allowed: a diffusers folder")
    if has_file(folder / "open_clip_config.json"):
        return FolderFacts("open-clip", 1, 224)
    index = _json(folder / "model_index.json")
    if index is None:
        single = next((file.name for file in sorted(folder.glob("*.safetensors"))), None)
        got = f"{folder} without model_index.json" + (f" ({single} alone is not enough)" if single else "")
        raise UsageError(
            f"checkpoint folder: got {got}; allowed: a diffusers folder (model_index.json, unet/, vae/, text_encoder/, "
            "tokenizer/, scheduler/); convert a single file with diffusers' from_single_file and save_pretrained"
        )
    class_name = str(index.get("_class_name"))
    architecture = PIPELINES.get(class_name)
    if architecture is None:
        raise UsageError(
            f"{folder / 'model_index.json'}: _class_name: got {class_name}; allowed: {', '.join(PIPELINES)}"
        )
    unet, vae = _json(folder / "unet" / "config.json") or {}, _json(folder / "vae" / "config.json") or {}
    if architecture == "sd1" and _wide(folder, unet):
        architecture = "sd2"
    default = IMAGE_ARCHITECTURES[architecture]
    blocks, sample = vae.get("block_out_channels"), unet.get("sample_size")
    multiple = max(8, 2 ** (len(blocks) - 1)) if isinstance(blocks, list) and 0 < len(blocks) < 8 else 8
    factor = 2 ** (len(blocks) - 1) if isinstance(blocks, list) and 0 < len(blocks) < 8 else 8
    native = sample * factor if type(sample) is int and 0 < sample <= 512 else default.native_px
    return FolderFacts(architecture, multiple, native)


def _wide(folder: Path, unet: dict[str, Any]) -> bool:
    scheduler = _json(folder / "scheduler" / "scheduler_config.json") or {}
    return unet.get("cross_attention_dim") == OPENCLIP_TEXT_WIDTH or scheduler.get("prediction_type") == "v_prediction"


def _json(path: Path) -> dict[str, Any] | None:
    """A small JSON object, None where there is none; raises UsageError for a broken one."""
    if not has_file(path):
        return None
    try:
        if path.stat().st_size > MOST_JSON_BYTES:
            raise UsageError(f"{path}: got {path.stat().st_size:,} bytes; allowed: at most {MOST_JSON_BYTES:,}")
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path}: got a file that does not read as JSON ({error}); allowed: a JSON object") from None
    return value if isinstance(value, dict) else None
