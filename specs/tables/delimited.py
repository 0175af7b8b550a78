"""CSV and TSV files: rows of text with their lines (RFC 4180, with what spreadsheets add to it).

A first line ``sep=;`` (Excel's) says the separator. Blanks before an opening quote are no part of a cell.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

from specs.canonical import sha256_hex
from specs.errors import SpecError
from specs.reading.document import NotReadable, decode
from specs.spec import Place
from specs.tables.table import HEADER_WITHIN, Line, Table, fill, is_header
from specs.values.checks import show

CALLED = {";": "semicolons", "\t": "tabs", "|": "bars", ",": "commas"}
UTF8_FIX = 'save the table as "CSV UTF-8"'
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[,;\t|]*(?:\r\n?|\n|$)', re.IGNORECASE)
QUOTES_FIX = 'put text with quotes in quotes and double the ones inside: "a ""b"" c"'


class Lines:
    """Places in a text of rows: ``Places`` for CSV."""

    surplus = "put text that holds the separator in quotes"
    missing = "an empty cell needs its separator too"
    row_word = "line"

    def __init__(self, text: str, shown: str, delimiter: str) -> None:
        self.text, self.shown, self.delimiter = text, shown, delimiter
        self.starts: list[int] = []

    def cell(self, line: int, index: int) -> Place:
        """Where a cell starts; the end of the row where it has fewer cells."""
        at = self._start(line)
        column, begun = 1, at
        while index and at < len(self.text):
            end = _cell_end(self.text, at, self.delimiter)
            if end >= len(self.text) or self.text[end] != self.delimiter:
                at = end
                break
            at, index = end + 1, index - 1
        newline = max(self.text.rfind("\n", begun, at), self.text.rfind("\r", begun, at))
        if newline >= 0:
            line += len(_lines_between(self.text, begun, newline + 1))
            begun = newline + 1
        column += at - begun
        return Place(self.shown, line, column)

    def _start(self, line: int) -> int:
        if not self.starts:
            self.starts = [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", self.text))]
        return self.starts[min(line, len(self.starts)) - 1]


def _lines_between(text: str, start: int, end: int) -> list[str]:
    return re.findall(r"\r\n|\r|\n", text[start:end])


def _cell_end(text: str, at: int, delimiter: str) -> int:
    """Where the cell that starts at an offset ends: at its separator, its line end, or the end of the text."""
    start = at
    while start < len(text) and text[start] == " ":
        start += 1
    if text[start : start + 1] == '"':
        at = start + 1
        while at < len(text):
            at = text.find('"', at)
            if at < 0:
                return len(text)
            if text[at + 1 : at + 2] != '"':
                break
            at += 2
    found = re.compile(f"[{re.escape(delimiter)}\r\n]").search(text, at)
    return found.start() if found else len(text)


def read_delimited(data: bytes, shown: str, suffix: str, delimiter: str) -> Table:
    """The table in a CSV or TSV file; ``delimiter`` "" leaves it to the file. Raises NotReadable."""
    text = decode(data, shown, UTF8_FIX)
    used = delimiter or ("\t" if suffix == ".tsv" else ",")
    named = SEPARATOR_LINE.match(text)
    if named:
        used = _named_separator(named[1], shown, delimiter)
        text = "\n" + text[named.end() :]  # the line counts, and is empty
    table = Table(shown, sha256_hex(data), Lines(text, shown, used))
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=used, skipinitialspace=True)
    first, lines = _peeked(_rows(reader, shown))
    _refuse_other_separator(first, shown, used)
    fill(table, lines)
    return table


def _named_separator(separator: str, shown: str, delimiter: str) -> str:
    place, got = Place(shown, 1, 1), f"the separator line sep={separator}"
    if separator not in CALLED:
        raise NotReadable(SpecError(place, "columns", got, "one of , ; | and tab", mend="save the table anew as CSV"))
    if delimiter and delimiter != separator:
        fix = "take delimiter out of the spec, or remove the line"
        raise NotReadable(SpecError(place, "columns", got, f"the spec's delimiter {show(delimiter)}", mend=fix))
    return separator


def _peeked(lines: Iterator[Line]) -> tuple[list[Line], Iterator[Line]]:
    """The first rows, and an iterator over all; an error in reading is raised where the row is reached again."""
    first: list[Line] = []
    stop: list[NotReadable] = []
    try:
        for line in lines:
            first.append(line)
            if len(first) == HEADER_WITHIN:
                break
    except NotReadable as error:
        stop.append(error)

    def again() -> Iterator[Line]:
        yield from first
        if stop:
            raise stop[0]
        yield from lines

    return first, again()


def _rows(reader: Any, shown: str) -> Iterator[Line]:
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "field limit" in str(error):
                got, fix = "a cell of more than 131,072 characters", "look for a quote that is not closed"
                raise NotReadable(SpecError(Place(shown, line, 1), "CSV", got, "shorter cells", mend=fix)) from None
            raise NotReadable(
                SpecError(Place(shown, line, 1), "CSV", str(error), "CSV rows", mend=QUOTES_FIX)
            ) from None
        yield line, [cell.strip() for cell in cells]


def _refuse_other_separator(first: list[Line], shown: str, used: str) -> None:
    """Raises NotReadable for rows of one cell that a different separator would divide."""
    filled = [(line, [cell for cell in cells if cell]) for line, cells in first if any(cells)]
    if not filled or any(is_header(cells) for _, cells in filled):
        return
    for other, called in CALLED.items():
        if other == used:
            continue
        for line, cells in filled:
            parts = [part.strip(' "') for cell in cells for part in cell.split(other)]
            if (
                len(cells) == 1
                and len(parts) > 1
                and (is_header(parts) or len(filled[0][1]) == 1 == len(filled[-1][1]))
            ):
                fix = f'say so in the spec: {{from: …, delimiter: "{other}"}}'.replace("\t", "\\t")
                if line != filled[0][0]:
                    fix += f", and remove what is above line {line}, where the header seems to be"
                got = f"one column, its name with {called} in it"
                allowed = f"columns separated by {CALLED[used]}"
                raise NotReadable(SpecError(Place(shown, line, 1), "columns", got, allowed, mend=fix))
