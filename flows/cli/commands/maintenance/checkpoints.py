"""``limner checkpoints``: the checkpoints that limner knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from flows.cli.options import AsJson, Checkpoints
from flows.output import console, print_json
from flows.pipeline.resolve import registry_for
from flows.settings import Settings, from_environment
from generator.weights.pinning import locate
from specs.checkpoint import Checkpoint
from specs.errors import LimnerError


def command(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One checkpoint in full.")] = None,
    checkpoints: Checkpoints = [],  # noqa: B006
    as_json: AsJson = False,
) -> int:
    """List the checkpoints that limner knows: status, licence, what each use may, whether the weights are here."""
    return show_checkpoints(name, from_environment(checkpoints=tuple(checkpoints)), as_json=as_json)


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
