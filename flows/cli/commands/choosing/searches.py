"""``limner searches``: the searches that were saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer
from rich.table import Table

from catalog.catalog import Catalog
from flows.cli.decisions import the_person
from flows.cli.options import AsJson, Library, Person
from flows.output import console, print_json
from flows.settings import Settings, from_environment
from scoring.deciders import as_person
from specs.commands import limner


def command(
    delete: Annotated[str | None, typer.Option(help="Delete this one first.")] = None,
    library: Library = None,
    person: Person = None,
    as_json: AsJson = False,
) -> int:
    """List the saved searches: limner keepers … --save NAME makes one, --saved NAME uses it."""
    return show_searches(from_environment(library=library), delete=delete, person=person, as_json=as_json)


def show_searches(settings: Settings, *, delete: str | None, person: str | None, as_json: bool) -> int:
    """``limner searches``: those that are saved, after deleting one where that is asked."""
    with Catalog.open(settings.library, create=False) as catalog:
        if delete is not None:
            catalog.delete_search(delete, as_person(the_person(person)))
        searches = catalog.searches()
    if as_json:
        print_json(
            [
                {"name": search.name, "filter": search.filter.value(), "author": search.author, "at": search.at}
                for search in searches
            ]
        )
        return 0
    table = Table()
    for column in ("search", "filter", "saved by"):
        table.add_column(column, overflow="fold")
    for search in searches:
        table.add_row(search.name, _words(search.filter.value()), search.author)
    if searches:
        console().print(table)
    print(f"{len(searches)} saved searches in {settings.library}; {limner('keepers', '--saved', 'NAME')}")
    return 0


def _words(value: Mapping[str, object]) -> str:
    listed = {name: ", ".join(map(str, got)) if isinstance(got, list) else got for name, got in value.items()}
    return "; ".join(f"{name} {got}" for name, got in listed.items()) or "every keeper"
