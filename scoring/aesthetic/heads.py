"""Small heads on a CLIP embedding, read from safetensors and evaluated by plain numpy: no torch, no device.

A head is a chain of affine layers; without an activation between them the chain is one affine map, and is folded into
one, in float64. That is why 30,000 embeddings are scored in milliseconds, and why a score never depends on the batch.

A head's folder holds one ``*.safetensors`` and a ``config.json``::

    {"architecture": "aesthetic-head", "layout": "linear" | "mlp" | "nsfw-mlp",
     "clip": "<sha256 of the CLIP weights file it belongs to>" (or a list of them),
     "embedding_dim": 768, "scale": [1, 10], "activation": "none" | "relu"}
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.aesthetic.head_config import CONFIG_FILE, HOW_TO_GET, check_head_config, read_head_config, weights_name
from scoring.errors import ScorerError, ScorerMismatchError
from scoring.folder import ScorerFolder
from specs.boundary.tensor_file import FLOATS, Header
from specs.checkpoint import WeightFile
from specs.errors import LimnerError

Matrix = NDArray[np.floating[Any]]
Vector = NDArray[np.float64]
Layers = list[tuple[Vector, Vector]]
MOST_NUMBERS = 2**24  # of a head's file, and of any product of its layers: 128 MiB as float64
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


def load_head(folder: Path, name: str, files: Sequence[WeightFile] | None = None) -> Head:
    """Read a head's folder; raises ScorerError naming the file, what it holds and what a head must hold.

    ``files``: the hashes that its files must have; None where a head was just made and nothing is hashed yet.
    """
    hashes = None if files is None else {file.path: file.sha256 for file in files}
    place = ScorerFolder(folder, f"head {name!r}", hashes, HOW_TO_GET)
    config = read_head_config(place)
    file = weights_name(place, config)
    tensors = {tensor.name: values for tensor, values in place.tensors(file, _check_size)}
    return make_head(name, config, tensors, str(folder / file))


def _check_size(header: Header) -> None:
    numbers = sum(math.prod(tensor.shape) for tensor in header.tensors.values())
    if numbers > MOST_NUMBERS:
        raise LimnerError(
            f"{header.path}: got {numbers:,} numbers; allowed: at most {MOST_NUMBERS:,}, as a head is small"
        )
    for tensor in header.tensors.values():
        if tensor.dtype not in FLOATS:
            raise LimnerError(f"{header.path}: {tensor.name}: got {tensor.dtype} numbers; allowed: {', '.join(FLOATS)}")


def make_head(name: str, config: Mapping[str, Any], tensors: Mapping[str, Matrix], place: str) -> Head:
    """Check and fold the layers of a head; ``place`` is named in errors."""
    check_head_config(config, Path(place).parent / CONFIG_FILE)
    layout = config["layout"]
    layers = _layers(tensors, place)
    _check_unused(tensors, layout, place)
    _check_chain(layers, place)
    dim = layers[0][0].shape[1]
    if config.get("embedding_dim", dim) != dim:
        raise ScorerError(f"{place}: reads {dim} numbers, config.json says embedding_dim {config['embedding_dim']!r}")
    if layout == "nsfw-mlp":
        layers = _normalised(layers, tensors, place)
    hidden = "relu" if layout == "nsfw-mlp" else config.get("activation", "none")
    if hidden == "none":
        layers = _folded(layers, place)
    if not all(np.isfinite(part).all() for layer in layers for part in layer):
        raise ScorerError(f"{place}: its layers together give numbers that are not finite; fetch or convert it again")
    low, high = config.get("scale", (1.0, 10.0))
    clips = config.get("clip") or ()
    return Head(
        name=name,
        layers=tuple(layers),
        hidden=hidden,
        final="sigmoid" if layout == "nsfw-mlp" else "none",
        clips=(clips,) if isinstance(clips, str) else tuple(clips),
        scale=(float(low), float(high)),
        dim=dim,
    )


def _layers(tensors: Mapping[str, Matrix], place: str) -> Layers:
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


def _check_unused(tensors: Mapping[str, Matrix], layout: str, place: str) -> None:
    """Every tensor takes part: one that limner does not know may change the scores."""
    known = ("norm.mean", "norm.variance", "norm.count") if layout == "nsfw-mlp" else ()
    unused = [name for name in tensors if not re.search(r"(^|\.)(weight|bias)$", name) and name not in known]
    unused += [name for name in tensors if name.startswith("norm.") and name not in known and name not in unused]
    lonely = [name for name in tensors if name.endswith("bias") and f"{name.removesuffix('bias')}weight" not in tensors]
    if unused or lonely:
        raise ScorerError(
            f"{place}: got {', '.join(sorted([*unused, *lonely])[:5])}; allowed for layout {layout}: *.weight, each "
            f"with its *.bias{', and ' + ', '.join(known) if known else ''}"
        )


def _normalised(layers: Layers, tensors: Mapping[str, Matrix], place: str) -> Layers:
    """The normalisation of an nsfw-mlp folded into its first layer: no activation stands between them."""
    weight, bias = layers[0]
    if "norm.mean" not in tensors or "norm.variance" not in tensors:
        raise ScorerError(f"{place}: layout nsfw-mlp needs norm.mean and norm.variance")
    mean = np.asarray(tensors["norm.mean"], dtype=np.float64).reshape(-1)
    variance = np.asarray(tensors["norm.variance"], dtype=np.float64).reshape(-1)
    if mean.shape != (weight.shape[1],) or variance.shape != mean.shape or not (variance > 0).all():
        raise ScorerError(
            f"{place}: norm.mean and norm.variance: got {mean.size:,} and {variance.size:,} numbers; allowed: "
            f"{weight.shape[1]:,} of each, every variance above 0"
        )
    spread = np.sqrt(variance)
    with np.errstate(over="ignore", invalid="ignore"):
        return [(weight * (1.0 / spread), weight @ (-mean / spread) + bias), *layers[1:]]


def _check_chain(layers: Layers, place: str) -> None:
    width = layers[0][0].shape[1] if layers[0][0].ndim == 2 else -1
    for weight, bias in layers:
        if weight.ndim != 2 or not weight.size or weight.shape[1] != width or bias.shape != (weight.shape[0],):
            raise ScorerError(f"{place}: layers do not fit: weight {weight.shape}, bias {bias.shape}, input {width}")
        if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
            raise ScorerError(f"{place}: holds numbers that are not finite; fetch or convert it again")
        width = weight.shape[0]
    if width != 1:
        raise ScorerError(f"{place}: the last layer gives {width} numbers; a head gives one")


def _folded(layers: Layers, place: str) -> Layers:
    """One affine map equal to the chain (no activation between)."""
    weight, bias = layers[0]
    for next_weight, next_bias in layers[1:]:
        if len(next_weight) * weight.shape[1] > MOST_NUMBERS:
            raise ScorerError(f"{place}: layers of {len(next_weight):,} x {weight.shape[1]:,}: larger than any head")
        with np.errstate(over="ignore", invalid="ignore"):
            weight, bias = next_weight @ weight, next_weight @ bias + next_bias
    return [(weight, bias)]
