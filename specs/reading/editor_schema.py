"""A spec's JSON Schema for editors; ``python -m specs.reading.editor_schema`` writes ``specs/spec.schema.json``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from specs.reading.schema import SpecModel

SCHEMA_FILE = Path(__file__).parents[1] / "spec.schema.json"


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a spec, for editors."""
    schema = _without_null(SpecModel.model_json_schema(by_alias=True))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "limner spec",
        **{key: value for key, value in schema.items() if key != "title"},
    }


def _without_null(value: Any) -> Any:
    """Keys that may be left out are not nullable: ``key:`` with nothing after it is an error in a spec."""
    if isinstance(value, list):
        return [_without_null(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {k: _without_null(v) for k, v in value.items() if not (k == "default" and v is None)}
    for union in ("anyOf", "oneOf"):
        choices = kept.get(union)
        if isinstance(choices, list):
            rest = [choice for choice in choices if choice != {"type": "null"}]
            kept[union] = rest
            if len(rest) == 1:
                del kept[union]
                kept = {**rest[0], **kept}
    if isinstance(kept.get("title"), str) and ("type" in kept or "anyOf" in kept or "$ref" in kept or "oneOf" in kept):
        del kept["title"]
    return kept


def schema_text() -> str:
    """The checked-in file's text."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
