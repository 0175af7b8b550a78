"""Candidates as tiles: the one query behind every view, and what becomes of its rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, func, select, true
from sqlalchemy.orm import aliased

from catalog.database.rows import among, fetch_newest
from catalog.database.schema import CandidateRow, ImageRow, ScorecardRow, VerdictRow
from catalog.database.scorecards import scorecard_of
from catalog.objects.areas import Area, ImageState
from catalog.queries.candidate_state import OVERRIDE, is_keeper
from catalog.queries.candidates import PERSON, POLICY, standing
from catalog.queries.listing import named_pictures
from catalog.queries.recipes import recipes_ago
from catalog.queries.rules import keep_rules
from catalog.review.search.columns import Columns
from catalog.review.views.values import Tile, Why
from catalog.writes import annotations as remarks  # the plain name is the future import's
from catalog.writes.places import surplus
from scoring.deciders import is_by_person
from scoring.reasons import in_names, of_picture, pictures_in
from scoring.verdict import explain

Tiles = list[Tile]


@cache
def standing_tiles() -> Select[Any]:
    """Candidates as they stand, without their scorecards' texts; the cost goes with the rows, not with the library."""
    by_person = aliased(VerdictRow)
    seen = select(func.max(by_person.number)).where(
        by_person.candidate_id == CandidateRow.candidate_id, by_person.by_person == true()
    )
    return standing().with_only_columns(
        CandidateRow.candidate_id,
        CandidateRow.set_name,
        CandidateRow.asset_id,
        CandidateRow.number,
        CandidateRow.image_sha256,
        CandidateRow.made_at,
        ImageRow.area,
        ImageRow.state,
        ImageRow.phash,
        ScorecardRow.safety,
        ScorecardRow.aesthetic,
        ScorecardRow.adherence,
        ScorecardRow.rank,
        func.coalesce(PERSON.keep, POLICY.keep).label("keep"),
        PERSON.keep.label("person_keep"),
        func.coalesce(PERSON.decided_by, POLICY.decided_by, "").label("decided_by"),
        func.coalesce(PERSON.reasons, POLICY.reasons, "[]").label("reasons"),
        func.coalesce(PERSON.note, POLICY.note, "").label("note"),
        func.coalesce(seen.scalar_subquery(), 0).label("seen"),
    )


def fetch_tiles(connection: Connection, query: Select[Any]) -> Tiles:
    """The tiles of a query made with ``standing_tiles``, with what is said of them."""
    tiles = [tile_of(row) for row in connection.execute(query)]
    ids = [tile.candidate_id for tile in tiles]
    said, ago = remarks.of(connection, ids), recipes_ago(connection, ids)
    by_rule = {(tile.set_name, tile.asset_id) for tile in tiles if tile.is_keeper and tile.waits}
    crowded = surplus(connection, by_rule)
    return [
        replace(
            tile,
            remarks=said[tile.candidate_id],
            recipes_ago=ago[tile.candidate_id],
            is_keeper=tile.is_keeper and tile.candidate_id not in crowded,
        )
        for tile in _explained(connection, tiles)
    ]


def _explained(connection: Connection, tiles: Tiles) -> Tiles:
    """With their reasons and the policy's notes in words; a picture that these speak of is named, one of the same asset
    by its number."""
    spoken = {picture for tile in tiles for reason in tile.reasons if (picture := of_picture(reason))}
    spoken |= {picture for tile in tiles for picture in _in_note(tile)}
    named = named_pictures(connection, spoken)
    cards = fetch_newest(connection, ScorecardRow, [tile.candidate_id for tile in tiles], ["card"])
    rules = keep_rules(connection, {(tile.set_name, tile.asset_id) for tile in tiles})

    def name(tile: Tile, picture: str) -> Why:
        own = (tile.set_name, tile.asset_id)
        found = min(named.get(picture, ()), key=lambda one: (one.asset != own, one.name), default=None)
        if found is None:
            return Why("")
        short = found.name.partition("/")[2].removeprefix(tile.asset_id)
        return Why("", short if found.asset == own else found.name, found.candidate_id)

    def why(tile: Tile, reason: str) -> Why:
        found = name(tile, of_picture(reason))
        card = scorecard_of(cards[tile.candidate_id]["card"])
        words = explain(reason, card, rules[tile.set_name, tile.asset_id], {of_picture(reason): found.name})
        return replace(found, words=words.removesuffix(found.name).rstrip())

    def note(tile: Tile) -> str:
        return in_names(tile.note, {picture: name(tile, picture).name for picture in _in_note(tile)})

    return [
        replace(
            tile, why=tuple(why(tile, one) for one in tile.reasons), note=note(tile) if _in_note(tile) else tile.note
        )
        for tile in tiles
    ]


def _in_note(tile: Tile) -> list[str]:
    return [] if is_by_person(tile.decided_by) else pictures_in(tile.note)


def tiles_by_id(connection: Connection, candidate_ids: Sequence[str]) -> dict[str, Tile]:
    """Candidate id → tile, of those whose picture is not lost."""
    query = standing_tiles().where(among(CandidateRow.candidate_id, candidate_ids))
    return {tile.candidate_id: tile for tile in fetch_tiles(connection, query)}


def tiles_in_turn(connection: Connection, columns: Columns, rows: NDArray[np.intp]) -> list[Tile]:
    """The tiles of these rows, in their order."""
    ids = [id_.decode() for id_ in columns.candidate[rows].tolist()]
    found = tiles_by_id(connection, ids)
    return [found[id_] for id_ in ids if id_ in found]


def tile_of(row: Any) -> Tile:
    """A row as a tile. Kept and clear, or kept by a person who took it upon themselves: a keeper, as in ``queries``."""
    clear = row.safety == "clear" and row.area == Area.OBJECTS
    reasons = tuple(json.loads(row.reasons))
    overridden = bool(row.person_keep) and bool(row.note.strip()) and OVERRIDE in reasons
    present = row.state == ImageState.PRESENT
    return Tile(
        candidate_id=row.candidate_id,
        set_name=row.set_name,
        asset_id=row.asset_id,
        number=row.number,
        image_sha256=row.image_sha256,
        shown=present and clear,
        quarantined=not clear,
        present=present,
        safety=row.safety,
        keep=None if row.keep is None else bool(row.keep),
        is_keeper=is_keeper(row.keep, row.state, clear=clear, overridden=overridden),
        decided_by=row.decided_by,
        reasons=reasons,
        note=row.note,
        aesthetic=row.aesthetic,
        adherence=row.adherence,
        rank=row.rank,
        seen=row.seen,
        made_at=row.made_at,
        phash=row.phash,
        waits=row.person_keep is None,
    )
