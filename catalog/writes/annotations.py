"""Tags and notes: what people say of a candidate beside keep and reject. Rows are only ever appended.

A tag is put on and taken off by rows of one chain a candidate; whether it is on is what its newest row says. A note is
never changed: a better one is a further one. Both name the picture that was looked at: when a lost picture was made
again and came out different, what was said of the old one stays on record (``show`` prints all of it) but no longer
counts, as with verdicts.

They are no part of a candidate's provenance hash. That hash covers what was fixed when the picture was recorded; what
is said later must not change it, and needs no cover from it: every row hashes itself and names the hash of the row
before it, so ``verify`` finds one that was changed, and one that was taken out of the middle.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, select
from sqlalchemy.orm import aliased

from catalog.database.rows import add, among, fetch, fetch_newest, linked, now
from catalog.database.schema import CandidateRow, NoteRow, TagRow
from catalog.errors import NotFoundError
from specs.errors import UsageError
from specs.values.checks import show

TAG_LENGTH = 60
NOTE_LENGTH = 2000
_TAG = re.compile(r"[^\W_][\w.:-]*")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Note:
    """One note: ``number`` from 1 a candidate, ``author`` as ``person:<name>``, ``at`` UTC, ISO 8601, ``Z``."""

    number: int
    text: str
    author: str
    at: str


@dataclass(frozen=True, slots=True)
class Remarks:
    """What is said of a candidate's present picture: tags that are on, sorted; notes, oldest first."""

    tags: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()


def check_tag(tag: str) -> str:
    """The tag itself. UsageError for what cannot be one."""
    usual = unicodedata.normalize("NFC", tag).lower()
    if not _TAG.fullmatch(tag) or len(tag) > TAG_LENGTH or tag != usual:
        better = re.sub(r"[^\w.:]+", "-", usual).strip("-_.:")[:TAG_LENGTH]
        mean = f"; did you mean '{better}'?" if _TAG.fullmatch(better) and better != tag else ""
        raise UsageError(
            f"tag: got {show(tag)}; allowed: 1 to {TAG_LENGTH} lower-case letters, digits and - _ . :, a letter or "
            f"digit first{mean}"
        )
    return tag


def put_tags(connection: Connection, candidate_id: str, tags: Sequence[str], author: str, added: bool) -> int:
    """Append what changes: tags to put on that are not on, or to take off that are. Returns how many rows that took."""
    wanted = [check_tag(tag) for tag in dict.fromkeys(tags)]
    image_sha256 = _picture(connection, candidate_id)
    standing = set(tags_of(connection, [candidate_id]).get(candidate_id, ()))
    before = fetch_newest(connection, TagRow, [candidate_id]).get(candidate_id)
    rows = []
    for tag in wanted:
        if (tag in standing) != added:
            values = {"candidate_id": candidate_id, "image_sha256": image_sha256, "tag": tag, "added": added}
            before = linked(TagRow, {**values, "author": author, "at": now()}, before)
            rows.append(before)
    add(connection, TagRow, rows)
    return len(rows)


def put_note(connection: Connection, candidate_id: str, text: str, author: str) -> None:
    """Append a note. UsageError for an empty or an endless one."""
    text = text.strip()
    if not 1 <= len(text) <= NOTE_LENGTH or _CONTROL.search(text):
        got = f"{len(text)} letters" if len(text) > NOTE_LENGTH else show(text)
        raise UsageError(f"note: got {got}; allowed: 1 to {NOTE_LENGTH} letters, no control characters.")
    image_sha256 = _picture(connection, candidate_id)
    before = fetch_newest(connection, NoteRow, [candidate_id]).get(candidate_id)
    values = {"candidate_id": candidate_id, "image_sha256": image_sha256, "text": text, "author": author, "at": now()}
    add(connection, NoteRow, [linked(NoteRow, values, before)])


def of(connection: Connection, candidate_ids: Iterable[str]) -> Mapping[str, Remarks]:
    """Candidate id → its remarks; every id that was asked for has an entry."""
    ids = list(dict.fromkeys(candidate_ids))
    tags = tags_of(connection, ids)
    notes: dict[str, list[Note]] = defaultdict(list)
    for candidate_id, *values in connection.execute(_standing_notes().where(among(NoteRow.candidate_id, ids))):
        notes[candidate_id].append(Note(*values))
    return {id_: Remarks(tags.get(id_, ()), tuple(notes[id_])) for id_ in ids}


def tags_of(connection: Connection, candidate_ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Candidate id → the tags that are on it, sorted, for those that have any."""
    found: dict[str, list[str]] = defaultdict(list)
    for candidate_id, tag in connection.execute(standing_tags().where(among(TagRow.candidate_id, candidate_ids))):
        found[candidate_id].append(tag)
    return {id_: tuple(sorted(tags)) for id_, tags in found.items()}


def counts(connection: Connection) -> dict[str, int]:
    """Tag → how many candidates have it now; every tag that was ever used, so some have none. Sorted by name."""
    ever = connection.execute(select(TagRow.tag).distinct()).scalars()
    found = dict.fromkeys(sorted(ever), 0)
    standing = standing_tags().subquery()
    for tag, count in connection.execute(select(standing.c.tag, func.count()).group_by(standing.c.tag)):
        found[tag] = count
    return found


def standing_tags() -> Select[Any]:
    """(candidate id, tag) of every tag that is on the present picture of its candidate."""
    return (
        select(TagRow.candidate_id, TagRow.tag)
        .join(CandidateRow, CandidateRow.candidate_id == TagRow.candidate_id)
        .where(TagRow.image_sha256 == CandidateRow.image_sha256, TagRow.added, _is_newest())
    )


def history(connection: Connection, candidate_id: str) -> dict[str, list[dict[str, Any]]]:
    """``tagged`` and ``notes``: every row of a candidate, oldest first, as ``show`` prints them."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, model in (("tagged", TagRow), ("notes", NoteRow)):
        rows = sorted(fetch(connection, model, "candidate_id", [candidate_id]), key=lambda row: int(row["number"]))
        found[name] = [{key: row[key] for key in row if key != "candidate_id"} for row in rows]
    return found


def _is_newest() -> ColumnElement[bool]:
    """The newest word on this tag, of this candidate, about this picture."""
    other = aliased(TagRow)
    of_same = and_(
        other.candidate_id == TagRow.candidate_id,
        other.tag == TagRow.tag,
        other.image_sha256 == TagRow.image_sha256,
    )
    return TagRow.number == select(func.max(other.number)).where(of_same).scalar_subquery()


def _standing_notes() -> Select[Any]:
    return (
        select(NoteRow.candidate_id, NoteRow.number, NoteRow.text, NoteRow.author, NoteRow.at)
        .join(CandidateRow, CandidateRow.candidate_id == NoteRow.candidate_id)
        .where(NoteRow.image_sha256 == CandidateRow.image_sha256)
        .order_by(NoteRow.candidate_id, NoteRow.number)
    )


def _picture(connection: Connection, candidate_id: str) -> str:
    rows = fetch(connection, CandidateRow, "candidate_id", [candidate_id])
    if not rows:
        raise NotFoundError(f"{candidate_id[:32]!r}: no such candidate is on record; allowed: candidates on record.")
    return str(rows[0]["image_sha256"])
