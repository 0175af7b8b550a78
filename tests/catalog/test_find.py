"""How a person names a picture."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.catalog import Catalog
from catalog.errors import AmbiguousError, NotFoundError
from tests.catalog.factory import World, by_person, card


class TestFinding:
    @pytest.fixture(autouse=True)
    def _recorded(self, catalog: Catalog, world: World) -> None:
        catalog.record(world.records(9))

    def test_by_the_start_of_a_pictures_hash(self, catalog: Catalog, world: World) -> None:
        record = world.record(5)
        assert catalog.find(record.candidate.image_sha256[:10]) == record.key
        assert catalog.find(record.candidate.image_sha256) == record.key

    def test_by_the_start_of_a_job_id(self, catalog: Catalog, world: World) -> None:
        assert catalog.find(world.key(5).job_id[:20]) == world.key(5)
        assert catalog.find(world.key(5).job_id[7:20]) == world.key(5)

    def test_by_set_and_asset_the_keeper(self, catalog: Catalog, world: World) -> None:
        assert catalog.find("tavern-items/item-001") == world.key(1)

    def test_by_set_asset_and_number(self, catalog: Catalog, world: World) -> None:
        assert catalog.find("tavern-items/item-001#2") == world.key(7)

    def test_an_asset_without_a_keeper_lists_its_candidates(self, catalog: Catalog, world: World) -> None:
        catalog.append([(world.key(1), by_person(world.record(1), False))])
        with pytest.raises(NotFoundError, match=r"its candidates are #0, #1, #2: name one"):
            catalog.find("tavern-items/item-001")

    def test_an_asset_with_two_keepers_lists_both(self, catalog: Catalog, world: World) -> None:
        for number in (1, 4):
            catalog.append([(world.key(number), by_person(world.record(number), True))])
        with pytest.raises(AmbiguousError) as caught:
            catalog.find("tavern-items/item-001")
        assert [match.split()[1] for match in caught.value.matches] == [
            "tavern-items/item-001#0",
            "tavern-items/item-001#1",
        ]

    def test_an_ambiguous_prefix_lists_what_it_may_mean(self, catalog: Catalog, world: World) -> None:
        first = world.record(9)
        twin = first.candidate.image_sha256[:4]
        number = next(n for n in range(10**6) if _sha256(b"%d" % n).startswith(twin))
        data = b"%d" % number
        sha256 = _sha256(data)
        other = replace(world.record(10), png=data, scorecard=card(sha256), verdict=None)
        catalog.record([first, replace(other, candidate=replace(other.candidate, image_sha256=sha256))])
        with pytest.raises(AmbiguousError, match="2 pictures answer to this"):
            catalog.find(twin)

    @pytest.mark.parametrize(
        "typed",
        ["abc", "0000000000", "nowhere/nothing", "tavern-items/item-001#99", "", "../../etc", "%", "tavern_items/x"],
    )
    def test_what_names_nothing_says_what_is_allowed(self, catalog: Catalog, typed: str) -> None:
        with pytest.raises(NotFoundError, match="allowed: 4 or more hex digits"):
            catalog.find(typed)


def _sha256(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()
