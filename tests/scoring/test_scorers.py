"""All scorers together: one pass, scores that rescoring repeats, and nothing unchecked that could be kept."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from scoring import plugins as others
from scoring.aesthetic.heads import load_head
from scoring.errors import ScorerError
from scoring.from_embeddings import Heads, Prompts, rescore
from scoring.identity import scorer_identity
from scoring.scorers import LoadedScorers, load_scorers
from scoring.verdict import judge
from specs.spec import KeepRules
from tests import samples
from tests.scoring.conftest import blocks
from tests.tiny_scorers import Tiny

PROMPTS = {"sword": "a sword", "shield": "a shield", "blade": "a sword", "skull": "a skull"}
IDS = ["sword", "shield", "blade", "skull"]
HASHES = [f"{number:064x}" for number in range(4)]


@pytest.fixture(scope="module")
def scorers(tiny: Tiny, setting: Any) -> LoadedScorers:
    return load_scorers(*_three(tiny), PROMPTS, setting, batch_size=4)


def _three(tiny: Tiny) -> tuple[Any, Any, Any]:
    return tiny.clip, tiny.aesthetic, tiny.safety


class TestOnePassMeasuresEverything:
    def test_a_card_has_every_score_and_every_scorers_identity(self, scorers: LoadedScorers, tiny: Tiny) -> None:
        found = scorers.measure(blocks(4), [True] * 4, IDS, HASHES)
        card = found[0].scorecard
        assert card.image_sha256 == HASHES[0]
        assert None not in (card.aesthetic, card.adherence, card.rank, card.margin)
        prompts = list(PROMPTS.values())  # what each picture was ranked against
        assert card.scorers == scorer_identity(tiny.clip[0], tiny.aesthetic[0], tiny.safety[0], prompts=prompts)
        assert found[0].embedding.dtype == np.float16
        assert len(found[0].phash) == 16

    def test_one_vision_forward_a_batch(self, scorers: LoadedScorers) -> None:
        calls: list[int] = []
        assert scorers.clip is not None
        hook = scorers.clip.model.visual.register_forward_hook(lambda *_: calls.append(1))
        scorers.measure(blocks(4), [True] * 4, IDS, HASHES)
        hook.remove()
        assert len(calls) == 1

    def test_scoring_keeps_to_one_core_and_gives_the_others_back(self, scorers: LoadedScorers) -> None:
        """So that the numbers do not depend on how many there are, and a renderer beside it keeps its own."""
        assert scorers.clip is not None
        seen: list[int] = []
        before = torch.get_num_threads()
        hook = scorers.clip.model.visual.register_forward_hook(lambda *_: seen.append(torch.get_num_threads()))
        try:
            torch.set_num_threads(3)
            scorers.measure(blocks(4), [True] * 4, IDS, HASHES)
            assert (seen, torch.get_num_threads()) == ([1], 3)
        finally:
            torch.set_num_threads(before)
            hook.remove()

    def test_assets_that_share_a_prompt_do_not_compete(self, scorers: LoadedScorers) -> None:
        pictures = np.repeat(blocks(1), 2, axis=0)
        sword, blade = scorers.measure(pictures, [True] * 2, ["sword", "blade"], HASHES[:2])
        assert (sword.scorecard.rank, sword.scorecard.margin) == (blade.scorecard.rank, blade.scorecard.margin)
        assert len(scorers.texts) == 3

    def test_a_card_alone_equals_the_card_in_company(self, scorers: LoadedScorers) -> None:
        pictures = blocks(4)
        together = scorers.measure(pictures, [True] * 4, IDS, HASHES)
        alone = scorers.measure(pictures[2:3], [True], IDS[2:3], HASHES[2:3])
        assert alone[0].scorecard == together[2].scorecard


class TestRescoringRepeatsScoring:
    def test_stored_embeddings_give_the_same_cards(self, scorers: LoadedScorers, tiny: Tiny) -> None:
        found = scorers.measure(blocks(4), [True] * 4, IDS, HASHES)
        cards, stored = [one.scorecard for one in found], np.stack([one.embedding for one in found])
        assert scorers.clip is not None
        prompts = Prompts(scorers.texts, [scorers.own[asset] for asset in IDS], scorers.clip.logit_scale)
        again = rescore(cards, stored, Heads(load_head(tiny.aesthetic[1], "tiny")), scorers.identity, prompts)
        assert list(again.cards) == cards
        assert again.stale == ()

    def test_another_checker_leaves_the_card_stale_until_the_picture_is_seen_again(
        self, scorers: LoadedScorers
    ) -> None:
        found = scorers.measure(blocks(1), [True], IDS[:1], HASHES[:1])[0]
        asked = tuple((role, "other" if role == "safety" else identity) for role, identity in scorers.identity)
        again = rescore([found.scorecard], found.embedding[None], Heads(), asked)
        assert again.stale == ((HASHES[0], ("safety",)),)
        assert again.cards == (found.scorecard,)


class TestNothingUncheckedCanBeKept:
    COUNT = samples.size(200, 1000)

    def kept(self, scorers: LoadedScorers, finite: bool = True) -> tuple[int, bool]:
        """How many of the pictures pass with no rules at all, and whether every pixel is as it was."""
        pictures = blocks(50, 32, 32)
        before, passed = pictures.copy(), 0
        for _ in range(self.COUNT // 50):
            found = scorers.measure(pictures, [finite] * 50, ["sword"] * 50, ["a" * 64] * 50)
            passed += sum(not judge(one.scorecard, KeepRules()) for one in found)
        return passed, bool(np.array_equal(pictures, before))

    def test_without_a_checker_none_of_all(self, tiny: Tiny, setting: Any) -> None:
        scorers = load_scorers(tiny.clip, tiny.aesthetic, None, PROMPTS, setting, batch_size=50)
        assert self.kept(scorers) == (0, True)

    @pytest.mark.parametrize("fault", ["raises", "nan"])
    def test_a_checker_that_fails_none_of_all(self, tiny: Tiny, setting: Any, fault: str, monkeypatch: Any) -> None:
        scorers = load_scorers(*_three(tiny), PROMPTS, setting, batch_size=50)
        assert scorers.checker is not None
        if fault == "raises":
            scorers.checker.concepts = None  # type: ignore[assignment]
        else:
            scorers.checker.concepts.embeds[:] = math.nan
        assert self.kept(scorers) == (0, True)

    def test_pictures_that_were_nan_none_of_all(self, tiny: Tiny, setting: Any) -> None:
        assert self.kept(load_scorers(*_three(tiny), PROMPTS, setting, batch_size=50), finite=False) == (0, True)

    def test_with_a_working_checker_some_pass(self, tiny: Tiny, setting: Any) -> None:
        scorers = load_scorers(*_three(tiny), PROMPTS, setting, batch_size=50)
        assert self.kept(scorers)[0] > 0


class TestForbiddenConcepts:
    def test_their_scores_are_stored_and_what_was_looked_for_is_said(self, tiny: Tiny, setting: Any) -> None:
        scorers = load_scorers(*_three(tiny), PROMPTS, setting, forbid=["skull", "gore"], batch_size=4)
        safety = scorers.measure(blocks(4), [True] * 4, IDS, HASHES)[0].scorecard.safety
        assert [name for name, _ in safety.scores[-2:]] == ["forbid:gore", "forbid:skull"]
        assert "forbidden by the spec (zero-shot): gore, skull" in safety.covers
        assert "forbid" in dict(scorers.identity)

    def test_a_picture_that_fits_the_concept_best_is_flagged(self, tiny: Tiny, setting: Any) -> None:
        scorers = load_scorers(*_three(tiny), PROMPTS, setting, forbid=["skull"], batch_size=4)
        assert scorers.forbidden is not None
        skull, other = scorers.forbidden.embeds[0][:1], scorers.forbidden.others[:1]
        assert scorers.forbidden.measure(skull)[0][0][1] > 0.5
        assert scorers.forbidden.measure(other)[0][0][1] < 0.5

    def test_without_a_clip_they_cannot_be_looked_for(self, tiny: Tiny, setting: Any) -> None:
        with pytest.raises(ScorerError, match=r"content\.forbid"):
            load_scorers(None, None, tiny.safety, PROMPTS, setting, forbid=["gore"])


class TestScorersOfOthers:
    def test_one_from_the_registry_is_measured_and_judged(self, tiny: Tiny, setting: Any, monkeypatch: Any) -> None:
        monkeypatch.setitem(
            others.BUILT_IN, "bright", lambda device: lambda pixels, prompts: pixels.mean(axis=(1, 2, 3))
        )
        scorers = load_scorers(*_three(tiny), PROMPTS, setting, batch_size=4, others=["bright"])
        card = scorers.measure(blocks(1), [True], ["sword"], HASHES[:1])[0].scorecard
        assert card.extra[0][0] == "bright"
        assert "bright_too_low" in judge(card, KeepRules(extra=(("bright", 256.0),)))
        assert ("other:bright", "limner:bright") in scorers.identity

    @pytest.mark.parametrize("answer", [lambda p, t: 1 / 0, lambda p, t: [math.nan], lambda p, t: []])
    def test_one_that_fails_leaves_its_rule_unmet(
        self, tiny: Tiny, setting: Any, monkeypatch: Any, answer: Any
    ) -> None:
        monkeypatch.setitem(others.BUILT_IN, "odd", lambda device: answer)
        scorers = load_scorers(*_three(tiny), PROMPTS, setting, batch_size=4, others=["odd"])
        card = scorers.measure(blocks(1), [True], ["sword"], HASHES[:1])[0].scorecard
        assert "odd_not_measured" in judge(card, KeepRules(extra=(("odd", 0.0),)))

    def test_one_that_is_not_installed_is_named(self, tiny: Tiny, setting: Any) -> None:
        with pytest.raises(ScorerError, match=r"'pickscore' is not installed.*limner\.scorers"):
            load_scorers(*_three(tiny), PROMPTS, setting, others=["pickscore"])
