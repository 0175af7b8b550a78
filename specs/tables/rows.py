"""Tables of assets: CSV and XLSX → rows of text, each cell with its place.

A cell is text as the sheet shows it, without white space at its ends. Rows and outer columns of nothing but empty cells
are skipped; everything else that makes a table ambiguous (ragged rows, nameless or repeated columns, merged cells,
formulas, dates, number formats that do not show the number) is an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from specs.canonical import sha256_hex
from specs.errors import SpecError
from specs.reading.document import NotReadable, read_bytes
from specs.spec import Place
from specs.tables.delimited import read_delimited
from specs.tables.table import HEADER_WITHIN, MOST_COLUMNS, Line, Row, Table, fill, is_header
from specs.tables.workbook import MOST_ROW, NoWorkbook, Sheet, Workbook, column_name
from specs.values.checks import listed, near, show

__all__ = ["SUFFIXES", "Row", "Table", "read_table"]
SUFFIXES = (".csv", ".tsv", ".xlsx")
MOST_TABLE_BYTES = 32 * 1024 * 1024


class Cells:
    """Places in a worksheet: ``Places`` for XLSX."""

    surplus = "name the column, or empty its cells"
    missing = "fill in the row"
    row_word = "row"

    def __init__(self, shown: str, sheet: str) -> None:
        plain = sheet.isalnum() and not sheet[:1].isdigit()
        self.shown, self.sheet = shown, sheet if plain else "'" + sheet.replace("'", "''") + "'"

    def cell(self, line: int, index: int) -> Place:
        """Where a cell is."""
        return Place(self.shown, line, index + 1, f"{self.sheet}!{column_name(index + 1)}{line}")


def read_table(path: Path, shown: str, sheet: str = "", delimiter: str = "") -> Table:
    """The table in a .csv, .tsv or .xlsx file; raises NotReadable where nothing can be read."""
    suffix = path.suffix.lower()
    start = Place(shown, 1, 1)
    if suffix not in SUFFIXES:
        raise NotReadable(SpecError(start, "row file", show(suffix or path.name), "a .csv, .tsv or .xlsx file"))
    data = read_bytes(path, shown, MOST_TABLE_BYTES)
    if suffix == ".xlsx":
        if delimiter:
            got = f"delimiter {show(delimiter)} for a workbook"
            raise NotReadable(SpecError(start, "delimiter", got, "delimiter with .csv alone", mend="leave it out"))
        return _workbook(data, shown, sheet)
    if sheet:
        got = f"sheet {show(sheet)} for a {suffix} file"
        raise NotReadable(SpecError(start, "sheet", got, "sheet with .xlsx alone", mend="leave it out"))
    return read_delimited(data, shown, suffix, delimiter)


def _workbook(data: bytes, shown: str, sheet: str) -> Table:
    start = Place(shown, 1, 1)
    if data.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):  # [MS-CFB] 2.2: an .xls, or an encrypted .xlsx
        got = "a file of the older .xls kind, or one with a password"
        raise NotReadable(SpecError(start, "workbook", got, "an .xlsx workbook", mend="save it as .xlsx, without one"))
    try:
        book = Workbook(data)
        found = book.read(_chosen(book, shown, sheet))
    except NoWorkbook as error:
        got = f"a file that does not open as one: {error}"
        raise NotReadable(SpecError(start, "workbook", got, "an .xlsx workbook", mend="save it anew")) from None
    places = Cells(shown, found.name)
    table = Table(shown, sha256_hex(data), places)
    fill(table, _lines(found))
    _refuse_cells(table, found)
    _refuse_merged(table, found)
    return table


def _chosen(book: Workbook, shown: str, sheet: str) -> str:
    """The sheet to read: the one that the spec names, or the only visible one with a column ``id``."""
    start = Place(shown, 1, 1)
    if sheet:
        if sheet not in book.sheets:
            names = list(book.sheets)
            allowed = listed(show(name) for name in names)
            raise NotReadable(SpecError(start, "sheet", show(sheet), allowed, near(sheet, names)))
        return sheet
    visible = [name for name, shows in book.sheets.items() if shows]
    if not visible:
        hidden = listed(show(name) for name in book.sheets) or "none"
        got = f"no visible sheet (hidden: {hidden})"
        raise NotReadable(
            SpecError(start, "sheet", got, "a visible sheet", mend="unhide it, or say sheet: in the spec")
        )
    with_ids = [name for name in visible if len(visible) == 1 or _has_header(book, name)]
    if len(with_ids) > 1:
        got = f"{len(with_ids)} sheets with a column id"
        fix = f'say which in the spec: {{from: …, sheet: "{with_ids[0]}"}}'
        raise NotReadable(SpecError(start, "sheet", got, listed(show(name) for name in with_ids), mend=fix))
    return (with_ids or visible)[0]


def _has_header(book: Workbook, name: str) -> bool:
    rows = book.read(name, HEADER_WITHIN * 5).rows[:HEADER_WITHIN]
    return any(is_header(list(row.cells.values())) for row in rows)


def _lines(sheet: Sheet) -> Iterator[Line]:
    """Rows as lists; short ones are filled up to the width of the first row that could be the header."""
    width = 0
    for row in sheet.rows:
        last = max((index for index, text in row.cells.items() if text), default=-1)
        cells = [row.cells.get(index, "") for index in range(last + 1)]
        if is_header(cells) and not width:
            width = len(cells)
        cells.extend([""] * (width - len(cells)))
        yield row.number, cells


def _refuse_cells(table: Table, sheet: Sheet) -> None:
    """Cells of the table that are no text or number, or whose number format does not show one."""
    width = len(table.columns)
    for row in sheet.rows:
        for index, refusal in row.refused.items():
            name = table.columns[index] if index < width else f"{index + 1}"
            place = table.places.cell(row.number, index)
            table.errors.append(SpecError.refused(place, f"column {show(name)}", refusal))


def _refuse_merged(table: Table, sheet: Sheet) -> None:
    """Merged cells within the table: a merged area has one value, the other cells of it are empty."""
    rows = {row.number for row in sheet.rows}
    width, last = len(table.columns), min(max(rows, default=0), MOST_ROW)
    for top, left, bottom, _, name in sheet.merged:
        if (
            left <= min(width, MOST_COLUMNS)
            and top <= last
            and any(r in rows for r in range(top, min(bottom, last) + 1))
        ):
            got = f"the merged cells {name}"
            fix = "unmerge them, and fill in each cell"
            table.refuse(
                top, left - 1, "cells", got, f"a value in each cell (only {column_name(left)}{top} has one)", fix=fix
            )
