"""Candidates of older recipes are numbered apart: no name is ambiguous, and every name that is printed is accepted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.catalog import Catalog
from catalog.database.sqlite import reading
from catalog.errors import NotFoundError
from catalog.queries.recipes import _seed_of
from catalog.review.views.pages import candidates, detail
from catalog.review.views.values import Wanted
from tests.catalog.factory import World


@pytest.fixture
def twice(catalog: Catalog, world: World) -> World:
    """The same set with another seed, registered and made after the first."""
    catalog.record(world.records(6))
    later = World(seed=2)
    later.register(catalog)
    catalog.record([replace(one, made_at="2026-02-02T00:00:00.000000Z") for one in later.records(3)])
    return later


def test_every_candidate_has_a_name_of_its_own_that_finds_it(catalog: Catalog, twice: World) -> None:
    ones = [one for jobs in catalog.candidates(twice.set_name).values() for one in jobs.values()]
    names = catalog.names(ones)
    assert sorted(name for key, name in names.items() if key.asset_id == "item-000") == [
        "tavern-items/item-000#0", "tavern-items/item-000#0~1", "tavern-items/item-000#1~1",
    ]  # fmt: skip
    for key, name in names.items():
        assert catalog.find(name) == key
        assert catalog.provenance(key).value["id"] == name
    with pytest.raises(NotFoundError, match="there are #0, #0~1, #1~1"):
        catalog.find("tavern-items/item-000#1")


def test_going_back_to_a_recipe_puts_it_in_force_again(catalog: Catalog, world: World, twice: World) -> None:
    assert catalog.find("tavern-items/item-000#0") == twice.key(0)
    world.register(catalog)
    assert catalog.find("tavern-items/item-000#0") == world.key(0)
    assert catalog.find("tavern-items/item-000#0~1") == twice.key(0)
    assert catalog.provenance(twice.key(0)).value["changed_since"] == ["seed: 2 → 1"]


def test_the_page_shows_the_recipe_in_force_first_and_says_what_changed(catalog: Catalog, twice: World) -> None:
    page = candidates(catalog, twice.set_name, "item-000", Wanted(folded=False))
    assert [tile.short_name for tile in page.tiles] == ["#0", "#0~1", "#1~1"]
    assert detail(catalog, page.tiles[1].candidate_id).changed == ("seed: 1 → 2",)
    assert detail(catalog, page.tiles[0].candidate_id).changed == ()


def test_keepers_are_in_a_stable_order_and_named_so(catalog: Catalog, twice: World) -> None:
    names = [keeper.name for keeper in catalog.keepers(twice.set_name)]
    assert names == [keeper.name for keeper in catalog.keepers(twice.set_name)]
    assert len(set(names)) == len(names) == 6
    with reading(catalog.engine) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM verdicts").scalar_one() == 9


@pytest.mark.parametrize(
    ("text", "seed"),
    [
        ("set: a\nseed: 12  # why\n", 12),
        ("set: a\nassets:\n  - {id: x, seed: 3}\n", 0),
        ('{"set": "a", "seed": 5, "assets": []}', 5),
        ("set: a\nstyle:\n  prompt: |\n    seed: 9\n", 0),
    ],
)
def test_the_seed_of_a_spec_is_read_from_its_text(text: str, seed: int) -> None:
    assert _seed_of(text) == seed
