"""``limner keep``: a person keeps a picture."""

from __future__ import annotations

from typing import Annotated

import typer

from catalog.catalog import Catalog
from catalog.review.decisions import Decision, decide
from flows.cli.decisions import print_standing, the_person
from flows.cli.options import AsJson, Library, Person, PictureId
from flows.settings import Settings, from_environment


def command(
    id_: PictureId,
    why: Annotated[str, typer.Option("--why", help="A note: why.")] = "",
    override_safety: Annotated[
        bool, typer.Option("--override-safety", help="Keep what is not measured clear; needs --why.")
    ] = False,
    library: Library = None,
    person: Person = None,
    as_json: AsJson = False,
) -> int:
    """Keep a picture, by a person's verdict. It counts before any rule's; undo takes it back."""
    settings = from_environment(library=library)
    return keep_one(id_, settings, why=why, override=override_safety, person=person, as_json=as_json)


def keep_one(id_: str, settings: Settings, *, why: str, override: bool, person: str | None, as_json: bool) -> int:
    """``limner keep``."""
    with Catalog.open(settings.library, create=False) as catalog:
        candidate_id = catalog.find(id_).candidate_id
        decision = Decision(candidate_id, True, the_person(person), note=why, override=override)
        return print_standing(decide(catalog, decision), as_json)
