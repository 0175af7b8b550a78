"""The good scorer folders that hostile ones are made of, built once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.security.hostile_scorers import Good


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Good:
    return Good.build(tmp_path_factory.mktemp("good"))


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """The file that code of a hostile folder would write."""
    return tmp_path / "canary"
