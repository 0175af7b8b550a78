"""Canonical JSON: equal values have equal bytes, whichever way they were written."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from specs.canonical import canonical_json, flat_json

texts = st.text() | st.text(st.characters(max_codepoint=0x9F)) | st.sampled_from(["", "\x7f", "\u2028", "\ufeff", "😀"])
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()
rows = st.dictionaries(texts, texts | numbers, max_size=8)


@given(texts, rows)
@example("exponents", {"small": 1e-5, "edge": 1e-4, "large": 1e15, "larger": 1e16, "none": 0.0, "minus": -0.0})
@example("integers", {"within": 2**64 - 1, "beyond": 2**64, "low": -(2**63) - 1})
@example("controls", {chr(code): chr(code) for code in range(0xA0)})
def test_a_row_is_spelled_the_same_either_way(name: str, row: Mapping[str, str | int | float | bool]) -> None:
    assert flat_json((name, row)) == canonical_json([name, row])
    assert json.loads(flat_json((name, row))) == [name, row]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_is_refused_either_way(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        flat_json(("scorecards", {"aesthetic": number}))


def test_half_a_character_is_refused_either_way() -> None:
    for write in (flat_json, canonical_json):
        with pytest.raises(UnicodeEncodeError):
            write(("verdicts", {"note": "\ud83d"}))
