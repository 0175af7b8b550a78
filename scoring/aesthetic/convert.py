"""A published ``.pth`` head → hash-checked safetensors with a config.json: what ``limner convert`` does.

The pickle is opened by ``generator.weights.convert``, in a process of its own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file

from generator.weights.convert import ConversionError, unpickle
from scoring.aesthetic.heads import make_head
from specs.boundary.files import has_file
from specs.canonical import sha256_hex


@dataclass(frozen=True, slots=True)
class Converted:
    """``folder`` holds ``head.safetensors`` and ``config.json``; the hashes are of the source and of the new file."""

    folder: Path
    layout: str
    embedding_dim: int
    source_sha256: str
    head_sha256: str


def convert(
    source: Path, folder: Path, clip_sha256s: Sequence[str], scale: tuple[float, float] = (1.0, 10.0)
) -> Converted:
    """Write the head in ``source`` (``.pth``/``.pt``) to ``folder``; its layout is read from its tensors' names.

    ``clip_sha256s``: hashes of the weights files of the CLIP that the head was trained on (the head will be refused
    with any other). Raises ConversionError: not there, not loadable as weights only, not a head.
    """
    if not has_file(source):
        raise ConversionError(f"{source}: no such file; give the .pth file that the head's authors publish")
    if not clip_sha256s:
        raise ConversionError(
            f"{source}: which CLIP does it belong to? give the sha256 of that CLIP's weights file, or its registry name"
        )
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "head.safetensors"
    unpickle(source, target, float32=True)
    tensors = load_file(target)
    layout = "nsfw-mlp" if "norm.mean" in tensors else "linear" if "weight" in tensors else "mlp"
    config: dict[str, Any] = {
        "architecture": "aesthetic-head",
        "layout": layout,
        "clip": clip_sha256s[0] if len(clip_sha256s) == 1 else list(clip_sha256s),
        "scale": [0.0, 1.0] if layout == "nsfw-mlp" else list(scale),
        "source": {"file": source.name, "sha256": sha256_hex(source.read_bytes())},
    }
    head = make_head(source.stem, config, tensors, str(source))
    config["embedding_dim"] = head.dim
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    return Converted(folder, layout, head.dim, sha256_hex(source.read_bytes()), sha256_hex(target.read_bytes()))
