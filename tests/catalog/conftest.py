"""A fresh library a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.store import Catalog
from tests.catalog.factory import World


@pytest.fixture
def world() -> World:
    """A set of three assets."""
    return World()


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Where the library is, or will be."""
    return tmp_path / "library"


@pytest.fixture
def catalog(library: Path, world: World) -> Iterator[Catalog]:
    """A new library with the set registered."""
    with Catalog.open(library, create=True) as opened:
        world.register(opened)
        yield opened
