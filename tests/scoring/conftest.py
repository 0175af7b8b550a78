"""Tiny scorers, built once for all tests of this folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.tiny_scorers import Tiny, build


@dataclass(frozen=True)
class OnCpu:
    """All that the scorers need of a setting."""

    device: str = "cpu"


@pytest.fixture(scope="session")
def setting() -> OnCpu:
    return OnCpu()


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return build(tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="session")
def unshared(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return build(tmp_path_factory.mktemp("unshared"), shared=False)


@pytest.fixture(scope="session")
def peers() -> Path:
    """The published heads, where they lie beside the repository."""
    folder = Path(__file__).parents[2] / ".." / "shared" / "peers"
    if not folder.is_dir():
        pytest.skip("published heads are not beside the repository (../shared/peers)")
    return folder


def blocks(count: int, height: int = 64, width: int = 64, seed: int = 0) -> NDArray[np.uint8]:
    """(count, height, width, 3) pictures of random coloured squares."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (count, -(-height // 8), -(-width // 8), 3), dtype=np.uint8)
    return np.repeat(np.repeat(small, 8, axis=1), 8, axis=2)[:, :height, :width]
