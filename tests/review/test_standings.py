"""The library in memory stands as the catalog's own query says, whatever was written, by whom, and in which order."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
from sqlalchemy import event

from catalog.catalog import Catalog
from catalog.database.seal import write_transaction as writing
from catalog.database.sqlite import reading
from catalog.review.decisions import Decision, decide, undo
from catalog.review.search.library_state import Standings
from catalog.review.search.masks import counted, first_of_each
from catalog.review.views.tiles import fetch_tiles, standing_tiles
from catalog.writes.placement import mark
from scoring.scorecard import SafetyState
from specs.errors import LimnerError
from tests.catalog.factory import by_policy, card, measure_again, quarantined
from tests.review.conftest import WORLD


def by_columns(standings: Standings) -> dict[str, tuple[object, ...]]:
    """Candidate id → how it stands in memory."""
    standing = standings.now()
    columns, found = standing.columns, {}
    for row in range(len(columns)):
        keep = int(columns.keep[row])
        id_ = columns.candidate[row].decode()
        assert standing.row[id_.encode()] == row
        found[id_] = (
            standing.names.places.values[columns.place[row]], columns.image[row].decode(), int(columns.number[row]),
            None if keep < 0 else bool(keep), bool(columns.keeper[row]), bool(columns.waits[row]),
            bool(columns.unclear[row]), bool(columns.shown[row]), standing.names.reasons.values[columns.reasons[row]],
            None if np.isnan(columns.aesthetic[row]) else float(columns.aesthetic[row]),
            standing.remarks[id_].tags if id_ in standing.remarks else (),
        )  # fmt: skip
    return found


def by_query(catalog: Catalog) -> dict[str, tuple[object, ...]]:
    """The same by the query that every tile is made of."""
    with reading(catalog.engine) as connection:
        tiles = fetch_tiles(connection, standing_tiles())
    return {
        tile.candidate_id: (
            (tile.set_name, tile.asset_id), tile.image_sha256, tile.number, tile.keep, tile.is_keeper, tile.waits,
            tile.quarantined, tile.shown, tile.reasons, tile.aesthetic, tile.remarks.tags,
        )
        for tile in tiles
    }  # fmt: skip


def something(catalog: Catalog, rng: random.Random) -> None:
    """One write, of whatever kind."""
    number = rng.randrange(12)
    record, id_ = WORLD.record(number), WORLD.key(number).candidate_id
    kind = rng.randrange(9)
    try:
        if kind < 3:
            override = rng.random() < 0.5
            decide(catalog, Decision(id_, rng.random() < 0.5, "ada", ("off_style",), "why", override=override))
        elif kind == 3:
            undo(catalog, id_, "eve")
        elif kind == 4:
            catalog.append([(record.key, by_policy(record, rng.random() < 0.5, "rule", policy=rng.choice("ef") * 64))])
        elif kind == 5:
            state = rng.choice([SafetyState.CLEAR, SafetyState.FLAGGED])
            new = card(record.candidate.image_sha256, rng.uniform(1, 9), state)
            if record.key.job_id in catalog.candidates(record.set_name).get(record.asset_id, {}):  # not lost
                measure_again(catalog, record.key, new)
        elif kind == 6:
            catalog.relocate([record.candidate.image_sha256], rng.choice(["objects", "quarantine"]))
        elif kind == 7:
            catalog.tag(id_, [rng.choice(["hero", "boss"])], "person:ada", remove=rng.random() < 0.4)
        elif rng.random() < 0.5:
            with writing(catalog.engine) as connection:
                mark(connection, [record.candidate.image_sha256], start="present", end="lost")
        else:
            catalog.record([record])
    except LimnerError:
        pass  # refused, which is a case too


def test_every_history_stands_alike_in_memory_and_in_the_catalog(catalog: Catalog, library: Path) -> None:
    rng, standings = random.Random(5), Standings(catalog)
    with Catalog.open(library, create=False) as elsewhere:
        for _ in range(120):
            something(rng.choice([catalog, elsewhere]), rng)
            assert by_columns(standings) == by_query(catalog)
    assert by_columns(Standings(catalog)) == by_columns(standings)


def test_new_candidates_and_assets_arrive(catalog: Catalog) -> None:
    standings = Standings(catalog)
    assert len(standings.now().columns) == 12
    catalog.record([quarantined(WORLD.record(12)), WORLD.record(13)])
    world = replace(WORLD, set_name="another-set", seed=9)
    world.register(catalog)
    catalog.record(world.records(2))
    assert by_columns(standings) == by_query(catalog)
    assert {asset.set_name for asset in standings.now().assets} == {WORLD.set_name, "another-set"}


def test_a_verdict_reads_one_candidate_again_not_the_library(catalog: Catalog) -> None:
    standings = Standings(catalog)
    standings.now()
    decide(catalog, Decision(WORLD.key(0).candidate_id, False, "ada", ("other",)))
    asked: list[str] = []
    event.listen(catalog.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    standings.now()
    assert [query for query in asked if "FROM verdicts" in query and "IN (" not in query and "rowid" not in query] == []
    asked.clear()
    standings.now()
    assert len([query for query in asked if query != "BEGIN"]) == 1


def test_counts_and_the_first_of_each_asset(catalog: Catalog) -> None:
    decide(catalog, Decision(WORLD.key(0).candidate_id, False, "ada", ("other",)))
    decide(catalog, Decision(WORLD.key(9).candidate_id, False, "ada", ("other",)))  # the most beautiful of item-000
    standing = Standings(catalog).now()
    counts = counted(standing.columns, len(standing.assets))
    place = standing.names.places.number((WORLD.set_name, "item-000"))
    assert [int(counts[name][place]) for name in ("candidates", "keepers", "approved", "waiting")] == [4, 0, 0, 2]
    first = first_of_each(standing.columns)[place]
    assert standing.columns.candidate[first].decode() == WORLD.key(6).candidate_id
