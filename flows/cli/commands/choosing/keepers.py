"""``limner keepers``: what is kept, narrowed by a filter, of any number of sets. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from catalog.catalog import Catalog
from catalog.queries.candidate_state import Keeper
from catalog.queries.filter import Filter
from flows.cli.commands.choosing.review import the_person
from flows.output import console, print_json
from flows.settings import Settings
from specs.errors import UsageError


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
            catalog.save_search(save, wanted, f"person:{the_person(person)}")
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
