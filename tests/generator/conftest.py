"""Tiny checkpoints, pinned and loaded once for the whole folder; one CPU thread, because toys gain nothing from two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from generator.candidate import Batch
from generator.environment import Setting, choose_setting
from generator.sampling.diffusion import Rendered, render
from generator.weights.hashes import HashMemory
from generator.weights.loading import LoadedModel, load
from generator.weights.pinning import pin
from specs.checkpoint import Checkpoint, Source, Status
from specs.job import Job
from tests import tiny


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Kind → the folder of its tiny checkpoint; copy it before changing it."""
    root = tmp_path_factory.mktemp("checkpoints")
    return cache(lambda kind: tiny.build(kind, root / kind))


@pytest.fixture(scope="session")
def setting() -> Setting:
    """The CPU in float32."""
    return choose_setting("cpu", threads=1)


@pytest.fixture(scope="session")
def pinned(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Path], Checkpoint]:
    """(kind, folder) → its checkpoint with every file hashed."""
    memory = HashMemory(tmp_path_factory.mktemp("memory") / "hashes.json")
    return lambda kind, folder: pin(entry(kind, folder), folder, memory)


@pytest.fixture(scope="session")
def model_of(
    folder_of: Callable[[str], Path], pinned: Callable[[str, Path], Checkpoint], setting: Setting
) -> Callable[[str], LoadedModel]:
    """Kind → its loaded model, shared by all tests: do not change it."""
    return cache(lambda kind: load(pinned(kind, folder_of(kind)), folder_of(kind), setting))


@pytest.fixture(scope="session")
def sd1(model_of: Callable[[str], LoadedModel]) -> LoadedModel:
    """The SD 1.x model."""
    return model_of("sd1")


def entry(kind: str, folder: Path) -> Checkpoint:
    """An entry of the registry for a folder, its files not hashed yet."""
    source = Source(folder=str(folder))
    return Checkpoint(f"tiny-{kind}", kind, source, (), "CC0-1.0", Status.DECLARED, True, lineage_known=True)


def job(model: LoadedModel, prompt: str = "silver sword", seed: int = 1, **changes: object) -> Job:
    """A job of a model's checkpoint: 32 px, 3 steps."""
    weights_id = model.checkpoint.weights_id
    plain = Job(prompt, "blurry", weights_id, "dpmpp-2m", steps=3, guidance=4.0, width_px=32, height_px=32, seed=seed)
    return replace(plain, **changes)  # type: ignore[arg-type]


def rendered(model: LoadedModel, *jobs: Job, size: int = 3) -> Rendered:
    """The jobs rendered in one batch of a shape."""
    return render(model, Batch(jobs, size))
