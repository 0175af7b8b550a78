"""Keepers are true: places filled once, by whoever decides; stored candidates first; every command agrees."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from PIL import Image

from catalog.catalog import Catalog
from catalog.integrity.verify import verify
from catalog.review.decisions import Decision, decide, undo
from tests.flows.conftest import Limner
from tests.flows.standing import make
from tests.world import World, spec_of

IDS = ("sword", "potion")
ROUNDS = {"first": 4, "at_most": 12}


def keep_of(**rules: Any) -> dict[str, Any]:
    return {**spec_of(IDS)["keep"], **rules}


def write(world: World, ids: tuple[str, ...] = IDS, **changes: Any) -> None:
    world.write(spec_of(ids, **{"candidates": ROUNDS, **changes}))


def keepers(judge: Limner, asset: str = "sword") -> list[str]:
    return [one["image_sha256"] for one in judge("keepers", "--json").json if one["asset"] == asset]


def others(world: World, asset: str = "sword") -> list[str]:
    """Clear candidates of an asset that are no keepers, by name."""
    with Catalog.open(world.library, create=False) as catalog:
        ones = [
            one for one in catalog.candidates("tiny-set")[asset].values() if one.area == "objects" and not one.is_keeper
        ]
    return [f"tiny-set/{asset}#{one.number}" for one in sorted(ones, key=lambda one: one.number)]


def state(world: World) -> dict[str, Any]:
    """Every verdict and scorecard on record, and who is a keeper."""
    with Catalog.open(world.library, create=False) as catalog, catalog.engine.connect() as connection:
        rows = {
            table: connection.exec_driver_sql(f"SELECT row_sha256 FROM {table} ORDER BY 1").all()
            for table in ("verdicts", "scorecards")
        }
        return {**rows, "keepers": [one.image_sha256 for one in catalog.keepers("tiny-set")]}


def plan_of(judge: Limner, asset: str = "sword") -> dict[str, Any]:
    (found,) = [one for one in judge("plan", "spec.yaml", "--json").json["assets"] if one["id"] == asset]
    return found  # type: ignore[no-any-return]


@pytest.fixture
def made(world: World, judge: Limner) -> World:
    """Two assets of four candidates, one place each."""
    write(world)
    make(world.spec)
    assert len(others(world)) >= 2, "the tests need runners-up"
    return world


class TestAPersonsKeep:
    def test_replaces_the_rules_keeper_and_undo_brings_it_back(self, made: World, judge: Limner) -> None:
        (by_rule,), other = keepers(judge), others(made)[0]
        kept = judge("keep", other, "--json").json
        assert keepers(judge) == [kept["image_sha256"]]
        record = judge("show", by_rule, "--json").json
        verdict = record["verdicts"][-1]
        assert (verdict["keep"], verdict["decided_by"]) == (False, "policy")
        assert verdict["reasons"] == [f"replaced_by_person:{kept['image_sha256']}"]
        judge("undo", other)
        assert keepers(judge) == [by_rule]
        again = judge("show", by_rule, "--json").json["verdicts"]
        assert (again[-1]["keep"], again[-1]["reasons"]) == (True, ["chosen", "restored"])
        assert len(again) == len(record["verdicts"]) + 1, "appended"
        assert verify(made.library).problems == ()

    def test_leaves_one_path_a_place_and_two_where_persons_kept_two(self, made: World, judge: Limner) -> None:
        first, second = others(made)[:2]
        judge("keep", first)
        assert len(judge("keepers", "--paths").out.splitlines()) == 2
        judge("keep", second)
        assert len(keepers(judge)) == 2, "a person kept them all"
        judge("undo", first)
        assert len(keepers(judge)) == 1

    def test_of_several_places_takes_the_weakest_rule_keepers(self, world: World, judge: Limner) -> None:
        write(world, keep=keep_of(per_asset=2), candidates=8)
        make(world.spec)
        before, other = keepers(judge), others(world)[0]
        sha256 = judge("keep", other, "--json").json["image_sha256"]
        after = keepers(judge)
        assert len(before) == len(after) == 2
        assert sha256 in after
        (gone,) = set(before) - set(after)
        (left,) = set(before) & set(after)
        scores = {one: judge("show", one, "--json").json["scores"] for one in before}
        worse = [scores[gone][name] <= scores[left][name] for name in ("aesthetic", "adherence")]
        assert any(worse)
        judge("undo", other)
        assert keepers(judge) == before

    def test_made_while_the_policy_chooses_counts(self, made: World, judge: Limner) -> None:
        """The choice was made before the person kept another, and is written after it."""
        (by_rule,), other = keepers(judge), others(made)[0]
        with Catalog.open(made.library, create=False) as catalog:
            one = next(one for one in catalog.candidates("tiny-set")["sword"].values() if one.image_sha256 == by_rule)
            decide(catalog, Decision(catalog.find(other).candidate_id, True, "ada"))
            from scoring.verdict import Verdict

            late = Verdict(by_rule, True, ("chosen",), "policy", one.policy_sha256, "2027-01-01T00:00:00.000000Z")
            besides = catalog.record_verdicts([(one.key, late)])
            assert [verdict.reasons[0].partition(":")[0] for _, verdict in besides] == ["replaced_by_person"]
        assert by_rule not in keepers(judge)
        assert len(keepers(judge)) == 1

    def test_of_a_library_with_too_many_is_shown_alone_and_settled_by_rescore(self, made: World, judge: Limner) -> None:
        (by_rule,), other = keepers(judge), others(made)[0]
        with Catalog.open(made.library, create=False) as catalog:
            from catalog.database.rows import now
            from scoring.verdict import Verdict

            one = catalog.find(other)
            sha256 = catalog.candidates("tiny-set")["sword"][one.job_id].image_sha256
            catalog.append([(one, Verdict(sha256, True, (), "person:ada", "", now()))])  # as limner wrote it before
        assert keepers(judge) == [sha256]
        assert judge("show", "tiny-set/sword", "--json").json["image"]["image_sha256"] == sha256
        assert plan_of(judge)["keepers"] == 1
        assert sum(one["keepers"] for one in judge("stats", "--json").json["sets"]) == 2
        judge("rescore", "tiny-set")
        assert keepers(judge) == [sha256]
        reasons = judge("show", by_rule, "--json").json["verdicts"][-1]["reasons"]
        assert reasons == [f"replaced_by_person:{sha256}"]
        before = state(made)
        judge("rescore", "tiny-set")
        assert state(made) == before


class TestStoredFirst:
    def test_after_a_rejection_the_runner_up_is_chosen_and_nothing_rendered(self, made: World, judge: Limner) -> None:
        (by_rule,) = keepers(judge)
        judge("reject", by_rule, "--why", "off_style")
        planned = plan_of(judge)
        assert (planned["state"], planned["to_generate"], planned["hole"]) == ("short", 0, None)
        assert "a stored candidate will be chosen, nothing is rendered" in planned["reason"]
        assert (make(made.spec).generated, len(keepers(judge))) == (0, 1)
        assert keepers(judge) != [by_rule]

    def test_more_are_made_once_no_stored_one_passes(self, made: World, judge: Limner) -> None:
        rejected = 0
        while left := keepers(judge):
            judge("reject", left[0], "--why", "off_style")
            rejected += 1
            if plan_of(judge)["to_generate"]:
                break
            assert make(made.spec).generated == 0
        assert (rejected > 1, plan_of(judge)["to_generate"]) == (True, 4)
        assert make(made.spec).generated == 4
        assert len(keepers(judge)) == 1

    def test_one_too_like_a_keeper_would_not_do(self, world: World, judge: Limner) -> None:
        from tests.flows.test_choosing import one_picture

        write(world, keep=keep_of(max_likeness=0.97), candidates={"first": 2, "at_most": 4})
        make(world.spec, one_picture)
        with Catalog.open(world.library, create=False) as catalog:
            counts = Counter(asset for asset, jobs in catalog.candidates("tiny-set").items() for _ in jobs)
        assert sorted(counts.values()) == [2, 4], "one asset is short, and all that it may have is made"
        assert {one["to_generate"] for one in judge("plan", "spec.yaml", "--json").json["assets"]} == {0}


class TestRescoreChangesNothing:
    def test_after_rows_were_added_one_by_one(self, world: World, judge: Limner) -> None:
        for count in (1, 2, 3):
            write(world, ("sword", "potion", "red-card")[:count], candidates=4)
            make(world.spec)
        before = state(world)
        done = judge("rescore", "tiny-set", "--json").json
        assert (done["measured"], done["judged"], state(world)) == (0, 0, before)

    @pytest.mark.parametrize("seed", range(4))
    def test_after_any_produce(self, seed: int, world: World, judge: Limner) -> None:
        """Random small sets, rules, rows, decisions: what produce leaves is what rescore finds right."""
        rng = random.Random(seed)
        for _ in range(3):
            ids = tuple(rng.sample(("sword", "potion", "red-card", "night"), rng.randint(1, 3)))
            rules = {"per_asset": rng.randint(1, 2), "min_adherence": rng.choice([-0.9, 0.0, 0.1])}
            rules |= rng.choice([{}, {"max_likeness": 0.98}, {"max_rank": 2}])
            write(world, ids, keep=keep_of(**rules), candidates={"first": 2, "at_most": 4},
                  select={"coherence": rng.choice([0, 1])})  # fmt: skip
            make(world.spec)
            before = state(world)
            done = judge("rescore", "tiny-set", "--json").json
            assert (done["measured"], done["judged"]) == (0, 0)
            assert state(world) == before
            make(world.spec)
            assert state(world) == before
            places = dict.fromkeys(ids, rules["per_asset"])
            with Catalog.open(world.library, create=False) as catalog:
                kept = catalog.keepers("tiny-set")
                by_rule = Counter(one.asset_id for one in kept if one.candidate.decided_by == "policy")
                persons = Counter(one.asset_id for one in kept if one.candidate.decided_by != "policy")
                assert all(n <= max(0, places[id_] - persons[id_]) for id_, n in by_rule.items())
                ones = [one for id_ in ids for one in catalog.candidates("tiny-set")[id_].values()]
                for one in rng.sample(ones, 2):
                    if one.area == "objects":
                        keep = rng.random() < 0.6
                        decide(catalog, Decision(one.key.candidate_id, keep, "ada", () if keep else ("off_style",)))
                        if rng.random() < 0.3:
                            undo(catalog, one.key.candidate_id, "ada")

    def test_but_chooses_anew_when_asked(self, world: World, judge: Limner) -> None:
        write(world, candidates=8)
        make(world.spec)
        write(world, candidates=8, select={"aesthetic": 0, "adherence": 1, "coherence": 0, "sameness": 0})
        make(world.spec)
        stands = keepers(judge), keepers(judge, "potion")
        judge("rescore", "tiny-set")
        assert (keepers(judge), keepers(judge, "potion")) == stands
        judge("rescore", "tiny-set", "--anew")
        for asset in IDS:
            (mine,) = keepers(judge, asset)
            scores = [judge("show", name, "--json").json["scores"]["adherence"] for name in others(world, asset)]
            assert judge("show", mine, "--json").json["scores"]["adherence"] >= max(scores)


class TestCalibrateAgrees:
    @pytest.mark.parametrize("cut", [0.3, 0.7])
    def test_with_what_rescore_would_do(self, cut: float, made: World, judge: Limner) -> None:
        judge("keep", others(made)[-1])
        judge("reject", keepers(judge, "potion")[0], "--why", "off_style")
        with Catalog.open(made.library, create=False) as catalog:
            scores = sorted(
                one.scorecard.adherence or 0
                for jobs in catalog.candidates("tiny-set").values()
                for one in jobs.values()
            )
        threshold = scores[int(len(scores) * cut)]
        before = state(made)
        told = judge("calibrate", "tiny-set", "--min-adherence", str(threshold), "--json").json
        assert state(made) == before
        write(made, keep=keep_of(min_adherence=threshold))
        done = judge("rescore", "tiny-set", "--json").json
        assert told["would_keep"] == len(judge("keepers", "--json").json)
        assert told["short"] == done["short"]


class TestTheSheet:
    def test_is_that_of_the_keepers_whoever_changed_them(self, made: World, judge: Limner) -> None:
        sheet = made.library / "sheets" / "tiny-set.png"

        def rendered() -> bytes:
            with Image.open(sheet) as picture:
                return picture.convert("RGB").tobytes()

        first, at = rendered(), sheet.stat().st_mtime_ns
        make(made.spec)
        assert sheet.stat().st_mtime_ns == at, "the same keepers, the same sheet"
        other = others(made)[0]
        judge("keep", other)
        make(made.spec)
        second = rendered()
        assert second != first
        judge("undo", other)
        assert judge("rescore", "tiny-set").code == 0
        assert rendered() == first
        next((made.library / "objects").rglob(f"{keepers(judge)[0]}.png")).unlink()
        assert judge("rescore", "tiny-set").code == 0, "a picture that is gone is shown so, and stops nothing"
        assert rendered() != first


class TestRanks:
    def test_a_further_row_ranks_the_others_anew_without_a_look(
        self, world: World, judge: Limner, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import flows.pipeline.stale_scorecards
        from scoring.clip.embedding import Clip

        write(world, ("sword",), candidates=2)
        make(world.spec)
        assert judge("show", "tiny-set/sword#0", "--json").json["scores"]["rank"] is None
        looked: list[str] = []
        seen = Clip.embed
        monkeypatch.setattr(Clip, "embed", lambda clip, pixels: looked.append("embed") or seen(clip, pixels))
        monkeypatch.setattr(flows.pipeline.stale_scorecards, "read_png", lambda data: looked.append("decode"))
        write(world, ("sword", "potion"), candidates=2)
        assert judge("rescore", "tiny-set", "--json").json["measured"] == 2
        assert looked == []
        scores = judge("show", "tiny-set/sword#0", "--json").json["scores"]
        assert (scores["rank"] in (1, 2), isinstance(scores["margin"], float)) == (True, True)
        make(world.spec)
        before = state(world)
        assert judge("rescore", "tiny-set", "--json").json["measured"] == 0
        assert state(world) == before
        write(world, ("sword", "potion"), set="another", candidates=2)
        make(world.spec)
        fresh = judge("show", "another/sword#0", "--json").json["scores"]
        assert {name: fresh[name] for name in ("rank", "margin")} == {name: scores[name] for name in ("rank", "margin")}


class TestOlderRecipes:
    @pytest.fixture
    def changed(self, world: World, judge: Limner) -> World:
        """Two recipes: stone, then forest with more steps."""
        style = {"prompt": "a {subject} on a {ground} background", "negative": "blurry"}
        for ground, steps in (("stone", 2), ("forest", 3)):
            assets = [{"id": "sword", "subject": "sword", "ground": ground}]
            picture = {**spec_of(IDS)["picture"], "steps": steps}
            write(world, (), assets=assets, style=style, picture=picture, candidates=2)
            if ground == "forest":
                reason = plan_of(judge)["reason"]
                assert reason.startswith("ground: stone → forest; steps: 2 → 3: its recipe changed")
            make(world.spec)
        return world

    def test_have_names_of_their_own_and_say_what_changed(self, changed: World, judge: Limner) -> None:
        new, old = (judge("show", f"tiny-set/sword#0{of}", "--json").json for of in ("", "~1"))
        assert (new["id"], old["id"]) == ("tiny-set/sword#0", "tiny-set/sword#0~1")
        assert (new["changed_since"], old["changed_since"]) == ([], ["ground: stone → forest", "steps: 2 → 3"])
        assert new["image"]["image_sha256"] != old["image"]["image_sha256"]
        with Catalog.open(changed.library, create=False) as catalog:
            ones = list(catalog.candidates("tiny-set")["sword"].values())
            names = catalog.names(ones)
            assert len(set(names.values())) == len(ones) == 4
            assert {catalog.find(name) for name in names.values()} == set(names)
        refused = judge("show", "tiny-set/sword#0~2")
        assert (refused.code, "#0, #1, #0~1, #1~1" in refused.err) == (2, True)

    def test_come_back_into_force_with_their_spec(self, changed: World, judge: Limner) -> None:
        """And another seed is another recipe."""
        was = judge("show", "tiny-set/sword#0", "--json").json["image"]["image_sha256"]
        write(changed, (), assets=[{"id": "sword", "subject": "sword", "ground": "forest"}], seed=99, candidates=2,
              style={"prompt": "a {subject} on a {ground} background", "negative": "blurry"},
              picture={**spec_of(IDS)["picture"], "steps": 3})  # fmt: skip
        assert plan_of(judge)["reason"].startswith("seed: 7 → 99")
        make(changed.spec)
        old = judge("show", "tiny-set/sword#0~1", "--json").json
        assert (old["image"]["image_sha256"], old["changed_since"]) == (was, ["seed: 7 → 99"])
        oldest = judge("show", "tiny-set/sword#0~2", "--json").json["changed_since"]
        assert oldest == ["ground: stone → forest", "steps: 2 → 3", "seed: 7 → 99"]
        write(changed, (), assets=[{"id": "sword", "subject": "sword", "ground": "forest"}], candidates=2,
              style={"prompt": "a {subject} on a {ground} background", "negative": "blurry"},
              picture={**spec_of(IDS)["picture"], "steps": 3})  # fmt: skip
        judge("rescore", "tiny-set")
        assert judge("show", "tiny-set/sword#0", "--json").json["image"]["image_sha256"] == was

    def test_kept_by_a_person_fill_the_place_until_the_person_decides(self, world: World, judge: Limner) -> None:
        write(world, ("sword",), candidates=2)
        make(world.spec)
        old = keepers(judge)[0]
        judge("keep", old)
        write(world, ("sword",), candidates=2, seed=8)
        make(world.spec)
        assert keepers(judge) == [old]
        judge("undo", old)
        make(world.spec)
        assert len(keepers(judge)) == 1
        before = state(world)
        judge("rescore", "tiny-set")
        assert state(world) == before
