"""A job is a pure recipe: the same pictures alone, in any order, in any subset, after an interruption; and again."""

from __future__ import annotations

import pytest

from tests.flows.conftest import Limner
from tests.world import World, spec_of

IDS = ("sword", "potion", "red-card", "night", "ground")


def by_job(world: World) -> dict[str, str]:
    """Job id → hash of the picture's file, of everything on record."""
    from catalog.catalog import Catalog

    with Catalog.open(world.library, create=False) as catalog:
        made = catalog.candidates("tiny-set")
    return {job: candidate.image_sha256 for jobs in made.values() for job, candidate in jobs.items()}


@pytest.fixture
def whole(world: World, limner: Limner, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The pictures of the whole set."""
    monkeypatch.setenv("LIMNER_LIBRARY", str(world.folder / "whole"))
    world.write(spec_of(IDS))
    assert limner("produce", "spec.yaml", "--json").json["generated"] == 10
    found = by_job(World(world.folder, world.registry, "whole"))
    monkeypatch.setenv("LIMNER_LIBRARY", str(world.library))
    return found


class TestBatchIndependence:
    @pytest.mark.parametrize("subset", [("potion",), ("ground", "sword"), IDS[::-1]], ids=["alone", "two", "reversed"])
    def test_a_picture_does_not_depend_on_what_else_is_made(
        self, subset: tuple[str, ...], whole: dict[str, str], world: World, limner: Limner
    ) -> None:
        world.write(spec_of(subset))
        limner("produce", "spec.yaml")
        found = by_job(world)
        assert len(found) == 2 * len(subset)
        assert found == {job: whole[job] for job in found}

    def test_nor_on_an_interruption(self, whole: dict[str, str], world: World, limner: Limner) -> None:
        world.write(spec_of(IDS[:3], candidates=1))
        limner("produce", "spec.yaml")
        world.write(spec_of(IDS))
        limner("produce", "spec.yaml")
        assert by_job(world) == whole

    def test_the_same_job_in_two_assets_is_rendered_once(self, world: World, limner: Limner) -> None:
        twins = [{"id": id_, "subject": "sword", "seeds": [1, 2]} for id_ in ("one", "two")]
        world.write(spec_of((), assets=twins))
        summary = limner("produce", "spec.yaml", "--json").json
        assert summary["generated"] == 4
        assert len(set(by_job(world).values())) == 2
        assert len(list((world.library).rglob("??/*.png"))) == 2

    def test_a_set_of_its_own_takes_over_pictures_that_the_library_has(self, world: World, limner: Limner) -> None:
        world.write(spec_of(IDS))
        limner("produce", "spec.yaml")
        world.write(spec_of(IDS, set="copy"))
        summary = limner("produce", "spec.yaml", "--json").json
        assert (summary["generated"], summary["reused"], summary["failed"]) == (0, 10, 0)


class TestReproduce:
    def test_every_keeper_is_identical_on_the_same_machine(self, world: World, limner: Limner) -> None:
        world.write(spec_of(IDS[:3]))
        limner("produce", "spec.yaml")
        keepers = limner("keepers", "--json").json
        assert keepers
        for keeper in keepers:
            found = limner("reproduce", keeper["image_sha256"][:12], "--json")
            assert found.code == 0, found
            assert (found.json["identical"], found.json["same_stack"], found.json["max_difference"]) == (True, True, 0)

    def test_another_stack_is_told_and_measured_never_called_identical(self, world: World, limner: Limner) -> None:
        world.write(spec_of(IDS[:1]))
        limner("produce", "spec.yaml", "--batch-size", "3", "--dtype", "bfloat16")
        other = limner("reproduce", "tiny-set/sword#0", "--device", "cpu", "--json").json
        assert other["identical"]
        record = limner("show", "tiny-set/sword#0", "--json").json
        from flows.cli.commands.making.reproduce import compare
        from generator.candidate import Execution
        from generator.pictures.images import read_png

        data = (world.library / record["image"]["area"] / record["image"]["image_sha256"][:2]).glob("*.png")
        png = next(data).read_bytes()
        pixels = read_png(png).pixels.copy()
        here = Execution("cuda:0", "another card", "float16", 4, False, 1, (), ())
        same = compare(record, png, pixels, here)
        assert (same.identical, same.same_stack, same.pixels_equal) == (False, False, True)
        assert same.good
        assert any("device" in line for line in same.differs)
        pixels[0, 0, 0] ^= 8
        slightly = compare(record, png, pixels, here)
        assert (slightly.identical, slightly.max_difference, slightly.within_tolerance) == (False, 8, True)
        far = compare(record, png, 255 - pixels, here)
        assert not far.good
