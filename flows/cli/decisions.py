"""Who decides, and how a candidate stands once they did: what ``keep``, ``reject`` and ``undo`` share."""

from __future__ import annotations

import contextlib
import getpass
import os

from catalog.review.views.values import Tile
from flows.output import print_json
from specs.errors import UsageError

NAME_LENGTH = 100


def the_person(given: str | None) -> str:
    """Who decides: as given, else ``LIMNER_PERSON``, else the login name. UsageError for no name."""
    name = given if given is not None else os.environ.get("LIMNER_PERSON", "")
    if not name and given is None:
        with contextlib.suppress(KeyError, OSError):
            name = getpass.getuser()
    name = name.strip()
    if not name or len(name) > NAME_LENGTH or not name.isprintable():
        raise UsageError(f"--as: got {name[:40]!r}; allowed: a name of 1 to {NAME_LENGTH} letters.")
    return name


def print_standing(tile: Tile, as_json: bool) -> int:
    """Print how a candidate stands now; returns the exit code."""
    if as_json:
        print_json(
            {
                "id": tile.name,
                "image_sha256": tile.image_sha256,
                "standing": tile.word,
                "keeper": tile.is_keeper,
                "decided_by": tile.decided_by,
                "reasons": list(tile.reasons),
                "note": tile.note,
            }
        )
    else:
        by = f" by {tile.decided_by}" if tile.decided_by else ""
        print(f"{tile.name} ({tile.image_sha256[:12]}): {tile.word}{by}")
    return 0
