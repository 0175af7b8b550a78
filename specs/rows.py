"""Tables of assets: CSV and XLSX → rows of text, each cell with its place.

A cell is text without white space at its ends. Rows of nothing but empty cells are skipped; everything else that makes
a table ambiguous (ragged rows, nameless or repeated columns, formulas, dates) is an error.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from specs.canonical import sha256_hex
from specs.checks import listed, show
from specs.document import NotReadable, decode, read_bytes
from specs.errors import SpecError
from specs.spec import Place

SUFFIXES = (".csv", ".tsv", ".xlsx")
MOST_TABLE_BYTES = 32 * 1024 * 1024
MOST_UNPACKED_BYTES = 512 * 1024 * 1024
MOST_ROWS = 100_000
MOST_COLUMNS = 200
UTF8_MEND = 'save the table as "CSV UTF-8"'


@dataclass(slots=True)
class Row:
    """One row: its cells by column, and the line (CSV) or row number (XLSX) that it starts on, 1-based."""

    cells: dict[str, str]
    line: int


@dataclass(slots=True)
class Table:
    """A row file as read: columns in their order, rows, and the errors of its form."""

    shown: str
    columns: list[str]
    rows: list[Row]
    errors: list[SpecError]
    sha256: str
    delimiter: str = ","
    text: str = ""  # CSV only: for the columns of places
    lines: list[str] = field(default_factory=list)

    def place(self, row: Row, column: str | None = None) -> Place:
        """Where a row, or a cell of it, starts. For XLSX the column is the cell's number, 1 = A."""
        if column is None or column not in self.columns:
            return Place(self.shown, row.line, 1)
        return self.cell_place(row.line, self.columns.index(column))

    def cell_place(self, line: int, index: int) -> Place:
        """Where cell ``index`` (from 0) of the row that starts on ``line`` starts."""
        if not self.text:
            return Place(self.shown, line, index + 1)
        if not self.lines:
            self.lines = list(io.StringIO(self.text, newline=""))
        column, quoted = 1, False
        for character in "".join(self.lines[line - 1 : line + 99]):
            if index == 0:
                break
            column += 1
            if character == '"':
                quoted = not quoted
            elif character == self.delimiter and not quoted:
                index -= 1
            elif character == "\n":
                line, column = line + 1, 1
        return Place(self.shown, line, column)


def read_table(path: Path, shown: str, sheet: str = "", delimiter: str = "") -> Table:
    """The table in a .csv, .tsv or .xlsx file; raises NotReadable where nothing can be read."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        place = Place(shown, 1, 1)
        raise NotReadable(SpecError(place, "row file", show(suffix or path.name), "a .csv, .tsv or .xlsx file"))
    data = read_bytes(path, shown, MOST_TABLE_BYTES)
    if suffix == ".xlsx":
        return _xlsx(data, shown, sheet)
    return _csv(data, shown, delimiter or ("\t" if suffix == ".tsv" else ","))


def _csv(data: bytes, shown: str, delimiter: str) -> Table:
    text = decode(data, shown, UTF8_MEND)
    table = Table(shown, [], [], [], sha256_hex(data), delimiter, text)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
    _fill(table, _csv_rows(reader, shown))
    if len(table.columns) == 1:
        _other_delimiter(table)
    return table


def _csv_rows(reader: Any, shown: str) -> Iterator[tuple[int, list[str]]]:
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            mend = 'put text with quotes in quotes and double the ones inside: "a ""b"" c"'
            raise NotReadable(SpecError(Place(shown, line, 1), "CSV", str(error), "CSV rows", mend=mend)) from None
        yield line, [cell.strip() for cell in cells]


def _other_delimiter(table: Table) -> None:
    for delimiter, called in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if delimiter in table.columns[0]:
            mend = f'say so in the spec: {{from: …, delimiter: "{delimiter}"}}'.replace("\t", "\\t")
            got = f"one column, its name with {called} in it"
            place = Place(table.shown, 1, 1)
            table.errors.append(SpecError(place, "columns", got, "columns separated by commas", mend=mend))


def _fill(table: Table, rows: Iterator[tuple[int, list[str]]]) -> None:
    """Header and rows into the table."""
    first = next(rows, None)
    while first is not None and not any(first[1]):
        first = next(rows, None)
    if first is None:
        empty = SpecError(
            Place(table.shown, 1, 1), "row file", "nothing", "a row of column names, then one row an asset"
        )
        raise NotReadable(empty)
    line, table.columns = first
    _check_header(table, line)
    width = len(table.columns)
    for line, cells in rows:
        if not any(cells):
            continue
        if len(table.rows) == MOST_ROWS:
            got = f"more than {MOST_ROWS:,} rows"
            table.errors.append(SpecError(Place(table.shown, line, 1), "rows", got, f"at most {MOST_ROWS:,}"))
            return
        if len(cells) != width:
            mend = "put text that holds the separator in quotes" if len(cells) > width else ""
            place = table.cell_place(line, min(len(cells), width))
            error = SpecError(place, "row", f"{len(cells)} cells", f"{width} cells, as the columns say", mend=mend)
            table.errors.append(error)
            continue
        table.rows.append(Row(dict(zip(table.columns, cells, strict=True)), line))


def _check_header(table: Table, line: int) -> None:
    seen: dict[str, int] = {}
    if len(table.columns) > MOST_COLUMNS:
        got = f"{len(table.columns)} columns"
        raise NotReadable(SpecError(Place(table.shown, line, 1), "columns", got, f"at most {MOST_COLUMNS}"))
    for index, name in enumerate(table.columns):
        place = table.cell_place(line, index)
        if not name:
            mend = "name the column or remove it"
            error = SpecError(place, "columns", f"no name for column {index + 1}", "a name for each", mend=mend)
            table.errors.append(error)
        elif "{" in name or "}" in name:
            table.errors.append(SpecError(place, "columns", show(name), "names without braces"))
        elif name in seen:
            got = f"{show(name)} twice, as columns {seen[name] + 1} and {index + 1}"
            table.errors.append(SpecError(place, "columns", got, "each name once"))
        seen.setdefault(name, index)


def _xlsx(data: bytes, shown: str, sheet: str) -> Table:
    start = Place(shown, 1, 1)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > MOST_UNPACKED_BYTES:
            got = f"{unpacked:,} bytes once unpacked"
            raise NotReadable(SpecError(start, "workbook", got, f"at most {MOST_UNPACKED_BYTES:,}"))
        return _workbook(data, shown, sheet)
    except NotReadable:
        raise
    except Exception as error:  # openpyxl raises whatever its parsers raise on a broken file
        got = f"a file that does not open as one ({type(error).__name__})"
        raise NotReadable(SpecError(start, "workbook", got, "an .xlsx workbook", mend="save it anew")) from None


def _workbook(data: bytes, shown: str, sheet: str) -> Table:
    import openpyxl  # here, because it takes a quarter of a second that most specs need not pay

    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=False, keep_links=False)
    try:
        names = [page.title for page in book.worksheets]
        if sheet and sheet not in names:
            raise NotReadable(SpecError(Place(shown, 1, 1), "sheet", show(sheet), listed(names)))
        page = book[sheet] if sheet else book.worksheets[0]
        page.reset_dimensions()
        table = Table(shown, [], [], [], sha256_hex(data))
        _fill(table, _sheet_rows(table, page.iter_rows(max_col=MOST_COLUMNS + 1)))
        return table
    finally:
        book.close()


def _sheet_rows(table: Table, rows: Iterator[Sequence[Any]]) -> Iterator[tuple[int, list[str]]]:
    """Cells as text; short rows are filled up and empty cells beyond the last column cut off."""
    width = 0
    for line, cells in enumerate(rows, 1):
        texts = [_sheet_cell(table, line, index, cell) for index, cell in enumerate(cells)]
        while texts and not texts[-1] and (not width or len(texts) > width):
            texts.pop()
        texts.extend([""] * (width - len(texts)))
        width = width or len(texts)
        yield line, texts


def _sheet_cell(table: Table, line: int, index: int, cell: Any) -> str:
    value = cell.value
    if value is None:
        return ""
    kind = getattr(cell, "data_type", "s")
    if isinstance(value, str) and kind not in ("f", "e"):
        return value.strip()
    if isinstance(value, int | float) and not isinstance(value, bool) and kind != "f":
        return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(value)
    got = {"f": f"the formula {value}", "e": f"the error {value}", "b": str(value).lower(), "d": f"the date {value}"}
    mend = "format the cell as text" if kind in ("b", "d") else "paste it as a value"
    name = table.columns[index] if index < len(table.columns) else f"{index + 1}"
    place = Place(table.shown, line, index + 1)
    what = f"column {show(name)}"
    table.errors.append(SpecError(place, what, got.get(kind, str(value)), "text or a number", mend=mend))
    return "?"
