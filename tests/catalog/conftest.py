"""A fresh library a test; what all begin with is made once and copied."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from tests.catalog.factory import World


@pytest.fixture(scope="session")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library with the set registered, to be copied, never opened."""
    folder = tmp_path_factory.mktemp("registered") / "library"
    with Catalog.open(folder, create=True) as catalog:
        World().register(catalog)
    return folder


@pytest.fixture
def world() -> World:
    """A set of three assets."""
    return World()


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Where the library is, or will be."""
    return tmp_path / "library"


@pytest.fixture
def catalog(library: Path, registered: Path) -> Iterator[Catalog]:
    """A new library with the set registered."""
    shutil.copytree(registered, library)
    with Catalog.open(library, create=False) as opened:
        yield opened
