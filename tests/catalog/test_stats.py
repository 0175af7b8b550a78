"""``stats``: each number is the one that a person would count."""

from __future__ import annotations

from dataclasses import replace

from catalog.catalog import Catalog
from catalog.queries.candidate_state import OVERRIDE
from catalog.queries.statistics import Agreement, Stats, stats
from flows.cli.commands.maintenance.stats import size, stats_value
from tests.catalog.factory import World, by_person, by_policy, quarantined


def _lived_in(catalog: Catalog) -> Stats:
    """Items 0 to 2 and, of a second set, 0 and 1; then the second set loses its item 1.

    Number 0 and 1 of each item: the first kept by the policy, the second rejected.
    """
    world, forest = World(), World("forest-icons", assets=2, seed=2)
    forest.register(catalog)
    records = world.records(6)
    catalog.record([*records[:4], quarantined(records[4]), quarantined(records[5])])
    catalog.record([replace(forest.record(0), verdict=None), *forest.records(3, 1)])
    catalog.append([(records[0].key, by_person(records[0], False, "off_style", "other"))])
    catalog.append([(records[1].key, by_person(records[1], True))])
    catalog.append([(records[3].key, by_person(records[3], True))])
    catalog.append([(records[3].key, by_person(records[3], False, "withdrawn"))])
    catalog.append([(records[4].key, by_person(records[4], True, OVERRIDE, note="an atlas"))])
    catalog.append([(records[5].key, by_person(records[5], True, OVERRIDE, note=" "))])
    catalog.append([(records[2].key, by_policy(records[2], False, "adherence_too_low", policy="e" * 64))])
    catalog.drop_pixels([records[2].candidate.image_sha256])
    catalog.tag(records[0].key.candidate_id, ["hero"], "person:ada")
    World("forest-icons", assets=1, seed=2).register(catalog)
    return stats(catalog)


def test_every_number(catalog: Catalog) -> None:
    found = _lived_in(catalog)
    forest, items = found.sets
    assert (items.assets, items.candidates, items.waiting) == (3, 6, 2)
    assert (items.keepers, items.holes, items.former_keepers) == (2, 2, 0), "both are of item 1, one by the override"
    assert (forest.assets, forest.candidates, forest.waiting) == (1, 4, 4)
    assert (forest.keepers, forest.holes, forest.former_keepers) == (0, 1, 1)
    assert (found.candidates, found.undecided) == (10, 1)
    assert found.keepers_by == {"policy": 1, "person": 2}
    assert found.rejected_by == {"policy": 4, "person": 1}
    assert found.reasons == {
        "off_style": {"policy": 0, "person": 1},
        "other": {"policy": 0, "person": 1},
        "adherence_too_low": {"policy": 1, "person": 0},
        "below_min_aesthetic": {"policy": 3, "person": 0},
    }
    assert found.safety == {"clear": 8, "flagged": 2, "unknown": 0}
    assert found.pictures == {"present": 9, "dropped": 1, "lost": 0}
    assert found.agreement == Agreement(both_keep=1, both_reject=0, only_person_keeps=2, only_policy_keeps=1)
    assert found.agreement.rate == 0.25
    assert [(one.name, one.licence, one.candidates, one.keepers) for one in found.checkpoints] == [
        ("tiny", "CC0-1.0", 10, 3)
    ]
    assert found.device_seconds == {"cpu (a tested CPU)": 2.5}
    assert found.tags == {"hero": 1}
    on_disk = {area: sum(path.stat().st_size for path in (catalog.library / area).rglob("*.png"))
               for area in ("objects", "quarantine")}  # fmt: skip
    assert {area: found.bytes_on_disk[area] for area in on_disk} == on_disk
    value = stats_value(found)
    assert value["totals"] == {
        "sets": 2, "assets": 4, "holes": 3, "candidates": 10, "keepers": 2, "former_keepers": 1, "waiting": 6,
        "undecided": 1, "bytes": sum(found.bytes_on_disk.values()),
    }  # fmt: skip


def test_keepers_are_those_that_keepers_lists(catalog: Catalog) -> None:
    found = _lived_in(catalog)
    assert sum(one.keepers for one in found.sets) == len(catalog.keepers())


def test_an_empty_library_has_numbers_too(catalog: Catalog) -> None:
    found = stats(catalog)
    assert (found.candidates, found.sets[0].holes, found.agreement.rate) == (0, 3, None)


def test_sizes_in_words() -> None:
    assert [size(n) for n in (0, 1023, 1024, 1536 * 1024, 5 << 40, 5 << 50)] == [
        "0 B", "1023 B", "1.0 KiB", "1.5 MiB", "5.0 TiB", "5120.0 TiB",
    ]  # fmt: skip


def test_reasons_are_grouped_by_code(catalog: Catalog) -> None:
    """Two pictures that are too like two others count under one reason."""
    world = World()
    records = world.records(6)
    catalog.record([replace(one, verdict=None) for one in records])
    for one, other in ((0, "a" * 64), (1, "b" * 64)):
        record = records[one]
        catalog.append([(record.key, by_policy(record, False, f"too_like:{other}", f"outscored:{other}"))])
    found = stats(catalog)
    both = {"policy": 2, "person": 0}
    assert {code: by for code, by in found.reasons.items() if by["policy"] == 2} == {
        "too_like": both,
        "outscored": both,
    }
    assert not [code for code in found.reasons if ":" in code]


def test_a_checkpoint_whose_entry_moved_to_another_line_is_counted_once(catalog: Catalog) -> None:
    world, moved = World(), World()
    vars(moved)["checkpoint"] = replace(world.checkpoint, licence_from="checkpoints.yaml:7")
    for each, number in ((world, 0), (moved, 1)):
        each.register(catalog)
        catalog.record([each.record(number)])
    assert [(one.name, one.candidates) for one in stats(catalog).checkpoints] == [("tiny", 2)]
