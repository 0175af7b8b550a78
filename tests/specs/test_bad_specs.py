"""Every bad spec gives exactly its message, names its place, and never a traceback."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from specs.errors import SpecErrors, UsageError
from specs.reading.load import load_spec
from tests.specs.bad_specs import BAD_SPECS, GOOD, BadSpec


@pytest.fixture(autouse=True)
def in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("bad", BAD_SPECS, ids=[bad.name for bad in BAD_SPECS])
def test_gives_exactly_its_message(bad: BadSpec, tmp_path: Path) -> None:
    bad.write(tmp_path)
    with pytest.raises(SpecErrors) as caught:
        load_spec(Path("bad.yaml"))
    assert str(caught.value) == bad.text
    assert caught.value.exit_code == 2
    assert isinstance(caught.value, UsageError)


class TestTheTable:
    def test_has_at_least_sixty_entries_of_different_names(self) -> None:
        assert len({bad.name for bad in BAD_SPECS}) == len(BAD_SPECS) >= 60

    def test_names_place_received_and_allowed_in_every_line(self) -> None:
        shape = re.compile(r"(bad\.yaml|cards\.(csv|json)):[1-9]\d*:[1-9]\d*: [^:]+: got .+; allowed: .+")
        assert [line for bad in BAD_SPECS for line in bad.expected if not shape.fullmatch(line)] == []

    def test_starts_from_a_spec_that_is_good(self, tmp_path: Path) -> None:
        (tmp_path / "good.yaml").write_text(GOOD)
        assert len(load_spec(Path("good.yaml")).assets) == 2


class TestErrors:
    def test_are_all_told_at_once_in_the_order_of_their_places(self, tmp_path: Path) -> None:
        several = next(bad for bad in BAD_SPECS if bad.name == "several errors at once")
        several.write(tmp_path)
        with pytest.raises(SpecErrors) as caught:
            load_spec(Path("bad.yaml"))
        places = [(error.place.line, error.place.column) for error in caught.value.errors]
        assert len(places) == 5
        assert places == sorted(places)

    def test_are_told_for_table_and_spec_together(self, tmp_path: Path) -> None:
        (tmp_path / "cards.csv").write_text("id,subject,colour\nOne,sword,red\ntwo,bow,\n")
        text = GOOD[: GOOD.index("assets:")].replace("width_px: 128", "width_px: 3") + "assets: {from: cards.csv}\n"
        (tmp_path / "bad.yaml").write_text(text)
        with pytest.raises(SpecErrors) as caught:
            load_spec(Path("bad.yaml"))
        assert [(error.place.path, error.what) for error in caught.value.errors] == [
            ("bad.yaml", "picture.width_px"),
            ("cards.csv", "id"),
            ("cards.csv", "variable colour"),
        ]

    def test_are_cut_off_after_a_hundred_lines_with_a_count(self, tmp_path: Path) -> None:
        rows = "".join(f"  - {{id: card-{n}, subject: no, colour: red}}\n" for n in range(150))
        (tmp_path / "bad.yaml").write_text(GOOD[: GOOD.index("  - ")] + rows)
        with pytest.raises(SpecErrors) as caught:
            load_spec(Path("bad.yaml"))
        assert len(caught.value.errors) == 150
        assert str(caught.value).splitlines()[-1] == "… and 50 more errors"

    def test_name_a_file_or_folder_that_is_no_spec(self, tmp_path: Path) -> None:
        with pytest.raises(SpecErrors, match=r"^none.yaml:1:1: file: got no such file; allowed: a file that exists$"):
            load_spec(Path("none.yaml"))
        with pytest.raises(SpecErrors, match="got a folder; allowed"):
            load_spec(tmp_path)
