"""``limner note``: what a person says of a candidate."""

from __future__ import annotations

from typing import Annotated

import typer

from catalog.catalog import Catalog
from flows.cli.decisions import the_person
from flows.cli.options import Library, Person, PictureId
from flows.settings import Settings, from_environment
from scoring.deciders import as_person
from specs.counted import counted


def command(
    id_: PictureId,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What is to be said of the picture.")],
    library: Library = None,
    person: Person = None,
) -> int:
    """Write a note on a picture; limner show prints them all."""
    return note_one(id_, text, from_environment(library=library), person=person)


def note_one(id_: str, text: str, settings: Settings, *, person: str | None) -> int:
    """``limner note``."""
    with Catalog.open(settings.library, create=False) as catalog:
        candidate_id = catalog.find(id_).candidate_id
        catalog.note(candidate_id, text, as_person(the_person(person)))
        count = len(catalog.remarks([candidate_id])[candidate_id].notes)
    print(f"{id_}: {counted(count, 'note')}")
    return 0
