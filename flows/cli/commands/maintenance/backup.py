"""``limner backup``: the library's state of one moment as a folder of its own, read back before it counts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from catalog.backup.backup import BackedUp, back_up
from flows.cli.commands.maintenance.stats import size
from flows.cli.options import AsJson, Library
from flows.output import print_json
from flows.settings import Settings, from_environment
from specs.commands import limner


def command(
    to: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder, or the backup of before.")],
    replace_newer: Annotated[
        bool,
        typer.Option(
            "--replace-newer", help="Also over a backup that holds more than the library; that state is kept."
        ),
    ] = False,
    library: Library = None,
    as_json: AsJson = False,
) -> int:
    """Back the library up while it is in use, and read it all back. A backup is a library: --library opens it."""
    return back_up_to(to, from_environment(library=library), replace_newer=replace_newer, as_json=as_json)


def back_up_to(target: Path, settings: Settings, *, replace_newer: bool = False, as_json: bool) -> int:
    """Copy, read back, say what was done."""
    target = target.expanduser()
    began = time.monotonic()
    with _bar() as tell:
        done = back_up(settings.library, target, tell, replace_newer=replace_newer)
    if as_json:
        names = {"library": str(settings.library), "backup": str(target)}
        print_json({**names, **asdict(done), "seconds": round(time.monotonic() - began, 3)})
    else:
        print(_sentence(done, target))
        print(
            f"  it is a library: {limner('keepers', '--library', target)}; to restore, use it or copy it in its place"
        )
    return 0


def _sentence(done: BackedUp, target: Path) -> str:
    new = f"{done.copied} copied now, {size(done.copied_bytes)}" if done.copied else "all there already"
    gone = f", {done.removed} no longer wanted removed" if done.removed else ""
    return f"{target}: {done.pictures} pictures ({new}{gone}), {done.rows} rows; every byte was read back"


@contextmanager
def _bar() -> Iterator[Callable[[str, int, int], None]]:
    """A bar on a terminal's standard error; nothing elsewhere."""
    console = Console(stderr=True)
    words = TextColumn("{task.description:>8}")
    with Progress(
        words, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console, transient=True,
        disable=not console.is_terminal,
    ) as progress:  # fmt: skip
        tasks = {name: progress.add_task(name, total=None) for name in ("copied", "checked")}
        yield lambda name, done, of: progress.update(tasks[name], completed=done, total=of)
