"""What a folder tree holds, read without limner: every picture that is whole, every row that catalogs speak of.

The oracle of ``never_less.py``: it looks at files and at SQLite alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import sqlite3
from dataclasses import dataclass
from pathlib import Path

APPENDED = ("verdicts", "tags", "notes", "scorecards", "candidates", "jobs")
PICTURE = re.compile(r"([0-9a-f]{64})\.png(\.\d+)?")
Stamp = tuple[str, int, int]


@dataclass(frozen=True)
class Holdings:
    """``pictures``: whole ones, wherever they lie. ``wanted``: those that a catalog calls present or lost.
    ``rows``: of every table that is only added to, with their hashes."""

    pictures: frozenset[str]
    wanted: frozenset[str]
    rows: frozenset[tuple[str, ...]]


@dataclass(frozen=True)
class _Said:
    states: dict[str, tuple[str, str]]  # picture → area, state
    rows: frozenset[tuple[str, ...]]


class Reader:
    """Reads trees again and again; a file that has not changed is not read twice."""

    def __init__(self) -> None:
        self._whole: dict[Stamp, bool] = {}
        self._said: dict[Stamp, _Said] = {}

    def holdings(self, root: Path) -> Holdings:
        """What lies below a folder."""
        files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
        pictures = {path.name[:64] for path in files if PICTURE.fullmatch(path.name) and self.is_whole(path)}
        said = [self.said(path) for path in files if "catalog.sqlite" in path.name and "tmp" not in path.parts]
        wanted = {sha256 for one in said for sha256, (_, state) in one.states.items() if state != "dropped"}
        return Holdings(frozenset(pictures), frozenset(wanted), frozenset(row for one in said for row in one.rows))

    def damaged_pictures(self, library: Path) -> set[str]:
        """The pictures that the catalog calls present and that are not whole where they belong."""
        return {
            sha256
            for sha256, (area, state) in self.said(library / "catalog.sqlite").states.items()
            if state == "present" and not self.is_whole(library / area / sha256[:2] / f"{sha256}.png")
        }

    def is_whole(self, path: Path) -> bool:
        """Is the file there, and its content the one that its name says?"""
        try:
            stamp = _stamp(path)
        except FileNotFoundError:
            return False
        if stamp not in self._whole:
            self._whole[stamp] = hashlib.sha256(path.read_bytes()).hexdigest() == path.name[:64]
        return self._whole[stamp]

    def said(self, path: Path) -> _Said:
        """What a catalog says; nothing where it cannot be read."""
        nothing = _Said({}, frozenset())
        try:
            stamp = _stamp(path)
        except FileNotFoundError:
            return nothing
        if stamp not in self._said:
            self._said[stamp] = nothing
            with contextlib.suppress(sqlite3.Error):
                self._said[stamp] = _read(path)
        return self._said[stamp]


def fingerprint(*folders: Path) -> dict[str, Stamp]:
    """Every file of some folders, locks, files on their way and caches aside: name, size, moment of its last change."""
    return {
        str(path): _stamp(path)
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and not {"locks", "tmp"} & set(path.relative_to(folder).parts)
    }


def _stamp(path: Path) -> Stamp:
    found = path.stat()
    return str(path), found.st_size, found.st_mtime_ns


def _read(path: Path) -> _Said:
    uri = f"{path.as_uri()}?mode=ro&immutable=1"
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
        states = {
            row[0]: (row[1], row[2]) for row in connection.execute("SELECT image_sha256, area, state FROM images")
        }
        rows: set[tuple[str, ...]] = set()
        for table in APPENDED:
            hashed = "row_sha256" if table != "candidates" else "candidate_id"
            rows |= {(table, row[0]) for row in connection.execute(f"SELECT {hashed} FROM {table}")}
    return _Said(states, frozenset(rows))
