"""What decides on keepers beside thresholds: likeness, style references, taste, frames; and how each is shown."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from benchmarks.scale import picture_of
from catalog.catalog import Catalog
from scoring.clip.embedding import Clip
from specs.job import Job
from tests.flows.conftest import Limner
from tests.flows.standing import make
from tests.world import World, spec_of

IDS = ("sword", "potion")
Pixels = NDArray[np.uint8]


def one_picture(job: Job) -> Pixels:
    """The same squares for every job, but for a speck that makes each a file of its own."""
    pixels = np.random.default_rng(3).integers(0, 256, (8, 8, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    pixels[0, 0] = [job.seed % 256, job.seed // 256 % 256, job.seed // 65536 % 256]
    return pixels


def keep_of(**rules: Any) -> dict[str, Any]:
    return {**spec_of(IDS)["keep"], **rules}


def reasons_of(world: World, set_name: str = "tiny-set") -> Counter[str]:
    """How often the policy's newest verdicts give each reason, without the hashes."""
    with Catalog.open(world.library, create=False) as catalog:
        keys = [one.key for jobs in catalog.candidates(set_name).values() for one in jobs.values()]
        newest = [catalog.provenance(key).value["verdicts"][-1] for key in keys]  # type: ignore[index, call-overload]
    return Counter(reason.partition(":")[0] for verdict in newest for reason in verdict["reasons"])  # type: ignore


class TestMaxLikeness:
    """Two pictures above it are never both kept: of one asset, of two, of two sets."""

    @pytest.mark.parametrize(
        ("ids", "each"), [(("sword",), 3), (("sword", "potion", "axe"), 1)], ids=["of one asset", "across assets"]
    )
    def test_keeps_one_of_pictures_that_are_the_same(
        self, ids: tuple[str, ...], each: int, world: World, judge: Limner
    ) -> None:
        world.write(spec_of(ids, candidates=4, keep=keep_of(per_asset=each)))
        make(world.spec, one_picture)
        assert len(judge("keepers", "--json").json) == 3, "without the rule all of them"
        world.write(spec_of(ids, candidates=4, keep=keep_of(per_asset=each, max_likeness=0.97)))
        judge("rescore", "tiny-set")
        assert len(judge("keepers", "--json").json) == 1
        assert reasons_of(world)["too_like"] == 4 * len(ids) - 1

    def test_reaches_keepers_of_other_sets_of_the_library_unless_the_spec_says_set(
        self, world: World, judge: Limner
    ) -> None:
        world.write(spec_of(IDS[:1], keep=keep_of()))
        make(world.spec, one_picture)
        kept = judge("keepers", "--json").json[0]["image_sha256"]
        other = {"set": "other", "seed": 8}
        world.write(spec_of(IDS[:1], **other, keep=keep_of(max_likeness=0.97)))
        make(world.spec, one_picture)
        assert judge("keepers", "other", "--json").json == []
        record = judge("show", "other/sword#0", "--json").json
        assert record["verdicts"][-1]["reasons"] == [f"too_like:{kept}"]
        world.write(spec_of(IDS[:1], **other, keep=keep_of(max_likeness=0.97, likeness_to="set")))
        judge("rescore", "other")
        assert len(judge("keepers", "other", "--json").json) == 1

    def test_lets_another_set_take_over_the_very_same_picture(self, world: World, judge: Limner) -> None:
        rules = keep_of(max_likeness=0.97)
        world.write(spec_of(IDS[:1], keep=rules, candidates=1))
        make(world.spec, one_picture)
        world.write(spec_of(IDS[:1], set="copy", keep=rules, candidates=1))
        assert (make(world.spec, one_picture).kept, len(judge("keepers", "--json").json)) == (1, 2)


class TestClusters:
    def test_are_groups_of_candidates_that_are_the_same_picture(self, world: World, judge: Limner) -> None:
        def render(job: Job) -> Pixels:
            return one_picture(job) if "potion" in job.prompt else picture_of(job)

        world.write(spec_of(IDS, candidates=3))
        make(world.spec, render)
        groups = judge("clusters", "tiny-set", "--json").json
        assert [sorted(one["id"] for one in group) for group in groups] == [[f"tiny-set/potion#{n}" for n in range(3)]]
        assert sum(one["keeper"] for one in groups[0]) == 1
        assert "1 groups of the same picture" in judge("clusters", "tiny-set").out

    def test_go_across_sets_when_several_are_asked_for(self, world: World, judge: Limner) -> None:
        for set_name in ("tiny-set", "other"):
            world.write(spec_of(IDS[:1], set=set_name, candidates=1))
            make(world.spec)
        assert judge("clusters", "tiny-set", "--json").json == []
        for words in (["--all"], ["tiny-set", "other"]):
            (group,) = judge("clusters", *words, "--json").json
            assert {one["id"] for one in group} == {"tiny-set/sword#0", "other/sword#0"}


class TestCalibrate:
    def test_shows_where_thresholds_cut_and_what_others_would_keep(self, world: World, judge: Limner) -> None:
        world.write(spec_of(IDS, candidates=6))
        make(world.spec)
        shown = [judge("show", f"tiny-set/{id_}#{n}", "--json").json["scores"] for id_ in IDS for n in range(6)]
        scores, clear = [one["aesthetic"] for one in shown], [one["safety"]["state"] == "clear" for one in shown]
        cut = sorted(score for score, good in zip(scores, clear, strict=True) if good)[1]
        before = (world.library / "catalog.sqlite").read_bytes()
        told = judge("calibrate", "tiny-set", "--min-aesthetic", str(cut), "--png", "plot.png", "--json").json
        spread = told["spreads"][0]
        assert (spread["name"], spread["cut"], spread["of"]) == ("aesthetic", cut, 12)
        assert spread["passes"] == sum(score >= cut for score in scores)
        assert told["kept"] == sum(good and score >= cut for good, score in zip(clear, scores, strict=True))
        assert told["kept_by_the_spec"] == sum(clear) == told["kept"] + 1
        with Image.open(world.folder / "plot.png") as plot:
            assert plot.width == 720
        assert (world.library / "catalog.sqlite").read_bytes() == before
        said = judge("calibrate", "spec.yaml", "--min-aesthetic", str(cut)).out
        assert f"tried: min_aesthetic {cut:g}" in said
        assert f"{spread['passes']} of 12 pass" in said

    def test_names_the_assets_that_would_be_short(self, world: World, judge: Limner) -> None:
        world.write(spec_of(IDS))
        make(world.spec)
        assert judge("calibrate", "tiny-set", "--min-adherence", "0.99", "--json").json["short"] == list(IDS)
        assert judge("calibrate", "tiny-set", "--min-adherence", "7").code == 2


class TestWhy:
    def test_explains_each_keeper_beside_its_runner_up(self, world: World, judge: Limner) -> None:
        world.write(spec_of(IDS, candidates=6, keep=keep_of(min_adherence=-0.9)))
        make(world.spec)
        keepers = {keeper["asset"]: keeper for keeper in judge("keepers", "--json").json}
        told = judge("keepers", "tiny-set", "--why", "--json").json
        assert [one["asset"] for one in told] == list(keepers)
        for one in told:
            mine, other = one["keeper"], one["runner_up"]
            assert mine["image_sha256"] == keepers[one["asset"]]["image_sha256"] != other["image_sha256"]
            for parts in (mine, other):
                total = parts["quality"] + parts["coherence"] - parts["sameness"]
                assert parts["total"] == pytest.approx(total, abs=1e-5)
            assert mine["total"] >= other["total"]
            assert any(words.startswith("adherence: measured") for words in mine["met"])
            assert one["passed"] + sum(one["rejected"].values()) >= one["candidates"] == 6
        (alone,) = judge("keepers", "tiny-set/potion", "--why", "--json").json
        assert alone == told[1]
        assert "runner-up" in judge("keepers", "tiny-set/potion", "--why").out

    def test_of_an_asset_that_is_not_there_names_those_that_are(self, world: World, judge: Limner) -> None:
        world.write(spec_of(IDS))
        make(world.spec)
        done = judge("keepers", "tiny-set/poton", "--why")
        assert (done.code, "sword, potion" in done.err) == (2, True)


class TestReferences:
    def test_pull_the_choice_to_their_look_and_are_embedded_once(
        self, world: World, judge: Limner, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        embedded: list[int] = []
        before = Clip.embed
        monkeypatch.setattr(Clip, "embed", lambda clip, pixels: embedded.append(len(pixels)) or before(clip, pixels))
        strong = {"aesthetic": 0, "adherence": 0, "coherence": 5, "sameness": 0}
        world.write(spec_of(IDS, candidates=8, select=strong))
        make(world.spec)
        last = judge("show", "tiny-set/sword#7", "--json").json["image"]
        wanted = next((world.library / last["area"]).rglob(f"{last['image_sha256']}.png"))
        (world.folder / "look.png").write_bytes(wanted.read_bytes())
        embedded.clear()
        style = {**spec_of(IDS)["style"], "references": ["look.png"]}
        for _ in range(2):
            world.write(spec_of(IDS, candidates=8, select=strong, style=style))
            judge("rescore", "tiny-set")
        assert embedded == [1], "one reference, once"
        keepers = judge("keepers", "--json").json
        assert likeness_to(world, last["image_sha256"], keepers) == best_likeness(world, last["image_sha256"])
        cached = next((world.library / "cache" / "references").iterdir())
        cached.write_bytes(cached.read_bytes()[:-1] + b"?")
        world.write(spec_of(IDS, candidates=8, select={**strong, "coherence": 4}, style=style))
        judge("rescore", "tiny-set")
        assert embedded == [1, 1], "a damaged memory is no memory"

    def test_may_be_keepers_by_name_and_one_that_is_not_there_blocks(self, world: World, judge: Limner) -> None:
        world.write(spec_of(IDS, candidates=4))
        make(world.spec)
        asset = judge("keepers", "--json").json[0]["asset"]
        style = {**spec_of(IDS)["style"], "references": [f"tiny-set/{asset}"]}
        world.write(spec_of(IDS, candidates=4, style=style))
        assert judge("rescore", "tiny-set", "--json").json["judged"] == 8, "another look is another policy"
        world.write(spec_of(IDS, candidates=4, style={**style, "references": ["tiny-set/nobody"]}))
        assert "style.references: tiny-set/nobody" in judge("rescore", "tiny-set").err

    def test_that_are_no_pictures_are_refused(self, world: World, judge: Limner) -> None:
        world.write(spec_of(IDS))
        make(world.spec)
        (world.folder / "look.png").write_bytes(b"words")
        world.write(spec_of(IDS, style={**spec_of(IDS)["style"], "references": ["look.png"]}))
        done = judge("rescore", "tiny-set")
        assert (done.code, "does not read as a picture" in done.err) == (2, True)


def vectors_of(world: World) -> dict[str, NDArray[np.float32]]:
    with Catalog.open(world.library, create=False) as catalog:
        found = catalog.embeddings("tiny-set")
    return dict(zip(found.image_sha256s, found.vectors.astype(np.float32), strict=True))


def likeness_to(world: World, sha256: str, keepers: list[dict[str, Any]]) -> dict[str, float]:
    """Asset → cosine of its keeper with that picture."""
    vectors = vectors_of(world)
    return {k["asset"]: round(float(vectors[k["image_sha256"]] @ vectors[sha256]), 4) for k in keepers}


def best_likeness(world: World, sha256: str) -> dict[str, float]:
    """Asset → the greatest cosine that any of its clear pictures has with that one."""
    vectors = vectors_of(world)
    with Catalog.open(world.library, create=False) as catalog:
        made = catalog.candidates("tiny-set")
    clear = {id_: [one for one in jobs.values() if one.area == "objects"] for id_, jobs in made.items()}
    best = {id_: max(float(vectors[one.image_sha256] @ vectors[sha256]) for one in ones) for id_, ones in clear.items()}
    return {id_: round(best[id_], 4) for id_ in IDS}


class TestTaste:
    @pytest.fixture
    def judged(self, world: World, judge: Limner) -> World:
        """Sixty pictures, half of them judged by somebody who likes what lies on one side of a plane."""
        from catalog.review.decisions import Decision, decide

        world.write(spec_of(IDS, candidates=60))
        make(world.spec)
        vectors = vectors_of(world)
        liked = np.stack(list(vectors.values())).std(axis=0)
        with Catalog.open(world.library, create=False) as catalog:
            ones = [one for jobs in catalog.candidates("tiny-set").values() for one in jobs.values()]
            clear = [one for one in ones if one.area == "objects"]
            middle = np.median([vectors[one.image_sha256] @ liked for one in clear])
            for one in clear[: max(44, len(clear) // 2)]:
                keep = bool(vectors[one.image_sha256] @ liked > middle)
                decide(catalog, Decision(one.key.candidate_id, keep, "ana", () if keep else ("off_style",)))
        return world

    def test_is_learned_from_verdicts_suggests_and_changes_nothing(self, judged: World, judge: Limner) -> None:
        kept = judge("keepers", "--json").json
        told = judge("taste", "tiny-set", "--json").json
        assert told["verdicts"] >= 44
        assert told["agreement"] > max(told["majority"], 0.7)
        assert told["learned"]
        assert told["auc"] > 0.7
        assert told["interval"][0] < told["agreement"] < told["interval"][1]
        assert {"stock_agreement", "head_sha256"} <= set(told)
        chances = [one["chance"] for one in told["suggested"]]
        assert chances == sorted(chances, reverse=True)
        assert len(told["suggested"]) < told["waiting"]
        head = Path(told["path"])
        facts = json.loads(head.with_suffix(".json").read_bytes())
        assert facts["sha256"] == told["head_sha256"]
        assert judge("taste", "tiny-set", "--json").json["head_sha256"] == told["head_sha256"]
        assert judge("keepers", "--json").json == kept
        assert "stock aesthetic score" in judge("taste", "--all").out

    def test_asks_for_the_verdicts_that_would_teach_most_and_learns_nothing_by_it(
        self, judged: World, judge: Limner
    ) -> None:
        told = judge("taste", "tiny-set", "--ask", "5", "--json").json
        waiting = {sha256 for id_ in IDS for sha256 in waiting_of(judged, id_)}
        asked = [one["image_sha256"] for one in told["asked"]]
        assert len(set(asked)) == 5
        assert set(asked) <= waiting
        assert told["verdicts"] >= 44
        assert not (judged.library / "taste").exists()
        assert f"{asked[0][:12]}" in judge("taste", "tiny-set", "--ask", "5").out
        assert judge("taste", "tiny-set", "--ask", "5", "--by", "nobody", "--json").json["verdicts"] == 0

    def test_decides_when_the_spec_gives_it_a_weight_and_its_hash_is_in_the_policy(
        self, judged: World, judge: Limner
    ) -> None:
        alone = {"aesthetic": 0, "adherence": 0, "coherence": 0, "sameness": 0, "taste": 1}
        world = judged
        world.write(spec_of(IDS, candidates=60, select=alone, keep=keep_of(per_asset=40)))
        refused = judge("rescore", "tiny-set")
        assert "limner taste tiny-set" in refused.err, "there is none yet"
        told = judge("taste", "tiny-set", "--json").json
        judge("rescore", "tiny-set")
        by_policy = [k for k in judge("keepers", "--json").json if k["decided_by"] == "policy"]
        chances = chances_of(world)
        assert by_policy
        for id_ in IDS:
            kept = {k["image_sha256"] for k in by_policy if k["asset"] == id_}
            best = sorted(waiting_of(world, id_), key=lambda sha256: -chances[sha256])[: len(kept)]
            assert sorted(chances[one] for one in kept) == sorted(chances[one] for one in best)
        path = Path(told["path"])
        policies = {v["policy_sha256"] for v in judge("show", "tiny-set/sword#0", "--json").json["verdicts"]}
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        damaged = judge("rescore", "tiny-set")
        assert (damaged.code, "is not the taste that was learned" in damaged.err) == (1, True)
        assert judge("taste", "tiny-set", "--by", "nobody").code == 2
        assert len(policies) > 1

    def test_needs_forty_verdicts_and_says_how_many_there_are(self, world: World, judge: Limner) -> None:
        world.write(spec_of(IDS))
        make(world.spec)
        judge("reject", "tiny-set/sword#0", "--why", "off_style")
        done = judge("taste", "tiny-set")
        assert done.code == 2
        assert "got 1 verdicts (0 keep, 1 reject); at least 40 are needed" in done.err


def chances_of(world: World) -> dict[str, float]:
    from scoring.taste.taste_file import load_taste

    learned = load_taste(world.library / "taste", "tiny-set")
    assert learned is not None
    return {sha256: float(learned.taste.score(vector[None])[0]) for sha256, vector in vectors_of(world).items()}


def waiting_of(world: World, asset_id: str) -> list[str]:
    """Clear pictures of an asset that no person has judged."""
    with Catalog.open(world.library, create=False) as catalog:
        jobs = catalog.candidates("tiny-set")[asset_id]
    return [j.image_sha256 for j in jobs.values() if j.area == "objects" and not j.decided_by.startswith("person")]


class TestFrames:
    """What a picture is for is in the spec; its defects are found in the run, and reject it by name."""

    @staticmethod
    def ramp(job: Job) -> Pixels:
        """Dark to light from left to right: repeated, it shows a seam."""
        pixels = np.empty((job.height_px, job.width_px, 3), np.uint8)
        pixels[:] = np.linspace(20, 230, job.width_px).astype(np.uint8)[None, :, None]
        pixels[8:16, 8:16] = [200, 30, 30]
        pixels[0, 0, 0] = job.seed % 256
        return pixels

    @staticmethod
    def disc(job: Job, right: float) -> Pixels:
        """A plain ground with a disc that reaches to ``right`` (0–1) of the width."""
        rows, columns = np.mgrid[: job.height_px, : job.width_px]
        radius = job.width_px * 0.25
        inside = (rows - job.height_px / 2) ** 2 + (columns - (job.width_px * right - radius)) ** 2 < radius**2
        pixels = np.full((job.height_px, job.width_px, 3), 230, np.uint8)
        pixels[inside] = [40, 60, 120]
        pixels[0, 0, 0] = 231
        return pixels

    def reasons(self, world: World, render: Any, picture: dict[str, Any]) -> Counter[str]:
        whole = {**spec_of(IDS)["picture"], **picture}
        world.write(spec_of(IDS[:1], candidates=1, keep={"per_asset": 1}, picture=whole))
        make(world.spec, render)
        return reasons_of(world)

    def test_a_texture_that_tiles_has_no_seam(self, world: World, judge: Limner) -> None:
        assert self.reasons(world, self.ramp, {})["defect_tile_seam"] == 0
        world.write(
            spec_of(IDS[:1], candidates=1, keep={"per_asset": 1}, picture={**spec_of(IDS)["picture"], "tiles": True})
        )
        assert "frame (1)" in judge("rescore", "tiny-set").err, "only the pixels can tell"
        judge("rescore", "tiny-set", "--decode")
        assert reasons_of(world)["defect_tile_seam"] == 1
        assert judge("show", "tiny-set/sword#0", "--json").json["scores"]["defects"][-1] == "tile_seam"

    @pytest.mark.parametrize(
        ("right", "picture", "reason"),
        [
            (0.99, {}, "defect_cut_by_trim"),
            (0.8, {"safe_mm": 5}, "defect_outside_safe_zone"),
            (0.7, {"safe_mm": 2}, ""),
            (0.7, {"min_dpi": 300}, "defect_low_dpi"),
        ],
    )
    def test_a_card_is_whole_inside_its_trim(
        self, right: float, picture: dict[str, Any], reason: str, world: World, judge: Limner
    ) -> None:
        printed = {"trim_mm": [40, 40], "bleed_mm": 5, "dpi": 65, **picture}
        size = {"steps": 2, "guidance": 3.0, "scheduler": "ddim"}
        world.write(spec_of(IDS[:1], candidates=1, keep={"per_asset": 1}, picture={**size, **printed}))
        make(world.spec, lambda job: self.disc(job, right))
        found = {name for name in reasons_of(world) if name.startswith("defect_")}
        assert found == ({reason} if reason else set())
        layout = judge("show", "tiny-set/sword#0", "--json").json["asset"]["layout"]
        assert (layout["safe_box_px"] is not None) == ("safe_mm" in picture)
