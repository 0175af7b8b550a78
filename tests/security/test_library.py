"""A library is data: nothing in it leads limner outside it, makes it wait, runs, or is lost for being on a poor disk.

Links, FIFOs and folders in the place of its files; catalogs with triggers, views and foreign tables; a library that
nobody may write to; a full disk.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from catalog.backup.backup import back_up
from catalog.catalog import Catalog
from catalog.database import genuine, migrate
from catalog.database.locks import Lock
from catalog.database.sqlite import connect
from catalog.errors import CatalogError, StorageError
from catalog.integrity.check_rows import state
from catalog.integrity.verify import verify
from flows.cli.app import app
from specs.errors import LimnerError
from tests.catalog.factory import World
from tests.faults.holdings import fingerprint

ROOT = Path(__file__).parents[2]
SPEC = ROOT / "specs" / "examples" / "quickstart.yaml"
WORLD = World()
FOLDERS = ("objects", "quarantine", "tmp", "locks", "locks/runs", "cache", "cache/thumbs", "sheets", "prefect", "taste")
OURS = (*FOLDERS, "lost", "trash", "former", "replaced", "trash/2026-01-01T000000.000000Z")
ATTEMPTS: dict[str, Callable[[Path], object]] = {
    "open": lambda library: Catalog.open(library, create=True),
    "verify": lambda library: verify(library),
    "verify --gc": lambda library: verify(library, gc=True, yes=True),
    "verify --repair": lambda library: verify(library, repair=True),
    "back up": lambda library: back_up(library, library.parent / "backup"),
}
WRITES = ("produce", "keep", "tag", "note")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library with three pictures, to be copied."""
    folder = tmp_path_factory.mktemp("template") / "library"
    with Catalog.open(folder, create=True) as catalog:
        WORLD.register(catalog)
        catalog.record(WORLD.records(3))
        catalog.tag(WORLD.key(0).candidate_id, ["hero"], "person:ada")
    return folder


@pytest.fixture
def library(template: Path, tmp_path: Path) -> Path:
    """The copy."""
    return shutil.copytree(template, tmp_path / "library")


def _run(*words: str, library: Path) -> tuple[int, str]:
    done = CliRunner().invoke(app, [*words, "--library", str(library)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


class TestLinks:
    @pytest.mark.parametrize("name", OURS)
    def test_a_folder_that_leads_outside_is_refused_by_all_that_opens_or_writes(
        self, name: str, library: Path, tmp_path: Path
    ) -> None:
        outside = tmp_path / "outside"
        if (library / name).is_dir():
            (library / name).rename(outside)
        outside.mkdir(exist_ok=True)
        (library / name).parent.mkdir(parents=True, exist_ok=True)
        (library / name).symlink_to(outside)
        before = fingerprint(outside), sorted(outside.rglob("*")), fingerprint(library)
        for attempt in ATTEMPTS.values():
            with pytest.raises(StorageError, match=rf"{library / name}: got a link to {outside}; allowed: a folder"):
                attempt(library)
        for words in (["produce", str(SPEC)], ["plan", str(SPEC)], ["tag", f"{WORLD.set_name}/item-000", "x"]):
            code, said = _run(*words, library=library)
            assert (code, f"got a link to {outside}" in said) == (1, True), said
        assert (fingerprint(outside), sorted(outside.rglob("*")), fingerprint(library)) == before

    def test_a_backup_folder_that_leads_outside_is_refused(self, library: Path, tmp_path: Path) -> None:
        outside, target = tmp_path / "outside", tmp_path / "backup"
        outside.mkdir()
        back_up(library, target)
        shutil.rmtree(target / "tmp")
        (target / "tmp").symlink_to(outside)
        with pytest.raises(StorageError, match="got a link"):
            back_up(library, target)
        assert list(outside.iterdir()) == []

    def test_repair_and_drop_touch_nothing_behind_a_link(self, library: Path, tmp_path: Path) -> None:
        """``objects/ab`` leads to a folder of somebody else's, in which a file has the picture's name."""
        sha256 = WORLD.record(0).candidate.image_sha256
        inner = library / "objects" / sha256[:2]
        outside = tmp_path / "outside"
        shutil.copytree(inner, outside)
        shutil.rmtree(inner)
        inner.symlink_to(outside)
        before = fingerprint(outside)
        with Catalog.open(library, create=False) as catalog:
            catalog.objects.delete(sha256)
            with pytest.raises(LimnerError):
                catalog.relocate([sha256], "quarantine")
            with pytest.raises((LimnerError, FileNotFoundError)):
                catalog.objects.move(sha256, "objects", "quarantine")
        verify(library, gc=True, yes=True)
        verify(library, repair=True, gc=True, yes=True)
        assert fingerprint(outside) == before
        assert verify(library).problems == ()

    def test_a_linked_file_in_taste_does_not_come_along_into_a_backup(self, library: Path, tmp_path: Path) -> None:
        secret = tmp_path / "secret"
        secret.write_text("secret")
        (library / "taste").mkdir()
        (library / "taste" / "items.json").symlink_to(secret)
        back_up(library, tmp_path / "backup")
        assert not any(path.name == "items.json" for path in (tmp_path / "backup").rglob("*"))


class TestSpecialFiles:
    @pytest.mark.parametrize("name", ["catalog.sqlite", "catalog.seal", "catalog.sqlite-journal", "backup.json"])
    @pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/etc/hostname")])
    def test_in_the_place_of_a_file_are_refused_at_once(
        self, name: str, make: Callable[[Path], object], library: Path
    ) -> None:
        (library / name).unlink(missing_ok=True)
        make(library / name)
        for attempt in ATTEMPTS.values():
            with pytest.raises(StorageError, match=rf"{library / name}: got a .*; allowed: a regular file"):
                attempt(library)

    def test_in_the_place_of_a_lock_are_refused_at_once(self, library: Path) -> None:
        (library / "locks" / "write.lock").unlink()
        os.mkfifo(library / "locks" / "write.lock")
        with (
            Catalog.open(library, create=False) as catalog,
            pytest.raises(StorageError, match=r"write.lock: cannot open the lock file: it is no regular file"),
        ):
            catalog.tag(WORLD.key(0).candidate_id, ["x"], "person:ada")
        assert Lock(library / "locks" / "objects.lock").take()

    def test_in_the_place_of_the_library_are_refused(self, tmp_path: Path) -> None:
        (tmp_path / "library").write_text("")
        for name in ("open", "verify", "back up"):
            with pytest.raises(LimnerError, match=r"got a file as the library"):
                ATTEMPTS[name](tmp_path / "library")


TRIGGER = "CREATE TRIGGER harm AFTER INSERT ON tags BEGIN UPDATE images SET state = 'dropped'; END"
ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT"
HOSTILE = {
    "a trigger": TRIGGER,
    "a view in a table's place": f"DROP TABLE library; CREATE VIEW library AS {ENDLESS} max(x) AS writes, "
    "'' AS made_at FROM c",
    "an endless view of pictures": f"ALTER TABLE images RENAME TO i; CREATE VIEW images AS {ENDLESS} x AS "
    "image_sha256, 'objects' AS area, 'present' AS state, 1 AS bytes FROM c",
    "a virtual table": "CREATE VIRTUAL TABLE words USING fts5(word)",
    "a generated column": "ALTER TABLE specs ADD COLUMN more TEXT GENERATED ALWAYS AS (hex(zeroblob(1000000000)))",
    "a table": "CREATE TABLE more (x)",
    "no such revision": "PRAGMA user_version = 0",
    "a negative revision": "PRAGMA user_version = -1",
}


class TestHostileCatalogs:
    @pytest.mark.parametrize("sql", HOSTILE.values(), ids=HOSTILE)
    def test_a_schema_that_is_not_ours_is_refused_before_anything_is_asked_of_it(
        self, sql: str, library: Path, tmp_path: Path
    ) -> None:
        """In the library, in a backup, as a copy beside the catalog."""
        target = tmp_path / "target"
        back_up(library, target)
        hostile = tmp_path / "hostile.sqlite"
        shutil.copy(library / "catalog.sqlite", hostile)
        with closing(sqlite3.connect(hostile, isolation_level=None)) as connection:
            connection.execute("PRAGMA legacy_alter_table = ON")
            connection.executescript(sql)
        shutil.copy(hostile, library / "catalog.sqlite.before-0009")
        assert verify(library).problems == ()
        (library / "catalog.sqlite.before-0009").unlink()
        shutil.copy(hostile, target / "catalog.sqlite")
        with pytest.raises(LimnerError, match="no longer as limner left it"):
            back_up(library, target)
        shutil.copy(hostile, library / "catalog.sqlite")
        for name in ("open", "verify --repair", "back up"):
            with pytest.raises(CatalogError, match="its tables are not what limner makes"):
                ATTEMPTS[name](library)
        report = verify(library, gc=True, yes=True)
        assert "catalog.sqlite" in [problem.what for problem in report.problems]
        assert report.not_collected

    def test_statistics_of_another_program_are_no_harm(self, library: Path) -> None:
        with closing(sqlite3.connect(library / "catalog.sqlite", isolation_level=None)) as connection:
            connection.execute("ANALYZE")
        Catalog.open(library, create=False).close()

    def test_a_connection_neither_attaches_files_nor_trusts_the_schema(self, library: Path, tmp_path: Path) -> None:
        with closing(connect(library / "catalog.sqlite", "rw")) as connection:
            assert connection.execute("PRAGMA trusted_schema").fetchone() == (0,)
            assert connection.execute("PRAGMA cell_size_check").fetchone() == (1,)
            with pytest.raises(sqlite3.Error, match="too many attached"):
                connection.execute("ATTACH ? AS other", [str(tmp_path / "other")])
        assert not (tmp_path / "other").exists()
        assert state(library / "catalog.sqlite") is not None

    def test_the_migrations_decide_where_the_hash_does_not(
        self, monkeypatch: pytest.MonkeyPatch, library: Path
    ) -> None:
        """Another SQLite may write the same schema down in other words; a new revision may not be noted yet."""
        monkeypatch.setattr(genuine, "SCHEMAS", {})
        Catalog.open(library, create=False).close()
        assert genuine.strange(migrate.expected_objects(migrate.HEAD), migrate.HEAD, migrate.expected_objects) == ""


@pytest.fixture
def read_only(library: Path) -> Iterator[Path]:
    """The library on a file system that is mounted read-only; with modes alone where we are not root."""
    if os.geteuid():
        paths = [library, *library.rglob("*")]
        for path in paths:
            path.chmod(path.stat().st_mode & ~0o222)
        yield library
        for path in paths:
            path.chmod(path.stat().st_mode | 0o200)
        return
    commands = (["mount", "--bind", library, library], ["mount", "-o", "remount,ro,bind", library])
    if any(subprocess.run(command, capture_output=True).returncode for command in commands):
        pytest.skip("may not mount here")
    try:
        yield library
    finally:
        subprocess.run(["umount", library], check=True)


class TestAReadOnlyLibrary:
    def test_is_read_as_any_other(self, read_only: Path, tmp_path: Path) -> None:
        name = f"{WORLD.set_name}/item-000"
        for words in (["keepers"], ["show", name], ["stats"], ["tag", name], ["verify"], ["plan", str(SPEC)]):
            code, said = _run(*words, library=read_only)
            assert code == 0, said

    def test_is_backed_up_without_its_lock(self, read_only: Path, tmp_path: Path) -> None:
        assert back_up(read_only, tmp_path / "backup").pictures == 3
        assert verify(tmp_path / "backup").problems == ()

    def test_is_named_by_what_would_write_to_it(self, read_only: Path) -> None:
        name = f"{WORLD.set_name}/item-000"
        words = {
            "keep": ["keep", name],
            "tag": ["tag", name, "x"],
            "note": ["note", name, "x"],
            "gc": ["verify", "--gc"],
            "repair": ["verify", "--repair"],
        }
        for each in words.values():
            code, said = _run(*each, library=read_only)
            assert (code, str(read_only) in said, "may write" in said) == (1, True, True), said


def test_a_lock_that_the_library_has_lost_is_named_as_the_librarys(library: Path, tmp_path: Path) -> None:
    """Not as if the backup's folder were at fault."""
    shutil.rmtree(library / "locks")
    (library / "locks").mkdir()
    os.mkfifo(library / "locks" / "objects.lock")
    with pytest.raises(StorageError, match=f"^{library}: the library cannot be read for a backup") as caught:
        back_up(library, tmp_path / "backup")
    assert "the backup is not finished" not in str(caught.value)


FULL = """
import sys
from pathlib import Path
from catalog.integrity.trash import collect
from specs.errors import LimnerError
try:
    collect(Path(sys.argv[1]), yes=True)
except LimnerError as error:
    print(f"{type(error).__name__}: {error}")
"""


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace (Debian package strace)")
def test_a_full_disk_stops_gc_with_every_file_where_it_was_or_in_the_trash(library: Path) -> None:
    with Catalog.open(library, create=False) as catalog:
        stray = catalog.objects.path(catalog.objects.put(WORLD.record(9).png))
    trace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=mkdir:error=ENOSPC"]
    done = subprocess.run(
        [*trace, sys.executable, "-B", "-c", FULL, str(library)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("StorageError:"), done.stdout + done.stderr
    assert "No space left" in done.stdout
    assert stray.exists()
