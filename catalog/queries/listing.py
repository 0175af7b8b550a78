"""Candidates and keepers as every command shows them: those without a place are none, each by a name of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, or_, select

from catalog.database.rows import among
from catalog.database.schema import CandidateRow
from catalog.provenance import CandidateKey
from catalog.queries import candidates as queries
from catalog.queries.candidate_state import CandidateState, Keeper, name_of
from catalog.queries.recipes import recipes_ago
from catalog.writes.places import surplus
from scoring.reasons import BEGUN


def candidates(connection: Connection, set_name: str) -> dict[str, dict[str, CandidateState]]:
    """Asset id → job id → candidate as it stands."""
    found = queries.candidates(connection, set_name)
    crowded = {(set_name, id_) for id_, jobs in found.items() if _kept_by_both(jobs.values())}
    gone = surplus(connection, crowded)
    for jobs in found.values() if gone else ():
        for job_id, one in jobs.items():
            if one.key.candidate_id in gone:
                jobs[job_id] = replace(one, surplus=True)
    return found


def keepers(connection: Connection, library: Path, where: Sequence[ColumnElement[bool]] = ()) -> list[Keeper]:
    """What is kept and has its place, in the order of sets and of their rows, then by number. ``where`` narrows."""
    found = queries.keepers(connection, library, where)
    by_rule = {(one.candidate.key.set_name, one.asset_id) for one in found if not one.candidate.by_person}
    gone = surplus(connection, by_rule)
    ids = [one.candidate.key.candidate_id for one in found]
    ago = recipes_ago(connection, ids)
    return [replace(one, recipes_ago=ago[id_]) for id_, one in zip(ids, found, strict=True) if id_ not in gone]


def names(connection: Connection, candidates: Sequence[CandidateState]) -> dict[CandidateKey, str]:
    """Candidate → what a person calls it, and every command understands."""
    ago = recipes_ago(connection, (one.key.candidate_id for one in candidates))
    return {
        one.key: name_of(one.key.set_name, one.key.asset_id, one.number, ago[one.key.candidate_id])
        for one in candidates
    }


@dataclass(frozen=True, slots=True)
class NamedPicture:
    """A candidate that a picture stands for an asset as: (set, asset id), and what a person calls it."""

    asset: tuple[str, str]
    name: str
    candidate_id: str


def named_pictures(connection: Connection, pictures: Collection[str]) -> dict[str, list[NamedPicture]]:
    """Picture → the candidates that it is of; none for one that is not on record. A picture is asked for by its hash,
    or by its first BEGUN digits."""
    if not pictures:
        return {}
    image = CandidateRow.image_sha256
    begun = [image.between(text, text + "g") for text in pictures if len(text) == BEGUN]  # g: after every hex digit
    whole = among(image, sorted(text for text in pictures if len(text) != BEGUN))
    columns = (image, CandidateRow.candidate_id, CandidateRow.set_name, CandidateRow.asset_id, CandidateRow.number)
    rows = connection.execute(select(*columns).where(or_(whole, *begun)).order_by(CandidateRow.candidate_id)).all()
    ago = recipes_ago(connection, [row.candidate_id for row in rows])
    found: dict[str, list[NamedPicture]] = defaultdict(list)
    for row in rows:
        name = name_of(row.set_name, row.asset_id, row.number, ago[row.candidate_id])
        for text in {row.image_sha256, row.image_sha256[:BEGUN]} & set(pictures):
            found[text].append(NamedPicture((row.set_name, row.asset_id), name, row.candidate_id))
    return dict(found)


def _kept_by_both(candidates: Iterable[CandidateState]) -> bool:
    """Does a person keep one of them, and the policy another?"""
    return len({one.by_person for one in candidates if one.is_keeper}) > 1
