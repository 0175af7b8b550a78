"""``limner tag``, ``note``, ``searches``: what people say of candidates, and the searches that they saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.table import Table

from catalog.catalog import Catalog
from catalog.writes.annotations import check_tag
from flows.cli.commands.choosing.review import the_person
from flows.output import console, print_json
from flows.settings import Settings
from specs.commands import limner
from specs.errors import UsageError


def tag_one(
    id_: str, tags: Sequence[str], settings: Settings, *, remove: bool, person: str | None, as_json: bool
) -> int:
    """``limner tag``: without tags, only say which are on it."""
    with Catalog.open(settings.library, create=False) as catalog:
        candidate_id = catalog.find(id_).candidate_id
        standing = catalog.remarks([candidate_id])[candidate_id].tags
        absent = [check_tag(tag) for tag in tags if tag not in standing]
        if remove and (absent or not tags):
            got = ", ".join(absent) or "no tag"
            raise UsageError(
                f"--remove: got {got}; allowed: the tags of {id_}: {', '.join(standing) or 'it has none'}."
            )
        if tags:
            standing = catalog.tag(candidate_id, tags, f"person:{the_person(person)}", remove=remove)
    if as_json:
        print_json({"id": id_, "tags": list(standing)})
    else:
        print(f"{id_}: {', '.join(standing) or 'no tags'}")
    return 0


def note_one(id_: str, text: str, settings: Settings, *, person: str | None) -> int:
    """``limner note``."""
    with Catalog.open(settings.library, create=False) as catalog:
        candidate_id = catalog.find(id_).candidate_id
        catalog.note(candidate_id, text, f"person:{the_person(person)}")
        count = len(catalog.remarks([candidate_id])[candidate_id].notes)
    print(f"{id_}: {count} note{'s' if count > 1 else ''}")
    return 0


def show_searches(settings: Settings, *, delete: str | None, person: str | None, as_json: bool) -> int:
    """``limner searches``: those that are saved, after deleting one where that is asked."""
    with Catalog.open(settings.library, create=False) as catalog:
        if delete is not None:
            catalog.delete_search(delete, f"person:{the_person(person)}")
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
