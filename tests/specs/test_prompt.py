"""Templates over a row's columns."""

from __future__ import annotations

import pytest

from specs.errors import InvalidValue
from specs.prompts.template import compile_template

COLUMNS = {"colour": "red", "short name": "sword", "empty": ""}


def fill(text: str) -> str:
    return compile_template(text).fill(COLUMNS)


class TestATemplate:
    def test_puts_the_columns_text_for_its_name(self) -> None:
        assert fill("a {colour} {short name}, {colour}") == "a red sword, red"

    def test_writes_braces_for_doubled_braces(self) -> None:
        assert fill("{{colour}} {{{colour}}}") == "{colour} {red}"

    def test_leaves_a1111s_emphasis_as_it_is(self) -> None:
        assert fill(r"(best quality:1.2), [blurry], \(x\), <lora:y:0.5> {colour}").endswith(", <lora:y:0.5> red")

    def test_makes_one_space_of_white_space(self) -> None:
        assert fill("  a\n\t{colour}  {empty} b ") == "a red b"

    def test_never_fills_what_came_from_a_column(self) -> None:
        assert compile_template("{a}").fill({"a": "{b}", "b": "no"}) == "{b}"

    def test_names_its_variables_once_in_their_order(self) -> None:
        assert compile_template("{b} {a} {b}").variables == ("b", "a")

    @pytest.mark.parametrize("text", ["{", "a {colour", "colour}", "{}", "{ }", "{a{b}}", "}}{"])
    def test_is_refused_with_a_lone_brace_or_an_empty_name(self, text: str) -> None:
        with pytest.raises(InvalidValue):
            compile_template(text)
