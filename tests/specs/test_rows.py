"""Assets from tables."""

from __future__ import annotations

import datetime
import io
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from specs.spec import Candidates, Place, Spec
from tests.specs.making import HEAD, load, refused

SPEC = HEAD + "assets: {from: cards.csv}\n"
XLSX = HEAD + "assets: {from: cards.xlsx}\n"


def workbook(*rows: list[Any], sheet: str = "Cards") -> bytes:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.title = sheet
    for row in rows:
        page.append(row)
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def same_but_for_places(first: Spec, second: Spec) -> bool:
    from dataclasses import replace

    nowhere = Place("", 1, 1)
    return [replace(a, place=nowhere) for a in first.assets] == [replace(a, place=nowhere) for a in second.assets]


class TestCsv:
    def test_gives_the_assets_that_the_same_rows_inline_give(self, tmp_path: Path) -> None:
        table = "id,subject,colour\none,sword,red\ntwo,bow,blue\nthree,axe,green\n"
        assert same_but_for_places(load(tmp_path), load(tmp_path, SPEC, cards_csv=table))

    def test_may_come_from_excel(self, tmp_path: Path) -> None:
        table = b"\xef\xbb\xbfid,subject,colour\r\none, sword ,red\r\n,,\r\ntwo,bow,\xc3\xa9carlate\r\n"
        spec = load(tmp_path, SPEC, cards_csv=table)
        assert [asset.prompt for asset in spec.assets] == ["a red sword", "a écarlate bow"]
        assert [asset.place.line for asset in spec.assets] == [2, 4]

    def test_may_have_commas_quotes_and_lines_in_a_cell(self, tmp_path: Path) -> None:
        table = 'id,subject,colour\none,"sword, ""long""\nand sharp",red\ntwo,bow,blue\n'
        spec = load(tmp_path, SPEC, cards_csv=table)
        assert spec.assets[0].prompt == 'a red sword, "long" and sharp'
        assert spec.assets[1].place.line == 4

    def test_overrides_by_columns_of_the_reserved_names(self, tmp_path: Path) -> None:
        table = (
            "id,title,subject,colour,candidates,seeds,keep.per_asset,picture.steps,prompt,negative\n"
            "one,One,sword,red,,,,,,\n"
            "two,,bow,blue,6,,2,30,{colour} {subject}!,none\n"
            "three,,axe,green,,9 8;7,,,,\n"
        )
        one, two, three = load(tmp_path, SPEC, cards_csv=table).assets
        assert (one.title, one.candidates, one.prompt) == ("One", Candidates(4, 4), "a red sword")
        assert (two.candidates, two.keep.per_asset, two.picture.steps) == (Candidates(6, 6), 2, 30)
        assert (two.prompt, two.negative_prompt) == ("blue bow!", "none")
        assert three.seeds == (9, 8, 7)
        assert one.row == (("colour", "red"), ("subject", "sword"))

    def test_may_have_another_separator_when_the_spec_says_so(self, tmp_path: Path) -> None:
        text = SPEC.replace("cards.csv", 'cards.csv, delimiter: ";"')
        assert load(tmp_path, text, cards_csv="id;subject;colour\none;sword;red\n").assets[0].prompt == "a red sword"
        assert load(tmp_path, SPEC.replace(".csv", ".tsv"), cards_tsv="id\tsubject\tcolour\none\tbow\tred\n").assets

    def test_tells_where_a_cell_is_though_others_are_quoted(self, tmp_path: Path) -> None:
        lines = refused(tmp_path, SPEC, cards_csv='id,subject,colour\none,"a, b",\n"two","x\ny",\n')
        assert [line.split(": ")[0] for line in lines] == ["cards.csv:2:12", "cards.csv:4:4"]

    def test_tells_an_unknown_override_column_once(self, tmp_path: Path) -> None:
        rows = "".join(f"card-{n},sword,red,1\n" for n in range(5))
        lines = refused(tmp_path, SPEC, cards_csv="id,subject,colour,picture.step\n" + rows)
        assert len(lines) == 1
        assert "did you mean 'steps'?" in lines[0]

    def test_refuses_two_columns_that_say_the_same(self, tmp_path: Path) -> None:
        table = "id,subject,colour,candidates,candidates.first\none,sword,red,4,2\n"
        assert "both; allowed: one of them in a row" in refused(tmp_path, SPEC, cards_csv=table)[0]

    def test_gives_thirty_thousand_assets_quickly(self, tmp_path: Path) -> None:
        from time import process_time

        table = "id,subject,colour\n" + "".join(f"card-{n},sword,red\n" for n in range(30_000))
        load(tmp_path)  # the first load pays for imports and for pydantic's schemas
        start = process_time()
        spec = load(tmp_path, SPEC, cards_csv=table)
        assert len(spec.assets) == 30_000
        assert process_time() - start < 3.0, "takes 0.5 s on an idle core"


class TestXlsx:
    def test_gives_the_assets_that_the_same_rows_in_csv_give(self, tmp_path: Path) -> None:
        from_csv = load(tmp_path, SPEC, cards_csv="id,subject,colour,cost\none,sword,red,5\n")
        data = workbook(["id", "subject", "colour", "cost"], ["one", "sword", "red", 5.0])
        assert same_but_for_places(load(tmp_path, XLSX, cards_xlsx=data), from_csv)

    def test_reads_numbers_as_a_person_does(self, tmp_path: Path) -> None:
        data = workbook(["id", "subject", "colour", "cost"], ["one", "sword", 7.0, 2.5], ["two", 3, 10**12, None])
        rows = [dict(asset.row) for asset in load(tmp_path, XLSX, cards_xlsx=data).assets]
        assert rows == [
            {"subject": "sword", "colour": "7", "cost": "2.5"},
            {"subject": "3", "colour": "1000000000000", "cost": ""},
        ]

    def test_skips_empty_rows_and_ignores_empty_cells_at_the_side(self, tmp_path: Path) -> None:
        data = workbook(["id", "subject", "colour", None], [], ["one", "sword", "red", None, " "])
        assert load(tmp_path, XLSX, cards_xlsx=data).assets[0].place.line == 3

    def test_takes_the_sheet_that_is_named(self, tmp_path: Path) -> None:
        data = workbook(["id", "subject", "colour"], ["one", "sword", "red"], sheet="Deck")
        assert load(tmp_path, XLSX.replace("xlsx}", "xlsx, sheet: Deck}"), cards_xlsx=data).assets
        lines = refused(tmp_path, XLSX.replace("xlsx}", "xlsx, sheet: Cards}"), cards_xlsx=data)
        assert lines == ["cards.xlsx:1:1: sheet: got 'Cards'; allowed: 'Deck'"]

    @pytest.mark.parametrize(
        ("cell", "got"),
        [
            ("=1+1", "the formula =1+1"),
            (datetime.date(2022, 9, 16), "the date 2022-09-16"),
        ],
    )
    def test_refuses_cells_that_are_no_plain_text_or_number(self, tmp_path: Path, cell: Any, got: str) -> None:
        data = workbook(["id", "subject", "colour"], ["one", "sword", cell])
        lines = refused(tmp_path, XLSX, cards_xlsx=data)
        assert len(lines) == 1
        assert lines[0].startswith(f"cards.xlsx:Cards!C2: column 'colour': got {got}")

    def test_refuses_a_file_that_is_no_workbook(self, tmp_path: Path) -> None:
        lines = refused(tmp_path, XLSX, cards_xlsx=b"PK\x03\x04 no")
        assert lines[0].startswith("cards.xlsx:1:1: workbook: got a file that does not open as one")
