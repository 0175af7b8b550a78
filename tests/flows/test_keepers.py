"""`keepers`, `tag`, `note`, `searches` by command; on a library of the factory's, without a model."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from catalog.catalog import Catalog
from flows.cli.app import app
from tests.catalog.factory import World
from tests.world import Finished

Run = Callable[..., Finished]


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sets of three keepers each, made once."""
    folder = tmp_path_factory.mktemp("stocked") / "library"
    with Catalog.open(folder, create=True) as catalog:
        for world in (World(), World("forest-icons", seed=2)):
            world.register(catalog)
            catalog.record(world.records(6))
    return folder


@pytest.fixture
def run(stocked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command line on a copy of it, as ada."""
    library = shutil.copytree(stocked, tmp_path / "library")
    monkeypatch.setenv("LIMNER_LIBRARY", str(library))
    monkeypatch.setenv("LIMNER_PERSON", "ada")
    monkeypatch.setenv("COLUMNS", "160")

    def call(*words: str) -> Finished:
        result = CliRunner().invoke(app, list(words), catch_exceptions=False)
        return Finished(result.exit_code, result.stdout, result.stderr)

    return call


def test_keepers_of_several_sets_as_json_and_as_paths(run: Run) -> None:
    found = run("keepers", "tav*", "forest-icons", "--asset", "item-00?", "--text", "item-001", "--json").json
    assert [(keeper["set"], keeper["asset"]) for keeper in found] == [
        ("forest-icons", "item-001"),
        ("tavern-items", "item-001"),
    ]
    paths = run("keepers", "--text", "item-001", "--paths").out.splitlines()
    assert paths == [keeper["path"] for keeper in found]
    assert all(Path(path).is_file() for path in paths)


def test_an_unknown_set_is_an_error_that_lists_the_sets(run: Run) -> None:
    done = run("keepers", "forst-icons")
    assert (done.code, done.out) == (2, "")
    assert "allowed: forest-icons, tavern-items; did you mean 'forest-icons'?" in done.err


def test_tags_and_notes_are_put_on_found_by_and_taken_off(run: Run) -> None:
    assert run("tag", "tavern-items/item-001", "hero", "proof", "--json").json["tags"] == ["hero", "proof"]
    assert run("note", "tavern-items/item-001", "mind the bleed").code == 0
    assert [keeper["tags"] for keeper in run("keepers", "--tag", "hero", "--json").json] == [["hero", "proof"]]
    assert "hero, proof" in run("keepers").out
    record = run("show", "tavern-items/item-001", "--json").json
    assert (record["tags"], record["notes"][0]["text"]) == (["hero", "proof"], "mind the bleed")
    assert {row["author"] for row in (*record["tagged"], *record["notes"])} == {"person:ada"}
    assert run("tag", "tavern-items/item-001", "hero", "--remove").out == "tavern-items/item-001: proof\n"
    assert run("tag", "tavern-items/item-001").out == "tavern-items/item-001: proof\n"
    assert run("keepers", "--tag", "hero", "--json").json == []


def test_a_search_is_saved_used_and_deleted(run: Run) -> None:
    run("tag", "forest-icons/item-000", "hero")
    found = run("keepers", "forest*", "--tag", "hero", "--save", "heroes", "--json").json
    run("tag", "forest-icons/item-002", "hero")
    assert [keeper["asset"] for keeper in run("keepers", "--saved", "heroes", "--json").json] == [
        found[0]["asset"],
        "item-002",
    ], "a search is asked anew each time"
    (search,) = run("searches", "--json").json
    assert (search["name"], search["author"]) == ("heroes", "person:ada")
    assert search["filter"] == {"sets": ["forest*"], "tags": ["hero"]}
    assert run("searches", "--delete", "heroes", "--json").json == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["keepers", "--saved", "heroes"], "none is saved yet"),
        (["keepers", "--saved", "heroes", "--tag", "hero"], "--saved NAME alone"),
        (["keepers", "--json", "--paths"], "one of them"),
        (["keepers", "--since", "monday"], "2026-11-22"),
        (["keepers", "--tag", "Hero"], "did you mean 'hero'?"),
        (["tag", "tavern-items/item-000", "hero", "--remove"], "it has none"),
        (["tag", "tavern-items/item-000", "--remove"], "got no tag"),
        (["note", "tavern-items/item-000", " "], "1 to 2000 letters"),
        (["searches", "--delete", "x"], "none is saved yet"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_mistake_is_told(run: Run, words: list[str], says: str) -> None:
    done = run(*words)
    assert (done.code, done.out) == (2, "")
    assert says in done.err
    assert "Traceback" not in done.err
