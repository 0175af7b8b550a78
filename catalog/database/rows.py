"""Rows and their hashes: how a row gets its ``row_sha256``, how rows are put in.

``row_sha256`` hashes the table's name and every other column that is not null, under its name. So a column that a later
revision adds (null in old rows) leaves old hashes valid, and a value cannot move from one column to another unseen.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    Integer,
    Select,
    Table,
    TableValuedAlias,
    and_,
    func,
    insert,
    literal_column,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

from catalog.database.schema import Base
from specs.canonical import flat_json, sha256_hex

Row = dict[str, Any]


def table_of(model: type[Base]) -> Table:
    """The Core table of a model."""
    table = model.__table__
    assert isinstance(table, Table)
    return table


class _each_of(GenericFunction[Any]):  # noqa: N801 (the name that SQLAlchemy gives a function)
    """The strings of a JSON array as rows. SQLite and PostgreSQL name it differently."""

    inherit_cache = True


@compiles(_each_of)
def _in_sqlite(element: _each_of, compiler: Any, **options: Any) -> str:
    return f"json_each{compiler.function_argspec(element, **options)}"


@compiles(_each_of, "postgresql")
def _in_postgresql(element: _each_of, compiler: Any, **options: Any) -> str:
    return f"json_array_elements_text(CAST{compiler.function_argspec(element, **options)[:-1]} AS json))"


def among(column: Any, values: Iterable[str]) -> ColumnElement[bool]:
    """``column`` is one of ``values``. They go as one parameter, so there may be any number of them."""
    return column.in_(select(each_of(values).c.value))  # type: ignore[no-any-return]


def each_of(values: Iterable[str]) -> TableValuedAlias:
    """A table of one column, ``value``: to be joined with where something is asked of each of many."""
    return _each_of(json.dumps(list(values))).table_valued("value")


def row_sha256(table: str, values: Mapping[str, Any]) -> str:
    """64 hex over the row's columns, ``row_sha256`` itself and nulls aside; bytes count by their own hash."""
    seen = {
        name: sha256_hex(value) if isinstance(value, bytes) else value
        for name, value in values.items()
        if value is not None and name != "row_sha256"
    }
    return sha256_hex(flat_json((table, seen)))


def hashed(model: type[Base], values: Row) -> Row:
    """The row with its hash in place."""
    return {**values, "row_sha256": row_sha256(model.__tablename__, values)}


def add(connection: Connection, model: type[Base], rows: Iterable[Row]) -> None:
    """Insert rows that must not be there yet."""
    found = [hashed(model, row) for row in rows]
    if not found:
        return
    statement, names = _insertion(table_of(model), tuple(found[0]), connection.dialect)
    if names is None:
        connection.execute(insert(table_of(model)), found)
    else:  # as tuples, past SQLAlchemy's work on each parameter: a set has tens of thousands of rows
        connection.exec_driver_sql(statement, list(map(itemgetter(*names), found)))


@lru_cache(maxsize=64)  # a few shapes of rows a table: a verdict by a person is one row, and need not wait for this
def _insertion(table: Table, names: tuple[str, ...], dialect: Dialect) -> tuple[str, Sequence[str] | None]:
    """The insert as text, and the order that its parameters have; None where they go by name."""
    compiled = insert(table).compile(dialect=dialect, column_keys=list(names))
    return str(compiled), compiled.positiontup


def add_absent(connection: Connection, model: type[Base], rows: Iterable[Row]) -> None:
    """Insert the rows whose primary key is not there yet; the others are left as they are.

    SQLite and PostgreSQL spell this alike (``ON CONFLICT DO NOTHING``), other databases do not.
    """
    found = [hashed(model, row) for row in rows]
    if not found:
        return
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as portable
    else:
        from sqlalchemy.dialects.sqlite import insert as portable  # type: ignore[assignment]
    connection.execute(portable(table_of(model)).on_conflict_do_nothing(), found)


def replace(connection: Connection, model: type[Base], rows: Iterable[Row]) -> None:
    """Write whole rows over those that have the same primary key. For present-state tables only."""
    table = table_of(model)
    keys = [column.name for column in table.primary_key]
    for row in rows:
        values = hashed(model, row)
        where = [table.c[key] == row[key] for key in keys]
        connection.execute(table.update().where(*where).values(values))


def fetch(connection: Connection, model: type[Base], column: str, values: Iterable[str]) -> list[Row]:
    """Rows of a table whose ``column`` is among ``values``, without their hashes."""
    table = table_of(model)
    values = list(dict.fromkeys(values))
    if not values:
        return []
    found = _as_dicts(table, connection.execute(table.select().where(among(table.c[column], values))).all())
    for row in found:
        del row["row_sha256"]
    return found


def _as_dicts(table: Table, rows: Sequence[Sequence[Any]]) -> list[Row]:
    names = table.columns.keys()
    return [dict(zip(names, row, strict=True)) for row in rows]


def fetch_newest(
    connection: Connection, model: type[Base], ids: Iterable[str], names: Sequence[str] = ()
) -> dict[str, Row]:
    """Id → its row of the highest ``number``, hash included, for tables whose primary key is (an id, ``number``).

    ``names``: only these columns of it.
    """
    table = table_of(model)
    of, number = table.primary_key.columns
    names = names or table.columns.keys()
    newest = select(of, func.max(number).label("number")).where(among(of, ids)).group_by(of).subquery()
    same = and_(of == newest.c[of.name], number == newest.c.number)
    query = select(of.label("id"), *(table.c[name] for name in names)).select_from(table.join(newest, same))
    return {row[0]: dict(zip(names, row[1:], strict=True)) for row in connection.execute(query).all()}


def linked(model: type[Base], row: Row, before: Row | None) -> Row:
    """The row as the next link of its chain: numbered, and naming the hash of the one before ('' for the first).

    ``before`` as it was fetched, with its hash, or as it will be added, without.
    """
    if before is None:
        return {**row, "number": 1, "previous_sha256": ""}
    previous = before.get("row_sha256") or row_sha256(model.__tablename__, before)
    return {**row, "number": before["number"] + 1, "previous_sha256": previous}


def fetch_all(connection: Connection, model: type[Base]) -> list[Row]:
    """Every row of a small table, without their hashes."""
    found = _as_dicts(table_of(model), connection.execute(table_of(model).select()).all())
    for row in found:
        del row["row_sha256"]
    return found


def last_row(connection: Connection, model: type[Base]) -> int:
    """The place of a table's newest row in the order of insertion, 0 for none. SQLite-only, as is ``after``: rowid.

    For tables whose rows are never removed; a place is only good as long as the database is open.
    """
    table = table_of(model)
    newest = func.coalesce(func.max(literal_column("rowid", Integer)), 0)
    return int(connection.execute(select(newest).select_from(table)).scalar_one())


def after(model: type[Base], column: str, place: int) -> Select[tuple[Any]]:
    """``column`` of the rows that were inserted after ``place``."""
    table = table_of(model)
    return select(table.c[column]).where(literal_column("rowid") > place)


def now() -> str:
    """This moment: UTC, ISO 8601, microseconds, ``Z``."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
