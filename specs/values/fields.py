"""What every YAML model is made of: fields that a ``Check`` decides on, mappings without unknown keys."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from specs.values.checks import Check, number


class Checked:
    """Puts a ``Check`` on a field: its function validates, its schema describes."""

    def __init__(self, check: Check) -> None:
        self.check = check

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.check)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return dict(self.check.schema)


def within(low: float, high: float) -> Checked:
    """A number in a range, as a field's annotation."""
    return Checked(number(low, high))


class Strict(BaseModel):
    """A mapping without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)
