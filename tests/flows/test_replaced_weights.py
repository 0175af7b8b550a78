"""A file of the weights that is replaced after it was loaded, before the first record: nothing is recorded."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalog.catalog import Catalog
from flows.settings import Settings
from generator.weights.hashes import HashMemory
from specs.errors import LimnerError
from tests.flows.standing import make
from tests.world import World, spec_of

ROLES = ("tiny", "tiny-clip", "tiny-aesthetic", "tiny-safety")


@pytest.fixture
def files(world: World) -> dict[str, Path]:
    """A weights file of each model, of copies that are this test's own; ``checkpoints.yaml`` names them."""
    entries = yaml.safe_load(world.registry.read_text())["checkpoints"]
    files = {}
    for name in ROLES:
        folder = Path(shutil.copytree(entries[name]["source"]["folder"], world.folder / name))
        entries[name]["source"] = {"folder": name}
        files[name] = min(folder.rglob("*.safetensors"))
    (world.folder / "checkpoints.yaml").write_text(yaml.safe_dump({"checkpoints": entries}))
    return files


def settings(world: World) -> Settings:
    return Settings(world.library, device="cpu", threads=1)


def replacing(path: Path) -> Any:
    """What puts another file, of the same bytes and times, in the place of ``path`` once the scorers are loaded."""

    def change(scorers: Any) -> Any:
        new = path.with_name("new")
        shutil.copy2(path, new)
        new.replace(path)
        return scorers

    return change


def cards(world: World) -> list[str]:
    with Catalog.open(world.library, create=False) as catalog:
        made = catalog.candidates("tiny-set")
    return [candidate.card for jobs in made.values() for candidate in jobs.values()]


@pytest.mark.parametrize("name", ROLES)
def test_is_refused_and_nothing_is_on_record(world: World, files: dict[str, Path], name: str) -> None:
    world.write(spec_of(("sword",), candidates=1))
    with pytest.raises(LimnerError, match=rf"{files[name].name}: got another file than the one that was hashed"):
        make(world.spec, settings=settings(world), change=replacing(files[name]))
    assert cards(world) == []
    make(world.spec, settings=settings(world))
    assert len(cards(world)) == 1


def test_is_refused_where_only_scores_are_recorded(world: World, files: dict[str, Path]) -> None:
    world.write(spec_of(("sword",), candidates=1))
    make(world.spec, settings=settings(world))
    before = cards(world)
    world.write(spec_of(("sword",), candidates=1, content={"forbid": ["skull"]}))
    with pytest.raises(LimnerError, match="got another file"):
        make(world.spec, settings=settings(world), change=replacing(files["tiny-clip"]))
    assert cards(world) == before


def test_later_in_a_run_concerns_nothing_that_is_recorded(
    world: World, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights are in memory by then; the files are compared once a run."""
    asked = []
    compare = HashMemory.require_unchanged
    monkeypatch.setattr(HashMemory, "require_unchanged", lambda memory: (asked.append(1), compare(memory)))
    world.write(spec_of(("sword", "potion", "bow", "axe", "shield"), candidates=2))
    make(world.spec, settings=settings(world))
    assert len(cards(world)) == 10
    assert len(asked) == 1
