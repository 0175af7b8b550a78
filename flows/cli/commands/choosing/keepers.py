"""``limner keepers``: what is kept, narrowed by a filter, of any number of sets. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.table import Table

from catalog.catalog import Catalog
from catalog.queries.candidate_state import Keeper
from catalog.queries.filter import Filter, moment
from flows.cli.decisions import the_person
from flows.cli.options import AsJson, Library, Person
from flows.output import console, print_json
from flows.settings import Settings, from_environment
from scoring.deciders import as_person
from specs.errors import UsageError


def command(
    sets: Annotated[list[str] | None, typer.Argument(metavar="[SET…]", help="Sets; * and ? allowed.")] = None,
    asset: Annotated[list[str] | None, typer.Option(help="Of these assets; * and ? allowed; repeatable.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Having this tag; repeated: all of them.")] = None,
    reason: Annotated[list[str] | None, typer.Option(help="Kept for this reason; repeated: any of them.")] = None,
    by: Annotated[str, typer.Option(help="Decided by policy, person, or person:NAME.")] = "",
    checkpoint: Annotated[list[str] | None, typer.Option(help="Made with it; * and ? allowed; repeatable.")] = None,
    licence: Annotated[list[str] | None, typer.Option(help="Under it; * and ? allowed; repeatable.")] = None,
    use: Annotated[str, typer.Option(help="Made for this use: commercial, noncommercial or internal.")] = "",
    commercial: Annotated[bool, typer.Option("--commercial", help="Only what may be exported commercially.")] = False,
    min_aesthetic: Annotated[float | None, typer.Option(help="Scored at least so.")] = None,
    min_adherence: Annotated[float | None, typer.Option(help="Scored at least so.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Decided on this day (UTC) or later: 2026-11-22, or a moment.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Decided on this day (UTC) or earlier.")] = None,
    text: Annotated[str, typer.Option(help="Having this in the prompt.")] = "",
    former: Annotated[bool, typer.Option("--former", help="Also of assets that their spec no longer has.")] = False,
    save: Annotated[str | None, typer.Option(help="Save the search under this name.")] = None,
    saved: Annotated[str | None, typer.Option(help="Use a saved search.")] = None,
    why: Annotated[
        bool, typer.Option("--why", help="Explain each choice and its runner-up; SET may be set/asset or a spec.")
    ] = False,
    library: Library = None,
    person: Person = None,
    as_json: AsJson = False,
    paths: Annotated[bool, typer.Option("--paths", help="Print the files' paths, one a line.")] = False,
) -> int:
    """List the keepers: asset, picture, seed, scores. Every option narrows."""
    wanted = Filter(
        sets=tuple(sets or ()),
        assets=tuple(asset or ()),
        tags=tuple(tag or ()),
        reasons=tuple(reason or ()),
        decided_by=by,
        checkpoints=tuple(checkpoint or ()),
        licences=tuple(licence or ()),
        use=use,
        commercial=commercial,
        min_aesthetic=min_aesthetic,
        min_adherence=min_adherence,
        since=moment(since) if since else "",
        until=moment(until, end=True) if until else "",
        text=text,
        former=former,
    )
    settings = from_environment(library=library)
    if why:
        from flows.cli.commands.choosing.keepers_why import show_why

        only_sets = wanted == Filter(sets=wanted.sets) and not (save or saved or paths)
        return show_why(wanted.sets, settings, only_sets=only_sets, as_json=as_json)
    return show_keepers(wanted, settings, save=save, saved=saved, person=person, as_json=as_json, paths=paths)


def show_keepers(
    wanted: Filter,
    settings: Settings,
    *,
    save: str | None = None,
    saved: str | None = None,
    person: str | None = None,
    as_json: bool = False,
    paths: bool = False,
) -> int:
    """``limner keepers``: by ``wanted``, or by the search ``saved``; ``save`` keeps the filter under a name."""
    if as_json and paths:
        raise UsageError("keepers: got --json and --paths; allowed: one of them.")
    if saved is not None and (wanted != Filter() or save is not None):
        raise UsageError("--saved: got filters beside it; allowed: --saved NAME alone, or filters and --save NAME.")
    with Catalog.open(settings.library, create=False) as catalog:
        if saved is not None:
            wanted = _saved(catalog, saved)
        keepers = catalog.keepers(matching=wanted)
        if save is not None:
            catalog.save_search(save, wanted, as_person(the_person(person)))
    if as_json:
        print_json([keeper_value(keeper) for keeper in keepers])
    elif paths:
        for keeper in keepers:
            print(keeper.path)
    else:
        _tell(keepers, wanted, settings)
    return 0


def _saved(catalog: Catalog, name: str) -> Filter:
    wanted = catalog.search(name).filter
    if wanted.state != "kept":
        raise UsageError(
            f"--saved: got '{name}', a search for candidates that are {wanted.state}; allowed: searches for keepers; "
            "see this one on the review page."
        )
    return wanted


def _tell(keepers: Sequence[Keeper], wanted: Filter, settings: Settings) -> None:
    if keepers:
        console().print(keeper_table(keepers))
    of = f" of {', '.join(wanted.sets)}" if wanted.sets else ""
    narrowed = " that match" if wanted != Filter(sets=wanted.sets) else ""
    print(f"{len(keepers)} keepers{of}{narrowed} in {settings.library}")


def keeper_value(keeper: Keeper) -> dict[str, Any]:
    """One object of ``keepers --json``."""
    card = keeper.candidate.scorecard
    return {
        "id": keeper.name,
        "set": keeper.candidate.key.set_name,
        "asset": keeper.candidate.key.asset_id,
        "title": keeper.title,
        "row": dict(keeper.row),
        "row_when_made": dict(keeper.row_when_made),
        "image_sha256": keeper.candidate.image_sha256,
        "path": str(keeper.path),
        "seed": keeper.seed,
        "number": keeper.candidate.number,
        "recipes_ago": keeper.recipes_ago,
        "prompt": keeper.prompt,
        "width_px": keeper.width_px,
        "height_px": keeper.height_px,
        "scores": {
            "aesthetic": card.aesthetic,
            "adherence": card.adherence,
            "rank": card.rank,
            "margin": card.margin,
            **dict(card.extra),
        },
        "safety": {"state": card.safety.state.value, "covers": card.safety.covers},
        "decided_by": keeper.candidate.decided_by,
        "decided_at": keeper.decided_at,
        "reasons": list(keeper.reasons),
        "note": keeper.note,
        "tags": list(keeper.tags),
    }


def keeper_table(keepers: Sequence[Keeper]) -> Table:
    """A row a keeper; the tags' column only where there are any."""
    table = Table()
    table.add_column("asset", no_wrap=True)
    table.add_column("picture", no_wrap=True)
    for name in ("seed", "aesthetic", "adherence", "rank"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("kept by")
    tagged = any(keeper.tags for keeper in keepers)
    if tagged:
        table.add_column("tags")
    one_set = len({keeper.candidate.key.set_name for keeper in keepers}) == 1
    for keeper in keepers:
        card = keeper.candidate.scorecard
        row = [
            _shown_name(keeper, one_set),
            keeper.candidate.image_sha256[:12],
            str(keeper.seed),
            _number(card.aesthetic),
            _number(card.adherence),
            "" if card.rank is None else str(card.rank),
            keeper.candidate.decided_by,
        ]
        table.add_row(*row, *([", ".join(keeper.tags)] if tagged else []))
    return table


def _shown_name(keeper: Keeper, one_set: bool) -> str:
    """The asset's id, within its set where there is but one; whole for a picture of an older recipe."""
    if keeper.recipes_ago:
        return keeper.name.partition("/")[2] if one_set else keeper.name
    return keeper.asset_id if one_set else f"{keeper.candidate.key.set_name}/{keeper.asset_id}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
