"""A published ``.pth`` head → hash-checked safetensors with a config.json: what ``limner convert`` does.

A pickle can run code. It is opened in a subprocess of its own (isolated Python, nothing but torch and safetensors),
with ``weights_only=True``, mapped to the CPU (some were saved from a GPU); this process never opens it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file

from scoring.errors import ConversionError
from scoring.heads import make_head
from specs.canonical import sha256_hex

TIMEOUT_S = 300
_SCRIPT = """
import sys
import torch
from safetensors.torch import save_file
state = torch.load(sys.argv[1], map_location="cpu", weights_only=True)
state = state.get("state_dict", state) if isinstance(state, dict) else state
if not isinstance(state, dict) or not all(isinstance(v, torch.Tensor) for v in state.values()):
    sys.exit(f"holds a {type(state).__name__}, not a dictionary of tensors")
tensors = {k.removeprefix("module."): v.detach().float().clone() for k, v in state.items() if v.is_floating_point()}
save_file({k: v.contiguous() for k, v in tensors.items()}, sys.argv[2])
"""


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
    if not source.is_file():
        raise ConversionError(f"{source}: no such file; give the .pth file that the head's authors publish")
    if not clip_sha256s:
        raise ConversionError(
            f"{source}: which CLIP does it belong to? give the sha256 of that CLIP's weights file, or its registry name"
        )
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "head.safetensors"
    _unpickle(source, target)
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


def _unpickle(source: Path, target: Path) -> None:
    command = [sys.executable, "-I", "-W", "ignore", "-c", _SCRIPT, str(source.absolute()), str(target.absolute())]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise ConversionError(f"{source}: not read within {TIMEOUT_S} s; is it a head's weights file?") from error
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ConversionError(
            f"{source}: cannot be read as weights only: {said[:300]}; "
            "files that need more than weights_only=True are not opened: ask its authors for safetensors"
        )
