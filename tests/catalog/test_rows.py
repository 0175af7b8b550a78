"""Rows by the ten thousand: asked for in one query, and a scorecard's text that is not written twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event

from catalog.catalog import Catalog
from catalog.database.rows import fetch, fetch_newest
from catalog.database.schema import CandidateRow, VerdictRow
from catalog.database.scorecards import card_text, scorecard_of
from catalog.database.sqlite import reading
from scoring.scorecard import Safety, SafetyState, Scorecard
from specs.canonical import canonical_json
from tests.catalog.factory import World, by_policy

MORE_THAN_SQLITE_BINDS = 40_000


@pytest.fixture
def statements(catalog: Catalog) -> Iterator[list[str]]:
    """What the catalog's engine is told, from now on."""
    told: list[str] = []

    def heard(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        told.append(statement)

    event.listen(catalog.engine, "before_cursor_execute", heard)
    yield told
    event.remove(catalog.engine, "before_cursor_execute", heard)


class TestManyAtOnce:
    def test_any_number_of_ids_is_one_query(self, catalog: Catalog, world: World, statements: list[str]) -> None:
        catalog.record(world.records(4))
        asked = [record.key.candidate_id for record in world.records(4)]
        with reading(catalog.engine) as connection:
            del statements[:]
            strangers = [f"{number:032x}" for number in range(MORE_THAN_SQLITE_BINDS)]
            rows = fetch(connection, CandidateRow, "candidate_id", [*strangers, *asked, *asked])
            newest = fetch_newest(connection, VerdictRow, [*strangers, *asked])
        assert sorted(row["candidate_id"] for row in rows) == sorted(asked) == sorted(newest)
        assert len(statements) == 2

    def test_ids_are_values_never_sql(self, catalog: Catalog, world: World) -> None:
        catalog.record(world.records(1))
        odd = ["'; drop table candidates; --", '"', "\\", "[]", "\u2028", "item-000"]
        with reading(catalog.engine) as connection:
            assert fetch(connection, CandidateRow, "candidate_id", odd) == []
            assert len(fetch(connection, CandidateRow, "asset_id", odd)) == 1

    def test_verdicts_on_a_set_cost_as_many_statements_as_on_one_candidate(
        self, catalog: Catalog, world: World, statements: list[str]
    ) -> None:
        records = world.records(9)
        catalog.record(records)
        counts = []
        for few in (records[:1], records):
            del statements[:]
            at = f"2026-03-0{len(few)}T00:00:00.000000Z"
            assert catalog.append([(one.key, by_policy(one, keep=True, at=at)) for one in few]) == len(few)
            counts.append(len(statements))
        assert counts[0] == counts[1]


class TestHowItIsAsked:
    def test_a_policys_verdicts_are_not_gone_through_for_a_persons(
        self, catalog: Catalog, world: World, statements: list[str]
    ) -> None:
        """They are appended at every change of a rule, so a set that was rescored often would be slow for ever."""
        catalog.candidates(world.set_name)
        (asked,) = (statement for statement in statements if "verdicts" in statement)
        with reading(catalog.engine) as connection:
            words = tuple("x" for _ in range(asked.count("?")))
            plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}", words)]
        assert any("ix_verdicts_candidate_id_image_sha256_number" in step for step in plan), plan


brackets = [',"safety":{', ',"scores":{', '},"state":"', '},"scorers":{', '{"state":"', '"', "\\"]
names = st.one_of(st.sampled_from(["safety", "scores", "state", "scorers", *brackets]), st.text(max_size=8))
numbers = st.floats(allow_nan=False, allow_infinity=False)
pairs = st.dictionaries(names, numbers, max_size=4).map(lambda found: tuple(found.items()))
safeties = st.builds(
    Safety,
    st.sampled_from(SafetyState),
    st.lists(names, max_size=2).map(tuple),
    names,
    pairs,
    names,
)
cards = st.builds(
    Scorecard,
    image_sha256=st.just("a" * 64),
    aesthetic=st.none() | numbers,
    adherence=st.none() | numbers,
    rank=st.none() | st.integers(1, 9),
    margin=st.none() | numbers,
    safety=safeties,
    defects=st.lists(names, max_size=2).map(tuple),
    scorers=st.dictionaries(names, names, max_size=3).map(lambda found: tuple(found.items())),
    extra=pairs,
)


def whole(card: Scorecard) -> str:
    return canonical_json(card.value()).decode()


class TestCardText:
    @given(before=cards, now=cards)
    def test_a_new_cards_text_is_its_canonical_json_whatever_was_taken_over(
        self, before: Scorecard, now: Scorecard
    ) -> None:
        same_safety = replace(now, safety=before.safety)
        assert card_text(same_safety, before, whole(before)) == whole(same_safety)
        assert card_text(now, before, whole(before)) == whole(now)

    @given(cards)
    def test_a_card_reads_back_as_it_was_written(self, card: Scorecard) -> None:
        assert whole(scorecard_of(whole(card))) == whole(card)
        assert json.loads(whole(card))["image_sha256"] == card.image_sha256

    @given(cards)
    def test_what_the_checker_scored_is_read_when_asked_for_and_is_the_same(self, card: Scorecard) -> None:
        scores = tuple(sorted(card.safety.scores))
        stored = scorecard_of(whole(card)).safety.scores
        assert stored == scores
        assert scores == stored
        assert (len(stored), stored[:2], list(stored), hash(stored)) == (
            len(scores),
            scores[:2],
            list(scores),
            hash(scores),
        )
        assert scorecard_of(whole(card)) == scorecard_of(whole(card))
