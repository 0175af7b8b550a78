"""Keepers across sets: every filter narrows to exactly what it says, and a name that is not there is an error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.database.sqlite import reading
from catalog.errors import NotFoundError
from catalog.queries.candidate_state import OVERRIDE, WITHDRAWN
from catalog.queries.candidates import standing
from catalog.queries.filter import Filter, moment
from catalog.review.views.tiles import fetch_tiles, standing_tiles
from scoring.scorecard import SafetyState
from specs.errors import UsageError
from tests.catalog.factory import World, by_person, by_policy, card, checkpoint, measure_again

ADA = "person:ada"


class Owned(World):
    """A set made with another checkpoint, under a licence that forbids selling."""

    checkpoint = checkpoint("anima")
    rights = replace(World().rights, licence="CC-BY-NC-4.0", use="internal", may_export_commercially=False)


ITEMS, FOREST = World(), Owned("forest-icons", seed=2)


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sets of three assets, four candidates each; six keepers, each unlike the others in some way."""
    folder = tmp_path_factory.mktemp("stocked") / "library"
    with Catalog.open(folder, create=True) as catalog:
        for world in (ITEMS, FOREST):
            world.register(catalog)
            catalog.record(world.records(12))
        sword, axe = ITEMS.record(0), ITEMS.record(1)
        catalog.append([(sword.key, by_person(sword, True, "best_hand", at="2026-03-01T00:00:00.000000Z"))])
        catalog.append(
            [(axe.key, by_policy(axe, True, "chosen", "outscored:" + "c" * 64, at="2026-02-01T12:00:00.000000Z"))]
        )
        measure_again(catalog, axe.key, replace(card(axe.candidate.image_sha256, 7.5), adherence=0.9))
        catalog.tag(sword.key.candidate_id, ["hero", "proof"], ADA)
        catalog.tag(FOREST.key(2).candidate_id, ["hero", "gone"], ADA)
        catalog.tag(FOREST.key(2).candidate_id, ["gone"], ADA, remove=True)
    return folder


ALL = ["forest-icons/0", "forest-icons/1", "forest-icons/2", "tavern-items/0", "tavern-items/1", "tavern-items/2"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Filter(), ALL),
        (Filter(sets=("tavern-items",)), ALL[3:]),
        (Filter(sets=("tavern-*",)), ALL[3:]),
        (Filter(sets=("tavern-items", "for?st*")), ALL),
        (Filter(assets=("item-001", "*-002")), [ALL[1], ALL[2], ALL[4], ALL[5]]),
        (Filter(tags=("hero",)), [ALL[2], ALL[3]]),
        (Filter(tags=("hero", "proof")), [ALL[3]]),
        (Filter(tags=("gone",)), []),
        (Filter(reasons=("best_hand",)), [ALL[3]]),
        (Filter(reasons=("best_hand", "chosen")), [ALL[3], ALL[4]]),
        (Filter(reasons=("outscored",)), [ALL[4]]),
        (Filter(reasons=("outscore",)), []),
        (Filter(decided_by="person"), [ALL[3]]),
        (Filter(decided_by="person:ada"), [ALL[3]]),
        (Filter(decided_by="person:bob"), []),
        (Filter(decided_by="policy"), [*ALL[:3], *ALL[4:]]),
        (Filter(checkpoints=("anim?",)), ALL[:3]),
        (Filter(licences=("CC-BY-*",)), ALL[:3]),
        (Filter(use="internal"), ALL[:3]),
        (Filter(use="noncommercial"), []),
        (Filter(commercial=True), ALL[3:]),
        (Filter(min_aesthetic=7.5), [ALL[4]]),
        (Filter(min_adherence=0.3), [ALL[4]]),
        (Filter(since=moment("2026-02-01")), [ALL[3], ALL[4]]),
        (Filter(since=moment("2026-02-01"), until=moment("2026-02-01", end=True)), [ALL[4]]),
        (Filter(until=moment("2026-02-01T12:00")), [*ALL[:3], ALL[5]]),
        (Filter(text="ITEM-001 on a"), [ALL[1], ALL[4]]),
        (Filter(text="%"), []),
        (Filter(tags=("hero",), commercial=True), [ALL[3]]),
    ],
    ids=lambda value: str(value.value()) if isinstance(value, Filter) else None,
)
def test_a_filter_finds_what_it_says(stocked: Path, wanted: Filter, found: list[str]) -> None:
    with Catalog.open(stocked, create=False) as catalog:
        keepers = catalog.keepers(matching=wanted)
    assert [f"{keeper.candidate.key.set_name}/{int(keeper.asset_id[-3:])}" for keeper in keepers] == found
    assert Filter.of(wanted.value()) == wanted, "what is saved is what was asked"


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (
            Filter(sets=("tavern-itmes",)),
            r"set: got 'tavern-itmes'.*did you mean 'tavern-items'",
        ),
        (Filter(sets=("tavern-items", "z*")), r"set: got 'z\*'"),
        (Filter(sets=("forest*",), assets=("sword",)), r"asset: got 'sword'.*item-000, item-001, item-002"),
        (Filter(tags=("heros",)), r"tag: got 'heros'.*did you mean 'hero'"),
        (Filter(checkpoints=("sdxl",)), r"checkpoint: got 'sdxl'.*allowed: anima, tiny"),
        (Filter(licences=("MIT",)), r"licence: got 'MIT'.*CC-BY-NC-4.0, CC0-1.0"),
    ],
)
def test_a_name_that_is_not_there_is_an_error_that_lists_those_that_are(
    stocked: Path, wanted: Filter, says: str
) -> None:
    with Catalog.open(stocked, create=False) as catalog, pytest.raises(NotFoundError, match=says):
        catalog.keepers(matching=wanted)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Filter(use="commerce"), "use: got 'commerce'; allowed: commercial, noncommercial, internal"),
        (lambda: Filter(decided_by="ada"), "by: got 'ada'; allowed: policy, person or person:NAME"),
        (lambda: Filter(min_aesthetic=float("nan")), "min-aesthetic: got nan"),
        (lambda: Filter(sets=("item[0]",)), "sets: got"),
        (lambda: Filter(reasons=('a"b',)), "reason: got"),
        (lambda: Filter(since=moment("2026-02-02"), until=moment("2026-02-01")), "until: got .* after --since"),
        (lambda: moment("yesterday"), "date: got 'yesterday'; allowed: a day such as"),
        (lambda: moment("2026-02-30"), "date: got"),
        (lambda: Filter.of({"set": ["x"]}), "filter: got 'set'; allowed: sets"),
        (lambda: Filter.of({"sets": "x"}), "sets: got 'x'"),
    ],
)
def test_a_value_that_cannot_be_one_is_refused(make: Callable[[], object], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        make()


def test_a_day_ends_with_its_last_instant() -> None:
    assert moment("2026-02-28", end=True) == "2026-03-01T00:00:00.000000Z"
    assert moment("2026-02-28T01:00+09:00") == "2026-02-27T16:00:00.000000Z"


def test_an_asset_that_the_spec_no_longer_has_keeps_its_keeper_aside(catalog: Catalog, world: World) -> None:
    catalog.record(world.records(3))
    World(assets=2).register(catalog)
    assert [keeper.asset_id for keeper in catalog.keepers()] == ["item-000", "item-001"]
    everything = catalog.keepers(matching=Filter(former=True))
    assert [keeper.asset_id for keeper in everything] == ["item-000", "item-001", "item-002"]
    assert catalog.find("tavern-items/item-002") == world.key(2)


STANDINGS = [None, (True, ()), (False, ("off_style",)), (True, (OVERRIDE,)), (False, (WITHDRAWN,))]


def test_the_review_page_means_the_same_by_a_keeper(catalog: Catalog) -> None:
    """Every way in which a candidate may stand: safety × where its file is × dropped × policy's × person's verdict."""
    ways = list(
        product(SafetyState, ("objects", "quarantine"), (True, False), (None, True, False), STANDINGS, ("", " ", "why"))
    )
    world = World(assets=3, each=len(ways) // 3)
    world.register(catalog)
    records, verdicts = [], []
    for number, (safety, area, pixels, policy, person, note) in enumerate(ways):
        record = world.record(number)
        verdict = None if policy is None else by_policy(record, policy)
        scored = card(record.candidate.image_sha256, state=safety)
        records.append(replace(record, area=area, scorecard=scored, verdict=verdict, keep_pixels=pixels))
        if person is not None:
            verdicts.append((record.key, by_person(record, person[0], *person[1], note=note)))
    catalog.record(records)
    catalog.append(verdicts)
    with reading(catalog.engine) as connection:
        tiles = {tile.candidate_id for tile in fetch_tiles(connection, standing_tiles()) if tile.is_keeper}
        assert len(connection.execute(standing()).all()) == len(ways) == 540
    keepers = {keeper.candidate.key.candidate_id for keeper in catalog.keepers()}
    assert keepers == tiles
    assert 0 < len(keepers) < len(ways) / 2
