"""SQLite as the catalog uses it: what it promises, and what its refusals are called."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import event

from catalog.catalog import Catalog
from catalog.database import sqlite as engine
from catalog.database.sqlite import as_catalog_error, journal_mode
from catalog.errors import BusyError, CatalogError, StorageError
from catalog.integrity.verify import verify
from tests.catalog.factory import World, by_person, candidates


class TestJournal:
    @pytest.mark.parametrize(
        ("version", "mode"), [((3, 40, 1), "DELETE"), ((3, 51, 2), "DELETE"), ((3, 51, 3), "WAL"), ((3, 60, 0), "WAL")]
    )
    def test_wal_only_where_it_cannot_corrupt(
        self, monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int], mode: str
    ) -> None:
        monkeypatch.setattr(sqlite3, "sqlite_version_info", version)
        assert journal_mode() == mode

    def test_a_wal_library_is_sealed_and_verified_too(
        self, monkeypatch: pytest.MonkeyPatch, library: Path, world: World
    ) -> None:
        """One process at a time, so that the fault of old versions cannot strike."""
        monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 51, 3))
        with Catalog.open(library, create=True) as catalog:
            world.register(catalog)
            catalog.record(world.records(3))
            assert (library / "catalog.sqlite-wal").exists()
            assert (verify(library).problems, verify(library).seal) == ((), "stale")
        assert not (library / "catalog.sqlite-wal").exists()
        before = sorted(library.iterdir())
        assert (verify(library).problems, verify(library).seal) == ((), "fresh")
        assert sorted(library.iterdir()) == before

    def test_a_commit_is_on_disk_when_it_returns(self, catalog: Catalog) -> None:
        with catalog.engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2  # FULL
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1


class TestRefusals:
    def test_a_full_disk_is_told_in_plain_words_and_nothing_is_half_done(self, catalog: Catalog, world: World) -> None:
        @event.listens_for(catalog.engine, "checkout")
        def limit(connection: sqlite3.Connection, *_: object) -> None:
            pages = connection.execute("PRAGMA page_count").fetchone()[0] if full else 10**6
            connection.execute(f"PRAGMA max_page_count = {pages}")

        full = True
        with pytest.raises(StorageError, match=r"catalog\.sqlite: the disk is full; .*free some space and"):
            catalog.record(world.records(24))
        assert catalog.candidates(world.set_name) == {}
        full = False
        catalog.record(world.records(24))
        assert len(candidates(catalog)) == 24

    def test_another_programs_short_writes_are_waited_for(self, catalog: Catalog, world: World, library: Path) -> None:
        """It does not stand in our queue, and wants to write whenever it can."""
        catalog.record(world.records(2))
        done = threading.Event()

        def meddle() -> None:
            other = sqlite3.connect(library / "catalog.sqlite", timeout=20, isolation_level=None)
            while not done.is_set():
                other.execute("BEGIN IMMEDIATE")
                other.execute("UPDATE sets SET title = title")
                other.execute("COMMIT")
                time.sleep(0.001)
            other.close()

        thread = threading.Thread(target=meddle)
        thread.start()
        try:
            for number in range(40):
                catalog.append([(world.key(0), by_person(world.record(0), True, note=str(number)))])
        finally:
            done.set()
            thread.join()
        assert len(catalog.provenance(world.key(0)).value["verdicts"]) == 41

    def test_who_holds_the_file_for_ever_is_named(
        self, catalog: Catalog, world: World, library: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(engine, "BEGIN_ATTEMPTS", 1)
        catalog.record(world.records(1))
        with catalog.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout = 50")  # the pool hands out this very connection
            connection.rollback()
        other = sqlite3.connect(library / "catalog.sqlite", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(BusyError, match=r"another program has had the catalog to itself.*close what"):
            catalog.append([(world.key(0), by_person(world.record(0), False))])
        other.execute("ROLLBACK")
        other.close()

    @pytest.mark.parametrize(
        ("name", "kind", "words"),
        [
            ("SQLITE_BUSY_RECOVERY", BusyError, "another program"),
            ("SQLITE_FULL", StorageError, "free some space"),
            ("SQLITE_IOERR_FSYNC", StorageError, "check the disk"),
            ("SQLITE_READONLY_DBMOVED", StorageError, "check the disk"),
            ("SQLITE_CORRUPT_INDEX", CatalogError, "limner verify"),
            ("SQLITE_NOTADB", CatalogError, "backup"),
            ("SQLITE_MISUSE", CatalogError, "please report it"),
        ],
    )
    def test_every_refusal_names_the_file_and_the_mend(self, name: str, kind: type[CatalogError], words: str) -> None:
        error = sqlite3.OperationalError("it said no")
        error.sqlite_errorname = name
        explained = as_catalog_error(Path("library/catalog.sqlite"), error)
        assert type(explained) is kind
        assert str(explained).startswith("library/catalog.sqlite: ")
        assert words in str(explained)
