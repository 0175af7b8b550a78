"""A catalog that is gone, empty, older or another's is damage and never a new library: refused, nothing changed."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from catalog.backup.backup import back_up
from catalog.catalog import Catalog
from catalog.database import genuine, migrate
from catalog.errors import CatalogError, DamagedError
from catalog.integrity.verify import verify
from catalog.queries.filter import Filter
from flows.cli.app import app
from tests.catalog.factory import World, by_person, candidates
from tests.faults.holdings import fingerprint

FILE, SEAL = "catalog.sqlite", "catalog.seal"
SPEC = Path(__file__).parents[2] / "specs" / "examples" / "quickstart.yaml"
COMMANDS = {
    "produce": ["produce", str(SPEC)],
    "plan": ["plan", str(SPEC)],
    "keepers": ["keepers"],
    "why": ["keepers", "--why", World.set_name],
    "show": ["show", f"{World.set_name}/item-000"],
    "review": ["review", "--no-open"],
    "keep": ["keep", f"{World.set_name}/item-000"],
    "reject": ["reject", f"{World.set_name}/item-000", "--why", "off_style"],
    "undo": ["undo", f"{World.set_name}/item-000"],
    "tag": ["tag", f"{World.set_name}/item-000", "hero"],
    "note": ["note", f"{World.set_name}/item-000", "fine"],
    "searches": ["searches"],
    "stats": ["stats"],
    "taste": ["taste", World.set_name],
    "clusters": ["clusters", "--all"],
    "calibrate": ["calibrate", World.set_name],
    "rescore": ["rescore", World.set_name],
    "reproduce": ["reproduce", f"{World.set_name}/item-000"],
    "verify": ["verify"],
    "verify --gc": ["verify", "--gc", "--yes"],
    "verify --repair": ["verify", "--repair"],
    "backup": ["backup", "{backup}"],
}


def _emptied(library: Path) -> None:
    (library / FILE).write_bytes(b"")


def _deleted(library: Path) -> None:
    (library / FILE).unlink()


def _truncated(library: Path) -> None:
    data = (library / FILE).read_bytes()
    (library / FILE).write_bytes(data[: len(data) // 2])


def _without_tables(library: Path) -> None:
    _emptied(library)
    with closing(sqlite3.connect(library / FILE)) as connection:
        connection.execute("CREATE TABLE x (y)")
        connection.execute("DROP TABLE x")


def _no_database(library: Path) -> None:
    (library / FILE).write_text("dear diary" * 1000)


def _foreign_database(library: Path) -> None:
    _emptied(library)
    with closing(sqlite3.connect(library / FILE)) as connection:
        connection.execute("CREATE TABLE recipes (name)")


def _older(library: Path) -> None:
    shutil.copy(library.parent / "older" / FILE, library / FILE)


def _anothers(library: Path) -> None:
    shutil.copy(library.parent / "another" / FILE, library / FILE)


DAMAGES = (_emptied, _deleted, _truncated, _without_tables, _no_database, _foreign_database, _older, _anothers)


@pytest.fixture(scope="module")
def scene(registered: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``library`` (four pictures), ``older`` (two of them), ``another`` library; copied, not opened."""
    root = tmp_path_factory.mktemp("scene")
    world = World()
    with Catalog.open(shutil.copytree(registered, root / "library"), create=False) as catalog:
        catalog.record(world.records(2))
    shutil.copytree(root / "library", root / "older")
    with Catalog.open(root / "library", create=False) as catalog:
        catalog.record(world.records(2, 2))
        catalog.append([(world.key(0), by_person(world.record(0), True))])
    with Catalog.open(root / "another", create=True) as catalog:
        world.register(catalog)
        for number in range(30):
            catalog.save_search(f"s{number}", Filter(), "person:ada")
    return root


@pytest.fixture
def library(scene: Path, tmp_path: Path) -> Path:
    """The scene's library, to be damaged."""
    shutil.copytree(scene, tmp_path / "scene")
    return tmp_path / "scene" / "library"


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__[1:])
class TestADamagedCatalog:
    def test_is_refused_with_the_way_back_and_nothing_is_changed(
        self, damage: Callable[[Path], None], library: Path
    ) -> None:
        damage(library)
        before = fingerprint(library)
        for create in (True, False):
            with pytest.raises(CatalogError) as caught:
                Catalog.open(library, create=create)
            assert str(library / FILE) in str(caught.value)
            assert "copy a backup" in str(caught.value)
        with pytest.raises(CatalogError):
            back_up(library, library.parent / "backup")
        assert not (library.parent / "backup").exists()
        assert fingerprint(library) == before

    def test_is_found_by_verify_and_neither_collected_nor_sealed_over(
        self, damage: Callable[[Path], None], library: Path
    ) -> None:
        damage(library)
        before = fingerprint(library)
        for yes in (False, True):
            report = verify(library, gc=True, yes=yes)
            assert FILE in [problem.what for problem in report.problems]
            assert "--gc needs a library without problems" in report.not_collected
        with pytest.raises(CatalogError):
            verify(library, repair=True)
        assert fingerprint(library) == before

    def test_is_damage_without_its_seal_too_where_pictures_show_that_there_was_one(
        self, damage: Callable[[Path], None], library: Path
    ) -> None:
        if damage in (_older, _anothers):
            pytest.skip("without its seal this is the library")
        damage(library)
        (library / SEAL).unlink()
        with pytest.raises(CatalogError, match="copy a backup"):
            Catalog.open(library, create=True)
        assert verify(library, gc=True, yes=True).not_collected


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_every_command_refuses_a_catalog_that_is_empty(words: list[str], library: Path) -> None:
    _emptied(library)
    before = fingerprint(library.parent)
    arguments = [word.format(backup=library.parent / "backup") for word in words]
    done = CliRunner().invoke(app, [*arguments, "--library", str(library)])
    assert done.exit_code == 1, done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert f"{FILE}: the catalog is empty, but its seal" in done.output
    assert "this is damage" in done.output
    assert fingerprint(library.parent) == before


def test_the_way_back_names_the_backup_that_lies_beside_the_library(library: Path) -> None:
    backup = library.parent / "backup"
    back_up(library, backup)
    _deleted(library)
    with pytest.raises(DamagedError, match=f"cp -a {backup} {library}"):
        Catalog.open(library, create=True)
    library.rename(library.with_name("aside"))
    shutil.copytree(backup, library)
    assert verify(library).problems == ()
    with Catalog.open(library, create=False) as catalog:
        assert len(candidates(catalog)) == 4


def test_an_older_catalog_is_opened_on_purpose_when_its_seal_goes(library: Path) -> None:
    _older(library)
    (library / SEAL).unlink()
    with Catalog.open(library, create=False) as catalog:
        assert len(candidates(catalog)) == 2
    assert (verify(library).problems, verify(library).unreferenced) == ((), 2)


def test_a_backup_that_lost_its_catalog_says_what_it_is(library: Path) -> None:
    backup = library.parent / "backup"
    back_up(library, backup)
    (backup / FILE).unlink()
    (backup / SEAL).unlink()
    shutil.rmtree(backup / "objects")
    with pytest.raises(DamagedError, match=f"is missing, but the mark of a backup.*is a backup of {library}"):
        Catalog.open(backup, create=True)


def test_a_journal_of_another_catalog_is_not_rolled_back_by(library: Path, tmp_path: Path) -> None:
    """The catalog was copied over one whose writer had been killed: its journal would ruin the new one."""
    torn = tmp_path / "torn.sqlite"
    shutil.copy(library.parent / "older" / FILE, torn)
    with closing(sqlite3.connect(torn, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        connection.execute("CREATE TABLE half (x)")
        connection.executemany("INSERT INTO half VALUES (?)", [(b"x" * 3000,)] * 50)
        shutil.copy(torn.with_name("torn.sqlite-journal"), library / f"{FILE}-journal")
        connection.rollback()
    before = fingerprint(library)
    for attempt in (
        lambda: Catalog.open(library, create=False),
        lambda: back_up(library, tmp_path / "backup"),
        lambda: verify(library, repair=True),
    ):
        with pytest.raises(DamagedError, match="a rollback journal that does not belong to the catalog"):
            attempt()
    assert FILE in [problem.what for problem in verify(library).problems]
    assert fingerprint(library) == before
    (library / f"{FILE}-journal").unlink()
    assert verify(library).problems == ()


def test_the_seal_names_the_library_and_older_seals_still_hold(library: Path) -> None:
    path = library / SEAL
    with closing(sqlite3.connect(library / FILE)) as connection:
        (made_at,) = connection.execute("SELECT made_at FROM library").fetchone()
    assert json.loads(path.read_bytes())["made_at"] == made_at


@pytest.mark.parametrize("revision", range(1, migrate.HEAD + 1))
def test_the_schema_of_every_revision_is_noted(revision: int) -> None:
    """Without its hash every command would run the migrations to know what a catalog must be."""
    assert genuine.SCHEMAS[revision] == genuine.digest(migrate.expected_objects(revision))
