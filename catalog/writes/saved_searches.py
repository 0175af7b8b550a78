"""Saved searches: a name and its filter. The newest row of a name counts; deleting appends too."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import Connection, and_, func, select
from sqlalchemy.orm import aliased

from catalog.database.rows import add, fetch_newest, linked, now
from catalog.database.schema import SearchRow
from catalog.errors import NotFoundError
from catalog.queries.filter import Filter
from catalog.writes.register import text
from specs.canonical import nfc
from specs.errors import UsageError
from specs.values.checks import listed, near, show

NAME_LENGTH = 100


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A search under its name: who saved it last (``person:<name>``), and when (UTC, ISO 8601, ``Z``)."""

    name: str
    filter: Filter
    author: str
    at: str


def put(connection: Connection, name: str, wanted: Filter, author: str) -> None:
    """Save a filter under a name, in the place of what was there. No row is appended when it says so already."""
    if not 1 <= len(name) <= NAME_LENGTH or not name.isprintable() or name != nfc(name).strip():
        raise UsageError(
            f"search: got {show(name)}; allowed: a name of 1 to {NAME_LENGTH} letters, no blank at its ends."
        )
    _append(connection, name, text(wanted.value()), author)


def delete(connection: Connection, name: str, author: str) -> None:
    """Take a search away: NotFoundError when there is none."""
    find(connection, name)
    _append(connection, name, None, author)


def find(connection: Connection, name: str) -> SavedSearch:
    """The search of this name. NotFoundError names those that there are."""
    found = {search.name: search for search in every(connection)}
    if name not in found:
        mean = near(name, found)
        raise NotFoundError(
            f"search: got {show(name)}; allowed: {listed(found) or 'none is saved yet: limner keepers … --save NAME'}"
            + (f"; did you mean {mean}?" if mean else ".")
        )
    return found[name]


def every(connection: Connection) -> list[SavedSearch]:
    """All that are saved, by name."""
    other = aliased(SearchRow)
    newest = select(func.max(other.number)).where(other.name == SearchRow.name).scalar_subquery()
    query = select(SearchRow.name, SearchRow.filter, SearchRow.author, SearchRow.at)
    query = query.where(and_(SearchRow.number == newest, SearchRow.filter.is_not(None))).order_by(SearchRow.name)
    rows = connection.execute(query)
    return [SavedSearch(row.name, Filter.of(json.loads(row.filter or "{}")), row.author, row.at) for row in rows]


def _append(connection: Connection, name: str, value: str | None, author: str) -> None:
    before = fetch_newest(connection, SearchRow, [name]).get(name)
    if before is None or before["filter"] != value:
        row = {"name": name, "filter": value, "author": author, "at": now()}
        add(connection, SearchRow, [linked(SearchRow, row, before)])
