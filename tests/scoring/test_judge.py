"""judge: which scorecards pass, with which stable reasons, and that nothing unmeasured ever passes."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from scoring.scorecard import Safety, SafetyState, Scorecard
from scoring.verdict import explain, judge, policy_sha256
from specs.spec import KeepRules, SelectionWeights

CLEAR = Safety(SafetyState.CLEAR, covers="skulls")
CARD = Scorecard("a" * 64, 6.0, 0.3, 1, 0.4, CLEAR, (), (("clip", "x"),), (("pick", 20.0),))
RULES = KeepRules(
    min_aesthetic=5.0,
    min_adherence=0.25,
    max_rank=2,
    min_margin=0.1,
    allow_defects=("framed",),
    extra=(("pick", 19.0),),
)


class TestACardThatMeetsEveryRulePasses:
    def test_no_reasons(self) -> None:
        assert judge(CARD, RULES) == ()

    def test_on_the_bound_is_enough(self) -> None:
        assert judge(replace(CARD, aesthetic=5.0, adherence=0.25, rank=2, margin=0.1), RULES) == ()

    def test_without_rules_only_safety_and_defects_count(self) -> None:
        assert judge(Scorecard("a" * 64, None, None, None, None, CLEAR, (), ()), KeepRules()) == ()


class TestEachFaultHasItsReason:
    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"aesthetic": 4.99}, "aesthetic_too_low"),
            ({"aesthetic": None}, "aesthetic_not_measured"),
            ({"aesthetic": math.nan}, "aesthetic_not_measured"),
            ({"adherence": 0.2}, "adherence_too_low"),
            ({"rank": 3}, "rank_too_high"),
            ({"rank": None}, "rank_not_measured"),
            ({"margin": -0.2}, "margin_too_low"),
            ({"extra": ()}, "pick_not_measured"),
            ({"extra": (("pick", 18.0),)}, "pick_too_low"),
            ({"defects": ("blurred",)}, "defect_blurred"),
            ({"safety": Safety(SafetyState.FLAGGED, ("skull",))}, "safety_flagged"),
            ({"safety": Safety(SafetyState.UNKNOWN, why="no checker")}, "safety_unknown"),
        ],
    )
    def test_one_reason_and_a_sentence(self, change: dict[str, object], reason: str) -> None:
        card = replace(CARD, **change)  # type: ignore[arg-type]
        assert judge(card, RULES) == (reason,)
        assert explain(reason, card, RULES) != reason

    def test_the_sentence_has_both_sides_of_the_comparison(self) -> None:
        sentence = explain("aesthetic_too_low", replace(CARD, aesthetic=4.21), RULES)
        assert sentence == "aesthetic: measured 4.21, at least 5 is allowed"

    def test_a_picture_is_named_and_never_shown_by_its_hash(self) -> None:
        names = {"a" * 64: "#2"}
        assert explain(f"outscored:{'a' * 64}", CARD, RULES, names) == "weaker than #2"
        assert explain(f"too_like:{'b' * 64}", CARD, RULES, names) == "too like a picture that is no longer here"
        assert explain("too_like_another", CARD, RULES, names) == "too like another"

    def test_an_allowed_defect_is_no_reason_but_nan_black_cannot_be_allowed(self) -> None:
        rules = replace(RULES, allow_defects=("framed", "nan_black"))
        assert judge(replace(CARD, defects=("framed",)), rules) == ()
        assert judge(replace(CARD, defects=("nan_black",)), rules) == ("defect_nan_black",)

    def test_all_reasons_are_given_not_only_the_first(self) -> None:
        card = replace(CARD, aesthetic=1.0, defects=("blurred", "blown"), safety=Safety(SafetyState.UNKNOWN))
        assert judge(card, RULES) == ("safety_unknown", "defect_blurred", "defect_blown", "aesthetic_too_low")


class TestThePolicyHashCoversWhatDecides:
    def test_every_rule_weight_scorer_and_forbidden_word_changes_it(self) -> None:
        seen = {policy_sha256(RULES, (("clip", "x"),), SelectionWeights(), ("gore",))}
        variants = [
            policy_sha256(replace(RULES, **change), (("clip", "x"),), SelectionWeights(), ("gore",))  # type: ignore[arg-type]
            for change in (
                {"per_asset": 2}, {"min_aesthetic": 5.1}, {"min_adherence": None}, {"max_likeness": 0.9},
                {"max_rank": 1},
                {"min_margin": 0.2}, {"allow_defects": ()}, {"extra": ()},
            )
        ]  # fmt: skip
        variants += [
            policy_sha256(RULES, (("clip", "y"),), SelectionWeights(), ("gore",)),
            policy_sha256(RULES, (("clip", "x"),), SelectionWeights(sameness=0.1), ("gore",)),
            policy_sha256(RULES, (("clip", "x"),), SelectionWeights(), ()),
        ]
        assert len(seen | set(variants)) == 1 + len(variants)

    def test_order_does_not(self) -> None:
        scorers, other_way = (("x", "1"), ("y", "2")), (("y", "2"), ("x", "1"))
        one = policy_sha256(replace(RULES, allow_defects=("a", "b")), scorers, forbid=("g", "s"))
        assert one == policy_sha256(replace(RULES, allow_defects=("b", "a")), other_way, forbid=("s", "g"))
