"""The starter's scorers as limner loads them, for the figures of this folder."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from generator.weights.hashes import HashMemory
from generator.weights.pinning import locate, pin
from scoring.clip.embedding import Clip, load_clip
from specs.checkpoint import Checkpoint
from specs.registry.registry import load_registry


@dataclass(frozen=True, slots=True)
class OnCpu:
    """All that the scorers need of a setting."""

    device: str = "cpu"


def starter(name: str) -> tuple[Checkpoint, Path]:
    """A starter checkpoint by its registry name, pinned, with its folder."""
    checkpoint = load_registry().resolve(name, Path())
    folder = locate(checkpoint)
    with tempfile.TemporaryDirectory() as nowhere:
        return pin(checkpoint, folder, HashMemory(Path(nowhere) / "hashes.json")), folder


def starter_clip(batch_size: int = 50) -> Clip:
    """The starter's CLIP."""
    return load_clip(*starter("starter-clip"), OnCpu(), batch_size)
