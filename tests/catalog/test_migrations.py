"""Old libraries open, newer ones are refused, and the migrations make exactly what the models say."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from catalog.catalog import Catalog
from catalog.database import migrate, seal
from catalog.database.genuine import APPLICATION_ID
from catalog.database.schema import Base
from catalog.database.sqlite import journal_mode, open_engine, reading
from catalog.errors import CatalogError, LibraryMissingError, NewerLibraryError, StorageError
from catalog.integrity.verify import verify
from catalog.queries.filter import Filter
from tests.catalog.factory import World, candidates

GOLDEN = Path(__file__).parents[1] / "golden" / "catalog"
RELEASED = sorted(GOLDEN.glob("*.sql"))
NEXT = migrate.HEAD + 1
SEALED = [
    (dump, whole) for dump in RELEASED for whole in (True, False) if not whole or int(dump.stem) <= seal.LAST_WHOLE
]

TOY = """
from alembic import op
import sqlalchemy as sa

revision = "{revision:04d}"
down_revision = "{before:04d}"


def upgrade() -> None:
    op.add_column("sets", sa.Column("motto", sa.Text()))
    {then}
"""


class TestTheSchema:
    def test_migrations_make_what_the_models_say(self, catalog: Catalog) -> None:
        with reading(catalog.engine) as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": False})
            assert compare_metadata(context, Base.metadata) == []

    def test_every_table_and_constraint_is_the_models_own(self, catalog: Catalog) -> None:
        """Alembic compares neither checks nor all types; SQLite's own text does."""
        engine = open_engine(catalog.library / "models.sqlite")
        Base.metadata.create_all(engine)
        with reading(engine) as made, reading(catalog.engine) as migrated:
            query = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name != 'alembic_version'"
            wanted = {name: _clauses(sql) for name, sql in made.exec_driver_sql(query)}
            assert {name: _clauses(sql) for name, sql in migrated.exec_driver_sql(query)} == wanted
            indices = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
            wanted = dict(made.exec_driver_sql(indices).tuples().all())
            assert dict(migrated.exec_driver_sql(indices).tuples().all()) == wanted
        engine.dispose()

    def test_the_newest_revision_is_the_one_that_the_code_wants(self) -> None:
        versions = sorted(path.stem[:4] for path in (migrate.SCRIPTS / "versions").glob("0*.py"))
        assert versions[-1] == f"{migrate.HEAD:04d}"
        assert [path.stem for path in RELEASED] == versions

    def test_file_tells_whose_it_is(self, catalog: Catalog) -> None:
        catalog.close()
        connection = sqlite3.connect(catalog.library / "catalog.sqlite")
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert connection.execute("PRAGMA user_version").fetchone() == (migrate.HEAD,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == (journal_mode().lower(),)
        connection.close()


class TestOldLibraries:
    @pytest.mark.parametrize("dump", RELEASED, ids=lambda path: path.stem)
    def test_every_released_schema_opens_with_all_that_is_in_it(self, dump: Path, library: Path) -> None:
        """A dump is the whole text of a library as that release wrote it: two pictures, one kept by a person."""
        library.mkdir()
        connection = sqlite3.connect(library / "catalog.sqlite")
        connection.executescript(dump.read_text())
        connection.close()
        world = World()
        with Catalog.open(library, create=False) as catalog:
            catalog.objects.put_all([record.png for record in world.records(2)])
            assert len(catalog.keepers(world.set_name)) == 2
            (keeper,) = catalog.keepers(world.set_name, Filter(assets=("item-001",)))
            assert keeper.note == "the handle!"
            assert keeper.tags == (() if dump.stem == "0001" else ("hero",))
            assert [search.name for search in catalog.searches()] == ([] if dump.stem == "0001" else ["heroes"])
            assert "proof" in catalog.tag(keeper.candidate.key.candidate_id, ["proof"], "person:ada")
            world.register(catalog)
            catalog.record(world.records(3))
        assert verify(library).problems == ()

    @pytest.mark.parametrize(("dump", "whole"), SEALED, ids=lambda value: getattr(value, "stem", value))
    def test_a_seal_of_before_holds_until_the_migration_and_is_made_anew_by_it(
        self, dump: Path, whole: bool, library: Path
    ) -> None:
        """Who only looks at an old library with a newer limner is not told that somebody has altered it."""
        library.mkdir()
        path = library / "catalog.sqlite"
        connection = sqlite3.connect(path)
        connection.executescript(dump.read_text())
        (writes,) = connection.execute("SELECT writes FROM library").fetchone()
        schema = None if whole else int(dump.stem)
        connection.close()
        with path.open("rb") as file:
            seal.write_seal(path, seal.file_seal(file.fileno(), writes, schema))
        before, report = path.read_bytes(), verify(library)
        assert ({problem.kind for problem in report.problems}, report.seal) == ({"missing"}, "fresh")  # its pictures
        with Catalog.open(library, create=False) as catalog:
            catalog.objects.put_all([record.png for record in World().records(2)])
            assert len(catalog.keepers()) == 2
        report = verify(library)
        assert (report.problems, report.seal) == ((), "fresh")
        path.write_bytes(before + b"\0")
        assert any(problem.what == "catalog.sqlite" for problem in verify(library).problems)

    def test_an_older_one_is_copied_before_it_is_changed(self, catalog: Catalog, world: World, tmp_path: Path) -> None:
        catalog.record(world.records(2))
        path = catalog.library / "catalog.sqlite"
        migrate.bring_up(catalog.engine, path, NEXT, _with_toy(tmp_path, ""))
        copy = path.with_name(f"catalog.sqlite.before-{NEXT:04d}")
        assert _columns(copy, "sets") == _columns(path, "sets") - {"motto"}
        assert _count(copy, "candidates") == _count(path, "candidates") == 2
        assert _version(copy) == migrate.HEAD
        assert _version(path) == NEXT

    def test_a_migration_that_fails_changes_nothing(self, catalog: Catalog, world: World, tmp_path: Path) -> None:
        catalog.record(world.records(2))
        path = catalog.library / "catalog.sqlite"
        scripts = _with_toy(tmp_path, "raise RuntimeError('a fault')")
        with pytest.raises(RuntimeError):
            migrate.bring_up(catalog.engine, path, NEXT, scripts)
        assert (_version(path), "motto" in _columns(path, "sets")) == (migrate.HEAD, False)
        catalog.record(world.records(3))
        assert len(candidates(catalog)) == 3


class TestWhatCannotBeOpened:
    def test_a_newer_library_is_refused_and_left_alone(self, catalog: Catalog, library: Path) -> None:
        catalog.close()
        _execute(library / "catalog.sqlite", "PRAGMA user_version = 99")
        before = (library / "catalog.sqlite").read_bytes()
        with pytest.raises(
            NewerLibraryError, match=r"catalog.sqlite: was written by a newer limner \(schema 99\).*update limner"
        ):
            Catalog.open(library, create=True)
        assert (library / "catalog.sqlite").read_bytes() == before

    def test_a_foreign_database_is_refused_and_left_alone(self, library: Path) -> None:
        library.mkdir()
        _execute(library / "catalog.sqlite", "CREATE TABLE recipes (name)")
        before = (library / "catalog.sqlite").read_bytes()
        with pytest.raises(CatalogError, match="no limner catalog"):
            Catalog.open(library, create=True)
        assert (library / "catalog.sqlite").read_bytes() == before

    def test_a_file_that_is_no_database_is_refused(self, library: Path) -> None:
        library.mkdir()
        (library / "catalog.sqlite").write_text("dear diary" * 100)
        with pytest.raises(CatalogError, match=r"catalog.sqlite: the catalog is damaged.*backup"):
            Catalog.open(library, create=True)

    def test_a_missing_library_is_not_made_unasked(self, library: Path) -> None:
        with pytest.raises(LibraryMissingError, match=r"no library here.*--library or LIMNER_LIBRARY"):
            Catalog.open(library, create=False)
        assert not library.exists()

    def test_a_library_whose_catalog_is_gone_is_not_begun_anew(self, catalog: Catalog, library: Path) -> None:
        catalog.close()
        (library / "catalog.sqlite").unlink()
        with pytest.raises(CatalogError, match=r"is missing, but its seal .* is there: this is damage.*copy a backup"):
            Catalog.open(library, create=True)

    def test_a_place_that_cannot_be_a_folder_says_so(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(StorageError, match=r"cannot make the library's folders.*--library"):
            Catalog.open(tmp_path / "file" / "library", create=True)


def test_opening_does_not_import_what_it_does_not_need(catalog: Catalog, library: Path) -> None:
    catalog.close()
    code = (
        "import sys; from pathlib import Path; from catalog.catalog import Catalog; "
        f"Catalog.open(Path({str(library)!r}), create=False).close(); "
        "print([name for name in ('torch', 'alembic', 'prefect', 'diffusers') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=GOLDEN.parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"


def _with_toy(folder: Path, then: str) -> Path:
    """The migrations and one more, which adds a column and then does ``then``."""
    scripts = folder / "migrations"
    shutil.copytree(migrate.SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    toy = TOY.format(revision=NEXT, before=migrate.HEAD, then=then)
    (scripts / "versions" / f"{NEXT:04d}_toy.py").write_text(toy)
    return scripts


def _clauses(sql: str) -> set[str]:
    return {line.strip().rstrip(",") for line in sql.replace("\t", "\n").splitlines()}


def _columns(path: Path, table: str) -> set[str]:
    return {row[1] for row in _execute(path, f"PRAGMA table_info({table})")}


def _count(path: Path, table: str) -> int:
    return int(_execute(path, f"SELECT count(*) FROM {table}")[0][0])


def _version(path: Path) -> int:
    return int(_execute(path, "PRAGMA user_version")[0][0])


def _execute(path: Path, sql: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    rows = connection.execute(sql).fetchall()
    connection.commit()
    connection.close()
    return rows


def test_four_processes_may_make_one_library_at_once(library: Path) -> None:
    code = (
        "import sys, pathlib; from catalog.catalog import Catalog; Catalog.open(pathlib.Path(sys.argv[1]), create=True)"
    )
    code += ".close()"
    command = [sys.executable, "-c", code, str(library)]
    processes = [subprocess.Popen(command, cwd=GOLDEN.parents[2], stderr=subprocess.PIPE, text=True) for _ in range(4)]
    assert [(process.communicate()[1], process.returncode) for process in processes] == [("", 0)] * 4
    report = verify(library)
    assert (report.problems, report.rows, report.seal) == ((), 1, "fresh")
