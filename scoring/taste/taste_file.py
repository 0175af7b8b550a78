"""A learned taste as a file: safetensors, with what was learned from and how well beside it, checked by hash."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from scoring.errors import ScorerError
from scoring.taste.learn import Taste
from scoring.taste.preference import PreferenceHead
from specs.canonical import sha256_hex
from specs.commands import limner

EVERY_SET = "_all"  # the name of the head of a whole library; no set can be called so


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """``scope`` is the set whose verdicts taught it, or ``EVERY_SET``; ``clip_id`` whose embeddings it reads."""

    scope: str
    clip_id: str
    sha256: str
    taste: Taste


def save_taste(folder: Path, scope: str, clip_id: str, taste: Taste) -> Learned:
    """Write ``<scope>.safetensors`` and ``<scope>.json`` into ``folder``. The same taste gives the same bytes."""
    head = taste.head
    tensors = {"mean": head.mean, "weight": head.weight, "bias": np.array([head.bias])}
    tensors |= {"points": head.points, "widths": head.widths, "pulls": head.pulls}
    data = save({name: np.ascontiguousarray(value, dtype=np.float64) for name, value in tensors.items()})
    facts = {
        "architecture": "taste-head",
        "sha256": sha256_hex(data),
        "clip_id": clip_id,
        "verdicts": taste.verdicts,
        "agreement": taste.agreement,
        "stock_agreement": taste.stock_agreement,
        "majority": taste.majority,
        "interval": taste.interval,
        "auc": taste.auc,
        "learned": taste.learned,
    }
    folder.mkdir(parents=True, exist_ok=True)
    _put(folder / f"{scope}.safetensors", data)
    _put(folder / f"{scope}.json", (json.dumps(facts, indent=2) + "\n").encode())
    return Learned(scope, clip_id, sha256_hex(data), taste)


def load_taste(folder: Path, scope: str) -> Learned | None:
    """The taste of that scope, None when none was learned. Raises ScorerError for a file that is not what was saved."""
    path, beside = folder / f"{scope}.safetensors", folder / f"{scope}.json"
    if not beside.is_file():
        return None
    try:
        facts, data = json.loads(beside.read_bytes()), path.read_bytes()
        if sha256_hex(data) != facts["sha256"]:
            raise ValueError(f"its SHA-256 is {sha256_hex(data)[:12]}, {beside.name} says {facts['sha256'][:12]}")
        return Learned(scope, str(facts["clip_id"]), facts["sha256"], _taste(load(data), facts))
    except (OSError, ValueError, KeyError, TypeError) as error:
        again = limner("taste", "--all" if scope == EVERY_SET else scope)
        raise ScorerError(
            f"{path}: is not the taste that was learned ({error}); learn it again with `{again}`"
        ) from error


def _taste(tensors: dict[str, Any], facts: dict[str, Any]) -> Taste:
    """Heads saved before kernels were heard hold none, and say neither interval nor AUC."""
    mean, interval = tensors["mean"], facts.get("interval")
    return Taste(
        head=PreferenceHead(
            mean=mean,
            weight=tensors["weight"],
            bias=float(tensors["bias"][0]),
            points=tensors.get("points", np.zeros((0, len(mean)))),
            widths=tensors.get("widths", np.zeros(0)),
            pulls=tensors.get("pulls", np.zeros((0, 0))),
        ),
        verdicts=facts["verdicts"],
        agreement=facts["agreement"],
        stock_agreement=facts["stock_agreement"],
        majority=facts["majority"],
        interval=None if interval is None else (float(interval[0]), float(interval[1])),
        auc=facts.get("auc"),
        learned=facts.get("learned"),
    )


def _put(path: Path, data: bytes) -> None:
    """Write a file so that nobody ever reads half of it."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    partial.write_bytes(data)
    partial.replace(path)
