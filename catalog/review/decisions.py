"""What a person decides, appended: keep, reject, undo. Nothing is overwritten, so nothing can be lost by undoing it.

An undo is itself a verdict. It restates the decision before the one it takes back, with the reason ``undone``; when
there is none before, it says ``withdrawn``, and the policy's verdict counts again. To know what stands, read the
person's verdicts on the present picture in order: a decision is pushed, an undo pops. So undo is unlimited.

What a person keeps takes a place of its asset from the policy's keepers, and gives it back when it no longer stands:
``catalog.writes.places`` settles that in the same transaction.

Each write names the newest verdict of a person that its maker had seen; when another came in between (a second tab, a
colleague), nothing is written and the maker is told. A policy's verdict in between is no conflict.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from catalog.catalog import Catalog
from catalog.database import seal
from catalog.database.rows import Row, fetch, now
from catalog.database.schema import CandidateRow, VerdictRow
from catalog.errors import CatalogError
from catalog.queries.candidate_state import OVERRIDE, UNDONE, WITHDRAWN
from catalog.review.views.pages import key_of
from catalog.review.views.tiles import fetch_tiles, standing_tiles
from catalog.review.views.values import Tile
from catalog.writes import places
from catalog.writes.candidates import append_verdicts
from scoring.deciders import as_person
from scoring.verdict import Verdict
from specs.errors import UsageError

_REASON = re.compile(r"[a-z][a-z0-9_]{0,39}")
NOTE_LENGTH = 2000
OURS = (UNDONE, WITHDRAWN, OVERRIDE)  # reasons that only this module gives


class ConflictError(CatalogError):
    """Somebody decided since the decider last looked; nothing was written."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Keep or reject. ``seen`` as in ``Tile``, None to decide whatever stands; ``image_sha256`` what was looked at, ''
    for the present picture; ``override``: kept although not measured clear, which needs a note."""

    candidate_id: str
    keep: bool
    person: str
    reasons: tuple[str, ...] = ()
    note: str = ""
    seen: int | None = None
    image_sha256: str = ""
    override: bool = False


def decide(catalog: Catalog, decision: Decision) -> Tile:
    """Append a verdict; returns the candidate as it stands then, on disk. ConflictError, NotFoundError, UsageError."""
    _check(decision)
    with seal.write_transaction(catalog.engine) as connection:
        tile = _tile(connection, decision.candidate_id, decision.seen)
        if decision.image_sha256 and decision.image_sha256 != tile.image_sha256:
            raise ConflictError(f"{tile.name}: its picture was made again meanwhile; look at it and decide anew.")
        _append(connection, tile, decision.person, decision.keep, _reasons(decision, tile), decision.note.strip())
        return _tile(connection, decision.candidate_id, None)


def undo(catalog: Catalog, candidate_id: str, person: str, seen: int | None = None) -> Tile:
    """Take a person's last decision on a candidate back; returns how it stands then. UsageError when there is none."""
    with seal.write_transaction(catalog.engine) as connection:
        tile = _tile(connection, candidate_id, seen)
        stack = decisions(connection, tile)
        if not stack:
            raise UsageError(f"{tile.name}: nothing to undo; nobody has decided on it.")
        if len(stack) > 1:
            before = stack[-2]
            reasons = (*[reason for reason in _listed(before) if reason != UNDONE], UNDONE)
            _append(connection, tile, person, bool(before["keep"]), reasons, before["note"])
        else:
            _append(connection, tile, person, False, (WITHDRAWN,), "")
        return _tile(connection, candidate_id, None)


def decisions(connection: Connection, tile: Tile) -> list[Row]:
    """A person's decisions on a candidate's present picture that have not been undone, oldest first."""
    rows = fetch(connection, VerdictRow, "candidate_id", [tile.candidate_id])
    stack: list[Row] = []
    for row in sorted(rows, key=lambda row: int(row["number"])):
        if not row["by_person"] or row["image_sha256"] != tile.image_sha256:
            continue
        if {UNDONE, WITHDRAWN} & set(_listed(row)):
            stack = stack[:-1]
        else:
            stack.append(row)
    return stack


def _check(decision: Decision) -> None:
    for reason in decision.reasons:
        if not _REASON.fullmatch(reason) or reason in OURS:
            raise UsageError(f"reason: got {reason[:60]!r}; allowed: a name like off_style, but not {', '.join(OURS)}.")
    if len(decision.reasons) > 8 or len(decision.note) > NOTE_LENGTH:
        raise UsageError(
            f"got {len(decision.reasons)} reasons, {len(decision.note)} letters of note; allowed: 8 and {NOTE_LENGTH}."
        )
    if not decision.keep and not decision.reasons:
        raise UsageError("reject: got no reason; allowed: one or more, such as off_style.")


def _reasons(decision: Decision, tile: Tile) -> tuple[str, ...]:
    reasons = tuple(dict.fromkeys(decision.reasons))
    if not decision.keep or not tile.quarantined:
        return reasons
    if not decision.override or not decision.note.strip():
        raise UsageError(
            f"{tile.name}: its safety is {tile.safety}, not measured clear; keeping it needs an explicit override and "
            "a note that says why (--override-safety --why …)."
        )
    return (*reasons, OVERRIDE)


def _tile(connection: Connection, candidate_id: str, seen: int | None) -> Tile:
    key = key_of(connection, candidate_id)
    found = fetch_tiles(connection, standing_tiles().where(CandidateRow.candidate_id == candidate_id))
    if not found:
        raise CatalogError(f"{key.set_name}/{key.asset_id}: this candidate's picture was lost; run `limner produce`.")
    if seen is not None and found[0].seen != seen:
        by = found[0].decided_by.removeprefix(as_person(""))
        raise ConflictError(
            f"{found[0].name}: was decided meanwhile ({found[0].word}, {by}); nothing was "
            "changed: look at it and decide anew."
        )
    return found[0]


def _append(connection: Connection, tile: Tile, person: str, keep: bool, reasons: Sequence[str], note: str) -> None:
    key = key_of(connection, tile.candidate_id)
    verdict = Verdict(tile.image_sha256, keep, tuple(reasons), as_person(person), "", now(), note)
    append_verdicts(connection, [(key, verdict)])
    places.refill(connection, [(key.set_name, key.asset_id)])


def _listed(row: Row) -> list[str]:
    return [str(reason) for reason in json.loads(row["reasons"])]
