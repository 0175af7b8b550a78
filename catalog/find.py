"""Find one picture by what a person types: the start of a hash, ``set/asset``, ``set/asset#3``."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, select

from catalog.errors import AmbiguousError, NotFoundError
from catalog.provenance import CandidateKey
from catalog.queries import keepers
from catalog.schema import CandidateRow

ALLOWED = "allowed: 4 or more hex digits of a picture's hash, sha256:… of a job, SET/ASSET or SET/ASSET#NUMBER"
_HEX = re.compile(r"[0-9a-f]{4,64}")
_JOB = re.compile(r"sha256:[0-9a-f]{4,64}")
_PLACE = re.compile(r"([a-z0-9][a-z0-9-]*)/([a-z0-9][a-z0-9-]*)(?:#(\d{1,9}))?")


def find(connection: Connection, library: Path, text: str) -> CandidateKey:
    """The candidate that ``text`` names. Raises NotFoundError, and AmbiguousError with the matches.

    A picture that serves several assets answers with the one that was made first. ``SET/ASSET`` names the asset's only
    keeper.
    """
    text = text.strip()
    if place := _PLACE.fullmatch(text):
        set_name, asset_id, number = place.groups()
        if number is None:
            return _keeper_of(connection, library, set_name, asset_id)
        of_asset = (CandidateRow.set_name == set_name) & (CandidateRow.asset_id == asset_id)
        return _only(connection, text, of_asset & (CandidateRow.number == int(number)))
    if _JOB.fullmatch(text):
        return _only(connection, text, CandidateRow.job_id.startswith(text))
    if _HEX.fullmatch(text):
        by_image = CandidateRow.image_sha256.startswith(text)
        return _only(connection, text, by_image | CandidateRow.job_id.startswith(f"sha256:{text}"))
    raise NotFoundError(f"{text!r}: names no picture; {ALLOWED}; `limner keepers` lists what there is.")


def _only(connection: Connection, text: str, where: ColumnElement[bool]) -> CandidateKey:
    columns = (CandidateRow.set_name, CandidateRow.asset_id, CandidateRow.job_id, CandidateRow.image_sha256)
    query = select(*columns, CandidateRow.number).where(where)
    rows = connection.execute(query.order_by(CandidateRow.made_at, CandidateRow.candidate_id).limit(1000)).all()
    if not rows:
        raise NotFoundError(f"{text!r}: nothing in the library answers to this; {ALLOWED}.")
    if len({row.image_sha256 for row in rows}) > 1:
        matches = tuple(f"{row.image_sha256[:16]} {row.set_name}/{row.asset_id}#{row.number}" for row in rows)
        raise _ambiguous(text, matches)
    return CandidateKey(rows[0].set_name, rows[0].asset_id, rows[0].job_id)


def _keeper_of(connection: Connection, library: Path, set_name: str, asset_id: str) -> CandidateKey:
    of_asset = (CandidateRow.set_name == set_name) & (CandidateRow.asset_id == asset_id)
    found = keepers(connection, library, [of_asset])
    if len(found) == 1:
        return found[0].made.key
    text = f"{set_name}/{asset_id}"
    if found:
        matches = (f"{keeper.made.image_sha256[:16]} {text}#{keeper.made.number}" for keeper in found)
        raise _ambiguous(text, tuple(matches))
    numbers = connection.execute(select(CandidateRow.number).where(of_asset).order_by(CandidateRow.number)).scalars()
    listed = ", ".join(f"#{number}" for number in numbers)
    if listed:
        raise NotFoundError(f"{text}: has no keeper; its candidates are {listed}: name one, as in {text}#0.")
    raise NotFoundError(f"{text}: no such asset has a picture in the library; {ALLOWED}.")


def _ambiguous(text: str, matches: tuple[str, ...]) -> AmbiguousError:
    shown = "\n  ".join(matches[:20])
    more = f"\n  … and {len(matches) - 20} more" if len(matches) > 20 else ""
    return AmbiguousError(
        f"{text!r}: {len(matches)} pictures answer to this; type more of one:\n  {shown}{more}", matches
    )
