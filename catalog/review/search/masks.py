"""Which candidates are asked for, and in which order: masks and sorts over columns. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from catalog.review.search.columns import Columns, Names
from catalog.review.search.library_state import LibraryAsset, Standing
from catalog.review.views.values import PAGE_TILES, Totals, Wanted
from catalog.writes.annotations import Remarks
from scoring.reasons import reason_code

Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]
_HASH = re.compile(r"[0-9a-f]{4,64}")


def matching(columns: Columns, names: Names, wanted: Wanted) -> Mask:
    """Which rows answer to the filter."""
    found = _in_state(columns, wanted.state)
    if wanted.reason:
        with_it = [_has_reason(reasons, wanted.reason) for reasons in names.reasons.values]
        found = found & _lookup(with_it, columns.reasons)
    if wanted.min_aesthetic is not None:
        found = found & (columns.aesthetic >= wanted.min_aesthetic)  # NaN, not measured, is never enough
    if wanted.min_adherence is not None:
        found = found & (columns.adherence >= wanted.min_adherence)
    if wanted.since:
        found = found & (columns.decided_at >= np.datetime64(wanted.since))
    if wanted.until:
        found = found & (columns.decided_at < np.datetime64(wanted.until) + np.timedelta64(1, "D"))
    return found


def in_order(columns: Columns, rows: Rows, sort: str, rank: NDArray[np.int32] | None = None) -> Rows:
    """The rows sorted: ``number`` goes by asset (``rank`` of its place), then by number; scores from best to worst."""
    asset = columns.place[rows] if rank is None else rank[columns.place[rows]]
    keys: list[NDArray[np.generic]] = [columns.candidate[rows], columns.number[rows], asset]
    if sort == "newest":
        keys.append(-columns.made_at[rows].astype(np.int64))
    elif sort in ("aesthetic", "adherence"):
        scores: NDArray[np.float64] = getattr(columns, sort)[rows]
        keys.append(-np.nan_to_num(scores, nan=-np.inf))
    return rows[np.lexsort(keys)]


def having(standing: Standing, words: str) -> Mask:
    """Which candidates have every word in prompt, asset, row, set, tags or notes, or begin their hash with it."""
    found = np.ones(len(standing.columns), dtype=bool)
    for word in words.casefold().split():
        found &= _has(standing, word)
    return found


def tagged(standing: Standing, tags: Sequence[str]) -> Mask:
    """The candidates that have every one of these tags."""
    return standing.rows_of(id_ for id_, said in standing.remarks.items() if set(tags) <= set(said.tags))


def of_set(standing: Standing, set_name: str) -> Mask:
    """The candidates of a set."""
    return _lookup([asset.set_name == set_name for asset in standing.assets], standing.columns.place)


def of_asset(standing: Standing, set_name: str, asset_id: str) -> Mask:
    """The candidates of an asset."""
    its = [asset.set_name == set_name and asset.asset_id == asset_id for asset in standing.assets]
    return _lookup(its, standing.columns.place)


def totals(standing: Standing, set_name: str) -> Totals:
    """A whole set in numbers; assets that the spec no longer has do not count."""
    counts = counted(standing.columns, len(standing.assets))
    places = [place for place, asset in enumerate(standing.assets) if asset.set_name == set_name and asset.in_spec]
    wanted = np.array([standing.assets[place].wanted for place in places], dtype=np.int64)
    kept, approved = counts["keepers"][places], counts["approved"][places]
    return Totals(
        assets=len(places),
        filled=int((kept >= wanted).sum()),
        approved=int((approved >= wanted).sum()),
        candidates=int(counts["candidates"][places].sum()),
        waiting=int(counts["waiting"][places].sum()),
    )


def counted(columns: Columns, places: int) -> dict[str, NDArray[np.int64]]:
    """Per place: candidates, keepers, keepers by a person, candidates that no person has decided on."""

    def count(of: Mask | None) -> NDArray[np.int64]:
        return np.bincount(columns.place if of is None else columns.place[of], minlength=places).astype(np.int64)

    return {
        "candidates": count(None), "keepers": count(columns.keeper), "approved": count(columns.approved),
        "waiting": count(columns.waits),
    }  # fmt: skip


def is_shown(asset: LibraryAsset, kept: int, approved: int, waiting: int, show: str) -> bool:
    """Does the overview show an asset with so many keepers and waiting candidates?"""
    if show == "to review":
        return approved < asset.wanted
    if show == "holes":
        return kept < asset.wanted
    return waiting > 0 if show == "waiting" else kept >= asset.wanted


def first_of_each(columns: Columns) -> dict[int, int]:
    """Place → the row that stands for its asset: a keeper, else what can be shown, else what no person rejected; the
    most beautiful of these."""
    score = -np.nan_to_num(columns.aesthetic, nan=-np.inf)
    refused = (columns.keep == 0) & ~columns.waits
    order = np.lexsort((columns.number, score, refused, ~columns.shown, ~columns.keeper, columns.place))
    places, first = np.unique(columns.place[order], return_index=True)
    return dict(zip(places.tolist(), order[first].tolist(), strict=True))


def cut(found: int, page: int) -> tuple[int, slice]:
    """The page's number, a number beyond the ends being the nearest page, and where it lies."""
    last = max(1, -(-found // PAGE_TILES))
    number = min(max(1, page), last)
    return number, slice((number - 1) * PAGE_TILES, number * PAGE_TILES)


def _has_reason(reasons: Sequence[str], wanted: str) -> bool:
    return any(wanted in (reason, reason_code(reason)) for reason in reasons)


def _in_state(columns: Columns, state: str) -> Mask:
    by_name: dict[str, Mask] = {
        "all": np.ones(len(columns), dtype=bool), "kept": columns.keeper, "rejected": columns.keep == 0,
        "waiting": columns.waits, "unclear": columns.unclear,
    }  # fmt: skip
    return by_name[state]


def _has(standing: Standing, word: str) -> Mask:
    columns = standing.columns
    prompts = [word in prompt for prompt in standing.names.prompts.values]
    places = [word in asset.asset_id or word in asset.set_name or word in asset.text for asset in standing.assets]
    found = _lookup(prompts, columns.prompt) | _lookup(places, columns.place)
    found |= standing.rows_of(id_ for id_, said in standing.remarks.items() if _says(said, word))
    if _HASH.fullmatch(word):
        found |= np.char.startswith(columns.image, word.encode())
    return found


def _says(said: Remarks, word: str) -> bool:
    return any(word in tag for tag in said.tags) or any(word in note.text.casefold() for note in said.notes)


def _lookup(of_number: Sequence[bool], numbers: NDArray[np.int32]) -> Mask:
    chosen: Mask = np.array([*of_number, False])[numbers]  # the last is nobody's: an array of none cannot be asked
    return chosen
