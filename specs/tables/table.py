"""A table of assets in memory: columns, rows of text, the place of each cell, and what is wrong with its form.

Where rows come from (CSV, XLSX) only decides their places and the words of a fix; what makes a table ambiguous is the
same for both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Protocol

from specs.errors import SpecError
from specs.reading.document import NotReadable
from specs.spec import Place
from specs.values.characters import ODD_SPACE, broken_value, hidden_in, named, plain, stray_quotes
from specs.values.checks import listed, show

MOST_ROWS = 100_000
MOST_COLUMNS = 200
HEADER_WITHIN = 20  # rows in which the row of column names is looked for
Line = tuple[int, list[str]]  # where a row starts, 1-based, and its cells


class Places(Protocol):
    """Where the cells of a file are, and how it speaks of surplus ones."""

    surplus: str  # the fix of a row with cells beyond the columns
    missing: str  # and of one with too few
    row_word: str

    def cell(self, line: int, index: int) -> Place:
        """Where cell ``index``, from 0, of the row that starts on ``line`` starts."""
        ...


@dataclass(slots=True)
class Row:
    """One row: its cells by column, and the line (CSV) or row number (XLSX) that it starts on, 1-based."""

    cells: dict[str, str]
    line: int


@dataclass(slots=True)
class Table:
    """A row file as read: columns in their order, rows, and the errors of its form."""

    shown: str
    sha256: str
    places: Places
    columns: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    errors: list[SpecError] = field(default_factory=list)
    header_line: int = 1

    def name_place(self, column: str) -> Place:
        """Where a column's name stands."""
        return self.places.cell(self.header_line, self.columns.index(column) if column in self.columns else 0)

    def place(self, row: Row, column: str | None = None) -> Place:
        """Where a row, or a cell of it, starts."""
        known = column is not None and column in self.columns
        return self.places.cell(row.line, self.columns.index(column or "") if known else 0)

    def refuse(self, line: int, index: int, what: str, got: str, allowed: str, mean: str = "", fix: str = "") -> None:
        """Adds an error at a cell."""
        self.errors.append(SpecError(self.places.cell(line, index), what, got, allowed, mean, fix))


def fill(table: Table, lines: Iterator[Line]) -> None:
    """Header and rows into the table; raises NotReadable with the one error of a table whose header is not found."""
    first = [line for _, line in zip(range(HEADER_WITHIN), _filled(lines), strict=False)]
    if not first:
        empty = SpecError(
            table.places.cell(1, 0), "row file", "nothing", "a row of column names, then one row an asset"
        )
        raise NotReadable(empty)
    at = _header_at(first)
    line, table.columns = first[at]
    table.header_line = line
    while table.columns and not table.columns[-1]:
        table.columns.pop()
    if at:
        raise NotReadable(_late_header(table, first, at))
    if "id" not in table.columns:
        raise NotReadable(_no_id(table, line))
    _check_header(table, line)
    for number, cells in chain(first[1:], _filled(lines)):
        if len(table.rows) == MOST_ROWS:
            table.refuse(number, 0, "rows", f"more than {MOST_ROWS:,} rows", f"at most {MOST_ROWS:,}")
            return
        _add_row(table, number, cells)


def is_header(cells: Sequence[str]) -> bool:
    """Whether a row names a column ``id``, in any letters' case or width."""
    return any(plain(cell) == "id" for cell in cells)


def _filled(lines: Iterator[Line]) -> Iterator[Line]:
    return (line for line in lines if any(line[1]))


def _header_at(first: list[Line]) -> int:
    """Which of the first rows holds the column names: the first with an ``id``, else the first of the widest ones."""
    for at, (_, cells) in enumerate(first):
        if is_header(cells):
            return at
    widths = [sum(map(bool, cells)) for _, cells in first]
    return widths.index(max(widths)) if widths[0] == 1 < max(widths) else 0


def _late_header(table: Table, first: list[Line], at: int) -> SpecError:
    above = listed((show(cell) for cell in first[0][1] if cell), 3)
    line, cells = first[at]
    found = listed((show(cell) for cell in cells if cell), 8)
    word = table.places.row_word
    fix = f"the header seems to be {word} {line} ({found}): remove what is above it"
    return SpecError(table.places.cell(first[0][0], 0), "columns", above, "the row of column names first", mend=fix)


def _no_id(table: Table, line: int) -> SpecError:
    got = f"the columns {listed((show(name) for name in table.columns), 12)}"
    names = [name for name in table.columns if plain(name) == "id" or plain(name).split("_")[-1] == "id"]
    if names:
        index, fix = table.columns.index(names[0]), f"rename the column {show(names[0])} to id"
    else:
        index = 0
        word = table.places.row_word
        fix = f"name a column id; where {word} {line} is an asset already, put a row of names above it"
    return SpecError(table.places.cell(line, index), "columns", got, "a column named id", mend=fix)


def _check_header(table: Table, line: int) -> None:
    seen: dict[str, int] = {}
    if len(table.columns) > MOST_COLUMNS:
        got = f"{len(table.columns)} columns"
        raise NotReadable(SpecError(table.places.cell(line, 0), "columns", got, f"at most {MOST_COLUMNS}"))
    for index, name in enumerate(table.columns):
        hidden = hidden_in(name) or next(iter(ODD_SPACE.findall(name)), "")
        if not name:
            fix = "name the column or remove it"
            table.refuse(line, index, "columns", f"no name for column {index + 1}", "a name for each", fix=fix)
        elif hidden:
            fix = "type the name anew"
            table.refuse(line, index, "columns", f"{show(name)} with {named(hidden)}", "visible letters", fix=fix)
        elif stray_quotes(name):
            got = f"{show(name)}, {stray_quotes(name)}"
            table.refuse(line, index, "columns", got, "a name without quotes", fix="remove the quotes")
        elif broken_value(name):
            table.refuse(line, index, "columns", f"the error {show(name)}", "a name", fix="correct the formula")
        elif "{" in name or "}" in name:
            table.refuse(line, index, "columns", show(name), "names without braces")
        elif name in seen:
            got = f"{show(name)} twice, as columns {seen[name] + 1} and {index + 1}"
            table.refuse(line, index, "columns", got, "each name once")
        seen.setdefault(name, index)


def _add_row(table: Table, line: int, cells: list[str]) -> None:
    width = len(table.columns)
    while len(cells) > width and not cells[-1]:
        cells.pop()
    if len(cells) != width:
        surplus = len(cells) > width
        got, allowed = f"{len(cells)} cells", f"{width} cells, as the columns say"
        fix = table.places.surplus if surplus else table.places.missing
        table.refuse(line, width if surplus else 0, "row", got, allowed, fix=fix)
        return
    row = dict(zip(table.columns, cells, strict=True))
    if plain(row["id"]) == "id" and sum(cell == name for name, cell in row.items()) > 1:
        fix = "remove it, or move the second table to a file or sheet of its own"
        table.refuse(line, 0, "row", "a second row of column names", "one table, its names once", fix=fix)
        return
    for index, cell in enumerate(cells):
        if not cell.isascii() or "#" in cell or not cell.isprintable() or cell[:3] in ("Err", "NaN", "[ob"):
            _check_cell(table, line, index, cell)
    table.rows.append(Row(row, line))


def _check_cell(table: Table, line: int, index: int, cell: str) -> None:
    """Refuses what nobody can have meant, whether or not a prompt uses the cell."""
    hidden, broken = hidden_in(cell), broken_value(cell)
    what = f"column {show(table.columns[index])}"
    if hidden == "\ufffd":
        fix = "the text was saved in another encoding once: type it anew"
        table.refuse(line, index, what, f"{show(cell)} with {named(hidden)}", "readable text", fix=fix)
    elif hidden:
        fix = "delete the character, or type the text anew"
        table.refuse(line, index, what, f"{show(cell)} with {named(hidden)}", "visible characters", fix=fix)
    elif broken:
        fix = "correct the formula, or type the value"
        table.refuse(line, index, what, f"the error {show(broken)}", "text or a number", fix=fix)
