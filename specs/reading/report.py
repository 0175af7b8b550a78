"""From what pydantic found to errors with places, and the value without what was wrong, so that checking goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Generic, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from specs.errors import InvalidValue, SpecError
from specs.reading.document import Node
from specs.reading.other_tools import meant_spec_key
from specs.values.checks import listed, near, show

Path = tuple[str | int, ...]
Tags = Mapping[str, type[BaseModel] | None]
UNKNOWN_KEY = "unknown key"
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Validated(Generic[M]):
    """A model, what was wrong with its tree, and the paths that were left out to get a model all the same.

    ``model`` is None when even the tree without its wrong parts does not make one.
    """

    model: M | None
    errors: list[SpecError]
    dropped: frozenset[Path]

    def lacks(self, *path: str | int) -> bool:
        """Whether what stood at the path, or around it, was left out."""
        return any(path[: len(gone)] == gone for gone in self.dropped)


def validate(
    model: type[M],
    root: Node,
    tags: Tags = MappingProxyType({}),
    stand_ins: Mapping[str, object] = MappingProxyType({}),
) -> Validated[M]:
    """The model of a tree, with every error at its place.

    What is wrong is left out, a required key that is missing gets its stand-in, and the rest is checked again, so that
    one error never hides another. ``tags`` are pydantic's union tags, which are no part of a path.
    """
    value: Any = root.value()
    errors: list[SpecError] = []
    dropped: set[Path] = set()
    for _ in range(8):
        try:
            return Validated(model.model_validate(value), errors, frozenset(dropped))
        except ValidationError as found:
            details = found.errors(include_url=False)
        gone = frozenset(dropped)
        found_now = []
        for detail in details:
            path = tuple(part for part in detail["loc"] if part not in tags)
            if not _follows(path, detail, gone):
                found_now.append((path, located(model, root, path, detail, tags)))
            dropped.add(_drop(value, path, stand_ins))
        errors.extend(_without_misspelt(found_now))
        if () in dropped:
            break
    return Validated(None, errors, frozenset(dropped))


def _without_misspelt(found: list[tuple[Path, SpecError]]) -> list[SpecError]:
    """A missing key beside an unknown one that is nearly it is one error, not two."""
    meant = {(path[:-1], error.mean) for path, error in found if error.what == UNKNOWN_KEY}
    missing = [(path, error) for path, error in found if error.got == "nothing" and path]
    slips = {id(error) for path, error in missing if (path[:-1], f"'{path[-1]}'") in meant}
    return [error for _, error in found if id(error) not in slips]


def _follows(path: Path, detail: Any, gone: frozenset[Path]) -> bool:
    """Whether a finding only follows from what was left out before."""
    error = detail.get("ctx", {}).get("error")
    about = error.about if isinstance(error, InvalidValue) else ()
    return any(path[: len(left)] == left for left in gone) or any((*path, key) in gone for key in about)


def located(model: type[BaseModel], root: Node, path: Path, detail: Any, tags: Tags) -> SpecError:
    """One of pydantic's findings as an error with its place."""
    what = ".".join(str(part) for part in path if isinstance(part, str)) or "file"
    node = root.find(path)
    kind = detail["type"]
    if kind == "extra_forbidden":
        names = key_names(model_at(model, detail["loc"][:-1], tags))
        unknown = str(path[-1])
        place = root.key_place(path)
        mean = near(unknown, names) or _in_a_group(unknown, path)
        return SpecError(place, UNKNOWN_KEY, show(unknown), listed(names), mean)
    if kind == "missing":
        field = _field(model_at(model, detail["loc"][:-1], tags), str(path[-1]))
        return SpecError(root.find(path[:-1]).place, what, "nothing", _sentence(field))
    error = detail.get("ctx", {}).get("error")
    if isinstance(error, InvalidValue):
        return SpecError.refused(node.place, what, error)
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        below = model_at(model, detail["loc"], tags)
        names = key_names(below) if kind != "dict_type" else ["names and numbers"]
        return SpecError(node.place, what, show(detail["input"]), f"a mapping of {listed(names)}")
    if kind == "list_type":
        return SpecError(node.place, what, show(detail["input"]), _list_allowed(what))
    return SpecError(node.place, what, show(detail["input"]), str(detail["msg"]).lower())


def _in_a_group(unknown: str, path: Path) -> str:
    """The key, with its group, that a key of the spec's own level means: ``steps`` → ``'picture.steps'``."""
    key = meant_spec_key(unknown)
    return f"'{key}'" if key and key != ".".join(str(part) for part in path) else ""


def _list_allowed(what: str) -> str:
    return "a list of assets, or {from: cards.csv}" if what == "assets" else "a list"


def key_names(model: type[BaseModel]) -> list[str]:
    """The keys of a model as the file spells them."""
    return [field.alias or name for name, field in model.model_fields.items()]


def model_at(model: type[BaseModel], loc: Path, tags: Tags) -> type[BaseModel]:
    """The model that a location of pydantic's lies in."""
    for part in loc:
        tagged = tags.get(part) if isinstance(part, str) else None
        if tagged is not None:
            model = tagged
        elif isinstance(part, str) and part not in tags:
            field = _field(model, part)
            below = _model_in(field.annotation) if field is not None else None
            model = below or model
    return model


def _field(model: type[BaseModel], key: str) -> Any:
    for name, field in model.model_fields.items():
        if key in (name, field.alias):
            return field
    return None


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in get_args(annotation):
        found = _model_in(inner)
        if found is not None:
            return found
    return None


def _sentence(field: Any) -> str:
    text = (field.description or "a value").rstrip(".") if field is not None else "a value"
    return text[:1].lower() + text[1:]


def _drop(value: Any, path: Path, stand_ins: Mapping[str, object]) -> Path:
    """Leaves out what is at a path, or around it where a list would lose its order; returns what it left out."""
    whole_row = len(path) == 3 and path[-1] == "id" and isinstance(path[1], int)
    if whole_row or (len(path) > 2 and isinstance(path[-1], int)):
        path = path[:-1]
    for part in path[:-1]:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return path
    if isinstance(value, list) and path and isinstance(path[-1], int):
        value[path[-1]] = {"id": "left-out"}
    elif isinstance(value, dict) and path:
        value.pop(path[-1], None)
        if len(path) == 1 and path[0] in stand_ins:
            value[path[0]] = stand_ins[str(path[0])]
    return path
