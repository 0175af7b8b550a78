"""What the commands print: plans, records, verification, checkpoints. ``--json`` shapes are a contract."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table

from catalog.catalog import FILE, Catalog
from flows.cli.commands.choosing.keepers import keeper_table
from flows.cli.commands.library.stats import size
from flows.cli.commands.making.plan_prompts import print_prompts, with_prompts
from flows.output import console, print_json
from flows.pipeline.planning import AssetState, Plan, State, changed_assets, make_plan, with_changes
from flows.pipeline.resolve import ResolvedSpec, registry_for, resolve_spec
from flows.pipeline.session import Session, Summary
from flows.settings import Settings
from generator.weights.pinning import locate
from specs.checkpoint import Checkpoint
from specs.commands import limner
from specs.errors import LimnerError

if TYPE_CHECKING:
    from catalog.integrity.verify import Report

ROWS_SHOWN = 24  # of a table at the end of a run; `limner keepers` lists all
STATE_WORDS = {
    State.NEW: "new",
    State.CHANGED: "changed",
    State.UP_TO_DATE: "up to date",
    State.BLOCKED: "blocked",
    State.SHORT: "short of keepers",
}


def show_plan(spec: Path, settings: Settings, *, prompts: bool = False, as_json: bool) -> int:
    """``limner plan``; ``prompts``: with each asset's filled prompts."""
    resolved = resolve_spec(spec, settings)
    plan = _plan_of(resolved, settings)
    if as_json:
        value = plan_value(plan) | {"warnings": list(resolved.warnings)}
        print_json(with_prompts(value, resolved) if prompts else value)
        return 0
    if prompts:
        print_prompts(resolved)
    _print_plan(plan)
    for warning in resolved.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    return 0


def _plan_of(resolved: ResolvedSpec, settings: Settings) -> Plan:
    if not (settings.library / FILE).is_file():
        return make_plan(resolved, {})
    with Catalog.open(settings.library, create=False) as catalog:
        plan = make_plan(resolved, catalog.candidates(resolved.spec.set_name))
        return with_changes(plan, resolved, catalog.newest_recipes(resolved.spec.set_name, changed_assets(plan)))


def plan_value(plan: Plan) -> dict[str, Any]:
    """``plan --json``."""
    return {
        "set": plan.set_name,
        "jobs": plan.jobs,
        "to_generate": len(plan.entries),
        "up_to_date": plan.count(State.UP_TO_DATE),
        "blocked": plan.count(State.BLOCKED),
        "assets": [
            {
                "id": asset.asset_id,
                "state": asset.state.value,
                "reason": asset.reason,
                "made": asset.made,
                "to_generate": len(asset.to_generate),
                "keepers": asset.keepers,
                "wanted": asset.wanted,
                "hole": asset.hole.value() if asset.hole else None,
            }
            for asset in plan.assets
        ],
        "obstacles": list(plan.obstacles),
    }


def _print_plan(plan: Plan) -> None:
    table = Table(title=f"{plan.set_name}: {len(plan.entries)} pictures to make of {plan.jobs}", title_justify="left")
    for column in ("asset", "state", "why"):
        table.add_column(column, overflow="fold")
    todo = [asset for asset in plan.assets if asset.state is not State.UP_TO_DATE]
    for asset in todo[:ROWS_SHOWN]:
        table.add_row(asset.asset_id, STATE_WORDS[asset.state], _short(asset, plan))
    out = console()
    if todo:
        out.print(table)
    if len(todo) > ROWS_SHOWN:
        out.print(f"… and {len(todo) - ROWS_SHOWN} more (--json lists all)")
    for obstacle in plan.obstacles:
        out.print(obstacle, markup=False)
    counts = ", ".join(f"{plan.count(state)} {STATE_WORDS[state]}" for state in State if plan.count(state))
    out.print(f"{len(plan.assets)} assets: {counts}; {len(plan.entries)} pictures to make.")


def _short(asset: AssetState, plan: Plan) -> str:
    return "see below" if plan.obstacles else asset.reason


def show_record(id_: str, settings: Settings, *, as_json: bool) -> int:
    """``limner show``: the record is printed as YAML for people, as JSON for scripts."""
    with Catalog.open(settings.library, create=False) as catalog:
        provenance = catalog.provenance(catalog.find(id_))
    if as_json:
        print_json(provenance.value)
        return 0
    import yaml

    class Readable(yaml.SafeDumper):
        """Long texts as blocks, lists of numbers in a line."""

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    Readable.add_representer(str, text)
    sys.stdout.write(yaml.dump(provenance.value, Dumper=Readable, sort_keys=False, allow_unicode=True, width=120))
    return 0


def show_verification(settings: Settings, *, gc: bool, yes: bool = False, repair: bool, as_json: bool) -> int:
    """``limner verify``. Exit code 1 when there are problems, or when ``gc`` was asked for and refused."""
    from catalog.integrity.verify import verify

    report = verify(settings.library, gc=gc, yes=yes, repair=repair)
    code = 1 if report.problems or report.not_collected else 0
    value = {
        "checked": report.checked,
        "problems": [asdict(problem) for problem in report.problems],
        "unreferenced": report.unreferenced,
        "seal": report.seal,
        "repaired": list(report.mended),
        "gc": {**asdict(report.collected), "refused": report.not_collected} if gc else None,
    }
    if as_json:
        print_json(value)
        return code
    for line in report.mended:
        print(line)
    for problem in report.problems:
        print(f"{problem.kind}: {problem.what}: {problem.detail}")
    print(
        f"{settings.library}: {report.checked} things checked, {len(report.problems)} problems, "
        f"{report.unreferenced} unreferenced files"
        + ("" if gc or not report.unreferenced else " (--gc moves them to the trash)")
    )
    if gc:
        _print_collected(settings.library, report)
    if report.seal == "stale":
        print(
            "catalog.sqlite was written to since it was sealed (it is open, or its last writer was killed): every row "
            "is accounted for, bytes that say nothing are not, until the next limner that closes it seals it."
        )
    return code


def _print_collected(library: Path, report: Report) -> None:
    from catalog.integrity.trash import DAYS

    if report.not_collected:
        print(report.not_collected, file=sys.stderr)
        return
    done = report.collected
    if done.moved:
        print(f"moved to {library / done.trash}: {done.moved} files, {size(done.moved_bytes)}")
    if done.emptied:
        print(f"deleted from the trash: {done.emptied} files, {size(done.emptied_bytes)}")
    if done.held:
        print(
            f"in the trash: {done.held} files, {size(done.held_bytes)}; a --gc deletes them {DAYS} days after they "
            "were moved, where nothing refers to them; --repair puts back what is referred to"
        )
    for line in done.kept:
        print(line)


def show_checkpoints(name: str | None, settings: Settings, *, as_json: bool) -> int:
    """``limner checkpoints``."""
    registry = registry_for(Path(), settings)
    known = registry.checkpoints
    chosen = dict(known) if name is None else {name: registry.resolve(name, Path())}
    values = [checkpoint_value(checkpoint, settings) for checkpoint in chosen.values()]
    if as_json:
        print_json(values[0] if name is not None else values)
    elif name is not None:
        _print_checkpoint(values[0])
    else:
        _print_checkpoints(values)
    return 0


def checkpoint_value(checkpoint: Checkpoint, settings: Settings) -> dict[str, Any]:
    """One object of ``checkpoints --json``; ``here`` says whether the weights are on this machine."""
    try:
        here, why = str(locate(checkpoint, hub_cache=settings.hub_cache)), ""
    except LimnerError as error:
        here, why = None, str(error)
    value = asdict(checkpoint)
    value["status"] = checkpoint.status.value
    value["files"] = {file.path: file.sha256 for file in checkpoint.files}
    value["scorers"] = dict(checkpoint.scorers)
    return {**value, "here": here, "how_to_get": why}


def _print_checkpoints(values: Sequence[Mapping[str, Any]]) -> None:
    table = Table(box=box.SIMPLE)
    for column in ("name", "architecture", "status"):
        table.add_column(column, no_wrap=True)
    for column in ("licence", "commercial", "here"):
        table.add_column(column, overflow="fold")
    words = {True: "yes", False: "no", None: "unknown"}
    for value in values:
        row = [value["name"], value["architecture"], value["status"], value["licence"], words[value["commercial"]]]
        table.add_row(*row, "yes" if value["here"] else "no")
    console().print(table)


def _print_checkpoint(value: Mapping[str, Any]) -> None:
    for key, found in value.items():
        if found in ("", [], (), {}, None):
            continue
        if isinstance(found, (list, tuple)):
            print(f"{key}:")
            for item in found:
                print(f"  - {item}")
        elif isinstance(found, dict):
            print(f"{key}:")
            for inner, item in found.items():
                print(f"  {inner}: {item}")
        else:
            print(f"{key}: {found}")


def print_run(session: Session, summary: Summary) -> None:
    """The last words of ``limner produce``: keepers, what is short, and where everything is."""
    out = console()
    keepers = session.catalog.keepers(summary.set)
    if keepers and summary.generated:
        out.print(keeper_table(keepers[:ROWS_SHOWN]))
        if len(keepers) > ROWS_SHOWN:
            out.print(
                f"… and {len(keepers) - ROWS_SHOWN} more: {limner('keepers', summary.set)}",
                markup=False,
                soft_wrap=True,
            )
    plan = session.plan()
    for asset in plan.assets:
        if asset.hole:
            out.print(f"hole: {asset.asset_id}: {asset.reason}", markup=False, soft_wrap=True)
    idle = not summary.generated and not summary.failed
    made = "nothing to make" if idle else f"{summary.generated} made, {summary.reused} reused"
    failed = f", {summary.failed} FAILED" if summary.failed else ""
    out.print(
        f"{summary.set}: {made}{failed}; {summary.kept} kept, {summary.rejected} rejected; {summary.seconds:.1f} s"
    )
    out.print(f"  pictures       {session.settings.library.resolve() / 'objects'}", soft_wrap=True)
    out.print(f"  contact sheet  {session.sheet_path.resolve()}", soft_wrap=True)
    one = f"{summary.set}/{plan.assets[0].asset_id}"
    out.print(f"  review page    {limner('review')}", markup=False, soft_wrap=True)
    out.print(f"  one record     {limner('show', one)}", markup=False, soft_wrap=True)
