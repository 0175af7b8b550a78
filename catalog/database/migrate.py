"""Bring a library to this schema: create it, migrate an older one after copying it, refuse a newer one.

``PRAGMA user_version`` is the number of the revision, written in the transaction that makes the change; Alembic, which
takes a while to import, is only needed when there is something to do.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sqlite3
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.pool import StaticPool

from catalog.database.genuine import APPLICATION_ID, OBJECTS, Schema, schema_of, strange
from catalog.database.library_folder import trace, way_back
from catalog.database.rows import add, now
from catalog.database.schema import Library
from catalog.database.sqlite import as_catalog_error, connect, journal_mode, reading, translate_errors, writing
from catalog.errors import CatalogError, DamagedError, NewerLibraryError
from catalog.objects.store import sync_folder

HEAD = 3
SCRIPTS = Path(__file__).parent / "migrations"


def bring_up(engine: Engine, path: Path, head: int = HEAD, scripts: Path = SCRIPTS) -> None:
    """Create or migrate the catalog at ``path``; nothing is written when it is up to date.

    An older one is first copied to ``catalog.sqlite.before-<revision>``. Raises NewerLibraryError for a newer one and
    CatalogError for a file that is no catalog of ours.
    """
    if revision(engine, path, head) == head:
        return
    _set_journal(engine)
    with writing(engine) as connection:
        found = _read_revision(connection, path, head)
        if found < head:
            if found:
                _back_up(path, found)
            _migrate(connection, found, head, scripts)
    sync_folder(path.parent)


def revision(engine: Engine, path: Path, head: int = HEAD) -> int:
    """The schema of a catalog of ours, 0 for a file without any table. Errors as ``bring_up`` has them."""
    with reading(engine) as connection:
        return _read_revision(connection, path, head)


def _read_revision(connection: Connection, path: Path, head: int) -> int:
    application = connection.exec_driver_sql("PRAGMA application_id").scalar_one()
    found = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
    require_ours(path, application, found, schema_of(connection.exec_driver_sql(OBJECTS).all()), head)
    return found


def require_ours(path: Path, application: int, found: int, schema: Schema, head: int) -> None:
    """CatalogError, NewerLibraryError, DamagedError unless a file is a catalog of ours up to schema ``head``, or empty.

    ``application``, ``found`` (the revision) and ``schema`` as the file has them.
    """
    if application != APPLICATION_ID and not (application == 0 and not schema):
        raise CatalogError(
            f"{path}: is a SQLite file, but no limner catalog (application id {application}); allowed: a catalog that "
            "limner made, or no file at all; choose another folder with --library."
            + (f" {way_back(path.parent)}" if trace(path.parent) else "")
        )
    if found > HEAD and found > head:
        raise NewerLibraryError(
            f"{path}: was written by a newer limner (schema {found}); this one reads schemas up to {head}; "
            "update limner, or use the copy that the newer one left beside it (catalog.sqlite.before-…)."
        )
    if schema and found <= HEAD and (what := strange(schema, found, expected_objects)):
        raise DamagedError(
            f"{path}: its tables are not what limner makes ({what}): another program has changed it, or it is no "
            f"catalog of ours; nothing of it is used. {way_back(path.parent)}"
        )


def require_catalog(connection: sqlite3.Connection, path: Path) -> int:
    """The schema of a catalog of ours, before anything else is read of it; 0 for an empty file. Errors as above."""
    application, found = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("application_id", "user_version")
    )
    require_ours(path, application, found, schema_of(connection.execute(OBJECTS)), HEAD)
    return found


def _set_journal(engine: Engine) -> None:
    """Journal mode by SQLite version; it is stored in the file, and cannot be changed inside a transaction."""
    with translate_errors(engine), engine.connect() as connection:
        raw = connection.connection.cursor()  # past SQLAlchemy, which would begin a transaction
        with contextlib.suppress(sqlite3.OperationalError):  # somebody else is opening it: they set the same
            raw.execute(f"PRAGMA journal_mode={journal_mode()}")
            raw.close()


def _migrate(connection: Connection, found: int, head: int, scripts: Path) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, f"{head:04d}")
    connection.exec_driver_sql(f"PRAGMA application_id={APPLICATION_ID}")
    connection.exec_driver_sql(f"PRAGMA user_version={head}")
    if not found:
        add(connection, Library, [{"id": 1, "made_at": now(), "writes": 0}])


@functools.cache
def expected_schema() -> dict[tuple[str, str], str | None]:
    """(type, name) → SQL of everything that the migrations make: what a catalog's schema must be."""
    return {(one[0], one[1]): one[3] for one in expected_objects(HEAD)}


@functools.cache
def expected_objects(revision: int) -> Schema:
    """Everything that the migrations up to ``revision`` make; nothing for a revision that there is not."""
    if not 1 <= revision <= HEAD:
        return frozenset()
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.connect() as connection, connection.begin():
        _migrate(connection, 1, revision, SCRIPTS)
        rows = connection.exec_driver_sql(OBJECTS).all()
    engine.dispose()
    return schema_of(rows)


def _back_up(path: Path, revision: int) -> None:
    """Copy the catalog beside itself, whole and on disk, before the first change. An existing copy is kept."""
    target = path.with_name(f"{path.name}.before-{revision + 1:04d}")
    if target.exists():
        return
    partial = target.with_name(target.name + ".partial")
    partial.unlink(missing_ok=True)
    try:
        with (
            contextlib.closing(connect(path, "ro")) as source,
            contextlib.closing(sqlite3.connect(partial)) as copy,
        ):
            source.backup(copy)
    except sqlite3.Error as error:
        raise as_catalog_error(partial, error) from error
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(target)
    sync_folder(path.parent)
