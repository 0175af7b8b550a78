"""Reasons for a verdict: their names, which scripts filter by, and their words for people. One line each.

A name may be followed by the picture that it speaks of: ``outscored:<64 hex>``. Persons choose from PERSONS or write
a note; everything else is given by a policy.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

CHOSEN = "chosen"
STANDS = "keeper_stands"
SUPERSEDED = "recipe_changed"
TOO_LIKE = "too_like"  # this and the next are given by the choice of keepers, which knows the others
OUTSCORED = "outscored"
NOT_WANTED = "not_wanted"  # it passes, and its asset has keepers enough
DROPPED = "pixels_dropped"  # its pixels went with an earlier rejection
REPLACED = "replaced_by_person"  # given where keeps are written: a person kept another picture for this place …
RESTORED = "restored"  # … and no longer keeps it

PERSONS = (
    "wrong_subject",
    "bad_composition",
    "bad_anatomy",
    "off_style",
    "artefacts",
    "text_in_picture",
    "too_like_another",
    "other",
)
WORDS = {  # those that do not read as they are spelled
    CHOSEN: "chosen",
    STANDS: "stays the keeper",
    SUPERSEDED: "its recipe changed",
    TOO_LIKE: "too like",
    OUTSCORED: "weaker than",
    NOT_WANTED: "good enough, but there are keepers enough",
    DROPPED: "its pixels were dropped",
    REPLACED: "a person keeps another:",
    RESTORED: "kept again",
    "safety_flagged": "flagged by the safety checker",
    "safety_unknown": "not checked for safety",
    "other": "see the note",
}

BEGUN = 12  # digits of a picture's hash in the policy's notes: ``against the runner-up 3fe8a1b2c3d4, quality +0.40``
_BEGUN = re.compile(rf"\b[0-9a-f]{{{BEGUN}}}\b")


def reason_code(reason: str) -> str:
    """The name of a reason without what it speaks of: ``too_like:<sha256>`` → ``too_like``."""
    return reason.partition(":")[0]


def of_picture(reason: str) -> str:
    """The hash of the picture that a reason speaks of; '' for none."""
    return reason.partition(":")[2]


def pictures_in(note: str) -> list[str]:
    """The beginnings of pictures' hashes in a policy's note."""
    return _BEGUN.findall(note)


def in_names(note: str, names: Mapping[str, str]) -> str:
    """A policy's note for people; ``names``: of pictures, by what ``pictures_in`` gives."""
    return _BEGUN.sub(lambda found: names.get(found[0]) or "that is no longer here", note)


def words(reason: str, picture: str = "") -> str:
    """A reason for people; ``picture``: the name of the one that it speaks of (``#2``, ``deck/sword#2``)."""
    code = reason_code(reason)
    said = WORDS.get(code) or code.removeprefix("defect_").replace("_", " ")
    if not of_picture(reason):
        return said.removesuffix(":")
    return f"{said} {picture or 'a picture that is no longer here'}"
