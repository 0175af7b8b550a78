"""What the page asks the catalog: sets, an asset's candidates, one candidate. Reads only; a page at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
from sqlalchemy import Connection, and_, func, select

from catalog.catalog import Catalog
from catalog.database.rows import fetch
from catalog.database.schema import AssetRow, CandidateRow, CheckpointRow, Library, SetRow
from catalog.database.sqlite import reading
from catalog.errors import NotFoundError
from catalog.provenance import CandidateKey
from catalog.queries.recipes import recipes_ago
from catalog.queries.rules import asset_values
from catalog.review.search.columns import Columns, Names, read, without_surplus
from catalog.review.search.masks import Rows, cut, in_order, matching
from catalog.review.views.first import first_of
from catalog.review.views.fold import MOST_FOLDED, folded
from catalog.review.views.tiles import fetch_tiles, standing_tiles, tiles_by_id, tiles_in_turn
from catalog.review.views.values import AssetText, Detail, Page, SetLine, Tile, Wanted, boxes_of

COMPARED = (2, 3, 4)


def sets(catalog: Catalog) -> list[SetLine]:
    """Every set, by name."""
    with reading(catalog.engine) as connection:
        assets = _counts(connection, AssetRow.set_name, AssetRow.in_spec)
        candidates = _counts(connection, CandidateRow.set_name)
        rows = connection.execute(select(SetRow.set_name, SetRow.title, SetRow.use).order_by(SetRow.set_name)).all()
    return [SetLine(n, title, use, assets.get(n, 0), candidates.get(n, 0)) for n, title, use in rows]


def _counts(connection: Connection, column: Any, *where: Any) -> dict[str, int]:
    query = select(column, func.count()).where(*where).group_by(column)
    return {row[0]: row[1] for row in connection.execute(query)}


def the_set(catalog: Catalog, set_name: str) -> SetLine:
    """One set. NotFoundError names those that there are."""
    known = sets(catalog)
    for line in known:
        if line.set_name == set_name:
            return line
    names = ", ".join(line.set_name for line in known[:20]) or "none yet; run `limner produce`"
    raise NotFoundError(f"{set_name!r}: no such set in the library; allowed: {names}.")


def candidates(catalog: Catalog, set_name: str, asset_id: str, wanted: Wanted) -> Page:
    """A page of an asset's candidates; near-duplicates folded into the first of them where that is wanted."""
    with reading(catalog.engine) as connection:
        columns, rows = _in_turn(connection, set_name, asset_id, wanted)
        if wanted.folded and 1 < len(rows) <= MOST_FOLDED:
            tiles = folded(connection, tiles_in_turn(connection, columns, rows), wanted.unfolded)
            number, part = cut(len(tiles), wanted.page)
            found, tiles = len(tiles), tiles[part]
        else:
            number, part = cut(len(rows), wanted.page)
            found, tiles = len(rows), tiles_in_turn(connection, columns, rows[part])
        ids, keepers = [tile.candidate_id for tile in tiles], {tile.candidate_id for tile in tiles if tile.is_keeper}
        first = first_of(connection, (set_name, asset_id), ids, keepers)
    return Page([replace(tile, first=tile.candidate_id == first) for tile in tiles], number, found)


def _in_turn(connection: Connection, set_name: str, asset_id: str, wanted: Wanted) -> tuple[Columns, Rows]:
    """An asset's candidates, and the rows of those that are wanted: the recipe in force first, then in their order."""
    names = Names()
    columns = read(connection, names, and_(CandidateRow.set_name == set_name, CandidateRow.asset_id == asset_id))
    columns = without_surplus(connection, names, columns)
    rows = in_order(columns, np.flatnonzero(matching(columns, names, wanted)), wanted.sort)
    ago = recipes_ago(connection, _ids(columns, rows))
    return columns, rows[np.argsort([*ago.values()], kind="stable")]


def text_of(catalog: Catalog, set_name: str, asset_id: str) -> AssetText:
    """What an asset's row says now. NotFoundError."""
    with reading(catalog.engine) as connection:
        asset = asset_values(connection, [(set_name, asset_id)]).get((set_name, asset_id))
    if asset is None:
        raise NotFoundError(f"{set_name}/{asset_id}: no such asset in the library; allowed: those that the page shows.")
    row = tuple((str(name), str(cell)) for name, cell in asset["row"].items() if str(cell).strip())
    return AssetText(str(asset["title"]), row, str(asset["prompt"]))


def first_candidate(catalog: Catalog, set_name: str, asset_id: str) -> str:
    """The id of the candidate to look at first; '' for an asset without any."""
    with reading(catalog.engine) as connection:
        columns, rows = _in_turn(connection, set_name, asset_id, Wanted())
        ids = _ids(columns, rows)
        keepers = set(_ids(columns, rows[columns.keeper[rows]]))
        return first_of(connection, (set_name, asset_id), ids, keepers)


def _ids(columns: Columns, rows: Rows) -> list[str]:
    return [id_.decode() for id_ in columns.candidate[rows].tolist()]


def compared(catalog: Catalog, candidate_ids: Sequence[str]) -> list[Tile]:
    """Two to four candidates, in the order asked for. NotFoundError."""
    with reading(catalog.engine) as connection:
        query = standing_tiles().where(CandidateRow.candidate_id.in_(list(candidate_ids)[:4]))
        found = {tile.candidate_id: tile for tile in fetch_tiles(connection, query)}
    if len(found) not in COMPARED or len(found) != len(candidate_ids):
        raise NotFoundError(f"compare: got {len(candidate_ids)} candidates; allowed: two to four that are on record.")
    return [found[candidate_id] for candidate_id in candidate_ids]


def tile(catalog: Catalog, candidate_id: str) -> Tile | None:
    """One candidate; None where it is not on record."""
    with reading(catalog.engine) as connection:
        return tiles_by_id(connection, [candidate_id]).get(candidate_id)


def key_of(connection: Connection, candidate_id: str) -> CandidateKey:
    """The key of a candidate on record. NotFoundError."""
    columns = (CandidateRow.set_name, CandidateRow.asset_id, CandidateRow.job_id)
    row = connection.execute(select(*columns).where(CandidateRow.candidate_id == candidate_id)).one_or_none()
    if row is None:
        raise NotFoundError(f"{candidate_id[:32]!r}: no such candidate; allowed: those that the page shows.")
    return CandidateKey(*row)


def detail(catalog: Catalog, candidate_id: str) -> Detail:
    """One candidate with its whole record. NotFoundError."""
    with reading(catalog.engine) as connection:
        key = key_of(connection, candidate_id)
        found = fetch_tiles(connection, standing_tiles().where(CandidateRow.candidate_id == candidate_id))
        ids = _ids(*_in_turn(connection, key.set_name, key.asset_id, Wanted()))
    if not found:
        raise NotFoundError(f"{key.set_name}/{key.asset_id}: this candidate's picture was lost; run `limner produce`.")
    record = catalog.provenance(key).value
    at = ids.index(candidate_id)
    asset: Any = record["asset"]
    image: Any = record["image"]
    prompt: Any = record["prompt"]
    return Detail(
        changed=tuple(map(str, cast("list[str]", record["changed_since"]))),
        tile=found[0],
        width_px=image["width_px"],
        height_px=image["height_px"],
        title=str(asset["title"]),
        prompt=str(prompt["text"]),
        boxes=boxes_of(asset["layout"]),
        record=record,
        text=text_of(catalog, key.set_name, key.asset_id),
        before=ids[at - 1] if at > 0 else "",
        after=ids[at + 1] if at + 1 < len(ids) else "",
    )


def writes(catalog: Catalog) -> int:
    """How many transactions have written so far: when it grows, there is something new to see."""
    with reading(catalog.engine) as connection:
        return int(connection.execute(select(Library.writes)).scalar_one())


def clip_names(catalog: Catalog, clip_ids: Sequence[str]) -> dict[str, str]:
    """clip_id → the name that its checkpoint is on record by, else the beginning of the id."""
    with reading(catalog.engine) as connection:
        rows = fetch(connection, CheckpointRow, "weights_id", clip_ids)
    return {clip_id: clip_id[:19] for clip_id in clip_ids} | {row["weights_id"]: row["name"] for row in rows}


def checkpoint_on_record(catalog: Catalog, weights_id: str) -> Mapping[str, Any]:
    """The full record of a checkpoint by its weights. NotFoundError."""
    with reading(catalog.engine) as connection:
        rows = fetch(connection, CheckpointRow, "weights_id", [weights_id])
    if not rows:
        raise NotFoundError(f"weights {weights_id[:19]!r}: no checkpoint of the library has them.")
    value: Mapping[str, Any] = json.loads(rows[-1]["value"])
    return value
