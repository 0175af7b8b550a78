"""A part of a checkpoint: one network, its configuration and its weight files; and how a part's faults are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from specs.boundary.config_keys import shown
from specs.errors import LimnerError


@dataclass(frozen=True, slots=True)
class PartWeights:
    """The weight files of one part, relative to its folder, the index of shards included."""

    files: tuple[str, ...]

    @property
    def safetensors(self) -> tuple[str, ...]:
        """Those that hold numbers."""
        return tuple(file for file in self.files if file.endswith(".safetensors"))


@dataclass(frozen=True, slots=True)
class Part:
    """One network of a checkpoint: its class, its configuration with the class's defaults, its weight files."""

    name: str
    library: str
    class_name: str
    folder: Path
    config: Mapping[str, Any]
    weights: PartWeights

    @property
    def config_path(self) -> Path:
        """Where the configuration was read."""
        return self.folder / "config.json"


def demand(holds: bool, path: Path, key: str, got: Any, allowed: str) -> None:
    """Raise LimnerError, which names the file, the key, what was received and what is allowed, unless it holds."""
    if not holds:
        got = got if isinstance(got, str) else shown(got)
        raise LimnerError(
            f"{path}: {key}: got {got}; allowed: {allowed}. Copy the file anew from where the checkpoint comes."
        )


def divides(number: int, widths: list[int], path: Path, key: str) -> None:
    """Raise LimnerError unless ``number`` divides each of the widths of ``block_out_channels``."""
    for width in widths:
        demand(width % number == 0, path, key, number, f"a divisor of the {width} channels of block_out_channels")
