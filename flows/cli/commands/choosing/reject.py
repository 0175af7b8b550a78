"""``limner reject``: a person rejects a picture."""

from __future__ import annotations

from typing import Annotated

import typer

from catalog.catalog import Catalog
from catalog.review.decisions import Decision, decide
from flows.cli.decisions import print_standing, the_person
from flows.cli.options import AsJson, Library, Person, PictureId
from flows.settings import Settings, from_environment
from scoring.reasons import PERSONS
from specs.errors import UsageError


def command(
    id_: PictureId,
    why: Annotated[str, typer.Option("--why", help="A named reason such as off_style, or a note.")],
    library: Library = None,
    person: Person = None,
    as_json: AsJson = False,
) -> int:
    """Reject a picture, by a person's verdict. It counts before any rule's; undo takes it back."""
    return reject_one(id_, from_environment(library=library), why=why, person=person, as_json=as_json)


def reject_one(id_: str, settings: Settings, *, why: str, person: str | None, as_json: bool) -> int:
    """``limner reject``: a named reason stands for itself, anything else is a note."""
    if not why.strip():
        raise UsageError(f"--why: got nothing; allowed: a note, or one of {', '.join(PERSONS)}.")
    named = why.strip().replace(" ", "_")
    reason, note = (named, "") if named in PERSONS else ("other", why)
    with Catalog.open(settings.library, create=False) as catalog:
        candidate_id = catalog.find(id_).candidate_id
        decision = Decision(candidate_id, False, the_person(person), (reason,), note)
        return print_standing(decide(catalog, decision), as_json)
