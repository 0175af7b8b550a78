"""The JSON Schema that editors use: never behind the model, and of one mind with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from specs.reading.editor_schema import SCHEMA_FILE, json_schema, schema_text
from specs.reading.schema import SpecModel
from tests.specs.bad_specs import BAD_SPECS, GOOD
from tests.specs.test_load import EVERYTHING

EXAMPLES = sorted((Path(__file__).parents[2] / "specs" / "examples").glob("*.yaml"))
SCHEMA = json_schema()


def errors(text: str) -> list[str]:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    return [error.message for error in validator.iter_errors(yaml.safe_load(text))]


def described(schema: Any, path: str = "") -> list[str]:
    """The paths of properties without a description."""
    lacking: list[str] = []
    for name, value in schema.get("properties", {}).items():
        if "description" not in value:
            lacking.append(f"{path}{name}")
    for name, definition in schema.get("$defs", {}).items():
        lacking += described(definition, f"{name}.")
    return lacking


def test_is_checked_in_as_the_model_gives_it() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text(), "run: python -m specs.reading.editor_schema"


def test_is_a_valid_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert json.loads(schema_text()) == SCHEMA


def test_describes_every_key() -> None:
    assert described(SCHEMA) == []


def test_takes_no_null_where_a_spec_takes_none() -> None:
    assert '"null"' not in schema_text()
    assert '"default": null' not in schema_text()


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_accepts_the_examples(path: Path) -> None:
    assert errors(path.read_text(encoding="utf-8")) == []


def test_accepts_what_the_loader_accepts() -> None:
    assert errors(GOOD) == []
    assert errors(EVERYTHING) == []


@pytest.mark.parametrize(
    "name",
    [
        "an unknown key",
        "an unknown key in a group",
        "a list instead of a mapping",
        "nothing that is required",
        "a seed past 32 bits",
        "a set's name with spaces",
        "an id with a slash",
        "an unknown use",
        "an unknown scheduler",
        "too many steps",
        "a width that is no multiple of 8",
        "no candidates",
        "rounds without an end",
        "an empty group",
        "a negative weight",
        "forbid as one word",
    ],
)
def test_refuses_in_the_editor_what_the_loader_refuses(name: str) -> None:
    bad = next(bad for bad in BAD_SPECS if bad.name == name)
    text = bad.files["bad.yaml"]
    assert isinstance(text, str)
    assert errors(text) != []


def test_knows_every_key_of_the_model() -> None:
    assert SCHEMA["properties"].keys() == SpecModel.model_fields.keys()
    assert SCHEMA["additionalProperties"] is False
