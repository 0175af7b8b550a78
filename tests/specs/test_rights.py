"""The rights gate: every combination of what is known, and what the decision says."""

from __future__ import annotations

from itertools import product

import pytest

from specs.checkpoint import Status
from specs.registry import rights
from specs.registry.rights import POLICY, RightsDecision, decide, policy_sha256
from specs.spec import RightsClaim
from tests.specs.making import checkpoint

USES = ("commercial", "noncommercial", "internal")
NOTHING = RightsClaim()
REASON = RightsClaim("I trained it myself, on my own drawings")


def gate(use: str = "commercial", claim: RightsClaim = NOTHING, **facts: object) -> RightsDecision:
    return decide(checkpoint(**facts), use, claim)


class TestKnownRights:
    def test_render_and_sell(self) -> None:
        decision = gate()
        assert (decision.may_render, decision.may_export_commercially) == (True, True)
        assert decision.codes == ("licence_known", "lineage_known")
        assert decision.reasons == ("known is under Apache-2.0 (declared).", "It was made from itself.")

    @pytest.mark.parametrize("use", ["noncommercial", "internal"])
    def test_are_not_sold_where_the_spec_does_not_say_commercial(self, use: str) -> None:
        decision = gate(use)
        assert (decision.may_render, decision.may_export_commercially) == (True, False)
        assert "not_commercial" in decision.codes


class TestUnknownRights:
    @pytest.mark.parametrize(
        ("facts", "code"),
        [
            ({"licence": "unknown"}, "licence_unknown"),
            ({"lineage_known": False}, "lineage_unknown"),
            ({"status": Status.UNKNOWN}, "status_unknown"),
        ],
    )
    @pytest.mark.parametrize("use", USES)
    def test_render_nothing_without_a_reason_and_sell_nothing_with_one(
        self, use: str, facts: dict[str, object], code: str
    ) -> None:
        refused, accepted = gate(use, **facts), gate(use, REASON, **facts)
        assert (refused.may_render, refused.may_export_commercially) == (False, False)
        assert code in refused.codes
        assert any("rights: {accept_unknown: your reason}" in reason for reason in refused.reasons)
        assert (accepted.may_render, accepted.may_export_commercially) == (True, False)
        assert {code, "unknown_accepted", "no_commercial_export"} <= set(accepted.codes)
        assert accepted.accepted_reason == REASON.accept_unknown
        assert any(REASON.accept_unknown in reason for reason in accepted.reasons)

    def test_are_told_one_by_one(self) -> None:
        decision = gate(licence="unknown", lineage_known=False, status=Status.UNKNOWN)
        assert decision.codes == ("licence_unknown", "status_unknown", "lineage_unknown")


class TestRefusedOrigins:
    @pytest.mark.parametrize(("use", "claim"), product(USES, [NOTHING, REASON]))
    def test_never_render_whatever_is_claimed(self, use: str, claim: RightsClaim) -> None:
        decision = gate(use, claim, status=Status.REFUSED, notes="taken from its makers")
        assert (decision.may_render, decision.may_export_commercially) == (False, False)
        assert decision.codes == ("origin_refused",)
        assert decision.accepted_reason == ""
        assert "taken from its makers" in decision.reasons[0]


FREE = checkpoint(name="free", licence="MIT")


class TestAncestors:
    """What was made from something is no better than it."""

    @pytest.mark.parametrize(("use", "claim"), product(USES, [NOTHING, REASON]))
    def test_that_are_refused_refuse_whatever_is_claimed(self, use: str, claim: RightsClaim) -> None:
        leak = checkpoint(name="leak", status=Status.REFUSED, notes="taken from its makers")
        decision = decide(checkpoint(), use, claim, ancestors=[FREE, leak])
        assert (decision.may_render, decision.codes) == (False, ("parent_refused",))
        assert "known was made from leak, which is refused: taken from its makers" in decision.reasons[0]

    @pytest.mark.parametrize("facts", [{"licence": "unknown"}, {"lineage_known": False}, {"status": Status.UNKNOWN}])
    def test_that_are_unknown_need_a_reason_and_sell_nothing(self, facts: dict[str, object]) -> None:
        lineage = [FREE, checkpoint(name="mixed", **facts)]
        refused = decide(checkpoint(), "commercial", NOTHING, ancestors=lineage)
        accepted = decide(checkpoint(), "commercial", REASON, ancestors=lineage)
        assert (refused.may_render, accepted.may_render) == (False, True)
        assert not accepted.may_export_commercially
        assert "parent_unknown" in refused.codes
        assert any("It was made from mixed, whose licence or origin is unknown" in one for one in refused.reasons)

    @pytest.mark.parametrize(
        ("commercial", "code"), [(False, "noncommercial_licence"), (None, "commercial_terms_unknown")]
    )
    def test_that_may_not_be_sold_are_not_sold_by_another_name(self, commercial: bool | None, code: str) -> None:
        parent = checkpoint(name="study", licence="CC-BY-NC-4.0", commercial=commercial)
        decision = decide(checkpoint(), "commercial", REASON, ancestors=[parent])
        assert (decision.may_render, decision.may_export_commercially) == (False, False)
        assert code in decision.codes
        assert any("CC-BY-NC-4.0 of study" in reason for reason in decision.reasons)
        assert "no_commercial_export" in decide(checkpoint(), "internal", NOTHING, ancestors=[parent]).codes

    def test_hand_their_restrictions_down(self) -> None:
        parent = checkpoint(licence="LicenseRef-Rail", use_restrictions=("medical advice",))
        decision = decide(checkpoint(), "commercial", NOTHING, ["medical advice"], [parent])
        assert {"use_restricted", "prompt_near_restriction"} <= set(decision.codes)
        assert any("LicenseRef-Rail forbids" in reason for reason in decision.reasons)

    def test_of_known_rights_change_nothing(self) -> None:
        assert decide(checkpoint(), "commercial", NOTHING, ancestors=[FREE]) == gate()


class TestLicences:
    @pytest.mark.parametrize("claim", [NOTHING, REASON])
    def test_that_forbid_commercial_use_refuse_it(self, claim: RightsClaim) -> None:
        decision = gate("commercial", claim, licence="CC-BY-NC-4.0", commercial=False)
        assert not decision.may_render
        assert "noncommercial_licence" in decision.codes
        assert any("use: noncommercial or use: internal" in reason for reason in decision.reasons)

    @pytest.mark.parametrize("use", ["noncommercial", "internal"])
    def test_that_forbid_commercial_use_allow_other_uses(self, use: str) -> None:
        decision = gate(use, licence="CC-BY-NC-4.0", commercial=False)
        assert (decision.may_render, decision.may_export_commercially) == (True, False)
        assert "no_commercial_export" in decision.codes

    def test_of_which_nobody_can_say_are_not_taken_for_permission(self) -> None:
        decision = gate("commercial", licence="LicenseRef-Odd", commercial=None)
        assert not decision.may_render
        assert "commercial_terms_unknown" in decision.codes
        assert gate("internal", licence="LicenseRef-Odd", commercial=None).may_render

    def test_give_their_restrictions_as_a_reason(self) -> None:
        decision = gate(use_restrictions=("harming minors", "medical advice"))
        assert decision.may_render
        assert "use_restricted" in decision.codes
        assert any("harming minors; medical advice" in reason for reason in decision.reasons)

    def test_point_out_prompts_that_come_near_a_restriction(self) -> None:
        restricted = checkpoint(use_restrictions=("medical advice",))
        decision = decide(restricted, "commercial", NOTHING, ["a doctor giving Medical Advice", "a sword"])
        assert decision.may_render
        assert "prompt_near_restriction" in decision.codes
        assert "prompt_near_restriction" not in decide(restricted, "commercial", NOTHING, ["a sword"]).codes


MATRIX = list(product(USES, [NOTHING, REASON], Status, ["unknown", "MIT"], [True, False, None], [True, False]))


class TestEveryCombination:
    def test_sells_only_what_is_wholly_known_and_allowed(self) -> None:
        for use, claim, status, licence, commercial, lineage in MATRIX:
            decision = gate(use, claim, status=status, licence=licence, commercial=commercial, lineage_known=lineage)
            whole = licence == "MIT" and lineage and status in (Status.VERIFIED, Status.DECLARED)
            sold = use == "commercial" and whole and commercial is True
            assert decision.may_export_commercially == sold, decision
            assert decision.may_render or not decision.may_export_commercially

    def test_renders_only_with_known_rights_or_a_reason(self) -> None:
        for use, claim, status, licence, commercial, lineage in MATRIX:
            decision = gate(use, claim, status=status, licence=licence, commercial=commercial, lineage_known=lineage)
            whole = licence == "MIT" and lineage and status is not Status.UNKNOWN
            allowed = use != "commercial" or licence == "unknown" or commercial is True
            expected = status is not Status.REFUSED and (whole or claim is REASON) and allowed
            assert decision.may_render == expected, decision

    def test_gives_a_whole_sentence_for_every_code(self) -> None:
        for use, claim, status, licence, commercial, lineage in MATRIX:
            decision = gate(use, claim, status=status, licence=licence, commercial=commercial, lineage_known=lineage)
            assert len(decision.codes) == len(decision.reasons) == len(set(decision.codes)) > 0
            assert set(decision.codes) <= POLICY.keys()
            assert all("{" not in reason.replace("rights: {accept_unknown", "") for reason in decision.reasons)

    def test_is_decided_alike_each_time(self) -> None:
        assert gate() == gate()


class TestThePolicysHash:
    def test_is_part_of_each_decision(self) -> None:
        assert gate().policy_sha256 == policy_sha256()
        assert len(policy_sha256()) == 64

    def test_changes_with_the_policy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        before = policy_sha256()
        monkeypatch.setattr(rights, "POLICY", {**POLICY, "lineage_known": "Fine."})
        assert policy_sha256() != before
        monkeypatch.undo()
        monkeypatch.setattr(rights, "REFUSING", rights.REFUSING - {"lineage_unknown"})
        assert policy_sha256() != before

    def test_names_the_weights_when_they_are_hashed(self) -> None:
        assert gate().weights_id == checkpoint().weights_id
        assert gate(files=()).weights_id == ""
