"""``limner undo``: a person's last verdict is taken back."""

from __future__ import annotations

from catalog.catalog import Catalog
from catalog.review.decisions import undo
from flows.cli.decisions import print_standing, the_person
from flows.cli.options import AsJson, Library, Person, PictureId
from flows.settings import Settings, from_environment


def command(id_: PictureId, library: Library = None, person: Person = None, as_json: AsJson = False) -> int:
    """Take a person's last verdict on a picture back; what stood before it counts again. As often as you like."""
    return undo_one(id_, from_environment(library=library), person=person, as_json=as_json)


def undo_one(id_: str, settings: Settings, *, person: str | None, as_json: bool) -> int:
    """``limner undo``."""
    with Catalog.open(settings.library, create=False) as catalog:
        return print_standing(undo(catalog, catalog.find(id_).candidate_id, the_person(person)), as_json)
