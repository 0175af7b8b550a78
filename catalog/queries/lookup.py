"""Find one picture by what a person types: the start of a hash, ``set/asset``, ``set/asset#3``, ``set/asset#3~1``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, select

from catalog.database.schema import CandidateRow
from catalog.errors import AmbiguousError, NotFoundError
from catalog.provenance import CandidateKey
from catalog.queries import listing
from catalog.queries.candidate_state import name_of
from catalog.queries.recipes import recipes_ago
from specs.commands import limner

ALLOWED = (
    "allowed: 4 or more hex digits of a picture's hash, sha256:… of a job, SET/ASSET, SET/ASSET#NUMBER or, of the "
    "recipe before the one in force, SET/ASSET#NUMBER~1"
)
_HEX = re.compile(r"[0-9a-f]{4,64}")
_JOB = re.compile(r"sha256:[0-9a-f]{4,64}")
_PLACE = re.compile(r"([a-z0-9][a-z0-9-]*)/([a-z0-9][a-z0-9-]*)(?:#(\d{1,9})(?:~(\d{1,4}))?)?")


def find(connection: Connection, library: Path, text: str) -> CandidateKey:
    """The candidate that ``text`` names. Raises NotFoundError, and AmbiguousError with the matches.

    A picture that serves several assets answers with the one that was made first. ``SET/ASSET`` names the asset's only
    keeper, ``SET/ASSET#N`` candidate N of the recipe in force, ``SET/ASSET#N~1`` that of the recipe before it.
    """
    text = text.strip()
    if place := _PLACE.fullmatch(text):
        set_name, asset_id, number, ago = place.groups()
        if number is None:
            return _keeper_of(connection, library, set_name, asset_id)
        return _numbered(connection, set_name, asset_id, int(number), int(ago or 0))
    if _JOB.fullmatch(text):
        return _only(connection, text, CandidateRow.job_id.startswith(text))
    if _HEX.fullmatch(text):
        by_image = CandidateRow.image_sha256.startswith(text)
        return _only(connection, text, by_image | CandidateRow.job_id.startswith(f"sha256:{text}"))
    raise NotFoundError(f"{text!r}: names no picture; {ALLOWED}; `{limner('keepers')}` lists what there is.")


def _only(connection: Connection, text: str, where: ColumnElement[bool]) -> CandidateKey:
    columns = (CandidateRow.set_name, CandidateRow.asset_id, CandidateRow.job_id, CandidateRow.image_sha256)
    query = select(*columns, CandidateRow.number, CandidateRow.candidate_id).where(where)
    rows = connection.execute(query.order_by(CandidateRow.made_at, CandidateRow.candidate_id).limit(1000)).all()
    if not rows:
        raise NotFoundError(f"{text!r}: nothing in the library answers to this; {ALLOWED}.")
    if len({row.image_sha256 for row in rows}) > 1:
        ago = recipes_ago(connection, (row.candidate_id for row in rows))
        matches = tuple(
            f"{row.image_sha256[:16]} {name_of(row.set_name, row.asset_id, row.number, ago[row.candidate_id])}"
            for row in rows
        )
        raise _ambiguous(text, matches)
    return CandidateKey(rows[0].set_name, rows[0].asset_id, rows[0].job_id)


def _numbered(connection: Connection, set_name: str, asset_id: str, number: int, ago: int) -> CandidateKey:
    named = _names(connection, set_name, asset_id)
    wanted = name_of(set_name, asset_id, number, ago)
    for name, key in named:
        if name == wanted:
            return key
    listed = _listed([name for name, _ in named])
    raise NotFoundError(f"{wanted!r}: no such candidate; {f'there are {listed}; ' if listed else ''}{ALLOWED}.")


def _listed(names: Sequence[str]) -> str:
    """``#0, #1, #0~1``."""
    return ", ".join("#" + name.partition("#")[2] for name in names)


def _names(connection: Connection, set_name: str, asset_id: str) -> list[tuple[str, CandidateKey]]:
    """Every candidate of an asset by its name, those of the recipe in force first."""
    columns = (CandidateRow.candidate_id, CandidateRow.number, CandidateRow.job_id)
    of_asset = (CandidateRow.set_name == set_name) & (CandidateRow.asset_id == asset_id)
    rows = connection.execute(select(*columns).where(of_asset).order_by(CandidateRow.number)).all()
    ago = recipes_ago(connection, (row.candidate_id for row in rows))
    return [
        (name_of(set_name, asset_id, row.number, ago[row.candidate_id]), CandidateKey(set_name, asset_id, row.job_id))
        for row in sorted(rows, key=lambda row: ago[row.candidate_id])
    ]


def _keeper_of(connection: Connection, library: Path, set_name: str, asset_id: str) -> CandidateKey:
    of_asset = (CandidateRow.set_name == set_name) & (CandidateRow.asset_id == asset_id)
    text = f"{set_name}/{asset_id}"
    found = listing.keepers(connection, library, [of_asset])
    if len(found) == 1:
        return found[0].candidate.key
    if found:
        raise _ambiguous(text, tuple(f"{one.image_sha256[:16]} {one.name}" for one in found))
    if names := [name for name, _ in _names(connection, set_name, asset_id)]:
        raise NotFoundError(f"{text}: has no keeper; its candidates are {_listed(names)}: name one, as in {names[0]}.")
    raise NotFoundError(f"{text}: no such asset has a picture in the library; {ALLOWED}.")


def _ambiguous(text: str, matches: tuple[str, ...]) -> AmbiguousError:
    shown = "\n  ".join(matches[:20])
    more = f"\n  … and {len(matches) - 20} more" if len(matches) > 20 else ""
    return AmbiguousError(
        f"{text!r}: {len(matches)} pictures answer to this; type more of one:\n  {shown}{more}", matches
    )
