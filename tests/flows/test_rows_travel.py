"""A row as the spec has it now, and as it was when a picture was made, are both on record; neither costs a picture."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flows.conftest import Limner
from tests.flows.standing import make
from tests.world import World, spec_of


@pytest.fixture
def deck(world: World, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A made set whose rows come from a CSV with columns that no prompt uses."""
    monkeypatch.chdir(world.folder)
    for name, value in world.environment().items():
        if name.startswith("LIMNER_"):
            monkeypatch.setenv(name, value)
    table = world.folder / "cards.csv"
    table.write_text("id,subject,rules,quantity\nsword,sword,Draw a card.,2\npotion,potion,Heal 1.,3\n")
    world.write(spec_of((), assets={"from": "cards.csv"}))
    assert make(world.spec).generated == 4
    return table


def test_a_changed_column_that_no_prompt_uses_is_on_record_without_a_new_picture(
    world: World, deck: Path, judge: Limner
) -> None:
    deck.write_text(deck.read_text().replace("Draw a card.", "Draw two cards.").replace(",3\n", ",4\n"))
    assert make(world.spec).generated == 0
    sword = next(one for one in judge("keepers", "--json").json if one["asset"] == "sword")
    assert sword["row"] == {"subject": "sword", "rules": "Draw two cards.", "quantity": "2"}
    assert sword["row_when_made"] == {"subject": "sword", "rules": "Draw a card.", "quantity": "2"}
    record = judge("show", "tiny-set/sword#0", "--json").json
    assert record["asset_now"]["row"]["rules"] == "Draw two cards."
    assert record["asset_now"]["in_spec"] is True
    assert record["asset"]["row"]["rules"] == "Draw a card.", "what it was made from stays on record"


def test_a_row_that_its_spec_no_longer_has_says_so(world: World, deck: Path, judge: Limner) -> None:
    deck.write_text("id,subject,rules,quantity\npotion,potion,Heal 1.,3\n")
    make(world.spec)
    record = judge("show", "tiny-set/sword#0", "--json").json
    assert record["asset_now"]["in_spec"] is False
    assert record["asset_now"]["row"] == record["asset"]["row"]
