"""A set at a glance: a tile per asset, its holes, what is left to review."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sqlalchemy import Connection, Select, and_, func, select, tuple_

from catalog.catalog import Catalog
from catalog.database.locks import is_alive
from catalog.database.schema import AssetRow, AssetVersion, CandidateRow, RunRow
from catalog.database.sqlite import reading
from catalog.errors import NotFoundError
from catalog.review.search import masks
from catalog.review.search.columns import Columns, Names, read, without_surplus
from catalog.review.search.library_state import LibraryAsset, Standing, Standings
from catalog.review.search.masks import counted, cut, first_of_each, is_shown
from catalog.review.views.tiles import tiles_by_id
from catalog.review.views.values import PAGE_TILES, AssetTile, Page, Totals


def overview(
    catalog: Catalog, standings: Standings, set_name: str, show: str = "all", words: str = "", page: int = 1
) -> Page:
    """A set at a glance: a page of AssetTiles in the order of its rows. The whole set, unfiltered, needs no standings:
    so the first page of all is there at once."""
    if show == "all" and not words.strip():
        with reading(catalog.engine) as connection:
            found = connection.execute(select(func.count()).select_from(_rows_of(set_name).subquery())).scalar_one()
            number, part = cut(found, page)
            rows = connection.execute(_rows_of(set_name).offset(part.start).limit(PAGE_TILES)).all()
            assets = [_asset(set_name, row) for row in rows]
            names = Names()
            its = CandidateRow.asset_id.in_([asset.asset_id for asset in assets])
            columns = read(connection, names, and_(CandidateRow.set_name == set_name, its))
            columns = without_surplus(connection, names, columns)
            places = [names.places.number((set_name, asset.asset_id)) for asset in assets]
            return Page(_asset_tiles(connection, assets, places, columns), number, found)
    standing = standings.now()
    chosen = _chosen_assets(standing, set_name, show, words)
    number, part = cut(len(chosen), page)
    places, columns = chosen[part], standing.columns
    columns = columns.take(np.flatnonzero(np.isin(columns.place, places)))
    with reading(catalog.engine) as connection:
        assets = [standing.assets[place] for place in places]
        return Page(_asset_tiles(connection, assets, places, columns), number, len(chosen))


def _chosen_assets(standing: Standing, set_name: str, show: str, words: str) -> list[int]:
    """Places of the set's assets that answer to the filter, in the order of the rows."""
    asked, counts = words.casefold().split(), counted(standing.columns, len(standing.assets))
    found = []
    for place in np.argsort(standing.rank).tolist():
        asset = standing.assets[place]
        text = f"{asset.asset_id} {asset.title}".casefold()
        if asset.set_name != set_name or not asset.in_spec or not all(word in text for word in asked):
            continue
        kept, approved, waiting = (int(counts[name][place]) for name in ("keepers", "approved", "waiting"))
        if show == "all" or is_shown(asset, kept, approved, waiting, show):
            found.append(place)
    return found


def _rows_of(set_name: str) -> Select[Any]:
    """(asset id, value) of the rows that the spec has, in their order."""
    return (
        select(AssetRow.asset_id, AssetVersion.value)
        .join(AssetVersion, AssetVersion.asset_sha256 == AssetRow.asset_sha256)
        .where(AssetRow.set_name == set_name, AssetRow.in_spec)
        .order_by(AssetRow.position, AssetRow.asset_id)
    )


def _asset(set_name: str, row: Any) -> LibraryAsset:
    value = json.loads(row.value)
    return LibraryAsset(set_name, row.asset_id, str(value["title"]), int(value["keep"]["per_asset"]), True)


def _asset_tiles(
    connection: Connection, assets: Sequence[LibraryAsset], places: Sequence[int], columns: Columns
) -> list[AssetTile]:
    """``columns``: all candidates of these assets, whose places these are."""
    counts = counted(columns, max(places, default=0) + 1)
    first = {place: columns.candidate[row].decode() for place, row in first_of_each(columns).items()}
    tiles = tiles_by_id(connection, list(first.values()))
    return [
        AssetTile(
            asset_id=asset.asset_id,
            title=asset.title,
            wanted=asset.wanted,
            filled=int(counts["keepers"][place]),
            approved=int(counts["approved"][place]),
            candidates=int(counts["candidates"][place]),
            waiting=int(counts["waiting"][place]),
            picture=tiles.get(first.get(place, "")),
        )
        for asset, place in zip(assets, places, strict=True)
    ]


def totals(catalog: Catalog, standings: Standings, set_name: str) -> Totals:
    """A whole set in numbers, and whether a ``produce`` works on it now."""
    with reading(catalog.engine) as connection:
        open_runs = select(RunRow.run_id).where(RunRow.set_name == set_name, RunRow.outcome.is_(None))
        run_ids = list(connection.execute(open_runs).scalars())
    running = any(is_alive(catalog.library, run_id) for run_id in run_ids)
    return replace(masks.totals(standings.now(), set_name), running=running)


def neighbours(catalog: Catalog, set_name: str, asset_id: str, *, missing_ok: bool = False) -> tuple[str, str]:
    """The assets before and after this one in the order of the rows, '' at the ends. NotFoundError, or with
    ``missing_ok`` none, where the spec has it no longer."""
    its = select(AssetRow.position).where(AssetRow.set_name == set_name, AssetRow.in_spec)
    row, in_order_ = tuple_(AssetRow.position, AssetRow.asset_id), (AssetRow.position, AssetRow.asset_id)
    with reading(catalog.engine) as connection:
        at = connection.execute(its.where(AssetRow.asset_id == asset_id)).scalar_one_or_none()
        if at is None and missing_ok:
            return "", ""
        if at is None:
            raise NotFoundError(f"{set_name}/{asset_id}: no such asset in the set; allowed: the assets of its spec.")
        ids = its.with_only_columns(AssetRow.asset_id).limit(1)
        before = ids.where(row < (at, asset_id)).order_by(*(column.desc() for column in in_order_))
        after = ids.where(row > (at, asset_id)).order_by(*in_order_)
        found = [connection.execute(query).scalar_one_or_none() or "" for query in (before, after)]
    return (found[0], found[1])


def next_to_review(standings: Standings, set_name: str, asset_id: str) -> str:
    """The next asset, in the order of the rows and round again, that lacks a keeper kept by a person; '' for none."""
    standing = standings.now()
    places = _chosen_assets(standing, set_name, "to review", "")
    ids = [standing.assets[place].asset_id for place in places]
    turns = zip(standing.assets, standing.rank.tolist(), strict=True)
    at = next((turn for asset, turn in turns if (asset.set_name, asset.asset_id) == (set_name, asset_id)), -1)
    after = [id_ for id_, place in zip(ids, places, strict=True) if standing.rank[place] > at]
    return next((id_ for id_ in [*after, *ids] if id_ != asset_id), "")
