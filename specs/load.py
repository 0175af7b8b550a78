"""A spec file → Spec, or all its errors at once, each as ``file:line:column: what: got …; allowed: …``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import MappingProxyType

from specs.assemble import Assembly, assets, inline_entries, table_entries
from specs.canonical import Json, sha256_hex, value_sha256
from specs.checks import show
from specs.document import Node, NotReadable, decode, parse, read_bytes
from specs.errors import Refusal, SpecError, SpecErrors
from specs.report import validate
from specs.rows import Table, read_table
from specs.schema import TAGS, RowsModel, SpecModel
from specs.spec import Asset, Place, RightsClaim, Schedule, Scoring, Spec, Weights

KIND = "limner.spec/1"
NONE: Mapping[str, str] = MappingProxyType({})
STAND_INS: Mapping[str, object] = MappingProxyType(
    {"set": "left-out", "checkpoint": "left-out", "picture": {"width_px": 64, "height_px": 64}, "assets": []}
)


def load_spec(path: Path, overrides: Mapping[str, str] = NONE) -> Spec:
    """The spec in a YAML file.

    ``overrides`` maps dotted keys (``picture.steps``) to YAML texts that replace what the file says. Row files are
    found relative to the spec's folder. Raises SpecErrors with everything that is wrong.
    """
    shown = str(path)
    try:
        data = read_bytes(path, shown)
        text = decode(data, shown)
        root, errors = parse(text, shown)
        for key, value in overrides.items():
            errors.extend(override(root, key, value))
    except NotReadable as stop:
        raise SpecErrors([stop.error]) from None
    checked = validate(SpecModel, root, TAGS, STAND_INS)
    errors.extend(checked.errors)
    if checked.model is None:
        raise SpecErrors(errors)
    assembly = Assembly(checked, checked.model, root, errors)
    made, table = _assets(assembly, path)
    if errors:
        raise SpecErrors(errors)
    sources = ((str(path.parent / _source(checked.model)), table.sha256),) if table is not None else ()
    identity: Json = {
        "text": sha256_hex(data),
        "rows": [digest for _, digest in sources],
        "overrides": dict(overrides),
    }
    return _spec(assembly, made, shown, text, value_sha256(KIND, identity), sources)


def override(root: Node, key: str, text: str) -> list[SpecError]:
    """Puts a YAML text at a dotted key of the tree; returns what is wrong with its form."""
    shown = f"override {key}"
    node, errors = parse(text, shown)
    target = root
    *groups, last = key.split(".")
    for group in groups:
        if target.entries is None:
            break
        target.keys.setdefault(group, Place(shown, 1, 1))
        target = target.entries.setdefault(group, Node(Place(shown, 1, 1), entries={}))
    if target.entries is None:
        allowed = "a key of a mapping"
        return [*errors, SpecError(Place(shown, 1, 1), "override", show(key), allowed)]
    target.entries[last] = node
    target.keys[last] = Place(shown, 1, 1)
    return errors


def _assets(assembly: Assembly, path: Path) -> tuple[tuple[Asset, ...], Table | None]:
    table = None
    if assembly.checked.lacks("assets"):
        return (), None
    if isinstance(assembly.model.assets, RowsModel):
        table = _table(assembly, assembly.model.assets, path)
        entries = table_entries(table, assembly.errors) if table is not None else []
    else:
        entries = inline_entries(assembly)
    if not entries and not any(error.place.path != str(path) or error.what != "" for error in assembly.errors):
        refusal = Refusal("no assets", "at least one asset")
        assembly.refuse(assembly.place("assets"), "assets", refusal)
    return assets(assembly, entries), table


def _table(assembly: Assembly, rows: RowsModel, path: Path) -> Table | None:
    source = PurePosixPath(rows.source)
    place = assembly.place("assets", "from")
    if source.is_absolute() or PureWindowsPath(rows.source).drive or ".." in source.parts or "\\" in rows.source:
        allowed = "a path below the spec's own folder, with / between folders"
        assembly.refuse(place, "assets.from", Refusal(show(rows.source), allowed, mend="put the table beside the spec"))
        return None
    file = path.parent / source
    if not file.is_file():
        siblings = sorted(p.name for p in file.parent.glob("*") if p.suffix.lower() in (".csv", ".tsv", ".xlsx"))
        mean = near_file(source, siblings)
        allowed = f"a file in {path.parent if str(path.parent) != '.' else 'the spec’s folder'}"
        assembly.refuse(place, "assets.from", Refusal(f"{show(rows.source)}, which is no file", allowed, mean))
        return None
    try:
        return read_table(file, str(file), rows.sheet, rows.delimiter)
    except NotReadable as stop:
        assembly.errors.append(stop.error)
        return None


def near_file(source: PurePosixPath, siblings: list[str]) -> str:
    """The file in the same folder that was probably meant, in quotes, or ""."""
    from specs.checks import near

    found = near(source.name, siblings).strip("'")
    return f"'{source.with_name(found)}'" if found else ""


def _source(model: SpecModel) -> str:
    assert isinstance(model.assets, RowsModel)
    return model.assets.source


def _spec(
    assembly: Assembly,
    made: tuple[Asset, ...],
    shown: str,
    text: str,
    digest: str,
    sources: tuple[tuple[str, str], ...],
) -> Spec:
    from specs.assemble import keep_rules
    from specs.spec import KeepRules

    model = assembly.model
    schedule = model.schedule
    weights = model.select
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
        scoring=Scoring(model.scoring.clip, model.scoring.aesthetic, model.scoring.safety),
        weights=Weights(weights.aesthetic, weights.adherence, weights.coherence, weights.sameness),
        forbid=tuple(model.content.forbid),
        reject_pixels=model.keep.reject_pixels,
        path=shown,
        text=text,
        spec_sha256=digest,
        sources=sources,
        checkpoint_place=assembly.place("checkpoint"),
    )
