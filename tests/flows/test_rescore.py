"""Judging again what is stored: no picture is decoded, no CLIP looks, persons' verdicts stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from safetensors.numpy import load_file, save_file

from scoring.clip.embedding import Clip
from scoring.safety.checker import Checker
from tests import tiny_scorers
from tests.flows.conftest import Limner
from tests.flows.standing import make
from tests.world import World, spec_of

IDS = ("sword", "potion", "red-card")
EASY = spec_of(IDS)["keep"]


@pytest.fixture
def made(world: World, judge: Limner) -> World:
    """Three assets of four pictures, judged and chosen."""
    write(world)
    make(world.spec)
    return world


def write(world: World, **changes: Any) -> None:
    world.write(spec_of(IDS, candidates=4, **changes))


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts vision forwards and decoded pictures from here on; the contact sheet's tiles are no look of a scorer's."""
    counted: Counter[str] = Counter()

    def count(owner: Any, name: str) -> None:
        before: Callable[..., Any] = getattr(owner, name)

        def counting(*args: Any, **kwargs: Any) -> Any:
            counted[name] += 1
            return before(*args, **kwargs)

        monkeypatch.setattr(owner, name, counting)

    count(Clip, "embed")
    count(Checker, "_forward")
    import flows.pipeline.stale_scorecards

    count(flows.pipeline.stale_scorecards, "read_png")
    return counted


def register(world: World, name: str, folder: Path, architecture: str) -> None:
    """Name a scorer's folder in the checkpoints file beside the spec."""
    file = world.folder / "checkpoints.yaml"
    value = yaml.safe_load(file.read_text()) if file.is_file() else {"checkpoints": {}}
    value["checkpoints"][name] = {
        "architecture": architecture, "source": {"folder": str(folder)}, "licence": "CC0-1.0",
        "status": "declared", "commercial": True, "lineage_known": True,
    }  # fmt: skip
    file.write_text(yaml.safe_dump(value, sort_keys=False))


def clip_sha256(world: World) -> str:
    files = yaml.safe_load(world.registry.read_text())["checkpoints"]["tiny-clip"]["files"]
    return str(files["open_clip_model.safetensors"])


def second_head(world: World, chance: float) -> None:
    """Register ``other-opinion``, which gives about this chance to whatever it sees."""
    folder = world.folder / "second"
    folder.mkdir()
    dim = tiny_scorers.DIM
    tensors = {
        "norm.mean": np.zeros(dim, np.float32), "norm.variance": np.ones(dim, np.float32),
        "layers.0.weight": np.full((4, dim), 1e-4, np.float32), "layers.0.bias": np.zeros(4, np.float32),
        "layers.1.weight": np.zeros((1, 4), np.float32),
        "layers.1.bias": np.array([np.log(chance / (1 - chance))], np.float32),
    }  # fmt: skip
    save_file(tensors, folder / "head.safetensors")
    clip = clip_sha256(world)
    (folder / "config.json").write_text(
        f'{{"architecture": "aesthetic-head", "layout": "nsfw-mlp", "clip": "{clip}", "embedding_dim": {dim}}}'
    )
    register(world, "other-opinion", folder, "aesthetic-head")


def records(judge: Limner) -> list[dict[str, Any]]:
    return [judge("show", f"tiny-set/{id_}#{n}", "--json").json for id_ in IDS for n in range(4)]


class TestWithoutLooking:
    def test_a_threshold_a_head_and_a_forbidden_word_decode_nothing_and_run_no_vision(
        self, made: World, judge: Limner, looks: Counter[str]
    ) -> None:
        _, folder = tiny_scorers.build_head(made.folder / "head", clip_sha256(made), seed=5)
        register(made, "other-head", folder, "aesthetic-head")
        head = {"aesthetic": "other-head"}
        steps = [
            ({"keep": {**EASY, "min_aesthetic": 4.0}}, 0),
            ({"scoring": head}, 12),
            ({"scoring": head, "content": {"forbid": ["skull"]}}, 12),
            ({"scoring": head, "content": {"forbid": ["skull", "gore"]}}, 12),
            ({"scoring": head}, 12),
        ]
        for changes, measured in steps:
            write(made, **changes)
            done = judge("rescore", "tiny-set", "--json")
            assert done.code == 0, done.err
            assert (done.json["measured"], done.json["judged"]) == (measured, 12), changes
        assert sum(looks.values()) == 0, looks

    def test_gives_the_scores_that_a_new_look_gives(self, made: World, judge: Limner) -> None:
        second_head(made, 0.25)
        changes = {"content": {"forbid": ["skull"]}, "scoring": {"second_opinion": "other-opinion"}}
        write(made, **changes)
        judge("rescore", "tiny-set")
        stored = {record["image"]["image_sha256"]: record["scores"] for record in records(judge)}
        write(made, set="another", **changes)
        make(made.spec)
        for id_ in IDS:
            for n in range(4):
                seen = judge("show", f"another/{id_}#{n}", "--json").json
                mine = stored[seen["image"]["image_sha256"]]
                one, other = ({**scores["safety"], **scores} for scores in (seen["scores"], mine))
                assert one.pop("scores") == pytest.approx(other.pop("scores"), abs=2e-6)
                for name in ("earlier", "weights", "safety"):
                    del one[name], other[name]
                assert one == other

    def test_appends_and_tells_who_is_kept_and_who_no_longer(self, made: World, judge: Limner) -> None:
        kept = {keeper["image_sha256"] for keeper in judge("keepers", "--json").json}
        assert kept
        write(made, keep={**EASY, "min_adherence": 0.99})
        told = judge("rescore", "spec.yaml", "--json").json
        assert {one["image_sha256"] for one in told["newly_rejected"]} == kept
        assert all(one["reasons"] == ["adherence_too_low"] for one in told["newly_rejected"])
        assert "at least 0.99 is allowed" in told["newly_rejected"][0]["words"]
        assert (told["short"], told["missing"]) == (list(IDS), 0)
        assert judge("keepers", "--json").json == []
        write(made)
        told = judge("rescore", "tiny-set", "--json").json
        assert {one["image_sha256"] for one in told["newly_kept"]} == kept
        assert min(len(record["verdicts"]) for record in records(judge)) >= 3, "appended, never replaced"
        assert judge("verify", "--json").json["problems"] == []

    def test_twice_says_nothing_twice(self, made: World, judge: Limner) -> None:
        write(made, keep={**EASY, "min_aesthetic": 4.0})
        first = judge("rescore", "--all", "--json").json[0]
        again = judge("rescore", "--all", "--json").json[0]
        assert first["judged"] == 12
        assert (again["measured"], again["judged"], again["newly_kept"]) == (0, 0, [])

    def test_is_the_path_of_produce(self, made: World, judge: Limner, looks: Counter[str]) -> None:
        write(made, keep={**EASY, "min_aesthetic": 4.0})
        judge("rescore", "tiny-set")
        before = records(judge)
        looks.clear()
        summary = make(made.spec)
        assert (summary.generated, looks["embed"], looks["read_png"]) == (0, 0, 0)
        assert [record["verdicts"] for record in records(judge)] == [record["verdicts"] for record in before]


class TestPersons:
    def test_their_verdicts_stand_whatever_the_rules_say(self, made: World, judge: Limner) -> None:
        by_hand = next(record for record in records(judge) if record["scores"]["safety"]["state"] == "clear")
        sha256 = by_hand["image"]["image_sha256"]
        judge("keep", sha256[:16], "--why", "the handle")
        write(made, keep={**EASY, "min_adherence": 0.99})
        for _ in range(2):
            told = judge("rescore", "tiny-set", "--json").json
        assert [(k["image_sha256"], k["decided_by"][:7]) for k in judge("keepers", "--json").json] == [
            (sha256, "person:")
        ]
        assert told["judged"] == 0
        judge("reject", sha256[:16], "--why", "off_style")
        write(made)
        judge("rescore", "tiny-set")
        assert sha256 not in {keeper["image_sha256"] for keeper in judge("keepers", "--json").json}


class TestAnotherClip:
    def test_needs_the_pictures_says_so_and_looks_when_allowed(
        self, made: World, judge: Limner, looks: Counter[str]
    ) -> None:
        checkpoint, folder = tiny_scorers.build_clip(made.folder / "clip", seed=9)
        register(made, "other-clip", folder, "open-clip")
        write(made, scoring={"clip": "other-clip", "aesthetic": "none"})
        refused = judge("rescore", "tiny-set")
        assert refused.code == 2
        assert "clip (12)" in refused.err
        assert "--decode" in refused.err
        assert looks["read_png"] == 0
        assert all(not record["scores"]["earlier"] for record in records(judge)), "nothing was measured"
        done = judge("rescore", "tiny-set", "--decode", "--json")
        assert (done.code, done.json["measured"], looks["read_png"]) == (0, 12, 12)
        for record in records(judge):
            assert {row["clip_id"] for row in record["embeddings"]} > {checkpoint.weights_id}
        assert judge("rescore", "tiny-set", "--json").json["measured"] == 0
        assert judge("verify", "--json").json["problems"] == []


class TestSecondOpinion:
    def test_flags_what_the_checker_lets_pass_and_is_taken_back_without_a_look(
        self, made: World, judge: Limner, looks: Counter[str]
    ) -> None:
        before = records(judge)
        assert {record["scores"]["safety"]["state"] for record in before} >= {"clear"}
        second_head(made, 0.9)
        write(made, scoring={"second_opinion": "other-opinion"})
        judge("rescore", "tiny-set")
        for old, new in zip(before, records(judge), strict=True):
            safety, first = new["scores"]["safety"], old["scores"]["safety"]
            assert (safety["state"], new["image"]["area"]) == ("flagged", "quarantine")
            assert safety["found"] == [*first["found"], "laion_nsfw"]
            assert {**first["scores"], "laion_nsfw": pytest.approx(0.9, abs=0.01)} == safety["scores"]
            assert safety["covers"].startswith(first["covers"])
            assert "second_opinion" in new["scores"]["weights"] or new["scores"]["scorers"]["safety-second"]
        assert judge("keepers", "--json").json == []
        write(made)
        judge("rescore", "tiny-set")
        assert [record["scores"]["safety"] for record in records(judge)] == [
            record["scores"]["safety"] for record in before
        ]
        assert [record["image"]["area"] for record in records(judge)] == [r["image"]["area"] for r in before]
        assert sum(looks.values()) == 0

    def test_that_gives_no_chance_is_refused(self, made: World, judge: Limner) -> None:
        _, folder = tiny_scorers.build_head(made.folder / "head", clip_sha256(made), seed=5)
        register(made, "other-head", folder, "aesthetic-head")
        write(made, scoring={"second_opinion": "other-head"})
        refused = judge("rescore", "tiny-set")
        assert refused.code == 1
        assert "needs layout nsfw-mlp" in refused.err

    def test_of_another_clip_is_refused(self, made: World, judge: Limner) -> None:
        second_head(made, 0.2)
        tensors = load_file(made.folder / "second" / "head.safetensors")
        assert tensors
        config = made.folder / "second" / "config.json"
        config.write_text(config.read_text().replace(clip_sha256(made), "0" * 64))
        write(made, scoring={"second_opinion": "other-opinion"})
        assert "belongs to the CLIP weights 000" in judge("rescore", "tiny-set").err


class TestWhichSet:
    @pytest.mark.parametrize("command", ["rescore", "calibrate", "clusters", "taste"])
    def test_one_that_is_not_there_is_answered_by_those_that_are(
        self, command: str, made: World, judge: Limner
    ) -> None:
        done = judge(command, "tiny-sets")
        assert done.code == 2
        assert "allowed: tiny-set" in done.err
        assert "did you mean 'tiny-set'?" in done.err

    def test_none_and_all_at_once_are_refused(self, made: World, judge: Limner) -> None:
        assert judge("rescore").code == 2
        assert "both names and --all" in judge("rescore", "tiny-set", "--all").err

    def test_one_whose_spec_is_gone_asks_for_it(self, made: World, judge: Limner) -> None:
        made.spec.rename(made.folder / "moved.yaml")
        assert "its spec was" in judge("rescore", "tiny-set").err
        assert judge("rescore", "moved.yaml").code == 0
        assert judge("rescore", "tiny-set").code == 0, "from now on it is known there"
