"""Candidates as columns of numpy, one row a candidate: what filters, sorts and counts look at, in milliseconds.

What stands is decided here as in ``queries.standing``: the newest verdict of a person on the present picture, else the
newest of a policy; the newest scorecard; pictures that are lost are left out. ``tests/review`` compares the two.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Select, select

from catalog.database.schema import CandidateRow, ImageRow, JobRow, ScorecardRow, VerdictRow
from catalog.objects.areas import Area, ImageState
from catalog.queries.candidate_state import OVERRIDE, WITHDRAWN, is_keeper
from catalog.writes.places import surplus
from catalog.writes.register import text

Value = TypeVar("Value", bound=Hashable)
NOBODY = -1  # in ``keep``: neither a person nor a policy has judged


class Numbered(Generic[Value]):
    """Each different value once, by number, in the order of arrival."""

    def __init__(self) -> None:
        self.values: list[Value] = []
        self._numbers: dict[Value, int] = {}

    def number(self, value: Value) -> int:
        """The value's number; a new one is given the next."""
        found = self._numbers.get(value)
        if found is None:
            found = self._numbers[value] = len(self.values)
            self.values.append(value)
        return found


@dataclass(frozen=True)
class Names:
    """What columns refer to by number: (set, asset), reasons, prompts in lower case."""

    places: Numbered[tuple[str, str]] = field(default_factory=Numbered)
    reasons: Numbered[tuple[str, ...]] = field(default_factory=Numbered)
    prompts: Numbered[str] = field(default_factory=Numbered)


@dataclass(frozen=True, eq=False, slots=True)
class Columns:
    """N candidates. ``keep`` is 1, 0 or NOBODY; ``approved``: kept by a person; scores are NaN where not measured;
    ``decided_at`` is ``made_at`` where nobody has judged. Times are UTC."""

    candidate: NDArray[np.bytes_]
    image: NDArray[np.bytes_]
    made_at: NDArray[np.datetime64]
    decided_at: NDArray[np.datetime64]
    place: NDArray[np.int32]
    number: NDArray[np.int32]
    reasons: NDArray[np.int32]
    prompt: NDArray[np.int32]
    aesthetic: NDArray[np.float64]
    adherence: NDArray[np.float64]
    keep: NDArray[np.int8]
    keeper: NDArray[np.bool_]
    approved: NDArray[np.bool_]
    waits: NDArray[np.bool_]
    unclear: NDArray[np.bool_]
    shown: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.candidate)

    def take(self, rows: NDArray[np.intp]) -> Columns:
        """These rows alone."""
        return Columns(*(getattr(self, column.name)[rows] for column in fields(Columns)))

    def changed(self, rows: NDArray[np.intp], other: Columns) -> Columns:
        """With ``other`` in the place of these rows: those that are there are replaced, row -1 is appended."""
        old, new = rows >= 0, rows < 0
        made: dict[str, Any] = {}
        for column in fields(Columns):
            mine, theirs = getattr(self, column.name).copy(), getattr(other, column.name)
            mine[rows[old]] = theirs[old]
            made[column.name] = np.concatenate([mine, theirs[new]])
        return Columns(**made)


_TYPES = ("S32", "S64", "M8[us]", "M8[us]", *["i4"] * 4, *["f8"] * 2, "i1", *["?"] * 5)


def columns_of(rows: Iterable[tuple[Any, ...]]) -> Columns:
    """Columns of rows whose values are in the order of the fields."""
    turned = list(zip(*rows, strict=True)) or [()] * len(_TYPES)
    return Columns(*(np.array(values, dtype=kind) for values, kind in zip(turned, _TYPES, strict=True)))


def read(connection: Connection, names: Names, of: ColumnElement[bool] | None = None) -> Columns:
    """The candidates for which ``of`` (a condition on CandidateRow) holds, all without it. A handful of plain scans."""
    cards = _newest_cards(connection, of)
    said = _newest_verdicts(connection, of)
    query = (
        select(
            CandidateRow.candidate_id, CandidateRow.image_sha256, CandidateRow.made_at, CandidateRow.set_name,
            CandidateRow.asset_id, CandidateRow.number, JobRow.prompt, ImageRow.area, ImageRow.state,
        )
        .join(ImageRow, ImageRow.image_sha256 == CandidateRow.image_sha256)
        .join(JobRow, JobRow.job_id == CandidateRow.job_id)
        .where(ImageRow.state != ImageState.LOST)
    )  # fmt: skip
    found = connection.execute(query if of is None else query.where(of))
    return columns_of(_row(names, cards, said, *row) for row in found if row[0] in cards)


def without_surplus(connection: Connection, names: Names, columns: Columns) -> Columns:
    """The same, where the policy's keepers without a place are none (``catalog.writes.places``); needs whole assets."""
    by_person = np.bincount(columns.place[columns.approved], minlength=len(names.places.values)) > 0
    by_rule = columns.keeper & ~columns.approved
    crowded = np.unique(columns.place[by_rule & by_person[columns.place]]) if by_rule.any() else ()
    gone = surplus(connection, [names.places.values[place] for place in crowded])
    if not gone:
        return columns
    has_place = ~np.isin(columns.candidate, np.array(sorted(gone), dtype=columns.candidate.dtype))
    return replace(columns, keeper=columns.keeper & has_place)


Card = tuple[int, str, float | None, float | None]
Said = dict[tuple[str, str, bool], tuple[int, bool, str, str, str]]


def _row(
    names: Names, cards: dict[str, Card], said: Said, id_: str, image: str, made_at: str, set_name: str, asset_id: str,
    number: int, prompt: str, area: str, state: str,
) -> tuple[Any, ...]:  # fmt: skip
    _, safety, aesthetic, adherence = cards[id_]
    person, policy = said.get((id_, image, True)), said.get((id_, image, False))
    if person and person[2] == _NO_SAY:
        person = None
    counts = person or policy
    reasons = names.reasons.number(_parsed(counts[2]) if counts else ())
    clear, present = safety == "clear" and area == Area.OBJECTS, state == ImageState.PRESENT
    override = bool(person) and OVERRIDE in names.reasons.values[reasons] and bool(counts and counts[3].strip())
    keeper = is_keeper(counts and counts[1], state, clear=clear, overridden=override)
    decided_at = counts[4] if counts else made_at
    return (
        id_, image, made_at.removesuffix("Z"), decided_at.removesuffix("Z"),
        names.places.number((set_name, asset_id)), number, reasons, names.prompts.number(prompt.casefold()),
        _nan(aesthetic), _nan(adherence), NOBODY if counts is None else counts[1], keeper, keeper and bool(person),
        person is None, not clear, present and clear,
    )  # fmt: skip


_NO_SAY = text([WITHDRAWN])


@lru_cache(maxsize=4096)
def _parsed(reasons: str) -> tuple[str, ...]:
    return tuple(json.loads(reasons))


def _nan(value: float | None) -> float:
    return float("nan") if value is None else value


def _newest_cards(connection: Connection, of: ColumnElement[bool] | None) -> dict[str, Card]:
    query = select(
        ScorecardRow.candidate_id, ScorecardRow.number, ScorecardRow.safety, ScorecardRow.aesthetic,
        ScorecardRow.adherence,
    )  # fmt: skip
    newest: dict[str, Card] = {}
    for id_, number, *card in connection.execute(_within(query, ScorecardRow.candidate_id, of)):
        if id_ not in newest or number > newest[id_][0]:
            newest[id_] = (number, *card)
    return newest


def _newest_verdicts(connection: Connection, of: ColumnElement[bool] | None) -> Said:
    """(candidate, picture, by a person?) → (number, keep, reasons, note, at) of the newest such verdict."""
    query = select(
        VerdictRow.candidate_id, VerdictRow.image_sha256, VerdictRow.by_person, VerdictRow.number, VerdictRow.keep,
        VerdictRow.reasons, VerdictRow.note, VerdictRow.at,
    )  # fmt: skip
    newest: Said = {}
    for id_, image, by_person, *verdict in connection.execute(_within(query, VerdictRow.candidate_id, of)):
        key = (id_, image, by_person)
        if key not in newest or verdict[0] > newest[key][0]:
            newest[key] = (verdict[0], verdict[1], verdict[2], verdict[3], verdict[4])
    return newest


def _within(query: Select[Any], column: Any, of: ColumnElement[bool] | None) -> Select[Any]:
    return query if of is None else query.where(column.in_(select(CandidateRow.candidate_id).where(of)))
