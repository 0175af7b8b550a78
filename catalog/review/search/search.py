"""Search in the whole library: words in texts, words in pictures, pictures like a picture; filtered and sorted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.database.sqlite import reading
from catalog.review.search.columns import Columns
from catalog.review.search.library_state import Standing, Standings
from catalog.review.search.masks import Rows, cut, having, in_order, matching, of_set, tagged
from catalog.review.search.saved import found_by
from catalog.review.search.similar import Alike
from catalog.review.views.tiles import tiles_in_turn
from catalog.review.views.values import CLOSEST, SORTS, Found, Page, Sought, Wanted
from specs.errors import LimnerError

Cosines = NDArray[np.float64]


def search(catalog: Catalog, standings: Standings, alike: Alike, sought: Sought, wanted: Wanted) -> Found:
    """A page of the candidates that are sought and wanted. LimnerError when pictures cannot be compared: no CLIP.

    Where no text has the words, and none but texts were asked for, the pictures are compared with them.
    """
    standing = standings.now()
    columns = standing.columns
    mask = matching(columns, standing.names, wanted)
    if sought.set_name:
        mask = mask & of_set(standing, sought.set_name)
    if wanted.tags:
        mask = mask & tagged(standing, wanted.tags)
    if sought.saved:
        mask = mask & found_by(catalog, sought.saved, standing)
    if not sought.by_picture:
        rows = np.flatnonzero(mask & having(standing, sought.words))
        if len(rows) or sought.by or not sought.words:
            rows = in_order(columns, rows, wanted.sort, standing.rank)
            return Found(_page(catalog, columns, rows, wanted.page))
        wanted = wanted if wanted.sort != SORTS[0] else replace(wanted, sort=CLOSEST)
    cosines, clip = _cosines(alike, sought, standing)
    rows = np.flatnonzero(mask & ~np.isnan(cosines))
    if wanted.sort == CLOSEST:
        rows = rows[np.lexsort((columns.candidate[rows], -cosines[rows]))]
    else:
        rows = in_order(columns, rows, wanted.sort, standing.rank)
    page = _page(catalog, columns, rows, wanted.page)
    shown = rows[cut(len(rows), wanted.page)[1]].tolist()
    closeness = {columns.candidate[row].decode(): float(cosines[row]) for row in shown}
    return Found(page, "picture", clip, int((~np.isnan(cosines)).sum()), len(columns), closeness)


def _cosines(alike: Alike, sought: Sought, standing: Standing) -> tuple[Cosines, str]:
    """Of each candidate with what is sought, and the CLIP whose embeddings were compared."""
    clip = sought.clip or next(iter(alike.clips(standing.writes)), "")
    if sought.like:
        return alike.to_picture(clip, sought.like, standing), clip
    try:
        return alike.to_words(clip, sought.words, standing), clip
    except LimnerError as error:
        if sought.by:
            raise
        raise LimnerError(f"No text has these words, and pictures cannot be searched for them: {error}") from error


def _page(catalog: Catalog, columns: Columns, rows: Rows, page: int) -> Page:
    number, part = cut(len(rows), page)
    with reading(catalog.engine) as connection:
        return Page(tiles_in_turn(connection, columns, rows[part]), number, len(rows))
