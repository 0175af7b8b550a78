"""Saved searches on the page: the catalog's own filters, under the names that the command line knows too."""

from __future__ import annotations

from catalog.catalog import Catalog
from catalog.database.schema import CandidateRow
from catalog.database.sqlite import reading
from catalog.queries.candidates import standing as standing_candidates
from catalog.queries.filter import Filter, moment
from catalog.queries.filter_sql import conditions
from catalog.review.search.library_state import Standing
from catalog.review.search.masks import Mask
from catalog.review.views.values import Sought, Wanted
from specs.errors import UsageError


def filter_of(sought: Sought, wanted: Wanted) -> Filter:
    """What is on the page as a filter to save. UsageError for a search by picture, which a filter cannot say."""
    if sought.by_picture or sought.saved:
        raise UsageError(
            "save: got a search by picture, or one that is saved already; allowed: a set, words in the prompts, tags, "
            "state, reason, scores and days."
        )
    return Filter(
        sets=(sought.set_name,) if sought.set_name else (),
        tags=wanted.tags,
        reasons=(wanted.reason,) if wanted.reason else (),
        min_aesthetic=wanted.min_aesthetic,
        min_adherence=wanted.min_adherence,
        since=moment(wanted.since) if wanted.since else "",
        until=moment(wanted.until, end=True) if wanted.until else "",
        text=sought.words,
        state=wanted.state,
    )


def found_by(catalog: Catalog, name: str, standing: Standing) -> Mask:
    """The candidates that a saved search finds; asked of the catalog once for each moment. NotFoundError."""
    wanted = catalog.search(name).filter
    if wanted not in standing.found:
        with reading(catalog.engine) as connection:
            query = standing_candidates().with_only_columns(CandidateRow.candidate_id)
            ids = connection.execute(query.where(*conditions(connection, wanted))).scalars().all()
        mask = standing.rows_of(ids)
        standing.found[wanted] = mask & standing.columns.keeper if wanted.state == "kept" else mask
    return standing.found[wanted]
