"""A hole says why: the reasons with their counts, what was found, and what helps; a script can fail on it.

A shard that fails names its cause once, on standard error and in the JSON, and advises a retry only where it can help.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from catalog.queries.candidate_state import CandidateState
from flows.pipeline.failures import Failure, may_pass, merged
from flows.pipeline.holes import Hole, hole_of
from generator.candidate import Batch
from scoring.scorecard import Safety, SafetyState, Scorecard
from specs.errors import LimnerError
from specs.spec import KeepRules
from tests.catalog.factory import World as Rows
from tests.catalog.factory import candidates, card, library
from tests.flows.conftest import Limner
from tests.flows.standing import Renderer, make
from tests.world import World, spec_of

SKULL = Safety(SafetyState.FLAGGED, ("skull",), "nudity, skull")


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> list[CandidateState]:
    """Four candidates of one asset, as a catalog has them."""
    rows = Rows(assets=1, each=4)
    with library(tmp_path_factory.mktemp("holes")) as catalog:
        rows.register(catalog)
        catalog.record(rows.records(4))
        return candidates(catalog)


def hole(four: list[CandidateState], *cards: Scorecard, keep: KeepRules = KeepRules(), **changes: Any) -> Hole:  # noqa: B008
    """The hole of an asset whose candidates, all rejected, have these scorecards."""
    plan = Rows(assets=1).plans[0]
    found = [
        replace(one, parsed=found, keep=False, decided_by="policy", **changes)
        for one, found in zip(four, cards, strict=False)
    ]
    return hole_of(replace(plan, asset=replace(plan.asset, keep=keep)), found, 0)


def test_what_the_checker_found_is_named_and_counted(four: list[CandidateState]) -> None:
    flagged = [replace(card(one.image_sha256), safety=SKULL) for one in four]
    found = hole(four, *flagged)
    assert found.words() == "0 of 1 keepers; 4 of 4: safety_flagged (skull)"
    assert "--override-safety" in found.sentence()
    assert "at_most" not in found.sentence(), "more pictures of a forbidden thing do not help"


def test_each_kind_of_reason_has_its_own_fix(four: list[CandidateState]) -> None:
    cards = [
        replace(card(four[0].image_sha256), defects=("nan_black",)),
        replace(card(four[1].image_sha256), aesthetic=4.25),
        replace(card(four[2].image_sha256), aesthetic=3.5),
        replace(card(four[3].image_sha256), aesthetic=None),
    ]
    found = hole(four, *cards, keep=KeepRules(min_aesthetic=6.0))
    assert dict(found.reasons) == {"aesthetic_too_low": 3, "defect_nan_black": 1, "aesthetic_not_measured": 1}
    assert found.fixes[0] == "lower keep.min_aesthetic (the best otherwise good one has 4.25)"
    assert any("--dtype float32" in fix for fix in found.fixes)
    assert any("limner doctor" in fix for fix in found.fixes)


def test_a_persons_rejections_and_likeness_count_too(four: list[CandidateState]) -> None:
    good = [card(one.image_sha256, 7.0) for one in four]
    assert dict(hole(four, *good).reasons) == {"too_like": 4}
    plan = Rows(assets=1).plans[0]
    by_person = [replace(one, parsed=good[0], keep=False, decided_by="person:ada") for one in four]
    assert dict(hole_of(plan, by_person, 0).reasons) == {"rejected_by_person": 4}


class TestTheCommands:
    def test_produce_plan_and_rescore_name_the_hole_and_a_script_fails_on_it(self, world: World, judge: Limner) -> None:
        world.write(
            spec_of(("sword",), keep={"min_adherence": 0.99, "allow_defects": spec_of(())["keep"]["allow_defects"]})
        )
        summary = make(world.spec)
        assert [one["asset"] for one in summary.holes] == ["sword"], judge("plan", "spec.yaml").out
        assert summary.holes[0]["reasons"]["adherence_too_low"] == 2
        done = judge("produce", "spec.yaml")
        assert done.code == 0
        assert "nothing to make" in done.out
        assert "hole: sword: 0 of 1 keepers; 2 of 2: adherence_too_low" in done.out
        assert "lower keep.min_adherence (the best" in done.out
        assert judge("produce", "spec.yaml", "--fail-on-holes").code == 1
        assert judge("produce", "spec.yaml", "--fail-on-holes", "--json").json["holes"][0]["asset"] == "sword"
        plan = judge("plan", "spec.yaml", "--json").json
        assert plan["assets"][0]["hole"]["reasons"] == summary.holes[0]["reasons"]

    def test_a_filled_set_has_none(self, world: World, judge: Limner) -> None:
        world.write(spec_of(("sword",)))
        assert make(world.spec).holes == []
        assert judge("produce", "spec.yaml", "--fail-on-holes").code == 0


class Broken(Renderer):
    """Fails as nobody foresaw, the same way each time."""

    def render(self, batch: Batch, _stopping: Any) -> Any:
        """Never returns."""
        raise KeyError("a fault of ours")


class TestFailures:
    def test_the_cause_reaches_the_terminal_once_and_the_json(
        self, world: World, limner: Limner, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from flows.cli.commands.making.produce import produce_specs
        from flows.pipeline.rendering.tools import tools_for
        from flows.settings import from_environment

        world.write(spec_of(("sword", "potion")))
        code = produce_specs(
            [Path("spec.yaml")],
            from_environment(),
            as_json=False,
            make_tools=lambda work, settings: replace(tools_for(work, settings), load_renderer=Broken),
        )
        out, err = capsys.readouterr()
        assert code == 1
        assert err.count("KeyError: 'a fault of ours'") == 1, err
        assert "4 pictures failed" in err
        assert "please report it" in err
        assert "again: what was recorded" not in err, "a retry cannot help"
        assert "nothing to make" not in out
        assert "4 FAILED" in out
        assert "Traceback" not in out + err

    def test_a_trouble_of_the_machine_may_pass_and_a_fault_in_the_code_will_not(self) -> None:
        assert may_pass(OSError(28, "No space left on device"))
        assert may_pass(RuntimeError("CUDA error"))
        assert not may_pass(KeyError("x"))
        assert not may_pass(NotImplementedError())
        assert not may_pass(LimnerError("a user must fix it"))
        assert "Run the same command again" in Failure.of(OSError(28, "No space left"), 1).sentence()

    def test_each_cause_is_said_once(self) -> None:
        one = Failure.of(KeyError("x"), 2)
        assert merged([one, Failure.of(OSError("y"), 1), one]) == [
            replace(one, pictures=4),
            Failure.of(OSError("y"), 1),
        ]
