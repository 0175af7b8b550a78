# ruff: noqa: E501 (tables of inputs)
"""Inputs that people have, one folder each with its answer, and others of each kind."""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specs.errors import InvalidValue, SpecErrors
from specs.reading.load import load_spec
from specs.spec import Schedule
from specs.values.cron import CRON, next_firing
from specs.values.time_zones import TIMEZONE

CASES = Path(__file__).parent
HEAD = """\
set: cases
checkpoint: starter
style: {prompt: "a {colour} {subject} on a {ground} background"}
picture: {width_px: 128, height_px: 128}
"""
COLUMNS = ["id", "subject", "colour", "ground"]
SWORD = ["sword", "sword", "silver", "night"]

# folder → the parts of each line of its errors, or the prompts of its assets
REFUSED = {
    "cron_never": [["spec.yaml:7:18", "day 30 never comes in February"]],
    "csv_a1111_names": [
        ["cards.csv:1:26", "did you mean 'negative'?"],
        ["cards.csv:1:42", "did you mean 'picture.steps'?"],
        ["cards.csv:1:48", "did you mean 'picture.guidance'?"],
        ["cards.csv:1:58", "did you mean 'picture.scheduler'?"],
        ["cards.csv:1:66", "did you mean 'picture.width_px'?"],
        ["cards.csv:1:72", "did you mean 'picture.height_px'?"],
        ["cards.csv:1:79", "did you mean 'seeds'?"],
    ],
    "csv_excel_error": [
        ["cards.csv:2:7", "the error '#REF!'"],
        ["cards.csv:3:5", "the error '#N/A'"],
        ["cards.csv:3:10", "the error '#NAME?'"],
    ],
    "csv_seeds_thousands": [
        ["cards.csv:2:26", "'1,234' may be one number or several", "write 1234 for one, 1 234 for several"],
        ["cards.csv:3:21", "'2,345,678' may be one number or several"],
    ],
    "csv_short_row": [["cards.csv:3:1", "3 cells; allowed: 4 cells"]],
    "csv_trim_decimal_comma": [
        ["cards.csv:2:26", "write a decimal point: 63.5x88.9"],
        ["cards.csv:3:21", "may be 63 by 88, or 63.88 alone", "write 63x88 for", "63.88xHEIGHT"],
    ],
    "nbsp_indent": [["spec.yaml:5:1", "U+00A0 NO-BREAK SPACE", "allowed: spaces"]],
    "tz_PST": [["spec.yaml:1:6", "'tz-pst'"], ["spec.yaml:7:41", "did you mean 'America/Los_Angeles'?"]],
    "xlsx_date_formatted_text": [["cards.xlsx:Sheet!E2", "44931", "type it anew into the cell"]],
    "xlsx_merged_unused": [["cards.xlsx:Sheet!E2", "the merged cells E2:E3", "unmerge them"]],
    "xlsx_title_row": [["cards.xlsx:Sheet!A1", "My great deck, v2", "the header seems to be row 3"]],
    "zw_value": [
        ["cards.csv:2:7", r"'sw\u200bord'", "U+200B ZERO WIDTH SPACE"],
        ["cards.csv:2:14", r"'sil\xadver'", "U+00AD SOFT HYPHEN"],
        ["cards.csv:2:22", r"'night\u202e'", "U+202E RIGHT-TO-LEFT OVERRIDE"],
    ],
}
READ = {
    "csv_keep_true": ["a silver sword on a night background"],
    "csv_sep_comma_line": ["a silver sword on a night background"],
    "csv_space_quote": ["a silver sword on a night background"],
    "csv_trailing_cols": ["a silver sword on a night background", "a brown bow on a night background"],
    "xlsx_hidden_first": ["a silver sword on a night background"],
    "xlsx_ids_drift": ["a silver sword on a night background"],
}


def lines_of(spec: Path) -> list[str]:
    with pytest.raises(SpecErrors) as caught:
        load_spec(spec)
    return str(caught.value).replace(f"{spec.parent}/", "").splitlines()


@pytest.mark.parametrize("folder", REFUSED)
def test_a_case_is_refused_with_its_place_and_what_helps(folder: str) -> None:
    lines = lines_of(CASES / folder / "spec.yaml")
    assert len(lines) == len(REFUSED[folder]), lines
    for line, (place, *parts) in zip(lines, REFUSED[folder], strict=True):
        assert line.startswith(f"{place}: ")
        assert [part for part in parts if part not in line] == []


@pytest.mark.parametrize("folder", READ)
def test_a_case_is_read_as_the_sheet_shows_it(folder: str) -> None:
    assert [asset.prompt for asset in load_spec(CASES / folder / "spec.yaml").assets] == READ[folder]


def test_the_cases_are_all_here() -> None:
    folders = {path.name for path in CASES.iterdir() if (path / "spec.yaml").is_file()}
    assert {*REFUSED, *READ} <= folders


def test_ids_are_what_the_sheet_shows_and_what_its_csv_says() -> None:
    folder = CASES / "xlsx_ids_drift"
    ids = [[a.asset_id for a in load_spec(folder / name).assets] for name in ("spec.yaml", "spec_csv.yaml")]
    assert ids == [["001"], ["001"]]


def test_true_in_a_table_is_true() -> None:
    asset = load_spec(CASES / "csv_keep_true" / "spec.yaml").assets[0]
    assert (asset.picture.tiles, asset.keep.per_asset) == (True, 1)


def csv_spec(folder: Path, text: str | bytes, extra: str = "") -> Path:
    (folder / "cards.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    path = folder / "spec.yaml"
    path.write_text(f"{HEAD}assets: {{from: cards.csv{extra}}}\n")
    return path


def book_of(*rows: list[Any]) -> openpyxl.Workbook:
    book = openpyxl.Workbook()
    book.active.title = "Cards"
    for row in rows:
        book.active.append(row)
    return book


def xlsx_spec(folder: Path, book: openpyxl.Workbook, extra: str = "") -> Path:
    book.save(folder / "cards.xlsx")
    path = folder / "spec.yaml"
    path.write_text(f"{HEAD}assets: {{from: cards.xlsx{extra}}}\n")
    return path


def inline(folder: Path, *rows: str, head: str = HEAD) -> Path:
    path = folder / "spec.yaml"
    path.write_text(head + "assets:\n" + "".join(f"  - {row}\n" for row in rows))
    return path


def row(*cells: str) -> str:
    data = io.StringIO()
    csv.writer(data, lineterminator="\n").writerow(cells)
    return data.getvalue()


HEADER = row(*COLUMNS)
GOOD = HEADER + row(*SWORD)


class TestPlaces:
    @pytest.mark.parametrize(
        ("text", "place"),
        [
            (HEADER + '"a\nb",sword,silver,night\nbow,bow\n', "cards.csv:2:1"),
            (HEADER + row(*SWORD) + '"x","two\nlines",red,night\nbow,bow\n', "cards.csv:5:1"),
            (HEADER + 'sword,a 5" blade,silver,night,more\n', "cards.csv:2:31"),
            (HEADER + row(*SWORD) + "\n\nbow,bow,brown\n", "cards.csv:5:1"),
            (GOOD.replace("\n", "\r\n") + 'axe,"axe, ""big""",red\r\n', "cards.csv:3:1"),
            (GOOD + 'bow,"two\nlines, here",brown,\n', "cards.csv:4:20"),
        ],
    )
    def test_are_the_rows_own(self, tmp_path: Path, text: str, place: str) -> None:
        assert any(line.startswith(f"{place}: ") for line in lines_of(csv_spec(tmp_path, text)))


class TestTheHeader:
    @pytest.mark.parametrize(
        ("above", "line"),
        [
            ("My deck\n", 2),
            ("# exported 2022-09-16 by me, with love\n\n", 3),
            ("Deck of cards,,,\nversion 2,,,\n", 3),
            ("\n\nTitle: spring,,,\n", 4),
            ("a,b,c,d\n", 2),
        ],
    )
    def test_that_is_not_first_is_one_error(self, tmp_path: Path, above: str, line: int) -> None:
        lines = lines_of(csv_spec(tmp_path, above + GOOD + row("bow", "bow", "red", "sea")))
        assert len(lines) == 1
        assert f"the header seems to be line {line} " in lines[0]

    def test_that_is_not_there_is_one_error(self, tmp_path: Path) -> None:
        lines = lines_of(csv_spec(tmp_path, row(*SWORD) + row("bow", "bow", "brown", "sea")))
        assert len(lines) == 1
        assert "allowed: a column named id; name a column id; where line 1 is an asset already" in lines[0]

    @pytest.mark.parametrize("name", ["ID", "Id", "Card ID", "ｉｄ", "#id"])
    def test_of_another_name_for_id_says_what_to_rename(self, tmp_path: Path, name: str) -> None:
        lines = lines_of(csv_spec(tmp_path, GOOD.replace("id,", f"{name},", 1)))
        assert len(lines) == 1
        assert f"rename the column '{name}' to id" in lines[0]

    @pytest.mark.parametrize(
        ("first", "by"), [("sep=;", ";"), ("sep=,", ","), ('"sep=;"', ";"), ("SEP=|", "|"), ("sep=\t", "\t")]
    )
    def test_may_follow_a_separator_line(self, tmp_path: Path, first: str, by: str) -> None:
        spec = load_spec(csv_spec(tmp_path, f"\ufeff{first}\r\n" + GOOD.replace(",", by).replace("\n", "\r\n")))
        assert spec.assets[0].prompt == "a silver sword on a night background"
        assert spec.assets[0].place.line == 3

    def test_and_a_separator_that_the_spec_contradicts(self, tmp_path: Path) -> None:
        lines = lines_of(csv_spec(tmp_path, "sep=;\n" + GOOD.replace(",", ";"), ', delimiter: "|"'))
        assert lines[0].startswith("cards.csv:1:1: columns: got the separator line sep=;")

    @pytest.mark.parametrize("above", [["A title"], ["By", "me"], [None, "x"], ["# comment"], ["a", "b", "c", "d"]])
    def test_in_a_workbook_as_well(self, tmp_path: Path, above: list[Any]) -> None:
        lines = lines_of(xlsx_spec(tmp_path, book_of(above, COLUMNS, SWORD)))
        assert len(lines) == 1
        assert "the header seems to be row 2 " in lines[0]
        assert "quotes" not in lines[0]

    def test_again_below_is_named(self, tmp_path: Path) -> None:
        assert "a second row of column names" in lines_of(csv_spec(tmp_path, GOOD + GOOD))[0]


QUOTED = ["“silver”", "„silber“", "«argent»", "'silver'", "`silver`", '"silver', "”silver”"]


class TestQuotes:
    @pytest.mark.parametrize("colour", QUOTED)
    def test_in_csv(self, tmp_path: Path, colour: str) -> None:
        lines = lines_of(csv_spec(tmp_path, HEADER + row("sword", "sword", colour, "night")))
        assert lines[0].startswith("cards.csv:2:13: variable colour")
        assert "remove the quotes" in lines[0]

    @pytest.mark.parametrize("colour", QUOTED)
    def test_in_xlsx(self, tmp_path: Path, colour: str) -> None:
        lines = lines_of(xlsx_spec(tmp_path, book_of(COLUMNS, ["sword", "sword", colour, "night"])))
        assert lines[0].startswith("cards.xlsx:Cards!C2: variable colour")

    @pytest.mark.parametrize(
        "text", ["“a {subject}”", "'a {subject}'", "«a {subject}»", "‘a {subject}’", '"a {subject}"']
    )
    def test_around_a_template(self, tmp_path: Path, text: str) -> None:
        head = HEAD.replace('"a {colour} {subject} on a {ground} background"', "'" + text.replace("'", "''") + "'")
        assert "style.prompt" in lines_of(inline(tmp_path, "{id: one, subject: x}", head=head))[0]

    @pytest.mark.parametrize(
        "colour", ['a 5" blade', "the lords'", "'tis silver", '"yes" and "no"', "rock 'n' roll", 'of 12"']
    )
    def test_that_are_text_stay(self, tmp_path: Path, colour: str) -> None:
        spec = load_spec(csv_spec(tmp_path, HEADER + row("sword", "sword", colour, "night")))
        assert spec.assets[0].prompt == f"a {colour} sword on a night background"

    def test_of_a_column_that_no_prompt_uses_stay(self, tmp_path: Path) -> None:
        spec = load_spec(csv_spec(tmp_path, row(*COLUMNS, "flavour") + row(*SWORD, "“Winter is near.”")))
        assert dict(spec.assets[0].row)["flavour"] == "“Winter is near.”"


class TestTruth:
    @pytest.mark.parametrize("cell", ["TRUE", "True", "true", "FALSE", "fAlse"])
    def test_is_read_in_any_case(self, tmp_path: Path, cell: str) -> None:
        spec = load_spec(csv_spec(tmp_path, row(*COLUMNS, "picture.tiles") + row(*SWORD, cell)))
        assert spec.assets[0].picture.tiles is (cell.casefold() == "true")

    @pytest.mark.parametrize("cell", [True, False, "TRUE", "false"])
    def test_is_read_from_xlsx(self, tmp_path: Path, cell: object) -> None:
        spec = load_spec(xlsx_spec(tmp_path, book_of([*COLUMNS, "picture.tiles"], [*SWORD, cell])))
        assert spec.assets[0].picture.tiles is (str(cell).casefold() == "true")

    @pytest.mark.parametrize(
        ("cell", "meant"), [("yes", "true"), ("1", "true"), ("WAHR", "true"), ("nein", "false"), ("x", "true")]
    )
    def test_in_other_words_is_suggested(self, tmp_path: Path, cell: str, meant: str) -> None:
        lines = lines_of(csv_spec(tmp_path, row(*COLUMNS, "picture.tiles") + row(*SWORD, cell)))
        assert f"allowed: true or false; did you mean {meant}?" in lines[0]
        assert "YAML" not in lines[0]


def formatted(value: object, code: str) -> openpyxl.Workbook:
    book = book_of([*COLUMNS, "extra"], [*SWORD, value])
    book.active["E2"].number_format = code
    return book


class TestNumberFormats:
    @pytest.mark.parametrize(
        ("value", "code", "shows"),
        [
            (1, "000", "001"), (7, "00000", "00007"), (0.5, "0%", "50%"), (0.125, "0.0%", "12.5%"),
            (2, "0.00", "2.00"), (3.14159, "0.00", "3.14"), (5, '0" gold"', "5 gold"), (12, "#,##0", "12"),
            (2.5, "General", "2.5"), (0.1 + 0.2, "General", "0.3"), (True, "General", "TRUE"), (-3, "0;(0)", "(3)"),
        ],
    )  # fmt: skip
    def test_are_read_as_shown(self, tmp_path: Path, value: object, code: str, shows: str) -> None:
        spec = load_spec(xlsx_spec(tmp_path, formatted(value, code)))
        assert dict(spec.assets[0].row)["extra"] == shows

    @pytest.mark.parametrize(
        ("value", "code", "got"),
        [
            (44931, "@", "formatted as text after it was typed"),
            (44931, "mm-dd-yy", "the date 2023-01-05"),
            (datetime.datetime(2022, 9, 16, 10, 30), "yyyy-mm-dd h:mm", "the date 2022-09-16 10:30:00"),
            (0.75, "h:mm", "the time 18:00:00"),
            (1234, "#,##0", "thousands separators"),
            (5, '"$"#,##0.00', "the currency format"),
            (5, "[$€-407] 0.00", "the currency format"),
            (0.5, "# ?/?", "the fraction format"),
            (1500, "0.00E+00", "the scientific format"),
            (1 / 3, "General", "shows rounded"),
            (3, "[>2]0;00", "in the format"),
            (44931, 'yyyy"年"m"月"d"日"', "the date 2023-01-05"),
            (5, ";;;", "hidden by the format"),
        ],
    )
    def test_that_show_something_else_are_refused_with_their_cell(
        self, tmp_path: Path, value: object, code: str, got: str
    ) -> None:
        lines = lines_of(xlsx_spec(tmp_path, formatted(value, code)))
        assert len(lines) == 1
        assert lines[0].startswith("cards.xlsx:Cards!E2: column 'extra': got ")
        assert got in lines[0]
        assert "type it anew" in lines[0] or "give the cell a number format" in lines[0]

    @pytest.mark.parametrize("text", ["2022-09-16", "001", "50%", "44931", "1/2"])
    def test_the_fix_works(self, tmp_path: Path, text: str) -> None:
        spec = load_spec(xlsx_spec(tmp_path, formatted(text, "@")))
        assert dict(spec.assets[0].row)["extra"] == text


CELL = st.one_of(
    st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=8),
    st.sampled_from(["", "TRUE", "001", "#REF!", "a\u200bb", "x\u00a0", "“q”", "“q", "5.0", "no", "\ufffd", "1,234"]),
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(rows=st.lists(st.lists(CELL, min_size=6, max_size=6), min_size=1, max_size=4))
def test_a_sheet_gives_the_same_in_csv_and_xlsx(
    rows: list[list[str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("pair")
    table = [[*COLUMNS, "extra", "", ""], *([f"card-{n}", *cells] for n, cells in enumerate(rows))]
    text = "".join(row(*cells) for cells in table)
    book = book_of()
    for number, cells in enumerate(table, 1):
        for column, cell in enumerate(cells, 1):
            book.active.cell(number, column).data_type = "s"
            book.active.cell(number, column)._value = cell or None
    assert outcome(csv_spec(folder, text)) == outcome(xlsx_spec(folder, book))


def outcome(path: Path) -> object:
    try:
        spec = load_spec(path)
    except SpecErrors as errors:
        return sorted((e.place.line, e.what, e.got) for e in errors.errors)
    return [(a.asset_id, a.row, a.prompt, a.picture, a.keep) for a in spec.assets]


class TestSeedsAndSizes:
    @pytest.mark.parametrize("cell", ["1,234", "123,456", "1.234", "1'234", "1\u202f234", "7 1,234", "2,345,678"])
    def test_groups_of_three_are_refused(self, tmp_path: Path, cell: str) -> None:
        lines = lines_of(csv_spec(tmp_path, row(*COLUMNS, "seeds") + row(*SWORD, cell)))
        assert "may be one number or several" in lines[0]

    @pytest.mark.parametrize(
        ("cell", "seeds"),
        [("1, 234, 7, 8", (1, 234, 7, 8)), ("9 8;7 6", (9, 8, 7, 6)), ("1;234;5;6", (1, 234, 5, 6)), ("9,8,7,6", (9, 8, 7, 6)),
         ("123 456 7 8", (123, 456, 7, 8))],
    )  # fmt: skip
    def test_lists_are_read(self, tmp_path: Path, cell: str, seeds: tuple[int, ...]) -> None:
        spec = load_spec(csv_spec(tmp_path, row(*COLUMNS, "seeds") + row(*SWORD, cell)))
        assert spec.assets[0].seeds == seeds

    @pytest.mark.parametrize("cell", ["63,5x88,9", "63,5 x 88,9", "63,5×88,9", "63,5;88,9", "63,5,88,9", "63,5 88,9"])
    def test_decimal_commas_are_refused_with_the_point(self, tmp_path: Path, cell: str) -> None:
        text = row(*COLUMNS, "picture.trim_mm", "picture.dpi") + row(*SWORD, cell, "40")
        lines = lines_of(csv_spec(tmp_path, text))
        assert len(lines) == 1
        assert "write a decimal point: 63.5x88.9" in lines[0]

    @pytest.mark.parametrize("cell", ["63,88", " 63,88", "63,88 mm", "100,5", "63,5"])
    def test_one_comma_is_refused_with_both_readings(self, tmp_path: Path, cell: str) -> None:
        text = row(*COLUMNS, "picture.trim_mm", "picture.dpi") + row(*SWORD, cell, "40")
        (line,) = lines_of(csv_spec(tmp_path, text))
        width, height = cell.removesuffix(" mm").strip().split(",")
        assert f"may be {width} by {height}, or {width}.{height} alone" in line
        assert f"write {width}x{height} for the first, {width}.{height}xHEIGHT" in line

    @pytest.mark.parametrize("cell", ["63x88", "63, 88", "63;88", "63 88"])
    def test_whole_sizes_are_read(self, tmp_path: Path, cell: str) -> None:
        text = row(*COLUMNS, "picture.trim_mm", "picture.dpi") + row(*SWORD, cell, "40")
        printed = load_spec(csv_spec(tmp_path, text)).assets[0].picture.print_size
        assert printed is not None
        assert printed.trim_mm == (63, 88)

    @pytest.mark.parametrize("cell", ["63.5x88.9", "63.5 x 88.9", "63.5×88.9", "63.5, 88.9", "63.5 88.9"])
    def test_sizes_are_read(self, tmp_path: Path, cell: str) -> None:
        text = row(*COLUMNS, "picture.trim_mm", "picture.dpi") + row(*SWORD, cell, "40")
        printed = load_spec(csv_spec(tmp_path, text)).assets[0].picture.print_size
        assert printed is not None
        assert printed.trim_mm == (63.5, 88.9)

    @pytest.mark.parametrize(
        ("key", "cell", "fix"),
        [
            ("keep.min_aesthetic", "5,5", "with a decimal point: 5.5"),
            ("picture.guidance", "7,5", "with a decimal point: 7.5"),
            ("keep.min_adherence", "25%", "as a fraction: 0.25"),
            ("candidates", "1,000", "without thousands separators: 1000"),
            ("picture.steps", "-1", "leave it out"),
            ("picture.steps", "020", "did you mean 20?"),
        ],
    )
    def test_numbers_say_what_helps(self, tmp_path: Path, key: str, cell: str, fix: str) -> None:
        assert fix in lines_of(csv_spec(tmp_path, row(*COLUMNS, key) + row(*SWORD, cell)))[0]

    def test_defects_may_hold_any_letter(self, tmp_path: Path) -> None:
        text = row(*COLUMNS, "keep.allow_defects") + row(*SWORD, "letterboxed, framed")
        assert load_spec(csv_spec(tmp_path, text)).assets[0].keep.allow_defects == ("letterboxed", "framed")


class TestSheets:
    @pytest.mark.parametrize("state", ["hidden", "veryHidden"])
    def test_hidden_ones_are_skipped(self, tmp_path: Path, state: str) -> None:
        book = book_of(COLUMNS, ["old", "bow", "red", "sea"])
        book.active.sheet_state = state
        page = book.create_sheet("Deck 2")
        page.append(COLUMNS)
        page.append(SWORD)
        assert [a.asset_id for a in load_spec(xlsx_spec(tmp_path, book)).assets] == ["sword"]

    def test_one_of_several_with_ids_must_be_named(self, tmp_path: Path) -> None:
        book = book_of(COLUMNS, SWORD)
        for name in ("More", "Third"):
            book.create_sheet(name).append(COLUMNS)
        lines = lines_of(xlsx_spec(tmp_path, book))
        assert "3 sheets with a column id; allowed: 'Cards', 'More', 'Third'; say which in the spec" in lines[0]
        assert load_spec(xlsx_spec(tmp_path, book, ", sheet: Cards")).assets

    def test_notes_before_the_table_are_no_candidate(self, tmp_path: Path) -> None:
        book = book_of(["Read me"], ["first"])
        page = book.create_sheet("Deck")
        page.append(COLUMNS)
        page.append(SWORD)
        assert str(load_spec(xlsx_spec(tmp_path, book)).assets[0].place).endswith("cards.xlsx:Deck!A2")

    def test_all_hidden_is_an_error(self, tmp_path: Path) -> None:
        path = xlsx_spec(tmp_path, book_of(COLUMNS, SWORD), ", sheet: Crads")
        assert "did you mean 'Cards'?" in lines_of(path)[0]

    @pytest.mark.parametrize("extra", [", sheet: Cards", ', sheet: "1"'])
    def test_a_sheet_of_a_csv_is_an_error(self, tmp_path: Path, extra: str) -> None:
        assert "allowed: sheet with .xlsx alone" in lines_of(csv_spec(tmp_path, GOOD, extra))[0]

    def test_a_delimiter_of_a_workbook_is_an_error(self, tmp_path: Path) -> None:
        path = xlsx_spec(tmp_path, book_of(COLUMNS, SWORD), ', delimiter: ";"')
        assert "allowed: delimiter with .csv alone" in lines_of(path)[0]

    @pytest.mark.parametrize("area", ["E2:E3", "B2:C2", "A1:B1", "C2:D3", "D3:D9"])
    def test_merged_cells_are_named(self, tmp_path: Path, area: str) -> None:
        book = book_of([*COLUMNS, "faction"], [*SWORD, "North"], ["bow", "bow", "red", "sea", "South"])
        book.active.merge_cells(area)
        assert any(
            f"the merged cells {area}" in line and "unmerge" in line for line in lines_of(xlsx_spec(tmp_path, book))
        )

    def test_merged_cells_beside_the_table_are_not(self, tmp_path: Path) -> None:
        book = book_of(COLUMNS, SWORD)
        book.active.merge_cells("F1:F3")
        book.active.merge_cells("A20:B21")
        assert load_spec(xlsx_spec(tmp_path, book)).assets


class TestBrokenValues:
    @pytest.mark.parametrize(
        "cell",
        ["#REF!", "#N/A", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#WERT!", "#BEZUG!", "#NV",
         "#¡REF!", "#¿NOMBRE?", "#ЗНАЧ!", "Err:502", "#####", "a #REF! sword", "caf\ufffd", "[object Object]"],
    )  # fmt: skip
    def test_are_refused_in_any_column(self, tmp_path: Path, cell: str) -> None:
        for cells in ([*SWORD, cell], [SWORD[0], cell, *SWORD[2:], ""]):
            lines = lines_of(csv_spec(tmp_path, row(*COLUMNS, "rules") + row(*cells)))
            assert len(lines) == 1
            assert lines[0].startswith("cards.csv:2:")

    @pytest.mark.parametrize("cell", ["#1", "#hashtag", "C# minor", "#ff0000", "50 # of", "NAME?"])
    def test_text_with_a_number_sign_is_text(self, tmp_path: Path, cell: str) -> None:
        assert load_spec(csv_spec(tmp_path, HEADER + row("sword", cell, "red", "sea"))).assets

    @pytest.mark.parametrize("cell", ["#REF!", "#N/A", "#DIV/0!"])
    def test_are_refused_inline(self, tmp_path: Path, cell: str) -> None:
        lines = lines_of(inline(tmp_path, f'{{id: a, subject: "{cell}", colour: red, ground: sea}}'))
        assert f"the error '{cell}'" in lines[0]


class TestOtherTools:
    @pytest.mark.parametrize(
        ("name", "meant"),
        [
            ("Steps", "picture.steps"), ("CFG scale", "picture.guidance"), ("Sampler", "picture.scheduler"),
            ("Negative prompt", "negative"), ("Clip skip", "picture.clip_skip"), ("batch_size", "candidates"),
            ("dpi", "picture.dpi"), ("per_asset", "keep.per_asset"), ("picture_steps", "picture.steps"),
            ("guidance_scale", "picture.guidance"), ("num_inference_steps", "picture.steps"), ("noise_seed", "seeds"),
            ("Width", "picture.width_px"), ("min_aesthetic", "keep.min_aesthetic"),
        ],
    )  # fmt: skip
    def test_names_are_refused_in_tables_and_inline(self, tmp_path: Path, name: str, meant: str) -> None:
        lines = lines_of(csv_spec(tmp_path, row(*COLUMNS, name) + row(*SWORD, "7")))
        assert len(lines) == 1
        assert lines[0].startswith("cards.csv:1:26: unknown key")
        assert f"did you mean '{meant}'?" in lines[0]
        text = f'{{id: a, subject: x, colour: red, ground: sea, "{name}": 7}}'
        assert f"did you mean '{meant}'?" in lines_of(inline(tmp_path, text))[0]

    @pytest.mark.parametrize("name", ["rules", "quantity", "cost", "size", "model", "tiles", "type", "first", "style"])
    def test_columns_of_a_game_travel(self, tmp_path: Path, name: str) -> None:
        spec = load_spec(csv_spec(tmp_path, row(*COLUMNS, name) + row(*SWORD, "7")))
        assert dict(spec.assets[0].row)[name] == "7"

    def test_a_name_that_a_prompt_uses_is_a_column(self, tmp_path: Path) -> None:
        text = GOOD.replace("ground", "steps")
        path = csv_spec(tmp_path, text)
        path.write_text(path.read_text().replace("{ground}", "{steps}"))
        assert load_spec(path).assets


class TestSchedules:
    @pytest.mark.parametrize(
        "line", ["0 2 30 2 *", "0 2 30 2 mon", "0 0 31 4,6,9,11 *", "* * 30-31 feb *", "0 2 31/2 2 *", "5 4 31 11 1-5"]
    )
    def test_that_never_fire_are_refused(self, line: str) -> None:
        with pytest.raises(InvalidValue, match="never comes in"):
            CRON(line)

    @pytest.mark.parametrize(
        "line", ["0 2 29 2 *", "0 2 31 * *", "0 2 30,31 2,3 *", "*/59 */23 */31 */12 *", "0 2 31 1 1"]
    )
    def test_that_fire_seldom_say_when(self, line: str) -> None:
        start = datetime.datetime(2025, 3, 1, tzinfo=UTC)
        assert next_firing(Schedule(CRON(line), "UTC"), start) is not None

    def test_follow_their_zone(self) -> None:
        start = datetime.datetime(2025, 3, 29, 12, tzinfo=UTC)
        firing = next_firing(Schedule("30 2 * * *", "Europe/Berlin"), start)
        assert firing is not None
        assert firing.isoformat() == "2025-03-31T02:30:00+02:00", "there is no 02:30 on the 30th"

    def test_of_an_hour_that_no_clock_shows(self) -> None:
        assert next_firing(
            Schedule("0 2 29 2 *", "UTC"), datetime.datetime(2025, 1, 1, tzinfo=UTC)
        ) == datetime.datetime(2028, 2, 29, 2, tzinfo=UTC)


class TestZones:
    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            ("PST", "'America/Los_Angeles'"), ("pdt", "'America/Los_Angeles'"), ("JST", "'Asia/Tokyo'"),
            ("CST", "'America/Chicago' or 'Asia/Shanghai'"), ("CEST", "'Europe/Berlin'"), ("AEDT", "'Australia/Sydney'"),
            ("Tokyo Standard Time", "'Asia/Tokyo'"), ("Berlin", "'Europe/Berlin'"), ("europe/berlin", "'Europe/Berlin'"),
            ("UTC+9", "'Etc/GMT-9'"), ("Europe/Berln", "'Europe/Berlin'"), ("XYZ", ""), ("QST", ""), ("LMT", ""),
            ("New York", "'America/New_York'"),
        ],
    )  # fmt: skip
    def test_are_suggested_by_meaning_or_not_at_all(self, written: str, meant: str) -> None:
        with pytest.raises(InvalidValue) as caught:
            TIMEZONE(written)
        assert caught.value.mean == meant


HIDDEN = ["\u200b", "\u2060", "\u200e", "\u202e", "\u2066", "\u00ad", "\ufeff", "\u180e", "\u200d", "\u200c", "\u3164"]


class TestHiddenCharacters:
    @pytest.mark.parametrize("hidden", HIDDEN)
    @pytest.mark.parametrize(
        "build",
        [
            lambda folder, h: csv_spec(folder, HEADER + row("a", f"sw{h}ord", "red", "sea")),
            lambda folder, h: csv_spec(folder, GOOD.replace("colour", f"col{h}our")),
            lambda folder, h: csv_spec(folder, row(*COLUMNS, "rules") + row(*SWORD, f"when{h} played")),
            lambda folder, h: xlsx_spec(folder, book_of(COLUMNS, ["a", f"sword{h}", "red", "sea"])),
            lambda folder, h: inline(folder, f'{{id: a, subject: "sw{h}ord", colour: red, ground: sea}}'),
            lambda folder, h: inline(folder, f'{{id: a, subject: x, "col{h}our": red, ground: sea}}'),
        ],
        ids=["csv", "header", "unused", "xlsx", "yaml", "key"],
    )
    def test_are_refused_with_their_names(
        self, tmp_path: Path, hidden: str, build: Callable[[Path, str], Path]
    ) -> None:
        lines = lines_of(build(tmp_path, hidden))
        assert any(f"U+{ord(hidden):04X}" in line for line in lines)
        assert all(line.isprintable() and hidden not in line for line in lines)

    @pytest.mark.parametrize(
        "text",
        [
            "می‌خواهم",
            "👨‍👩‍👧 family",
            "❤️ heart",
            "葛\U000e0100城",
            "क्‍ष",
            "🏴\U000e0067\U000e0062\U000e007f",
            "Épée\u00a0!",
            "剣\u3000盾",
        ],
    )
    def test_that_writing_needs_stay(self, tmp_path: Path, text: str) -> None:
        spec = load_spec(csv_spec(tmp_path, HEADER + row("a", text, "red", "sea")))
        assert spec.assets[0].prompt == f"a red {' '.join(text.split())} on a sea background"

    @pytest.mark.parametrize("space", ["\u00a0", "\u3000", "\u2003", "\u202f", "\u200b"])
    @pytest.mark.parametrize(
        "text", ["style:\n{} prompt: x\n", "style:\n  prompt: x\n{}{}negative: y\n", "assets:\n{}- {{id: a}}\n"]
    )
    def test_that_indent_are_named(self, tmp_path: Path, space: str, text: str) -> None:
        path = tmp_path / "spec.yaml"
        path.write_text("set: a\n" + text.format(space, space))
        lines = lines_of(path)
        assert f"U+{ord(space):04X}" in lines[0], lines
        assert all(line.isprintable() for line in lines)


def test_numbers_and_defects_say_what_helps(tmp_path: Path) -> None:
    head = "seed: 18446744073709551615\nkeep: {allow_defects: [bluured], max_rank: 0}\n" + HEAD
    lines = lines_of(inline(tmp_path, "{id: a, subject: x, colour: red, ground: sea, seeds: [-1, 2, 3, 4]}", head=head))
    assert lines[0].endswith(
        "got 18446744073709551615, a number of more than 18 digits; allowed: a whole number from 0 to 4294967295"
    )
    assert "got 'bluured'" in lines[1]
    assert "did you mean 'blurred'?" in lines[1]
    assert "leave it out" in lines[2]
    assert "leave it out" in lines[3]
