"""``limner tag``: words that people put on a candidate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from catalog.catalog import Catalog
from catalog.writes.annotations import check_tag
from flows.cli.decisions import the_person
from flows.cli.options import AsJson, Library, Person, PictureId
from flows.output import print_json
from flows.settings import Settings, from_environment
from scoring.deciders import as_person
from specs.errors import UsageError


def command(
    id_: PictureId,
    tags: Annotated[list[str] | None, typer.Argument(metavar="TAG…", help="Tags to put on; none: list them.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take them off.")] = False,
    library: Library = None,
    person: Person = None,
    as_json: AsJson = False,
) -> int:
    """Put tags on a picture, or take them off. Who did and when stays on record."""
    settings = from_environment(library=library)
    return tag_one(id_, tags or [], settings, remove=remove, person=person, as_json=as_json)


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
            standing = catalog.tag(candidate_id, tags, as_person(the_person(person)), remove=remove)
    if as_json:
        print_json({"id": id_, "tags": list(standing)})
    else:
        print(f"{id_}: {', '.join(standing) or 'no tags'}")
    return 0
