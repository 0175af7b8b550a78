"""``limner plan``: what there is to make of a spec, and why. ``--json`` shapes are a contract."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from catalog.catalog import FILE, Catalog
from flows.cli.commands.making.plan_prompts import print_prompts, with_prompts
from flows.cli.options import AsJson, Checkpoints, Library, SpecFile
from flows.output import console, print_json
from flows.pipeline.planning import AssetState, Plan, State, changed_assets, make_plan, with_changes
from flows.pipeline.resolve import ResolvedSpec, resolve_spec
from flows.settings import Settings, from_environment

ROWS_SHOWN = 24  # of a table at the end of a run; `limner keepers` lists all
STATE_WORDS = {
    State.NEW: "new",
    State.CHANGED: "changed",
    State.UP_TO_DATE: "up to date",
    State.BLOCKED: "blocked",
    State.SHORT: "short of keepers",
}


def command(
    spec: SpecFile,
    library: Library = None,
    checkpoints: Checkpoints = [],  # noqa: B006
    prompts: Annotated[bool, typer.Option("--prompts", help="Also show each asset's filled prompts.")] = False,
    as_json: AsJson = False,
) -> int:
    """Say per asset what is new, changed, up to date, blocked or short of keepers, and why. Makes nothing."""
    settings = from_environment(library=library, checkpoints=tuple(checkpoints))
    return show_plan(spec, settings, prompts=prompts, as_json=as_json)


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
