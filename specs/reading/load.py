"""A spec file → Spec, or all its errors at once, each as ``file:line:column: what: got …; allowed: …``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from specs.canonical import Json, sha256_hex, value_sha256
from specs.errors import InvalidValue, SpecErrors
from specs.reading.assemble import Assembly, assets, keep_rules
from specs.reading.document import NotReadable, decode, parse, read_bytes
from specs.reading.entries import inline_entries, table_entries
from specs.reading.named_files import beside, read_references
from specs.reading.report import validate
from specs.reading.schema import TAGS, RowsModel, SpecModel
from specs.spec import (
    Asset,
    KeepRules,
    Place,
    Reference,
    RightsClaim,
    Schedule,
    Scoring,
    SelectionWeights,
    Spec,
    StyleText,
)
from specs.tables.rows import SUFFIXES, Table, read_table

KIND = "limner.spec/1"
STAND_INS: Mapping[str, object] = MappingProxyType(
    {"set": "left-out", "checkpoint": "left-out", "picture": {"width_px": 64, "height_px": 64}, "assets": []}
)


def load_spec(path: Path) -> Spec:
    """The spec in a YAML file; its row files are found relative to its folder.

    Raises SpecErrors with everything that is wrong.
    """
    shown = str(path)
    try:
        data = read_bytes(path, shown)
        text = decode(data, shown)
        root, errors = parse(text, shown)
    except NotReadable as stop:
        raise SpecErrors([stop.error]) from None
    checked = validate(SpecModel, root, TAGS, STAND_INS)
    told = {error.place for error in errors}
    errors.extend(error for error in checked.errors if error.place not in told)
    if checked.model is None:
        raise SpecErrors(errors)
    assembly = Assembly(checked, checked.model, root, errors)
    table = _table(assembly, path)
    made = _assets(assembly, table)
    references = read_references(assembly, path)
    if errors:
        raise SpecErrors(errors)
    sources = ((table.shown, table.sha256),) if table is not None else ()
    identity: dict[str, Json] = {
        "text": sha256_hex(data),
        "rows": [digest for _, digest in sources],
        "overrides": {},  # of a time when options could change a spec: ids stay what they were
    }
    files = tuple((one.path, one.sha256) for one in references if one.path)
    if files:
        identity["references"] = [digest for _, digest in files]
    return _spec(assembly, made, text, value_sha256(KIND, identity), (*sources, *files), references)


def _assets(assembly: Assembly, table: Table | None) -> tuple[Asset, ...]:
    checked = assembly.checked
    if checked.lacks("assets") or (table is None and isinstance(assembly.model.assets, RowsModel)):
        return ()
    before = len(assembly.errors)
    entries = inline_entries(checked, assembly.root) if table is None else table_entries(table, assembly.errors)
    if not entries and len(assembly.errors) == before and not any(p[0] == "assets" for p in checked.dropped):
        place = assembly.place("assets") if table is None else Place(table.shown, 1, 1)
        assembly.refuse(place, "assets", InvalidValue("no assets", "at least one asset"))
    return assets(assembly, entries)


def _table(assembly: Assembly, path: Path) -> Table | None:
    """The row file that the spec names, None when it names none or it cannot be read (an error then says so)."""
    rows = assembly.model.assets
    if not isinstance(rows, RowsModel):
        return None
    try:
        file = beside(path.parent, rows.source, SUFFIXES, "table")
    except InvalidValue as refusal:
        assembly.refuse(assembly.place("assets", "from"), "assets.from", refusal)
        return None
    try:
        return read_table(file, str(file), rows.sheet, rows.delimiter)
    except NotReadable as stop:
        assembly.errors.append(stop.error)
        return None


def _spec(
    assembly: Assembly,
    made: tuple[Asset, ...],
    text: str,
    digest: str,
    sources: tuple[tuple[str, str], ...],
    references: tuple[Reference, ...],
) -> Spec:
    model, schedule, weights, scoring = (
        assembly.model,
        assembly.model.schedule,
        assembly.model.select,
        assembly.model.scoring,
    )
    return Spec(
        set_name=model.set,
        title=model.title or model.set,
        use=model.use,
        checkpoint=model.checkpoint,
        seed=model.seed,
        assets=made,
        keep=keep_rules(model.keep, KeepRules()),
        schedule=Schedule(schedule.cron, schedule.timezone, schedule.every_s) if schedule is not None else None,
        rights=RightsClaim(model.rights.accept_unknown),
        scoring=Scoring(scoring.clip, scoring.aesthetic, scoring.safety, scoring.second_opinion),
        weights=SelectionWeights(
            weights.aesthetic, weights.adherence, weights.coherence, weights.sameness, weights.taste
        ),
        forbid=tuple(model.content.forbid),
        reject_pixels=model.keep.reject_pixels,
        path=assembly.root.place.path,
        text=text,
        spec_sha256=digest,
        sources=sources,
        references=references,
        checkpoint_place=assembly.place("checkpoint"),
        style=tuple(
            StyleText(key, getattr(model.style, key), assembly.place("style", key)) for key in ("prompt", "negative")
        ),
        plain=model.style.syntax is not None,
    )
