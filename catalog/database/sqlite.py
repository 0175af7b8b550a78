"""The SQLite engine: how a connection is set up, how a write gets its turn, what a refusal of the disk is called.

SQLite-only, all of it; another database gets its own file with the same four functions.

* Every version of SQLite before 3.51.3 can corrupt a WAL database when two connections write or checkpoint. On those
  the rollback journal is used, on newer ones WAL; ``synchronous=FULL`` on both: a commit is on disk when it returns.
* Writers queue on ``locks/write.lock`` and then ``BEGIN IMMEDIATE``: nobody upgrades a read into a write, so nobody
  deadlocks, and the queue is the kernel's, so nobody starves or sees "database is locked".
"""

from __future__ import annotations

import contextlib
import random
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import QueuePool

from catalog.database.library_folder import way_back
from catalog.database.locks import holding
from catalog.errors import BusyError, CatalogError, StorageError
from specs.commands import limner

WAL_IS_SAFE_FROM = (3, 51, 3)
BUSY_TIMEOUT_S = 20.0
BEGIN_ATTEMPTS = 3


def journal_mode() -> str:
    """``WAL`` where this SQLite can be trusted with it, else ``DELETE`` (the rollback journal)."""
    return "WAL" if sqlite3.sqlite_version_info >= WAL_IS_SAFE_FROM else "DELETE"


def open_engine(path: Path) -> Engine:
    """An engine on the catalog file. Connections are pooled and may move between threads, never over a fork."""
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=QueuePool,
        pool_size=4,
        max_overflow=60,
        connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
    )
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return engine


def _set_up(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions are ours: see _begin
    harden(connection)
    for pragma in ("foreign_keys=ON", "synchronous=FULL", "temp_store=MEMORY", "cache_size=-32768"):
        connection.execute(f"PRAGMA {pragma}")


def harden(connection: sqlite3.Connection) -> None:
    """A catalog file is data: nothing in its schema may call a function with effects, and no other file is attached.

    The schema itself is compared with ours before anything is asked of it (see ``genuine.py``).
    """
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.execute("PRAGMA cell_size_check=ON")


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """A plain connection to a catalog file that is there, without transactions of Python's; ``mode`` is ro or rw."""
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    try:
        harden(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("limner_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextlib.contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A read transaction: one consistent view. Errors of the disk come out as StorageError."""
    with translate_errors(engine), engine.connect() as connection, connection.begin():
        yield connection


@contextlib.contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A write transaction: committed and on disk when the block is left without an error, else as if never begun."""
    queue = path_of(engine).parent / "locks" / "write.lock"
    with translate_errors(engine), holding(queue), engine.connect() as plain:
        connection = plain.execution_options(limner_writes=True)
        transaction = _begin_patiently(connection)
        try:
            yield connection
            transaction.commit()
        except BaseException:
            _abandon(connection)
            raise


def _begin_patiently(connection: Connection) -> Any:
    """BEGIN IMMEDIATE, again after a pause when a foreign program holds the file; bounded."""
    for attempt in range(BEGIN_ATTEMPTS):
        try:
            return connection.begin()
        except OperationalError as error:
            if not _is_busy(error) or attempt == BEGIN_ATTEMPTS - 1:
                raise
            connection.rollback()
            time.sleep(random.uniform(0.01, 0.1) * (attempt + 1))
    raise AssertionError("unreachable")


def _abandon(connection: Connection) -> None:
    """Roll back; a connection that cannot is thrown away, and SQLite rolls back when the file is next opened."""
    try:
        connection.rollback()
    except Exception:
        connection.invalidate()


def path_of(engine: Engine) -> Path:
    """The catalog file of an engine."""
    assert engine.url.database is not None
    return Path(engine.url.database)


@contextlib.contextmanager
def translate_errors(engine: Engine) -> Iterator[None]:
    """Turn what SQLite refuses into an error that names the file and the mend."""
    try:
        yield
    except DBAPIError as error:
        path = path_of(engine)
        raise as_catalog_error(path, error.orig) from error
    except (UnicodeError, OverflowError) as error:  # sqlite3 cannot hand out what is in the file
        path = path_of(engine)
        raise CatalogError(f"{path}: the catalog is damaged ({error}). {way_back(path.parent)}") from error


def as_catalog_error(path: Path, error: BaseException | None) -> CatalogError:
    """The error to show for one of sqlite3's."""
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return BusyError(
            f"{path}: another program has had the catalog to itself for {BUSY_TIMEOUT_S:.0f} s; close what reads or "
            "edits this file (a SQLite browser, a backup), then run this again."
        )
    if name == "SQLITE_FULL":
        return StorageError(
            f"{path}: the disk is full; what was recorded before is safe, this batch is not on record; free some space "
            "and run this again."
        )
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return CatalogError(
            f"{path}: the catalog is damaged ({error}); run `{limner('verify')}`; the pictures in objects/ are not "
            f"touched by this. {way_back(path.parent)}"
        )
    if name.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH")):
        return StorageError(
            f"{path}: cannot be read or written ({error}, {name}); what was recorded before is safe, this batch is not "
            "on record; check the disk, the folder's rights and the space left, then run this again."
        )
    return CatalogError(f"{path}: the catalog refused: {error}; this is a fault in limner, please report it.")


def _is_busy(error: DBAPIError) -> bool:
    return (getattr(error.orig, "sqlite_errorname", "") or "").startswith("SQLITE_BUSY")
