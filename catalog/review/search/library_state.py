"""The whole library as it stands, in memory: read once, then only what changed is read again.

``library.writes`` says whether anything was written since. Verdicts, scorecards and candidates are only ever appended,
so the new ones are those after the last row that was seen; pictures change their place or state, so the few that are
not simply present are compared. A set's rows are read again when another registration is in force.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, or_, select

from catalog.catalog import Catalog
from catalog.database.rows import after, among, last_row
from catalog.database.schema import (
    AssetRow,
    AssetVersion,
    CandidateRow,
    ImageRow,
    Library,
    NoteRow,
    ScorecardRow,
    SetRow,
    TagRow,
    VerdictRow,
)
from catalog.database.sqlite import reading
from catalog.objects.areas import Area, ImageState
from catalog.queries.filter import Filter
from catalog.review.search.columns import Columns, Names, read, without_surplus
from catalog.writes.annotations import Remarks, of

GROWING = (CandidateRow, ScorecardRow, VerdictRow)
SAYING = (TagRow, NoteRow)
MANY = 5000  # more changed candidates than this: all are read again, which is quicker


@dataclass(frozen=True, slots=True)
class LibraryAsset:
    """A row of a set: ``wanted`` keepers; ``in_spec`` is false once the spec no longer has it; ``text``: all that its
    row says, its title too, case-folded."""

    set_name: str
    asset_id: str
    title: str
    wanted: int
    in_spec: bool
    text: str = ""


@dataclass(frozen=True, eq=False)
class Standing:
    """One moment. ``assets[place]`` is the asset of a place; ``rank[place]`` its turn in the order of sets and rows;
    ``row[candidate id]`` its row in the columns; ``remarks`` by candidate id, of those that have any."""

    writes: int
    names: Names
    columns: Columns
    assets: list[LibraryAsset]
    rank: NDArray[np.int32]
    row: Mapping[bytes, int]
    remarks: Mapping[str, Remarks]
    found: dict[Filter, NDArray[np.bool_]] = field(default_factory=dict)  # what saved searches found so far

    def rows_of(self, candidate_ids: Iterable[str]) -> NDArray[np.bool_]:
        """Which rows are these candidates."""
        found = np.zeros(len(self.columns), dtype=bool)
        rows = [self.row[id_.encode()] for id_ in candidate_ids if id_.encode() in self.row]
        found[[row for row in rows if row < len(found)]] = True
        return found


@dataclass(frozen=True, eq=False)
class _Seen:
    """Up to where the library was read."""

    last: tuple[int, ...]
    said: tuple[int, ...]
    odd: frozenset[tuple[str, str, str]]
    registrations: dict[str, str]


class Standings:
    """Threads share it; whoever comes first reads, the others wait for the same answer."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog, self._lock = catalog, threading.Lock()
        self._names = Names()
        self._texts: dict[str, tuple[str, int, str]] = {}  # by asset_sha256: title, places, all of the row
        self._rows: dict[bytes, int] = {}
        self._now: Standing | None = None
        self._columns_read: Columns | None = None  # as the rows have it, before ``without_surplus``
        self._seen = _Seen((0,) * len(GROWING), (0,) * len(SAYING), frozenset(), {})

    def now(self) -> Standing:
        """The library as the last committed write left it."""
        with self._lock, reading(self._catalog.engine) as connection:
            writes = int(connection.execute(select(Library.writes)).scalar_one())
            if self._now is None or self._now.writes != writes:
                self._now = self._read(connection, writes)
            return self._now

    def warm(self) -> threading.Thread:
        """Begin to read in the background, so that the first who filters does not wait for it."""
        thread = threading.Thread(target=self.now, name="limner-standings", daemon=True)
        thread.start()
        return thread

    def _read(self, connection: Connection, writes: int) -> Standing:
        seen = _seen(connection)
        changed = None if self._now is None else self._changed(connection, seen)
        self._columns_read = self._columns(connection, changed)
        columns = without_surplus(connection, self._names, self._columns_read)
        if self._now is None or self._seen.registrations != seen.registrations:
            assets, rank = self._assets(connection)
        else:
            assets, rank = self._now.assets, self._now.rank
        remarks = self._remarks(connection, seen, changed)
        self._seen = seen
        return Standing(writes, self._names, columns, assets, rank, self._rows, remarks)

    def _remarks(self, connection: Connection, seen: _Seen, changed: Sequence[str] | None) -> Mapping[str, Remarks]:
        """Those of candidates that changed are read again too: of another picture, they no longer count."""
        known = self._now.remarks if self._now and changed is not None else {}
        ids = {id_ for id_ in changed or () if id_ in known}
        for model, last, now in zip(SAYING, self._seen.said, seen.said, strict=True):
            first = last if changed is not None else 0
            if now > first:
                ids |= set(connection.execute(after(model, "candidate_id", first)).scalars())
        found = {**known, **of(connection, sorted(ids))}
        return {id_: said for id_, said in found.items() if said != Remarks()} if ids else known

    def _columns(self, connection: Connection, changed: Sequence[str] | None) -> Columns:
        if self._columns_read is None or changed is None:
            columns = read(connection, self._names)
            self._rows = {id_: row for row, id_ in enumerate(columns.candidate.tolist())}
            return columns
        columns = self._columns_read
        if changed:
            part = read(connection, self._names, among(CandidateRow.candidate_id, changed))
            ids = part.candidate.tolist()
            columns = columns.changed(np.array([self._rows.get(id_, -1) for id_ in ids], dtype=np.intp), part)
            for id_ in ids:
                self._rows.setdefault(id_, len(self._rows))
        return columns

    def _changed(self, connection: Connection, seen: _Seen) -> list[str] | None:
        """Ids of the candidates of which something was written; None when all should be read again."""
        found: set[str] = set()
        for model, last in zip(GROWING, self._seen.last, strict=True):
            found |= set(connection.execute(after(model, "candidate_id", last)).scalars())
        pictures = [picture[0] for picture in seen.odd ^ self._seen.odd]
        if len(found) + len(pictures) > MANY or any(
            state == ImageState.LOST for _, _, state in seen.odd ^ self._seen.odd
        ):
            return None
        if pictures:
            its = among(CandidateRow.image_sha256, pictures)
            found |= set(connection.execute(select(CandidateRow.candidate_id).where(its)).scalars())
        return sorted(found)

    def _assets(self, connection: Connection) -> tuple[list[LibraryAsset], NDArray[np.int32]]:
        query = (
            select(
                AssetRow.set_name, AssetRow.asset_id, AssetRow.in_spec, AssetVersion.asset_sha256, AssetVersion.value
            )
            .join(AssetVersion, AssetVersion.asset_sha256 == AssetRow.asset_sha256)
            .order_by(AssetRow.set_name, AssetRow.position, AssetRow.asset_id)
        )
        by_place: dict[int, LibraryAsset] = {}
        for set_name, asset_id, in_spec, sha256, value in connection.execute(query):
            if sha256 not in self._texts:
                asset = json.loads(value)
                every = "\n".join([str(asset["title"]), *map(str, asset["row"].values())])
                self._texts[sha256] = (str(asset["title"]), int(asset["keep"]["per_asset"]), every.casefold())
            title, wanted, text = self._texts[sha256]
            place = self._names.places.number((set_name, asset_id))
            by_place[place] = LibraryAsset(set_name, asset_id, title, wanted, in_spec, text)
        rank = np.zeros(len(by_place), dtype=np.int32)
        rank[list(by_place)] = np.arange(len(by_place), dtype=np.int32)
        return [by_place[place] for place in range(len(by_place))], rank


def _seen(connection: Connection) -> _Seen:
    odd = select(ImageRow.image_sha256, ImageRow.area, ImageRow.state).where(
        or_(ImageRow.state != ImageState.PRESENT, ImageRow.area != Area.OBJECTS)
    )
    registrations = connection.execute(select(SetRow.set_name, SetRow.registration_sha256)).all()
    return _Seen(
        tuple(last_row(connection, model) for model in GROWING),
        tuple(last_row(connection, model) for model in SAYING),
        frozenset((sha256, area, state) for sha256, area, state in connection.execute(odd)),
        {row.set_name: row.registration_sha256 for row in registrations},
    )
