"""The last words of ``limner produce``: keepers, holes, and where everything is."""

from __future__ import annotations

from flows.cli.commands.choosing.keepers import keeper_table
from flows.cli.commands.making.plan import ROWS_SHOWN
from flows.output import console
from flows.pipeline.session import Session, Summary
from specs.commands import limner


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
