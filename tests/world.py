"""A small world for tests of the whole path: tiny checkpoints with the real classes, a registry, specs, a library."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests import tiny, tiny_scorers

ROOT = Path(__file__).parent.parent
PICTURE = {"width_px": 64, "height_px": 64, "steps": 2, "guidance": 3.0, "scheduler": "ddim"}


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)


def build_models(folder: Path) -> Path:
    """Build a tiny SD 1.x checkpoint and its scorers under ``folder``; returns the registry file that names them."""
    entries = tiny.registry_entry("sd1", tiny.build("sd1", folder / "sd1"), "tiny")
    scorers = tiny_scorers.build(folder / "scorers")
    for role, (checkpoint, where) in zip(
        ("clip", "aesthetic", "safety"), (scorers.clip, scorers.aesthetic, scorers.safety), strict=True
    ):
        entries[f"tiny-{role}"] = {
            "architecture": checkpoint.architecture,
            "source": {"folder": str(where.resolve())},
            "licence": "CC0-1.0",
            "status": "declared",
            "commercial": True,
            "lineage_known": True,
            "training_data": ["random numbers, made by the tests"],
            "files": {file.path: file.sha256 for file in checkpoint.files},
        }
    entries["tiny"]["scorers"] = {role: f"tiny-{role}" for role in ("clip", "aesthetic", "safety")}
    registry = folder / "checkpoints.yaml"
    registry.write_text(yaml.safe_dump({"checkpoints": entries}, sort_keys=False), encoding="utf-8")
    return registry


def spec_of(ids: Sequence[str], **changes: Any) -> dict[str, Any]:
    """A spec's value: one asset per id, two candidates each, whatever their scores."""
    value: dict[str, Any] = {
        "set": "tiny-set",
        "title": "A tiny set",
        "use": "commercial",
        "checkpoint": "tiny",
        "style": {"prompt": "a silver {subject}", "negative": "blurry"},
        "picture": dict(PICTURE),
        "seed": 7,
        "candidates": 2,
        "keep": {"per_asset": 1, "allow_defects": ALL_DEFECTS},
        "assets": [{"id": id_, "subject": id_.replace("-", " ")} for id_ in ids],
    }
    value.update(changes)
    return value


# pictures of random weights are noise; the tests of defects are elsewhere
ALL_DEFECTS = ["blank", "near_uniform", "blown", "crushed", "blurred", "framed", "tile_seam", "cut_by_trim", "low_dpi"]


@dataclass(frozen=True, slots=True)
class World:
    """A folder with a spec and a library, and the command line to work on it."""

    folder: Path
    registry: Path
    library_name: str = "library"

    @property
    def spec(self) -> Path:
        """The spec's file."""
        return self.folder / "spec.yaml"

    @property
    def library(self) -> Path:
        """The library's folder."""
        return self.folder / self.library_name

    def write(self, value: Mapping[str, Any]) -> Path:
        """Write the spec."""
        self.spec.write_text(yaml.safe_dump(dict(value), sort_keys=False), encoding="utf-8")
        return self.spec

    def environment(self) -> dict[str, str]:
        """Variables of a command run in this world; it starts its own Prefect server unless it is told of one."""
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")},
            "LIMNER_LIBRARY": str(self.library),
            "LIMNER_CHECKPOINTS": str(self.registry),
            "LIMNER_BATCH_SIZE": os.environ.get("LIMNER_BATCH_SIZE", "4"),
            "LIMNER_DEVICE": "cpu",
            "LIMNER_THREADS": "1",
            "HF_HUB_OFFLINE": "1",
            "PYTHONPATH": str(ROOT),
            "COLUMNS": "120",
        }

    def command(self, *words: str) -> list[str]:
        """The command line ``limner WORDS``."""
        return [sys.executable, "-P", "-m", "limner", *words]

    def run(self, *words: str, timeout_s: float = 180.0, **environment: str) -> Finished:
        """Run ``limner WORDS`` to its end."""
        done = subprocess.run(
            self.command(*words),
            cwd=self.folder,
            env={**self.environment(), **environment},
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr)
