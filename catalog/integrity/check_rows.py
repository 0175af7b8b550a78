"""Check what the catalog says: SQLite's own checks, the schema, each row's hash, each hash that can be derived anew."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from catalog.database.genuine import OBJECTS, schema_of, strange
from catalog.database.migrate import expected_objects, expected_schema
from catalog.database.rows import Row, row_sha256, table_of
from catalog.database.schema import (
    MODELS,
    AssetVersion,
    Base,
    CandidateRow,
    CheckpointRow,
    EmbeddingRow,
    ExecutionRow,
    ImageRow,
    JobRow,
    NoteRow,
    Registration,
    RightsRow,
    ScorecardRow,
    SearchRow,
    TagRow,
    VerdictRow,
)
from catalog.database.sqlite import connect, reading
from catalog.integrity.check_files import Kept
from catalog.integrity.problems import Problem
from catalog.integrity.snapshot import UNREADABLE, reading_only
from catalog.provenance import CandidateKey, provenance_sha256
from catalog.writes.register import ASSET_KIND, CHECKPOINT_KIND, REGISTRATION_KIND, RIGHTS_KIND
from scoring.deciders import is_by_person
from specs.canonical import content_id, value_sha256
from specs.checkpoint import WEIGHTS_KIND
from specs.job import KIND as JOB_KIND

MOST_OF_A_KIND = 100
CHAINED: tuple[type[Base], ...] = (VerdictRow, TagRow, NoteRow, SearchRow)


@dataclass(frozen=True, slots=True)
class CatalogState:
    """Which state of which library a catalog is."""

    writes: int
    schema: int
    made_at: str


def state(path: Path) -> CatalogState | None:
    """The state of a private copy, which is rolled back if a write was interrupted.

    None: not to be read, or no catalog of ours (then nothing but its schema was read).
    """
    with contextlib.closing(connect(path, "rw")) as connection:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        with contextlib.suppress(*UNREADABLE, TypeError, ValueError):
            revision = int(connection.execute("PRAGMA user_version").fetchone()[0])
            if strange(schema_of(connection.execute(OBJECTS)), revision, expected_objects):
                return None
            writes, made_at = connection.execute("SELECT writes, made_at FROM library").fetchone()
            return CatalogState(int(writes), revision, str(made_at))
    return None


def is_empty(path: Path) -> bool:
    """Does the catalog hold nothing at all, not even tables? So a kill may leave it while a library is made."""
    with contextlib.suppress(*UNREADABLE), contextlib.closing(connect(path, "rw")) as connection:
        return bool(connection.execute("SELECT count(*) = 0 FROM sqlite_master").fetchone()[0])
    return False


def check(engine: Engine) -> tuple[int, dict[str, Kept], list[Problem]]:
    """(rows checked, picture → what its row says, problems) of a whole catalog."""
    problems: list[Problem] = []
    with reading(engine) as connection:
        problems += _integrity(connection)
        problems += _schema(connection)
        rows, images = _rows(connection, problems)
        problems += _chains(connection)
    kept = {
        sha256: Kept(image["area"], image["state"], image["bytes"], image["pixels_sha256"])
        for sha256, image in images.items()
    }
    return rows, kept, problems


def changed_since(path: Path, kept: Mapping[str, Kept], suspects: Sequence[str]) -> set[str]:
    """Which pictures were dropped or moved by somebody at work since ``kept`` was read: no alarm for those."""
    changed: set[str] = set()
    with contextlib.suppress(*UNREADABLE), reading_only(path) as connection:
        for sha256 in suspects:
            query = "SELECT area, state FROM images WHERE image_sha256 = ?"
            row = connection.execute(query, [sha256]).fetchone()
            if sha256 in kept and row is not None and row != (kept[sha256].area, kept[sha256].state):
                changed.add(sha256)
    return changed


def _integrity(connection: Connection) -> Iterator[Problem]:
    for (message,) in connection.exec_driver_sql(f"PRAGMA integrity_check({MOST_OF_A_KIND})"):
        if message != "ok":
            yield Problem("altered", "catalog.sqlite", f"SQLite says: {message}")
    for row in connection.exec_driver_sql("PRAGMA foreign_key_check"):
        yield Problem("dangling", str(row[0]), f"row {row[1]} speaks of a row of {row[2]} that is not there")


def _schema(connection: Connection) -> Iterator[Problem]:
    found = {
        (row[0], row[1]): row[2] for row in connection.exec_driver_sql("SELECT type, name, sql FROM sqlite_master")
    }
    expected = expected_schema()
    for key in sorted({*found, *expected}):
        if found.get(key) != expected.get(key):
            state = "missing" if key not in found else "extra" if key not in expected else "altered"
            yield Problem(state, f"schema {' '.join(key)}", "is not what the migrations make")


def _rows(connection: Connection, problems: list[Problem]) -> tuple[int, dict[str, Row]]:
    """Every row of every table; returns how many, and the images by hash."""
    images: dict[str, Row] = {}
    count = 0
    for model in MODELS:
        derive = _DERIVED.get(model)
        for row in _each(connection, model):
            count += 1
            stored = row.pop("row_sha256")
            wrong = _wrong(model, row, stored, derive, images)
            if wrong:
                problems.append(Problem("altered", f"{model.__tablename__} {_key(model, row)}", wrong))
            if model is ImageRow:
                images[row["image_sha256"]] = row
    return count, images


def _wrong(model: type[Base], row: Row, stored: str, derive: Callable[..., Any] | None, images: dict[str, Row]) -> str:
    """What does not hold of a row, in words; empty when all does."""
    try:
        if row_sha256(model.__tablename__, row) != stored:
            return "its values do not hash to its row_sha256"
        for name, value in (derive(row, images) if derive else {}).items():
            if row[name] != value:
                return f"{name} is {str(row[name])[:24]}, what it says of gives {str(value)[:24]}"
    except (ValueError, TypeError, KeyError, LookupError) as error:
        return f"its values cannot be read: {error}"
    return ""


def _each(connection: Connection, model: type[Base]) -> Iterator[Row]:
    """Rows as SQLite has them, types unconverted: a value of another type is another value."""
    table = table_of(model)
    names = [column.name for column in table.columns]
    booleans = [column.name for column in table.columns if column.type.python_type is bool]
    listed = ", ".join(f'"{name}"' for name in names)
    result = connection.execution_options(yield_per=1000).exec_driver_sql(f'SELECT {listed} FROM "{table.name}"')
    for values in result:
        row = dict(zip(names, values, strict=True))
        for name in booleans:
            row[name] = {0: False, 1: True}.get(row[name], row[name])
        yield row


def _key(model: type[Base], row: Row) -> str:
    return " ".join(str(row[column.name])[:19] for column in table_of(model).primary_key)


def _chains(connection: Connection) -> Iterator[Problem]:
    """Chains and scorecards are numbered from 1 without a gap; each link names the one before; none is without."""
    for model in CHAINED:
        yield from _chain(connection, model)
    query = (
        "SELECT c.candidate_id, count(s.number), max(s.number) FROM candidates c LEFT JOIN scorecards s "
        "ON s.candidate_id = c.candidate_id GROUP BY c.candidate_id "
        "HAVING count(s.number) != coalesce(max(s.number), -1)"
    )
    for candidate_id, count, highest in connection.exec_driver_sql(query):
        yield Problem("missing", f"scorecards {candidate_id}", f"{count} are there, the highest number is {highest}")


def _chain(connection: Connection, model: type[Base]) -> Iterator[Problem]:
    table = table_of(model)
    of = table.primary_key.columns[0].name
    heads: dict[str, tuple[int, str]] = {}
    query = f'SELECT "{of}", number, previous_sha256, row_sha256 FROM {table.name} ORDER BY "{of}", number'
    for id_, number, previous, sha256 in connection.exec_driver_sql(query):
        before = heads.get(id_, (0, ""))
        if (number, previous) != (before[0] + 1, before[1]):
            yield Problem(
                "missing", f"{table.name} {id_} {before[0] + 1}", f"the row before number {number} is not there"
            )
        heads[id_] = (number, sha256)


# what a row's columns must be, worked out from its other columns; images come before what speaks of them


def _checkpoint(row: Row, _: object) -> Row:
    value = json.loads(row["value"])
    files = [[path, sha256] for path, sha256 in sorted(value["files"].items())]
    return {
        "checkpoint_sha256": value_sha256(CHECKPOINT_KIND, value),
        "weights_id": content_id(WEIGHTS_KIND, files),
        "name": value["name"],
    }


def _registration(row: Row, _: object) -> Row:
    value = {name: row[name] for name in row if name not in ("registration_sha256", "at")}
    return {"registration_sha256": value_sha256(REGISTRATION_KIND, value)}


def _job(row: Row, _: object) -> Row:
    recipe = json.loads(row["recipe"])
    named = {name: recipe[name] for name in ("weights_id", "prompt", "seed")}
    return {"job_id": content_id(JOB_KIND, recipe), **named}


def _candidate(row: Row, images: dict[str, Row]) -> Row:
    key = CandidateKey(row["set_name"], row["asset_id"], row["job_id"])
    root = provenance_sha256(row, images[row["image_sha256"]])
    return {"candidate_id": key.candidate_id, "provenance_sha256": root}


def _scorecard(row: Row, _: object) -> Row:
    value = json.loads(row["card"])
    named = {name: value[name] for name in ("aesthetic", "adherence", "rank", "margin")}
    return {**named, "safety": value["safety"]["state"]}


def _valued(column: str, kind: str) -> Callable[[Row, object], Row]:
    return lambda row, _: {column: value_sha256(kind, json.loads(row["value"]))}


_DERIVED: dict[type[Base], Callable[..., Row]] = {
    CheckpointRow: _checkpoint,
    RightsRow: _valued("rights_sha256", RIGHTS_KIND),
    Registration: _registration,
    AssetVersion: _valued("asset_sha256", ASSET_KIND),
    JobRow: _job,
    ExecutionRow: _valued("stack_sha256", "limner.stack/1"),
    CandidateRow: _candidate,
    EmbeddingRow: lambda row, _: {"dim": len(row["vector"]) // 2},
    ScorecardRow: _scorecard,
    VerdictRow: lambda row, _: {"by_person": is_by_person(row["decided_by"])},
}
