"""What the page asks the catalog: sets, assets, candidates, one candidate, texts. Reads only; a page at a time."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, func, or_, select

from catalog.engine import reading
from catalog.errors import NotFoundError
from catalog.locks import is_alive
from catalog.provenance import CandidateKey
from catalog.review.fold import folded
from catalog.review.tiles import chosen, fetch_tiles, standing_tiles
from catalog.review.values import AssetTile, Detail, Page, SetLine, Tile, Totals, Wanted, boxes_of, page_of
from catalog.schema import AssetRow, AssetVersion, CandidateRow, JobRow, Library, RunRow, SetRow
from catalog.store import Catalog

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


def overview(catalog: Catalog, set_name: str, show: str = "all", words: str = "", page: int = 1) -> Page:
    """A set at a glance: a page of AssetTiles in the order of its rows."""
    with reading(catalog.engine) as connection:
        rows = _assets(connection, set_name, words)
        if show == "all":
            cut = page_of(rows, page)
            return Page(_asset_tiles(connection, set_name, cut.tiles), cut.number, cut.found)
        tiles = [tile for tile in _asset_tiles(connection, set_name, rows) if _is_shown(tile, show)]
    return page_of(tiles, page)


def _is_shown(tile: AssetTile, show: str) -> bool:
    if show == "holes":
        return tile.hole
    return tile.waiting > 0 if show == "waiting" else not tile.hole


def _assets(connection: Connection, set_name: str, words: str = "") -> Sequence[Any]:
    """(asset id, value) of the rows that the spec has, whose id or title has the words."""
    query = (
        select(AssetRow.asset_id, AssetVersion.value)
        .join(AssetVersion, AssetVersion.asset_sha256 == AssetRow.asset_sha256)
        .where(AssetRow.set_name == set_name, AssetRow.in_spec)
        .order_by(AssetRow.position, AssetRow.asset_id)
    )
    rows = connection.execute(query).all()
    asked = words.casefold().strip()
    return [row for row in rows if asked in row.asset_id or asked in str(json.loads(row.value)["title"]).casefold()]


def _asset_tiles(connection: Connection, set_name: str, rows: Sequence[Any]) -> list[AssetTile]:
    by_asset: dict[str, list[Tile]] = defaultdict(list)
    for tile in _tiles_of(connection, set_name, [row.asset_id for row in rows]):
        by_asset[tile.asset_id].append(tile)
    return [_asset_tile(row.asset_id, json.loads(row.value), by_asset[row.asset_id]) for row in rows]


def _tiles_of(connection: Connection, set_name: str, asset_ids: Sequence[str]) -> Iterable[Tile]:
    query = standing_tiles().where(CandidateRow.set_name == set_name)
    for start in range(0, len(asset_ids), 500):
        part = asset_ids[start : start + 500]
        yield from fetch_tiles(connection, query.where(CandidateRow.asset_id.in_(part)))


def _asset_tile(asset_id: str, value: dict[str, Any], tiles: list[Tile]) -> AssetTile:
    best = sorted(tiles, key=lambda t: (not t.is_keeper, not t.shown, -(t.aesthetic or 0.0), t.number))
    return AssetTile(
        asset_id=asset_id,
        title=str(value["title"]),
        wanted=int(value["keep"]["per_asset"]),
        filled=sum(tile.is_keeper for tile in tiles),
        candidates=len(tiles),
        waiting=sum(tile.waits for tile in tiles),
        picture=best[0] if best else None,
    )


def candidates(catalog: Catalog, set_name: str, asset_id: str, wanted: Wanted) -> Page:
    """A page of an asset's candidates; near-duplicates folded into the first of them where that is wanted."""
    with reading(catalog.engine) as connection:
        query = standing_tiles().where(CandidateRow.set_name == set_name, CandidateRow.asset_id == asset_id)
        tiles = chosen(fetch_tiles(connection, query), wanted)
        if wanted.folded:
            tiles = folded(connection, tiles)
    return page_of(tiles, wanted.page)


def neighbours(catalog: Catalog, set_name: str, asset_id: str) -> tuple[str, str]:
    """The assets before and after this one in the order of the rows, '' at the ends. NotFoundError."""
    with reading(catalog.engine) as connection:
        ids = [row.asset_id for row in _assets(connection, set_name)]
    if asset_id not in ids:
        raise NotFoundError(f"{set_name}/{asset_id}: no such asset in the set; allowed: the assets of its spec.")
    at = ids.index(asset_id)
    return (ids[at - 1] if at else "", ids[at + 1] if at + 1 < len(ids) else "")


def compared(catalog: Catalog, candidate_ids: Sequence[str]) -> list[Tile]:
    """Two to four candidates, in the order asked for. NotFoundError."""
    with reading(catalog.engine) as connection:
        query = standing_tiles().where(CandidateRow.candidate_id.in_(list(candidate_ids)[:4]))
        found = {tile.candidate_id: tile for tile in fetch_tiles(connection, query)}
    if len(found) not in COMPARED or len(found) != len(candidate_ids):
        raise NotFoundError(f"compare: got {len(candidate_ids)} candidates; allowed: two to four that are on record.")
    return [found[candidate_id] for candidate_id in candidate_ids]


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
    if not found:
        raise NotFoundError(f"{key.set_name}/{key.asset_id}: this candidate's picture was lost; run `limner produce`.")
    record = catalog.provenance(key).value
    asset: Any = record["asset"]
    image: Any = record["image"]
    prompt: Any = record["prompt"]
    return Detail(
        tile=found[0],
        width_px=image["width_px"],
        height_px=image["height_px"],
        title=str(asset["title"]),
        prompt=str(prompt["text"]),
        boxes=boxes_of(asset["layout"]),
        record=record,
    )


def search(catalog: Catalog, words: str, page: int = 1) -> Page:
    """Candidates whose prompt, set or asset has the words, or whose picture's hash begins with them."""
    words = words.strip()
    if not words:
        return Page((), 1, 0)
    begins = CandidateRow.image_sha256.startswith(words.lower(), autoescape=True)
    has = [column.icontains(words, autoescape=True) for column in (CandidateRow.asset_id, CandidateRow.set_name)]
    jobs = select(JobRow.job_id).where(JobRow.prompt.icontains(words, autoescape=True))
    ids = select(CandidateRow.candidate_id).where(or_(begins, *has, CandidateRow.job_id.in_(jobs)))
    ids = ids.order_by(CandidateRow.set_name, CandidateRow.asset_id, CandidateRow.number)
    with reading(catalog.engine) as connection:
        cut = page_of(connection.execute(ids).scalars().all(), page)
        query = standing_tiles().where(CandidateRow.candidate_id.in_(cut.tiles))
        found = {tile.candidate_id: tile for tile in fetch_tiles(connection, query)}
    return replace(cut, tiles=[found[id_] for id_ in cut.tiles if id_ in found])


def writes(catalog: Catalog) -> int:
    """How many transactions have written so far: when it grows, there is something new to see."""
    with reading(catalog.engine) as connection:
        return int(connection.execute(select(Library.writes)).scalar_one())


def totals(catalog: Catalog, set_name: str) -> Totals:
    """A whole set in numbers."""
    with reading(catalog.engine) as connection:
        tiles = _asset_tiles(connection, set_name, _assets(connection, set_name))
        open_runs = select(RunRow.run_id).where(RunRow.set_name == set_name, RunRow.outcome.is_(None))
        run_ids = list(connection.execute(open_runs).scalars())
    return Totals(
        assets=len(tiles),
        filled=sum(not tile.hole for tile in tiles),
        candidates=sum(tile.candidates for tile in tiles),
        waiting=sum(tile.waiting for tile in tiles),
        running=any(is_alive(catalog.library, run_id) for run_id in run_ids),
    )
