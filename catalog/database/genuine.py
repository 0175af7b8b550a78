"""Is a SQLite file a catalog of ours? Asked before anything else is asked of it.

A database carries code in its schema: triggers run on what we write, views and generated columns on what we read. So
every object of the schema must be, to the letter, one that the migrations up to its revision make. Their hashes are
noted here, so that a command need not run the migrations to know; where the hash is another (another SQLite may write a
statement down otherwise), the migrations decide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from specs.canonical import sha256_hex

APPLICATION_ID = 0x4C494D4E  # "LIMN": what `file` and `PRAGMA application_id` show
OBJECTS = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"
STATISTICS = "sqlite_stat"  # what ANALYZE, run by another program, leaves: numbers for the planner
SCHEMAS = {
    1: "87d17bd1e09ad3e8028b8510001e803c9300761285f88df2d96461577190fb69",
    2: "7f7af42da908559a13f06a1e7b64fb874b544ef09094a4a9ee9d2aa70e59ba32",
    3: "8f8cc0590e9586615542f2e0a9476f8daa08ff4ef9e399e7926eeb8d1884c6c9",
}

Schema = frozenset[tuple[str, str, str, str | None]]


def schema_of(rows: Iterable[Sequence[Any]]) -> Schema:
    """The objects of a schema, statistics aside; ``rows`` as ``OBJECTS`` gives them."""
    return frozenset((row[0], row[1], row[2], row[3]) for row in rows if not str(row[1]).startswith(STATISTICS))


def digest(schema: Schema) -> str:
    """64 hex over a schema."""
    return sha256_hex(repr(sorted(schema, key=lambda one: (str(one[0]), str(one[1])))).encode("utf-8", "replace"))


def strange(found: Schema, revision: int, expected: Callable[[int], Schema]) -> str:
    """What of a schema is not as the migrations up to ``revision`` make it, in words; empty when all is.

    ``expected`` runs the migrations; it is asked only where the hash is not the one that is noted.
    """
    if SCHEMAS.get(revision) == digest(found):
        return ""
    wanted = expected(revision)
    if found == wanted:
        return ""
    names = {one[1]: one[0] for one in found ^ wanted}
    here, ours = ({one[1] for one in schema} for schema in (found, wanted))
    words = [
        f"{kind} {name} is {'missing' if name not in here else 'not ours' if name not in ours else 'altered'}"
        for name, kind in sorted(names.items(), key=str)
    ]
    return ", ".join(words[:5]) + (f" and {len(words) - 5} more" if len(words) > 5 else "")
