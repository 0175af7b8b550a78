"""Whose word counts, and what can be a keeper."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from catalog.catalog import Catalog
from catalog.errors import NotFoundError
from catalog.queries.candidate_state import OVERRIDE
from catalog.queries.filter import Filter
from scoring.scorecard import SafetyState
from tests.catalog.factory import World, by_person, by_policy, quarantined


class TestWhoseWordCounts:
    def test_the_newest_verdict_of_a_policy_counts(self, catalog: Catalog, world: World) -> None:
        record = world.record(0)
        catalog.record([record])
        assert _keepers(catalog) == ["item-000"]
        catalog.append([(record.key, by_policy(record, False, "below_min_aesthetic", policy="1" * 64))])
        assert _keepers(catalog) == []

    @pytest.mark.parametrize("keep", [True, False])
    def test_a_persons_word_stands_against_every_later_policy(self, catalog: Catalog, world: World, keep: bool) -> None:
        record = world.record(0)
        catalog.record([record])
        catalog.append([(record.key, by_person(record, keep, "i_say_so"))])
        catalog.append([(record.key, by_policy(record, not keep, policy="2" * 64))])
        assert _keepers(catalog) == (["item-000"] if keep else [])
        (found,) = catalog.candidates(world.set_name)["item-000"].values()
        assert found.decided_by == "person:ada"
        assert found.judged_by("2" * 64)

    def test_a_person_may_change_their_mind(self, catalog: Catalog, world: World) -> None:
        record = world.record(0)
        catalog.record([record])
        minds = [
            by_person(record, keep, at=f"2026-01-0{day}T00:00:00.000000Z") for day, keep in ((1, False), (2, True))
        ]
        catalog.append([(record.key, verdict) for verdict in minds])
        assert _keepers(catalog) == ["item-000"]
        assert len(catalog.provenance(record.key).value["verdicts"]) == 3

    def test_a_verdict_sent_twice_is_one(self, catalog: Catalog, world: World) -> None:
        record = world.record(0)
        catalog.record([record])
        verdict = by_person(record, False, "no")
        assert [catalog.append([(record.key, verdict)]) for _ in range(2)] == [1, 0]

    def test_a_verdict_on_nothing_is_refused_with_all_that_came_with_it(self, catalog: Catalog, world: World) -> None:
        record = world.record(0)
        catalog.record([record])
        with pytest.raises(NotFoundError, match="no such candidate"):
            catalog.append([(record.key, by_person(record, False)), (world.key(7), by_person(world.record(7), True))])
        assert _keepers(catalog) == ["item-000"]


class TestWhatMayBeAKeeper:
    @pytest.mark.parametrize("state", [SafetyState.FLAGGED, SafetyState.UNKNOWN])
    def test_what_is_not_measured_clear_may_not(self, catalog: Catalog, world: World, state: SafetyState) -> None:
        record = quarantined(world.record(0), state)
        catalog.record([record])
        assert _keepers(catalog) == []
        assert (catalog.library / "quarantine" / record.candidate.image_sha256[:2]).is_dir()
        assert catalog.picture(record.candidate.image_sha256) == record.png

    @pytest.mark.parametrize("state", [SafetyState.FLAGGED, SafetyState.UNKNOWN])
    def test_wherever_its_file_lies(self, catalog: Catalog, world: World, state: SafetyState) -> None:
        catalog.record([replace(quarantined(world.record(0), state), area="objects")])
        assert _keepers(catalog) == []

    def test_nor_what_lies_in_quarantine_whatever_it_was_measured(self, catalog: Catalog, world: World) -> None:
        catalog.record([replace(world.record(0), area="quarantine")])
        assert _keepers(catalog) == []

    def test_a_person_may_override_with_the_reason_and_a_note(self, catalog: Catalog, world: World) -> None:
        record = quarantined(world.record(0))
        catalog.record([record])
        catalog.append([(record.key, by_person(record, True))])
        assert _keepers(catalog) == []
        catalog.append([(record.key, by_person(record, True, OVERRIDE, note=" "))])
        assert _keepers(catalog) == []
        catalog.append([(record.key, by_person(record, True, OVERRIDE, note="a medical atlas"))])
        (keeper,) = catalog.keepers()
        assert keeper.path.read_bytes() == record.png

    def test_a_policy_may_not_override(self, catalog: Catalog, world: World) -> None:
        record = quarantined(world.record(0))
        catalog.record([record])
        catalog.append([(record.key, replace(by_policy(record, True, OVERRIDE), note="a medical atlas"))])
        assert _keepers(catalog) == []

    def test_nor_what_has_no_pixels(self, catalog: Catalog, world: World) -> None:
        record = world.record(0)
        catalog.record([replace(record, keep_pixels=False)])
        assert _keepers(catalog) == []

    def test_moving_a_picture_keeps_its_file_and_its_row_together(self, catalog: Catalog, world: World) -> None:
        record = world.record(0)
        catalog.record([record])
        assert catalog.relocate([record.candidate.image_sha256], "quarantine") == 1
        assert (_keepers(catalog), catalog.picture(record.candidate.image_sha256)) == ([], record.png)
        catalog.relocate([record.candidate.image_sha256], "objects")
        assert _keepers(catalog) == ["item-000"]

    def test_keepers_come_in_the_order_of_the_rows(self, catalog: Catalog, world: World) -> None:
        catalog.record(world.records(9)[::-1])
        assert _keepers(catalog) == ["item-000", "item-001", "item-002"]
        (keeper,) = catalog.keepers(world.set_name, Filter(assets=("item-001",)))
        assert (keeper.seed, keeper.title) == (world.record(1).candidate.job.seed, "Item-001")


class TestNothingDecidedIsOverwritten:
    @pytest.mark.parametrize("table", ["verdicts", "scorecards"])
    @pytest.mark.parametrize("verb", ["UPDATE {} SET number = number + 1", "DELETE FROM {}"])
    def test_the_database_itself_refuses(self, catalog: Catalog, world: World, table: str, verb: str) -> None:
        catalog.record([world.record(0)])
        with (
            pytest.raises(IntegrityError, match=f"{table} are only ever appended"),
            catalog.engine.begin() as connection,
        ):
            connection.execute(text(verb.format(table)))

    def test_also_for_other_programs(self, catalog: Catalog, world: World, library: Path) -> None:
        catalog.record([world.record(0)])
        connection = sqlite3.connect(library / "catalog.sqlite")
        with pytest.raises(sqlite3.IntegrityError, match="only ever appended"):
            connection.execute("DELETE FROM verdicts")
        connection.close()


def _keepers(catalog: Catalog) -> list[str]:
    return [keeper.asset_id for keeper in catalog.keepers()]
