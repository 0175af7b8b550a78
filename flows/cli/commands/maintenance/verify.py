"""``limner verify``: every hash of the library derived anew; repair, and the trash."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.commands.maintenance.stats import size
from flows.cli.options import AsJson, Library
from flows.output import print_json
from flows.settings import Settings, from_environment

if TYPE_CHECKING:
    from catalog.integrity.verify import Report


def command(
    library: Library = None,
    gc: Annotated[
        bool,
        typer.Option(
            "--gc", help="Move files that no row refers to into the trash, and empty it of what is a week old."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --gc: also when that is most of what is there.")] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Set damaged files aside, so that produce remakes them.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Re-derive every hash of the library; read-only unless told otherwise. Exit code 1 when there are problems."""
    return show_verification(from_environment(library=library), gc=gc, yes=yes, repair=repair, as_json=as_json)


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
