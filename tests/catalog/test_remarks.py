"""Tags, notes and saved searches: appended, sealed, verified; no part of what a picture is."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from catalog.catalog import Catalog
from catalog.errors import NotFoundError
from catalog.integrity.verify import verify
from catalog.queries.filter import Filter
from catalog.writes.annotations import Remarks
from catalog.writes.placement import mark
from specs.errors import UsageError
from tests.catalog.factory import World, png

ADA, BOB = "person:ada", "person:bob"


@pytest.fixture
def hero(catalog: Catalog, world: World) -> str:
    """The id of a candidate on record."""
    catalog.record(world.records(3))
    return world.key(0).candidate_id


class TestTags:
    def test_are_put_on_and_taken_off(self, catalog: Catalog, hero: str) -> None:
        assert catalog.tag(hero, ["reprint", "hero"], ADA) == ("hero", "reprint")
        assert catalog.tag(hero, ["reprint"], BOB, remove=True) == ("hero",)
        assert catalog.tag(hero, ["reprint"], ADA) == ("hero", "reprint")
        assert catalog.remarks([hero])[hero].tags == ("hero", "reprint")
        assert catalog.tags() == {"hero": 1, "reprint": 1}

    def test_what_is_so_already_is_not_repeated(self, catalog: Catalog, world: World, hero: str) -> None:
        for _ in range(2):
            catalog.tag(hero, ["hero", "hero"], ADA)
            catalog.tag(hero, ["villain"], ADA, remove=True)
        assert len(_rows(catalog, world)["tagged"]) == 1

    def test_every_change_stays_on_record_with_who_and_when(self, catalog: Catalog, world: World, hero: str) -> None:
        catalog.tag(hero, ["hero"], ADA)
        catalog.tag(hero, ["hero"], BOB, remove=True)
        first, second = _rows(catalog, world)["tagged"]
        assert (first["tag"], first["added"], first["author"], first["number"]) == ("hero", True, ADA, 1)
        assert (second["tag"], second["added"], second["author"], second["number"]) == ("hero", False, BOB, 2)
        assert first["at"] <= second["at"]
        assert catalog.provenance(world.key(0)).value["tags"] == []
        assert catalog.tags() == {"hero": 0}

    @pytest.mark.parametrize(
        ("tag", "mean"),
        [
            ("Hero", "'hero'"),
            ("print run", "'print-run'"),
            ("", ""),
            ("a*", "'a'"),
            ("-x", "'x'"),
            ("e\u0301", "'é'"),
            ("x" * 61, ""),
        ],
    )
    def test_a_word_that_cannot_be_one_is_refused_with_all_that_came_with_it(
        self, catalog: Catalog, hero: str, tag: str, mean: str
    ) -> None:
        with pytest.raises(UsageError, match=r"tag: got .*allowed: 1 to 60 lower-case letters") as refused:
            catalog.tag(hero, ["fine", tag], ADA)
        assert (f"did you mean {mean}?" in str(refused.value)) == bool(mean)
        assert catalog.tags() == {}

    def test_in_every_script(self, catalog: Catalog, hero: str) -> None:
        assert catalog.tag(hero, ["英雄", "größe", "v1.2:final_a"], ADA) == ("größe", "v1.2:final_a", "英雄")

    def test_of_nothing_are_refused(self, catalog: Catalog, hero: str) -> None:
        with pytest.raises(NotFoundError, match="no such candidate"):
            catalog.tag("f" * 32, ["hero"], ADA)

    def test_from_many_threads_at_once_are_all_there(self, catalog: Catalog, hero: str) -> None:
        threads = [threading.Thread(target=catalog.tag, args=(hero, [f"t{n}"], ADA)) for n in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(catalog.remarks([hero])[hero].tags) == {f"t{n}" for n in range(12)}


class TestNotes:
    def test_are_added_and_never_changed(self, catalog: Catalog, hero: str) -> None:
        catalog.note(hero, " mind the bleed\nand the trim ", ADA)
        catalog.note(hero, "mind the bleed\nand the trim", BOB)
        notes = catalog.remarks([hero])[hero].notes
        assert [(note.number, note.text, note.author) for note in notes] == [
            (1, "mind the bleed\nand the trim", ADA),
            (2, "mind the bleed\nand the trim", BOB),
        ]

    @pytest.mark.parametrize("words", ["", "  \n", "x" * 2001, "a\x00b", "\ud800"])
    def test_that_cannot_be_kept_are_refused(self, catalog: Catalog, hero: str, words: str) -> None:
        with pytest.raises(UsageError, match="note: got"):
            catalog.note(hero, words, ADA)
        assert catalog.remarks([hero])[hero] == Remarks()


class TestWhatIsSaid:
    def test_is_no_part_of_what_the_picture_is(self, catalog: Catalog, world: World, hero: str) -> None:
        before = catalog.provenance(world.key(0)).sha256
        catalog.tag(hero, ["hero"], ADA)
        catalog.note(hero, "the best", ADA)
        assert catalog.provenance(world.key(0)).sha256 == before
        assert verify(catalog.library).problems == ()

    def test_of_a_lost_picture_does_not_count_for_another(self, catalog: Catalog, world: World, hero: str) -> None:
        catalog.tag(hero, ["hero"], ADA)
        catalog.note(hero, "the best", ADA)
        record = world.record(0)
        with catalog.engine.begin() as connection:
            mark(connection, [record.candidate.image_sha256], start="present", end="lost")
        catalog.record([_made_again(world)])
        assert catalog.remarks([hero])[hero] == Remarks()
        assert [len(rows) for rows in _rows(catalog, world).values()] == [1, 1]
        assert catalog.tag(hero, ["hero"], ADA) == ("hero",)

    @pytest.mark.parametrize("table", ["tags", "notes", "searches"])
    @pytest.mark.parametrize("verb", ["UPDATE {} SET number = number + 1", "DELETE FROM {}"])
    def test_is_not_overwritten_by_whoever(self, catalog: Catalog, hero: str, table: str, verb: str) -> None:
        _say_something(catalog, hero)
        refused = pytest.raises(IntegrityError, match=f"{table} are only ever appended")
        with refused, catalog.engine.begin() as connection:
            connection.execute(text(verb.format(table)))

    @pytest.mark.parametrize(
        ("table", "change"), [("tags", "tag = 'x'"), ("notes", "text = 'x'"), ("searches", "filter = '{}'")]
    )
    def test_is_verified(self, catalog: Catalog, hero: str, library: Path, table: str, change: str) -> None:
        _say_something(catalog, hero)
        catalog.close()
        assert verify(library).problems == ()
        _behind_its_back(library, table, f"UPDATE {table} SET {change} WHERE number = 1")
        problems = [problem for problem in verify(library).problems if problem.what.startswith(table)]
        assert [problem.kind for problem in problems] == ["altered"]

    @pytest.mark.parametrize("table", ["tags", "notes", "searches"])
    def test_is_missed_when_it_is_taken_out(self, catalog: Catalog, hero: str, library: Path, table: str) -> None:
        _say_something(catalog, hero)
        catalog.close()
        _behind_its_back(library, table, f"DELETE FROM {table} WHERE number = 1")
        problems = [problem for problem in verify(library).problems if problem.what.startswith(table)]
        assert [problem.kind for problem in problems] == ["missing"]


class TestSavedSearches:
    def test_the_latest_of_a_name_counts_and_deleting_it_leaves_the_others(self, catalog: Catalog) -> None:
        catalog.save_search("heroes", Filter(tags=("hero",)), ADA)
        catalog.save_search("best", Filter(min_aesthetic=6.5), ADA)
        catalog.save_search("heroes", Filter(tags=("hero",), sets=("tavern*",)), BOB)
        assert [(search.name, search.author) for search in catalog.searches()] == [("best", ADA), ("heroes", BOB)]
        assert catalog.search("heroes").filter == Filter(tags=("hero",), sets=("tavern*",))
        catalog.delete_search("heroes", ADA)
        assert [search.name for search in catalog.searches()] == ["best"]
        catalog.save_search("heroes", Filter(), ADA)
        assert catalog.search("heroes").filter == Filter()

    def test_an_unknown_name_names_the_near_one(self, catalog: Catalog) -> None:
        with pytest.raises(NotFoundError, match="none is saved yet"):
            catalog.search("heroes")
        catalog.save_search("heroes", Filter(), ADA)
        for ask in (catalog.search, lambda name: catalog.delete_search(name, ADA)):
            with pytest.raises(NotFoundError, match="got 'heros'; allowed: heroes; did you mean 'heroes'"):
                ask("heros")

    @pytest.mark.parametrize("name", ["", " x", "a\nb", "x" * 101])
    def test_a_name_that_cannot_be_one_is_refused(self, catalog: Catalog, name: str) -> None:
        with pytest.raises(UsageError, match="search: got"):
            catalog.save_search(name, Filter(), ADA)


def _rows(catalog: Catalog, world: World) -> dict[str, list[dict[str, object]]]:
    value = catalog.provenance(world.key(0)).value
    return {name: value[name] for name in ("tagged", "notes")}  # type: ignore[misc]


def _say_something(catalog: Catalog, candidate_id: str) -> None:
    """Two rows in each of the three tables."""
    catalog.tag(candidate_id, ["hero", "reprint"], ADA)
    for words in ("one", "two"):
        catalog.note(candidate_id, words, ADA)
        catalog.save_search("mine", Filter(text=words), ADA)


def _behind_its_back(library: Path, table: str, sql: str) -> None:
    connection = sqlite3.connect(library / "catalog.sqlite")
    triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    assert connection.execute(sql).rowcount == 1
    for _, trigger in triggers:
        connection.execute(trigger)
    connection.commit()
    connection.close()


def _made_again(world: World) -> object:
    """Candidate 0 as another stack would draw it."""
    record = world.record(0)
    data, pixels = png(999)
    from generator.pictures.images import pixels_sha256
    from specs.canonical import sha256_hex

    made = replace(record.candidate, image_sha256=sha256_hex(data), pixels_sha256=pixels_sha256(pixels))
    card = replace(record.scorecard, image_sha256=made.image_sha256)
    return replace(record, candidate=made, png=data, scorecard=card, verdict=None)
