"""Does one catalog continue another? Asked before a backup takes the place of the one before.

A library is known by the moment in which it was made. Its facts (specs, jobs, scorecards, verdicts, tags, notes …) are
only ever added to, each row under its own hash, verdicts and their like as chains; candidates, pictures and runs may
change but never go; and ``library.writes`` counts every transaction. So a catalog continues another when it holds all
that the other holds and has written as often or more; it is behind when that holds the other way round; else the two
have diverged: both were worked in since they were one.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from catalog.database.rows import table_of
from catalog.database.schema import MODELS, AssetRow, Base, CandidateRow, ClaimRow, ImageRow, Library, RunRow, SetRow
from catalog.integrity.snapshot import reading_only

CHANGING = (ImageRow, CandidateRow, RunRow, SetRow, AssetRow)  # compared by their keys alone
PASSING = (Library, ClaimRow)  # not compared


class Relation(StrEnum):
    """What the newer of two catalogs, as it is claimed to be, is to the other."""

    CONTINUES = "continues"
    BEHIND = "behind"
    DIVERGED = "diverged"


@dataclass(frozen=True, slots=True)
class Ancestry:
    """``missing``: table → how many rows the older of the two holds that the newer one does not."""

    relation: Relation
    missing: dict[str, int]

    def __str__(self) -> str:
        """``2 verdicts, 1 candidates``, or that it was written to more often."""
        return ", ".join(f"{count} {table}" for table, count in self.missing.items()) or "changes of what is there"


def compare(newer: Path, older: Path) -> Ancestry:
    """What ``newer`` is to ``older``, two catalogs of one library that nobody writes to. Raises sqlite3.Error."""
    missing: dict[str, int] = {}
    ahead = False
    with reading_only(newer) as mine, reading_only(older) as theirs:
        for model in MODELS:
            if model not in PASSING:
                here, there = _rows(mine, model), _rows(theirs, model)
                if gone := len(there - here):
                    missing[model.__tablename__] = gone
                ahead = ahead or bool(here - there)
        writes = [_writes(connection) for connection in (mine, theirs)]
    if not missing and writes[0] >= writes[1]:
        return Ancestry(Relation.CONTINUES, {})
    return Ancestry(Relation.DIVERGED if ahead else Relation.BEHIND, missing)


def _rows(connection: sqlite3.Connection, model: type[Base]) -> set[tuple[object, ...]]:
    """Every row of a table as what it is known by; empty where an older schema does not have the table."""
    table = table_of(model)
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [table.name]).fetchone():
        return set()
    names = [column.name for column in table.primary_key]
    names += [] if model in CHANGING else ["row_sha256"]
    listed = ", ".join(f'"{name}"' for name in names)
    return set(connection.execute(f'SELECT {listed} FROM "{table.name}"'))


def _writes(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT writes FROM library").fetchone()[0])
