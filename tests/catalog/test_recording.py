"""What it means that a candidate is on record."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from catalog.catalog import Catalog
from catalog.errors import CatalogError, NotFoundError
from catalog.integrity.verify import verify
from catalog.provenance import Reuse
from catalog.queries.candidate_state import CandidateState
from specs.canonical import canonical_json, sha256_hex
from specs.spec import Place
from tests.catalog.factory import AT, CLIP, World, by_person, by_policy, candidates, card, measure_again, png


class TestRecording:
    def test_what_was_recorded_is_what_is_asked_for(self, catalog: Catalog, world: World) -> None:
        records = world.records(6)
        catalog.record(records)
        made = catalog.candidates(world.set_name)
        assert {asset: len(jobs) for asset, jobs in made.items()} == {"item-000": 2, "item-001": 2, "item-002": 2}
        for record in records:
            found = made[record.asset_id][record.candidate.job.job_id]
            assert (found.key, found.number) == (record.key, record.number)
            assert found.scorecard == record.scorecard
            assert found.judged_by("d" * 64)
            assert catalog.picture(found.image_sha256) == record.png

    def test_the_same_batch_twice_is_recorded_once(self, catalog: Catalog, world: World) -> None:
        records = world.records(4)
        assert len(catalog.record(records).added) == 4
        again = catalog.record([*records, *world.records(1, 4)])
        assert (len(again.known), again.added) == (4, (world.key(4),))
        assert len(candidates(catalog)) == 5
        assert [len(catalog.provenance(record.key).value["verdicts"]) for record in records] == [1, 1, 1, 1]

    def test_a_candidate_that_is_there_keeps_its_picture(self, catalog: Catalog, world: World) -> None:
        first = world.record(0)
        other = replace(first, candidate=world.record(1).candidate, png=world.record(1).png)
        other = replace(other, candidate=replace(other.candidate, job=first.candidate.job))
        catalog.record([first])
        catalog.record([other])
        assert catalog.provenance(first.key).value["image"]["image_sha256"] == first.candidate.image_sha256

    def test_a_file_that_is_not_the_candidates_is_refused(self, catalog: Catalog, world: World) -> None:
        good = world.record(0)
        with pytest.raises(CatalogError, match=r"tavern-items/item-000#0: got a file that hashes to"):
            catalog.record([world.record(1), replace(good, png=png(99)[0])])
        assert catalog.candidates(world.set_name) == {}

    def test_a_batch_is_on_record_whole_or_not_at_all(self, catalog: Catalog, world: World) -> None:
        stranger = replace(world.record(1), asset_id="item-999")
        with pytest.raises(NotFoundError, match=r"item-999.*run produce again"):
            catalog.record([world.record(0), stranger])
        assert catalog.candidates(world.set_name) == {}

    def test_a_picture_of_another_spec_than_the_registered_one_is_refused(self, catalog: Catalog, world: World) -> None:
        with pytest.raises(NotFoundError, match="as it is registered"):
            catalog.record([replace(world.record(0), spec_sha256="0" * 64)])

    def test_a_reject_may_be_recorded_without_its_pixels(self, catalog: Catalog, world: World) -> None:
        record = replace(world.record(3), keep_pixels=False)
        catalog.record([record])
        found = catalog.candidates(world.set_name)[record.asset_id][record.candidate.job.job_id]
        assert (found.state, found.keep) == ("dropped", False)
        assert catalog.embeddings(world.set_name).image_sha256s == (record.candidate.image_sha256,)
        with pytest.raises(NotFoundError, match="its file is dropped"):
            catalog.picture(record.candidate.image_sha256)

    def test_pixels_are_dropped_only_where_every_candidate_rejects_them(self, catalog: Catalog, world: World) -> None:
        keeper, reject, shared = world.record(0), world.record(3), world.record(4)
        catalog.record([keeper, reject, shared])
        catalog.reuse([_reuse(world, "item-002", shared.key.job_id)])
        assert catalog.drop_pixels(one.candidate.image_sha256 for one in (keeper, reject, shared)) == 1
        assert catalog.picture(keeper.candidate.image_sha256) == keeper.png
        assert catalog.picture(shared.candidate.image_sha256) == shared.png
        assert not catalog.objects.path(reject.candidate.image_sha256).exists()

    def test_a_picture_stays_in_the_area_where_it_is(self, catalog: Catalog, world: World) -> None:
        record = world.record(0)
        catalog.record([replace(record, area="quarantine")])
        other = replace(world.record(1), candidate=record.candidate, png=record.png, verdict=None)
        catalog.record([replace(other, scorecard=record.scorecard)])
        assert catalog.keepers() == []
        assert [file.area for file in (*catalog.objects.entries(), *catalog.objects.entries("quarantine"))] == [
            "quarantine"
        ]

    def test_embeddings_come_back_bit_for_bit(self, catalog: Catalog, world: World) -> None:
        records = world.records(5)
        catalog.record(records)
        found = catalog.embeddings(world.set_name)
        assert (found.clip_id, found.vectors.shape, found.vectors.dtype) == (CLIP, (5, 8), np.float16)
        wanted = {one.candidate.image_sha256: one.embedding.vector for one in records if one.embedding}
        for sha256, vector in zip(found.image_sha256s, found.vectors, strict=True):
            assert vector.tobytes() == wanted[sha256].tobytes()

    def test_a_set_without_pictures_has_an_empty_matrix(self, catalog: Catalog, world: World) -> None:
        assert catalog.embeddings(world.set_name).vectors.shape == (0, 0)


class TestReuse:
    def test_a_picture_serves_a_second_asset_without_being_rendered(self, catalog: Catalog, world: World) -> None:
        record = world.record(0)
        catalog.record([record])
        catalog.reuse([_reuse(world, "item-001", record.candidate.job.job_id)])
        (other,) = catalog.candidates(world.set_name)["item-001"].values()
        assert other.image_sha256 == record.candidate.image_sha256
        assert other.scorecard == record.scorecard
        assert catalog.provenance(record.key).value["image"]["also"] == ["tavern-items/item-001#5~1"]

    def test_verdicts_on_one_asset_do_not_touch_the_other(self, catalog: Catalog, world: World) -> None:
        record = world.record(0)
        catalog.record([record])
        catalog.reuse([_reuse(world, "item-001", record.candidate.job.job_id)])
        catalog.append([(record.key, by_person(record, False, "wrong_sword"))])
        assert [one.keep for one in catalog.candidates(world.set_name)["item-001"].values()] == [None]

    def test_a_job_without_a_picture_cannot_be_reused(self, catalog: Catalog, world: World) -> None:
        with pytest.raises(NotFoundError, match="none on record"):
            catalog.reuse([_reuse(world, "item-001", world.key(0).job_id)])


def _reuse(world: World, asset_id: str, job_id: str) -> Reuse:
    return Reuse(world.set_name, asset_id, 5, job_id, world.spec.spec_sha256, None, None, AT)


class TestRegistering:
    def test_registering_again_writes_nothing(self, catalog: Catalog, world: World, library: Path) -> None:
        before = (library / "catalog.sqlite").read_bytes()
        world.register(catalog)
        assert (library / "catalog.sqlite").read_bytes() == before

    def test_moving_rows_about_in_the_file_changes_no_asset(self, catalog: Catalog, world: World) -> None:
        catalog.record([world.record(0)])
        before = catalog.provenance(world.key(0)).value["asset"]
        moved = [replace(plan, asset=replace(plan.asset, place=Place("x.yaml", 99, 1))) for plan in world.plans]
        catalog.register(world.spec, world.checkpoint, world.scorers, moved, world.rights, world.git)
        catalog.record([world.record(3)])
        assert catalog.provenance(world.key(3)).value["asset"] == before

    def test_a_row_that_left_the_spec_keeps_its_candidates(self, catalog: Catalog, world: World) -> None:
        catalog.record(world.records(3))
        World(assets=2).register(catalog)
        assert set(catalog.candidates(world.set_name)) == {"item-000", "item-001", "item-002"}
        world.register(catalog)
        catalog.record(world.records(3, 3))
        assert len(candidates(catalog)) == 6

    def test_earlier_pictures_keep_the_spec_that_they_were_made_from(self, catalog: Catalog, world: World) -> None:
        catalog.record([world.record(0)])
        longer = World(assets=4)
        longer.register(catalog)
        catalog.record([longer.record(3)])
        assert catalog.provenance(world.key(0)).value["spec"]["text"] == world.spec.text
        assert catalog.provenance(longer.key(3)).value["spec"]["text"] == longer.spec.text


class TestProvenance:
    def test_the_record_says_everything(self, catalog: Catalog, world: World) -> None:
        record = world.record(4)
        catalog.record([record])
        catalog.append([(record.key, by_person(record, True, note="the handle!"))])
        value = catalog.provenance(record.key).value
        assert value["spec"]["text"] == world.spec.text
        assert value["spec"]["spec_sha256"] == world.spec.spec_sha256
        assert value["spec"]["sources"] == {"cards.csv": "e" * 64}
        assert value["spec"]["git"] == {"commit": "f" * 40, "dirty": False}
        assert value["asset"]["row"] == {"subject": "item-001"}
        assert value["asset"]["layout"]["width_px"] == 16
        assert value["prompt"] == {"text": "a item-001 on a table, tavern-items", "negative": "blurry"}
        assert value["job"] == {"job_id": record.candidate.job.job_id, "recipe": record.candidate.job.recipe()}
        assert value["checkpoint"]["files"]["unet/x.safetensors"] == "b" * 64
        assert value["checkpoint"]["licence"] == "CC0-1.0"
        assert value["rights"]["reasons"] == ["It is free."]
        assert value["execution"]["versions"]["torch"] == "2.14.1"
        assert value["scores"]["aesthetic"] == record.scorecard.aesthetic
        assert value["scores"]["weights"]["aesthetic"]["files"]
        assert [one["keep"] for one in value["verdicts"]] == [False, True]
        assert value["verdicts"][1]["note"] == "the handle!"
        assert value["image"]["pixels_sha256"] == record.candidate.pixels_sha256

    def test_its_hash_covers_what_was_fixed_and_not_when(self, catalog: Catalog, world: World, tmp_path: Path) -> None:
        record = world.record(0)
        catalog.record([record])
        hash_ = catalog.provenance(record.key).sha256
        catalog.append([(record.key, by_person(record, False, "no"))])
        measure_again(catalog, record.key, card(record.candidate.image_sha256, 1.0))
        assert catalog.provenance(record.key).sha256 == hash_
        later = replace(record, made_at="2030-01-01T00:00:00.000000Z")
        assert _hash_elsewhere(tmp_path / "later", world, later) == hash_
        slower = replace(world.execution, threads=1)
        elsewhere = replace(record, candidate=replace(record.candidate, execution=slower))
        assert _hash_elsewhere(tmp_path / "elsewhere", world, elsewhere) != hash_


def _hash_elsewhere(folder: Path, world: World, record: object) -> str:
    with Catalog.open(folder, create=True) as catalog:
        world.register(catalog)
        catalog.record([record])  # type: ignore[list-item]
        return catalog.provenance(world.key(0)).sha256


class TestRescoring:
    def test_the_newest_scorecard_counts_and_the_old_one_stays(self, catalog: Catalog, world: World) -> None:
        record = world.record(0)
        catalog.record([record])
        new = card(record.candidate.image_sha256, 9.0)
        measure_again(catalog, record.key, new)
        assert catalog.candidates(world.set_name)["item-000"][record.key.job_id].scorecard == new
        assert [old["aesthetic"] for old in catalog.provenance(record.key).value["scores"]["earlier"]] == [5.0]


class TestLostPictures:
    def test_a_lost_picture_counts_as_not_made_and_can_be_made_again(
        self, catalog: Catalog, world: World, library: Path
    ) -> None:
        record = world.record(0)
        catalog.record([record])
        catalog.append([(record.key, by_person(record, True, note="mine"))])
        catalog.objects.delete(record.candidate.image_sha256)
        catalog.close()
        verify(library, repair=True)
        with Catalog.open(library, create=False) as again:
            assert again.candidates(world.set_name) == {}
            again.record([record])
            assert [keeper.note for keeper in again.keepers()] == ["mine"]
            assert again.provenance(record.key).value["scores"]["earlier"] == [], "an equal card is not repeated"
        assert verify(library).problems == ()

    def test_made_again_with_other_pixels_it_waits_for_a_new_verdict(
        self, catalog: Catalog, world: World, library: Path
    ) -> None:
        record = world.record(0)
        catalog.record([record])
        catalog.append([(record.key, by_person(record, True, note="mine"))])
        catalog.objects.delete(record.candidate.image_sha256)
        catalog.close()
        verify(library, repair=True)
        data = png(77)[0]
        sha256 = sha256_hex(data)
        other = replace(record.candidate, image_sha256=sha256, pixels_sha256=world.record(9).candidate.pixels_sha256)
        drifted = replace(record, candidate=other, png=data, scorecard=card(sha256), verdict=None)
        with Catalog.open(library, create=False) as again:
            again.record([drifted])
            (found,) = again.candidates(world.set_name)["item-000"].values()
            assert (found.image_sha256, found.keep) == (sha256, None)
            assert len(again.provenance(record.key).value["verdicts"]) == 2
            with pytest.raises(CatalogError, match="made again meanwhile"):
                again.append([(record.key, by_policy(record, True))])

    def test_a_card_follows_the_one_that_it_was_made_from_or_nothing_is_written(
        self, catalog: Catalog, world: World
    ) -> None:
        records = world.records(2)
        catalog.record(records)

        def measured(aesthetic: float) -> list[CandidateState]:
            now = [one for jobs in catalog.candidates(world.set_name).values() for one in jobs.values()]
            cards = [card(one.image_sha256, aesthetic) for one in now]
            return [
                one.measured(new, canonical_json(new.value()).decode(), one.area)
                for one, new in zip(now, cards, strict=True)
            ]

        first, late = measured(6.0), measured(7.0)
        catalog.rescore(first)
        assert {one.card_number for one in first} == {2}
        with pytest.raises(
            CatalogError, match=r"another program has measured some.*nothing was written; run this again"
        ):
            catalog.rescore(late)
        found = [one for jobs in catalog.candidates(world.set_name).values() for one in jobs.values()]
        assert [(one.card_number, one.scorecard.aesthetic) for one in found] == [(2, 6.0)] * 2
        catalog.rescore(measured(7.0)[:1])
        assert sorted(one.card_number for one in measured(0.0)) == [3, 4]
