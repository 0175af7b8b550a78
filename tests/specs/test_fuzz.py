"""No bytes whatever give anything but a spec or errors that name their places."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from specs.errors import SpecErrors
from specs.reading.load import load_spec
from specs.reading.schema import SpecModel
from specs.spec import Spec
from specs.tables import workbook as workbooks
from tests.specs.bad_specs import BAD_SPECS, GOOD, TABLE
from tests.specs.test_load import EVERYTHING
from tests.specs.test_rows import workbook

FAST = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
TEXTS = [EVERYTHING, GOOD, *(f["bad.yaml"] for f in (bad.files for bad in BAD_SPECS) if isinstance(f["bad.yaml"], str))]
SMALL = [text for text in TEXTS if isinstance(text, str) and len(text) < 10_000]
MARKS = [*'{}[]"|>~#', "'", ": ", "- ", "? ", "\n", "\n  ", "\t", "&a", "*a", "<<", "---", "..."]
WORDS = [
    "no",
    "017",
    "1e999",
    "9" * 400,
    "!!python/object:os.system",
    "%YAML 1.2",
    "\x85",
    "\u2028",
    "\ufeff",
    "{subject}",
]
SNIPPETS = st.sampled_from([*MARKS, *WORDS])


def outcome(folder: Path, data: bytes, name: str = "spec.yaml") -> Spec | SpecErrors:
    """Loads a file of these bytes (or the table spec with such a table); anything but the two fails the test."""
    (folder / name).write_bytes(data)
    if name != "spec.yaml":
        (folder / "spec.yaml").write_text(TABLE.replace("cards.csv", name))
    result: Spec | SpecErrors
    try:
        result = load_spec(folder / "spec.yaml")
    except SpecErrors as errors:
        result = errors
    if isinstance(result, SpecErrors):
        assert result.errors
        assert all(error.place.line >= 1 and error.place.column >= 1 and error.allowed for error in result.errors)
        assert "Traceback" not in str(result)
    return result


@FAST
@given(st.binary(max_size=400))
@example(b"\x00")
@example(b"\xff\xfe\x00")
@example(b"\xef\xbb\xbf")
@example("a: \ud83d".encode("utf-8", "surrogatepass"))
@example(b"%TAG ! tag:x,2000:\n---\n!a b")
@example(b"? a\n: b\n? [c]\n: d")
@example(b"{" * 3000)
@example(b"- " * 3000)
@example(b'set: "\\ud800"')
def test_bytes(tmp_path: Path, data: bytes) -> None:
    outcome(tmp_path, data)


@FAST
@given(st.sampled_from(SMALL), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), SNIPPETS), max_size=4))
def test_specs_that_were_cut_and_spliced(tmp_path: Path, text: str, cuts: list[tuple[float, int, str]]) -> None:
    for where, length, snippet in cuts:
        at = int(where * len(text))
        text = text[:at] + snippet + text[at + length :]
    outcome(tmp_path, text.encode("utf-8", "replace"))


VALUES = st.recursive(
    st.sampled_from(
        ["no", "1", "-1", "1.5", "x", '""', "~", "[]", "{}", "1e5", "starter", "0x1", "2022-01-01", '"no"']
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.dictionaries(
            st.sampled_from(["id", "from", "first", "at_most", "prompt", "cron", "x"]), inner, max_size=3
        ).map(lambda entries: "{" + ", ".join(f"{key}: {value}" for key, value in entries.items()) + "}"),
    ),
    max_leaves=6,
)
KEYS = st.sampled_from([*SpecModel.model_fields, "other"])


@FAST
@given(st.dictionaries(KEYS, VALUES, max_size=8))
def test_values_of_every_kind_in_every_place(tmp_path: Path, entries: dict[str, str]) -> None:
    outcome(tmp_path, "".join(f"{key}: {value}\n" for key, value in entries.items()).encode())


@FAST
@given(st.binary(max_size=200) | st.text('id,subjectcolour;"\n\r\t{}=x1', max_size=200).map(str.encode))
@example(b'id,subject,colour\na,"b')
@example(b"id\r\ra")
@example(b"id,subject,colour\na,b\x00,c\n")
def test_tables(tmp_path: Path, data: bytes) -> None:
    outcome(tmp_path, data, "cards.csv")


@settings(FAST, max_examples=60)
@given(st.floats(0, 1), st.binary(min_size=1, max_size=3))
def test_workbooks_with_bytes_changed(tmp_path: Path, where: float, new: bytes) -> None:
    at = int(where * len(GOOD_BOOK))
    outcome(tmp_path, GOOD_BOOK[:at] + new + GOOD_BOOK[at + len(new) :], "cards.xlsx")


GOOD_BOOK = workbook(["id", "subject", "colour"], ["one", "sword", "red"])


def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "MOST_UNPACKED_BYTES", 1_000_000)
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/a.xml", b" " * 600_000)
        archive.writestr("xl/b.xml", b" " * 600_000)
    assert "1,200,000 bytes once unpacked" in str(outcome(tmp_path, data.getvalue(), "cards.xlsx"))


@pytest.mark.parametrize("text", SMALL[:2])
def test_the_specs_that_are_spoiled_here_are_good(tmp_path: Path, text: str) -> None:
    assert isinstance(outcome(tmp_path, text.encode()), Spec)
