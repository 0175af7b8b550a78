"""XLSX workbooks: sheets, and rows of cells as the sheet shows them (ECMA-376 part 1, SpreadsheetML).

Read here rather than by a library, so that memory and time are bounded whatever the file holds, no link is followed,
and every cell keeps its number format. Parts are streamed; what a workbook may hold is capped by the numbers below.
"""

from __future__ import annotations

import contextlib
import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO

from specs.boundary.files import parse_xml, zip_parts
from specs.errors import InvalidValue
from specs.tables.number_format import GENERAL, format_code, shown

MOST_UNPACKED_BYTES = 128 * 2**20
MOST_PARTS = 2_000
MOST_SHEETS = 200
MOST_ROW = 100_001  # the number of the last row: a header and 100,000 assets
MOST_COLUMN = 1_000
MOST_ELEMENTS = 2_500_000
MOST_STRINGS = 2_000_000
MOST_CELL_TEXT = 32_767  # characters, Excel's own limit
MOST_TEXT = 64 * 2**20  # characters of all cells
MOST_MERGED = 1_000
VALUE_ALLOWED = "text or a number"
REFERENCE = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
ESCAPE = re.compile("_x([0-9A-Fa-f]{4})_")


class NoWorkbook(ValueError):  # noqa: N818 (what the file is, not a failure of ours)
    """The file is no workbook, a damaged one, or holds more than is read: in words."""


@dataclass(slots=True)
class SheetRow:
    """A row of a sheet by its number, 1-based: texts by column, from 0, and what was refused of its cells."""

    number: int
    cells: dict[int, str] = field(default_factory=dict)
    refused: dict[int, InvalidValue] = field(default_factory=dict)


@dataclass(slots=True)
class Sheet:
    """A worksheet that was read: rows with something in them, and merged areas as (first row, column, last row, column,
    name such as ``E2:E3``), rows and columns 1-based."""

    name: str
    rows: list[SheetRow]
    merged: list[tuple[int, int, int, int, str]]


class Workbook:
    """An .xlsx file: ``sheets`` gives names and whether each is visible; ``read`` gives one sheet's rows."""

    def __init__(self, data: bytes) -> None:
        try:
            self._parts = zip_parts(data, MOST_PARTS, MOST_UNPACKED_BYTES)
        except ValueError as error:
            raise NoWorkbook(str(error)) from None
        self._elements = 0
        self._strings: list[str] | None = None
        self._formats: list[str] = []
        self.epoch_1904 = False
        self.sheets: dict[str, bool] = {}
        self._paths: dict[str, str] = {}
        self._open()

    def _open(self) -> None:
        book = self._target("", "/officeDocument") or "xl/workbook.xml"
        relations = self._relations(book)
        sheets: list[dict[str, str]] = []

        def start(name: str, attributes: dict[str, str]) -> None:
            if name == "sheet":
                sheets.append({key.rpartition(" ")[2]: value for key, value in attributes.items()})
            elif name == "workbookPr":
                self.epoch_1904 = attributes.get("date1904", "0") in ("1", "true")

        self._parse(book, start)
        if len(sheets) > MOST_SHEETS:
            raise NoWorkbook(f"{len(sheets):,} sheets; at most {MOST_SHEETS} are read")
        for sheet in sheets:
            kind, path = relations.get(sheet.get("id", ""), ("", ""))
            if kind.endswith("/worksheet") and path in self._parts:
                self.sheets[sheet.get("name", "")] = sheet.get("state", "visible") == "visible"
                self._paths[sheet.get("name", "")] = path
        self._shared = next((path for kind, path in relations.values() if kind.endswith("/sharedStrings")), "")
        self._styles = next((path for kind, path in relations.values() if kind.endswith("/styles")), "")

    def read(self, name: str, most_rows: int = MOST_ROW) -> Sheet:
        """The rows of a sheet, the first ``most_rows`` numbers of them; raises NoWorkbook where it cannot be read."""
        if self._strings is None:
            self._strings = self._read_strings()
            self._formats = self._read_formats()
        reading = _SheetReading(self._strings, self._formats, self.epoch_1904, most_rows)
        with contextlib.suppress(_Enough):
            self._parse(self._paths[name], reading.start, reading.end, reading.text)
        return Sheet(name, reading.rows, reading.merged)

    def _target(self, source: str, kind: str) -> str:
        found = [path for what, path in self._relations(source).values() if what.endswith(kind)]
        return found[0] if found and found[0] in self._parts else ""

    def _relations(self, source: str) -> dict[str, tuple[str, str]]:
        """(type, part) of each relation of a part, by its id; those that lead out of the file are left out."""
        folder, name = posixpath.split(source)
        path = posixpath.join(folder, "_rels", f"{name}.rels")
        found: dict[str, tuple[str, str]] = {}

        def start(name: str, attributes: dict[str, str]) -> None:
            if name == "Relationship" and attributes.get("TargetMode") != "External":
                target = posixpath.normpath(posixpath.join("/", folder, attributes.get("Target", ""))).lstrip("/")
                found[attributes.get("Id", "")] = (attributes.get("Type", ""), target)

        if path in self._parts:
            self._parse(path, start)
        return found

    def _read_strings(self) -> list[str]:
        if self._shared not in self._parts:
            return []
        strings: list[str] = []
        inline = _RichText()

        def end(name: str) -> None:
            if name == "si":
                if len(strings) == MOST_STRINGS:
                    raise NoWorkbook(f"more than {MOST_STRINGS:,} shared texts")
                strings.append(inline.take())
            else:
                inline.end(name)

        self._parse(self._shared, lambda name, _: inline.start(name), end, inline.text)
        return strings

    def _read_formats(self) -> list[str]:
        """The format code of each cell style (``cellXfs``), by its number."""
        custom: dict[int, str] = {}
        numbers: list[int] = []
        inside: list[str] = []

        def start(name: str, attributes: dict[str, str]) -> None:
            inside.append(name)
            if name == "numFmt":
                custom[_whole(attributes.get("numFmtId", ""))] = attributes.get("formatCode", GENERAL)[:255]
            elif name == "xf" and inside[-2:-1] == ["cellXfs"]:
                numbers.append(_whole(attributes.get("numFmtId", "0")))

        if self._styles in self._parts:
            self._parse(self._styles, start, lambda _: inside.clear() if len(inside) < 2 else inside.__delitem__(-1))
        return [format_code(number, custom) for number in numbers]

    def _parse(
        self,
        path: str,
        start: Callable[[str, dict[str, str]], None],
        end: Callable[[str], None] = lambda _: None,
        text: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Stream a part through three functions; all parts together may have MOST_ELEMENTS elements."""

        if path not in self._parts:
            raise NoWorkbook(f"no part {path!r}")
        try:
            file: BinaryIO = self._parts[path]()
            with file:
                self._elements += parse_xml(file, start, end, text, MOST_ELEMENTS - self._elements)
        except (NoWorkbook, _Enough):
            raise
        except Exception as error:  # zlib, zipfile and expat each have errors of their own for damaged data
            raise NoWorkbook(str(error) or type(error).__name__) from None


class _Enough(Exception):  # noqa: N818 (the rows that were asked for have been read)
    pass


class _RichText:
    """The text of a string item: its runs' ``t``, without phonetic guides (``rPh``)."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.length = 0
        self.reading = False
        self.phonetic = False

    def start(self, name: str) -> None:
        self.reading = name == "t" and not self.phonetic
        self.phonetic = self.phonetic or name == "rPh"

    def end(self, name: str) -> None:
        self.reading = False
        self.phonetic = self.phonetic and name != "rPh"

    def text(self, text: str) -> None:
        if self.reading:
            self.length += len(text)
            if self.length > MOST_CELL_TEXT:
                raise NoWorkbook(f"a text of more than {MOST_CELL_TEXT:,} characters in one cell")
            self.pieces.append(text)

    def take(self) -> str:
        text = "".join(self.pieces)
        self.pieces, self.length = [], 0
        return ESCAPE.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text


class _SheetReading:
    """Rows and merged areas of one worksheet from its elements."""

    def __init__(self, strings: list[str], formats: list[str], epoch_1904: bool, most_rows: int) -> None:
        self.strings, self.formats, self.epoch_1904, self.most_rows = strings, formats, epoch_1904, most_rows
        self.rows: list[SheetRow] = []
        self.merged: list[tuple[int, int, int, int, str]] = []
        self.row = SheetRow(0)
        self.column = -1
        self.attributes: dict[str, str] = {}
        self.value: list[str] = []
        self.inside = ""
        self.formula: list[str] | None = None
        self.rich = _RichText()
        self.total = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "c":
            self.attributes, self.value, self.formula = attributes, [], None
            self.column = self._column(attributes.get("r"))
        elif name == "v":
            self.inside = name
        elif name == "f":
            self.inside, self.formula = name, []
        elif name == "row":
            self._new_row(attributes.get("r"))
        elif name == "mergeCell":
            self._merge(attributes.get("ref", ""))
        else:
            self.rich.start(name)

    def end(self, name: str) -> None:
        if name == "c":
            self._cell()
        elif name == "row":
            if self.row.cells or self.row.refused:
                self.rows.append(self.row)
        elif name in ("v", "f"):
            self.inside = ""
        else:
            self.rich.end(name)

    def text(self, text: str) -> None:
        if self.inside == "v":
            self.value.append(text)
        elif self.inside == "f" and self.formula is not None:
            if len(self.formula) < 8:
                self.formula.append(text[:200])
        else:
            self.rich.text(text)

    def _new_row(self, number: str | None) -> None:
        line = _whole(number) if number is not None else self.row.number + 1
        if line <= self.row.number:
            raise NoWorkbook(f"row {line} after row {self.row.number}")
        if line > self.most_rows:
            if self.most_rows < MOST_ROW:
                raise _Enough
            raise NoWorkbook(f"row {line:,}; rows 1 to {MOST_ROW:,} are read: delete the empty rows below the table")
        self.row, self.column = SheetRow(line), -1

    def _column(self, reference: str | None) -> int:
        if reference is None:
            column = self.column + 1
        else:
            match = REFERENCE.fullmatch(reference)
            if match is None or int(match[2]) != self.row.number:
                raise NoWorkbook(f"a cell {reference[:20]!r} in row {self.row.number}")
            column = column_number(match[1]) - 1
            if column <= self.column:
                raise NoWorkbook(f"the cell {reference} after one to its right")
        return column

    def _cell(self) -> None:
        try:
            text = self._shown()
        except InvalidValue as refusal:
            self.row.refused[self.column] = refusal
            text = "?"
        if text:
            self.total += len(text)
            if self.column >= MOST_COLUMN:
                raise NoWorkbook(f"the cell {column_name(self.column + 1)}{self.row.number} filled, far to the right")
            if self.total > MOST_TEXT:
                raise NoWorkbook(f"more than {MOST_TEXT:,} characters of text")
            self.row.cells[self.column] = text

    def _shown(self) -> str:
        """The cell's text as the sheet shows it; raises InvalidValue for what has no text of its own."""
        kind = self.attributes.get("t", "n")
        rich = self.rich.take() if self.rich.pieces else ""
        if self.formula is not None:
            code = "".join(self.formula)[:60]
            raise InvalidValue(f"the formula ={code}", VALUE_ALLOWED, mend="paste it as a value")
        raw = "".join(self.value)
        if len(raw) > MOST_CELL_TEXT:
            raise NoWorkbook(f"a text of more than {MOST_CELL_TEXT:,} characters in one cell")
        if kind == "inlineStr":
            return rich.strip()
        if not raw:
            return ""
        if kind == "s":
            return self._shared(raw).strip()
        if kind == "b":
            return "TRUE" if raw.strip() == "1" else "FALSE"
        if kind == "e":
            raise InvalidValue(f"the error {raw[:40]}", VALUE_ALLOWED, mend="correct the formula, or type the value")
        if kind == "d":
            mend = "format the cell as text, then type it anew as it should read"
            raise InvalidValue(f"the date {raw[:40]}", VALUE_ALLOWED, mend=mend)
        if kind == "str":
            return raw.strip()
        return self._number(raw.strip())

    def _shared(self, raw: str) -> str:
        index = _whole(raw)
        if index >= len(self.strings):
            raise NoWorkbook(f"the shared text {index}, of {len(self.strings)}")
        return self.strings[index]

    def _number(self, raw: str) -> str:
        style = self.attributes.get("s")
        if not style and raw.isdigit() and len(raw) < 16 and raw.isascii():
            return raw.lstrip("0") or "0"
        if not NUMBER.fullmatch(raw):
            raise NoWorkbook(f"the number {raw[:40]!r}")
        index = _whole(style or "0")
        code = self.formats[index] if index < len(self.formats) else GENERAL
        return shown(raw, code, self.epoch_1904)

    def _merge(self, reference: str) -> None:
        corners = [REFERENCE.fullmatch(corner) for corner in reference.split(":")]
        if len(corners) != 2 or None in corners or len(self.merged) == MOST_MERGED:
            raise NoWorkbook(f"the merged cells {reference[:40]!r}" if len(self.merged) < MOST_MERGED else
                             f"more than {MOST_MERGED:,} merged areas")  # fmt: skip
        (c1, r1), (c2, r2) = ((column_number(c[1]), int(c[2])) for c in corners if c is not None)
        self.merged.append((r1, c1, r2, c2, reference))


def column_number(letters: str) -> int:
    """A → 1, Z → 26, AA → 27."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def column_name(number: int) -> str:
    """1 → A, 26 → Z, 27 → AA."""
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise NoWorkbook(f"{text[:20]!r} where a whole number belongs")
    return int(text)
