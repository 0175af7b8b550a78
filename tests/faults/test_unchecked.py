"""A sample of the campaign of ``unchecked.py``: what was not checked is never kept, and no pixel is touched."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.faults.unchecked import FAULTS, FILE_FAULTS, meet
from tests.world import World, build_models

PICTURES = 20


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_models(tmp_path_factory.mktemp("models")).parent


@pytest.fixture
def world(models: Path, tmp_path: Path) -> World:
    """A world with models of its own, to be damaged."""
    own = tmp_path / "models"
    shutil.copytree(models, own)
    registry = own / "checkpoints.yaml"
    registry.write_text(registry.read_text().replace(str(models), str(own)))
    return World(tmp_path, registry)


@pytest.mark.campaign
@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_kept(fault: str, world: World) -> None:
    found = meet(fault, world, PICTURES)
    assert (found.kept, found.kept_by_hand, found.altered) == (0, 0, 0)
    if fault in FILE_FAULTS:
        assert "tiny-safety" in found.refused or "safety" in found.refused
        assert found.recorded == 0
    else:
        assert (found.recorded, found.refused) == (PICTURES, "")


def test_with_a_checker_that_works_some_are(world: World) -> None:
    assert meet("no fault", world, PICTURES).kept > 0
