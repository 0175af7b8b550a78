"""Small heads on a CLIP embedding, read from safetensors and evaluated by plain numpy: no torch, no device.

A head is a chain of affine layers; without an activation between them the chain is one affine map, and is folded into
one, in float64. That is why 30,000 embeddings are scored in milliseconds, and why a score never depends on the batch.

A head's folder holds one ``*.safetensors`` and a ``config.json``::

    {"architecture": "aesthetic-head", "layout": "linear" | "mlp" | "nsfw-mlp",
     "clip": "<sha256 of the CLIP weights file it belongs to>" (or a list of them),
     "embedding_dim": 768, "scale": [1, 10], "activation": "none" | "relu"}
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from scoring.errors import ScorerError, ScorerMismatchError

Matrix = NDArray[np.floating[Any]]
Vector = NDArray[np.float64]
LAYOUTS = ("linear", "mlp", "nsfw-mlp")
ROWS = 1024  # at a time: float64 of a whole library would leave the processor's caches
DECIMALS = 6  # scores are rounded to this, so that equal embeddings give equal scores in any batch


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """``layers`` are (weight (out, in), bias (out,)) in order; ``hidden`` and ``final`` name their activations."""

    name: str
    layers: tuple[tuple[Vector, Vector], ...]
    hidden: str  # none | relu
    final: str  # none | sigmoid
    clips: tuple[str, ...]  # sha256 of the CLIP weights files that it may be used with
    scale: tuple[float, float]
    dim: int

    def score(self, embeddings: Matrix) -> NDArray[np.float64]:
        """(N, D) L2-normalised → (N,) scores, rounded to 6 decimals; a row that is not finite gives NaN."""
        if embeddings.ndim != 2 or embeddings.shape[1] != self.dim:
            raise ScorerMismatchError(
                f"head {self.name!r}: got embeddings of shape {embeddings.shape}; needs (N, {self.dim})"
            )
        parts = [self._score(embeddings[start : start + ROWS]) for start in range(0, len(embeddings), ROWS)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _score(self, rows: Matrix) -> NDArray[np.float64]:
        values = np.asarray(rows, dtype=np.float64)
        for number, (weight, bias) in enumerate(self.layers):
            with np.errstate(invalid="ignore", over="ignore"):
                values = values @ weight.T + bias
            if self.hidden == "relu" and number + 1 < len(self.layers):
                values = np.where(values < 0, 0.0, values)
        if self.final == "sigmoid":
            values = 1.0 / (1.0 + np.exp(-np.clip(values, -60, 60)))
        return np.round(values[:, 0], DECIMALS)

    def check_clip(self, clip_sha256s: tuple[str, ...], dim: int) -> None:
        """Raise ScorerMismatchError unless this head belongs to the CLIP whose weights files have these hashes."""
        if dim != self.dim:
            raise ScorerMismatchError(
                f"head {self.name!r} reads {self.dim} numbers, this CLIP gives {dim}: "
                "use the CLIP that the head was trained on, or another head"
            )
        if not set(self.clips) & set(clip_sha256s):
            raise ScorerMismatchError(
                f"head {self.name!r} belongs to the CLIP weights {', '.join(self.clips) or '(none named)'}; "
                f"loaded are {', '.join(clip_sha256s)}: choose the head's own CLIP, "
                'or, if they are the same weights in another file, add that sha256 to "clip" in the head\'s config.json'
            )


def load_head(folder: Path, name: str) -> Head:
    """Read a head's folder; raises ScorerError naming the file, what it holds and what a head must hold."""
    config = read_config(folder)
    path = weights_file(folder, config)
    try:
        tensors = load_file(path)
    except Exception as error:
        raise ScorerError(f"{path}: not a readable safetensors file ({error}); fetch or convert it again") from error
    return make_head(name, config, tensors, str(path))


def make_head(name: str, config: Mapping[str, Any], tensors: Mapping[str, Matrix], place: str) -> Head:
    """Check and fold the layers of a head; ``place`` is named in errors."""
    layout = config.get("layout")
    if layout not in LAYOUTS:
        raise ScorerError(f"{place}: config.json: layout: got {layout!r}; allowed: {', '.join(LAYOUTS)}")
    layers = _layers(tensors, place)
    if layout == "nsfw-mlp":
        layers = [_normalisation(tensors, place), *layers]
    hidden = "relu" if layout == "nsfw-mlp" else str(config.get("activation", "none"))
    if hidden not in ("none", "relu"):
        raise ScorerError(f"{place}: config.json: activation: got {hidden!r}; allowed: none, relu")
    _check_chain(layers, place)
    dim = layers[0][0].shape[1]
    if config.get("embedding_dim", dim) != dim:
        raise ScorerError(f"{place}: reads {dim} numbers, config.json says embedding_dim {config['embedding_dim']!r}")
    low, high = config.get("scale", (1.0, 10.0))
    clips = config.get("clip") or ()
    return Head(
        name=name,
        layers=tuple(_folded(layers) if hidden == "none" else _merged(layers, layout)),
        hidden=hidden,
        final="sigmoid" if layout == "nsfw-mlp" else "none",
        clips=(clips,) if isinstance(clips, str) else tuple(clips),
        scale=(float(low), float(high)),
        dim=dim,
    )


def read_config(folder: Path) -> dict[str, Any]:
    """The ``config.json`` of a scorer's folder; raises ScorerError."""
    path = folder / "config.json"
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ScorerError(f"{path}: missing; a head's folder holds config.json and one .safetensors file") from error
    except (OSError, ValueError) as error:
        raise ScorerError(f"{path}: cannot be read as JSON ({error}); fetch or convert the head again") from error
    if not isinstance(value, dict):
        raise ScorerError(f"{path}: got a JSON {type(value).__name__}; needs an object")
    return value


def weights_file(folder: Path, config: Mapping[str, Any]) -> Path:
    """The one ``.safetensors`` of a folder, or the one that config.json names by ``"file"``; raises ScorerError."""
    named = config.get("file")
    found = [folder / str(named)] if named else sorted(folder.glob("*.safetensors"))
    if len(found) != 1 or not found[0].is_file():
        names = ", ".join(path.name for path in found) or "none"
        pickles = ", ".join(path.name for pattern in ("*.pth", "*.pt") for path in sorted(folder.glob(pattern)))
        mend = f" (turn {pickles} into one with `limner convert`)" if pickles else ""
        raise ScorerError(f"{folder}: needs exactly one .safetensors file, found {names}{mend}")
    return found[0]


def _layers(tensors: Mapping[str, Matrix], place: str) -> list[tuple[Vector, Vector]]:
    """Affine layers by the numbers in their names: ``layers.2.weight``, ``linear_3.weight``, or just ``weight``."""
    names = [name for name in tensors if re.search(r"(^|\.)weight$", name) and not name.startswith("norm.")]
    names.sort(key=lambda name: [int(digits) for digits in re.findall(r"\d+", name)])
    if not names:
        raise ScorerError(
            f"{place}: holds {', '.join(sorted(tensors)) or 'no tensors'}; a head needs *.weight and *.bias"
        )
    layers = []
    for name in names:
        bias = tensors.get(name.removesuffix("weight") + "bias")
        if bias is None:
            raise ScorerError(f"{place}: {name} has no bias beside it")
        layers.append((np.asarray(tensors[name], dtype=np.float64), np.asarray(bias, dtype=np.float64)))
    return layers


def _normalisation(tensors: Mapping[str, Matrix], place: str) -> tuple[Vector, Vector]:
    if "norm.mean" not in tensors or "norm.variance" not in tensors:
        raise ScorerError(f"{place}: layout nsfw-mlp needs norm.mean and norm.variance")
    spread = np.sqrt(np.asarray(tensors["norm.variance"], dtype=np.float64).reshape(-1))
    mean = np.asarray(tensors["norm.mean"], dtype=np.float64).reshape(-1)
    return np.diag(1.0 / spread), -mean / spread


def _check_chain(layers: list[tuple[Vector, Vector]], place: str) -> None:
    width = layers[0][0].shape[1] if layers[0][0].ndim == 2 else -1
    for weight, bias in layers:
        if weight.ndim != 2 or weight.shape[1] != width or bias.shape != (weight.shape[0],):
            raise ScorerError(f"{place}: layers do not fit: weight {weight.shape}, bias {bias.shape}, input {width}")
        if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
            raise ScorerError(f"{place}: holds numbers that are not finite; fetch or convert it again")
        width = weight.shape[0]
    if width != 1:
        raise ScorerError(f"{place}: the last layer gives {width} numbers; a head gives one")


def _folded(layers: list[tuple[Vector, Vector]]) -> list[tuple[Vector, Vector]]:
    """One affine map equal to the chain (no activation between)."""
    weight, bias = layers[0]
    for next_weight, next_bias in layers[1:]:
        weight, bias = next_weight @ weight, next_weight @ bias + next_bias
    return [(weight, bias)]


def _merged(layers: list[tuple[Vector, Vector]], layout: str) -> list[tuple[Vector, Vector]]:
    """The normalisation of an nsfw-mlp folded into its first layer: no activation stands between them."""
    if layout != "nsfw-mlp":
        return layers
    return [*_folded(layers[:2]), *layers[2:]]
