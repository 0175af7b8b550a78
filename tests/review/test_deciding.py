"""What a person decides is appended, counts before the policy's verdict, and can be taken back without end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.errors import NotFoundError
from catalog.integrity.verify import verify
from catalog.queries.filter import Filter
from catalog.review.decisions import ConflictError, Decision, decide, undo
from catalog.review.views.pages import candidates
from catalog.review.views.values import Tile, Wanted
from scoring.scorecard import SafetyState
from specs.errors import UsageError
from tests.catalog.factory import by_policy, quarantined
from tests.review.conftest import WORLD


def tiles(catalog: Catalog, asset_id: str = "item-000") -> list[Tile]:
    """The asset's candidates as they stand."""
    return list(candidates(catalog, WORLD.set_name, asset_id, Wanted(folded=False)).tiles)


def say(catalog: Catalog, tile: Tile, keep: bool, *reasons: str, note: str = "") -> Tile:
    """A person's decision on whatever stands."""
    return decide(catalog, Decision(tile.candidate_id, keep, "ada", reasons, note))


class TestADecision:
    """Keep and reject."""

    def test_counts_before_the_policy(self, catalog: Catalog) -> None:
        kept, rejected, *_ = tiles(catalog)
        assert (kept.word, rejected.word) == ("kept", "rejected")
        assert say(catalog, kept, False, "off_style").word == "rejected"
        assert say(catalog, rejected, True).is_keeper
        keepers = catalog.keepers(WORLD.set_name, Filter(assets=("item-000",)))
        assert [(keeper.candidate.number, keeper.candidate.decided_by) for keeper in keepers] == [(1, "person:ada")]

    def test_is_appended_and_the_library_verifies(self, catalog: Catalog, library: Path) -> None:
        tile = tiles(catalog)[0]
        for keep in (False, True, False):
            say(catalog, tile, keep, "other", note="a note")
        verdicts = catalog.provenance(WORLD.key(0)).value["verdicts"]
        assert [verdict["keep"] for verdict in verdicts] == [True, False, True, False]  # type: ignore[index, union-attr]
        assert verify(library).problems == ()

    def test_a_rejection_needs_a_reason_with_a_name(self, catalog: Catalog) -> None:
        for reasons in ((), ("Not a name",), ("safety_override",), ("undone",), ("withdrawn",)):
            with pytest.raises(UsageError, match="reason"):
                say(catalog, tiles(catalog)[0], False, *reasons)

    def test_of_no_candidate_is_refused(self, catalog: Catalog) -> None:
        with pytest.raises(NotFoundError, match="no such candidate"):
            decide(catalog, Decision("0" * 32, True, "ada"))

    def test_on_old_knowledge_is_refused_and_nothing_is_written(self, catalog: Catalog) -> None:
        seen = tiles(catalog)[0]
        say(catalog, seen, False, "other")
        before = catalog.provenance(WORLD.key(0)).value["verdicts"]
        with pytest.raises(ConflictError, match="decided meanwhile"):
            decide(catalog, Decision(seen.candidate_id, True, "bob", seen=seen.seen))
        with pytest.raises(ConflictError, match="decided meanwhile"):
            undo(catalog, seen.candidate_id, "bob", seen=seen.seen)
        assert catalog.provenance(WORLD.key(0)).value["verdicts"] == before

    def test_a_policys_verdict_in_between_is_no_conflict(self, catalog: Catalog) -> None:
        seen = tiles(catalog)[1]
        catalog.append([(WORLD.key(3), by_policy(WORLD.record(3), False, "other_rule", policy="e" * 64))])
        assert decide(catalog, Decision(seen.candidate_id, True, "ada", seen=seen.seen)).is_keeper

    def test_of_two_on_the_same_knowledge_exactly_one_is_written(self, catalog: Catalog) -> None:
        seen = tiles(catalog)[0]

        def one(person: str) -> bool:
            try:
                decide(catalog, Decision(seen.candidate_id, True, person, note=person, seen=seen.seen))
            except ConflictError:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(one, "abcdefgh")) == 1


class TestUndo:
    """Without end, and by appending."""

    def test_walks_back_through_every_decision_to_the_policys(self, catalog: Catalog) -> None:
        tile = tiles(catalog)[1]
        say(catalog, tile, True, note="first")
        say(catalog, tile, False, "off_style", note="second")
        say(catalog, tile, True, note="third")
        stands = [undo(catalog, tile.candidate_id, "ada") for _ in range(3)]
        assert [(one.word, one.note) for one in stands] == [("rejected", "second"), ("kept", "first"), ("rejected", "")]
        assert (stands[-1].decided_by, stands[-1].reasons, stands[-1].waits) == ("policy", tile.reasons, True)
        with pytest.raises(UsageError, match="nothing to undo"):
            undo(catalog, tile.candidate_id, "ada")

    def test_then_a_new_decision_then_undo_again(self, catalog: Catalog) -> None:
        tile = tiles(catalog)[1]
        say(catalog, tile, True, note="first")
        say(catalog, tile, False, "off_style")
        undo(catalog, tile.candidate_id, "ada")
        say(catalog, tile, False, "artefacts")
        assert undo(catalog, tile.candidate_id, "ada").note == "first"
        assert undo(catalog, tile.candidate_id, "ada").decided_by == "policy"

    def test_of_everything_lets_a_later_policy_decide(self, catalog: Catalog) -> None:
        tile = tiles(catalog)[1]
        say(catalog, tile, True)
        undo(catalog, tile.candidate_id, "ada")
        catalog.append([(WORLD.key(3), by_policy(WORLD.record(3), True, policy="e" * 64))])
        assert tiles(catalog)[1].is_keeper
        assert [
            keeper.candidate.number for keeper in catalog.keepers(WORLD.set_name, Filter(assets=("item-000",)))
        ] == [0, 1]

    def test_overwrites_nothing(self, catalog: Catalog, library: Path) -> None:
        tile = tiles(catalog)[1]
        say(catalog, tile, True)
        before = catalog.provenance(WORLD.key(3)).value["verdicts"]
        undo(catalog, tile.candidate_id, "ada")
        after = catalog.provenance(WORLD.key(3)).value["verdicts"]
        assert after[: len(before)] == before  # type: ignore[index, arg-type]
        assert len(after) == len(before) + 1  # type: ignore[arg-type]
        assert verify(library).problems == ()


@pytest.mark.parametrize("state", [SafetyState.FLAGGED, SafetyState.UNKNOWN])
class TestWhatIsNotMeasuredClear:
    """Kept only by a person who says so and says why; undo takes that back too."""

    @pytest.fixture
    def tile(self, catalog: Catalog, state: SafetyState) -> Tile:
        catalog.record([quarantined(WORLD.record(12), state)])
        return tiles(catalog)[-1]

    def test_needs_an_override_and_a_note(self, catalog: Catalog, tile: Tile, state: SafetyState) -> None:
        for override, note in ((False, "why"), (True, ""), (True, "  ")):
            with pytest.raises(UsageError, match=f"safety is {state.value}"):
                decide(catalog, Decision(tile.candidate_id, True, "ada", note=note, override=override))
        assert decide(catalog, Decision(tile.candidate_id, True, "ada", note="a statue", override=True)).is_keeper
        assert not undo(catalog, tile.candidate_id, "ada").is_keeper

    def test_may_always_be_rejected(self, catalog: Catalog, tile: Tile) -> None:
        assert say(catalog, tile, False, "other").word == "rejected"
