"""The specs that people run first are real ones."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from specs.expand import expand, lay_out
from specs.reading.load import load_spec
from specs.registry.registry import load_registry
from specs.registry.rights import decide
from specs.spec import Spec
from tests.specs.making import checkpoint

FOLDER = Path(__file__).parents[2] / "specs" / "examples"
SPECS = {path.stem: load_spec(path) for path in sorted(FOLDER.glob("*.yaml"))}


@pytest.mark.parametrize("spec", SPECS.values(), ids=list(SPECS))
class TestEachExample:
    def test_may_be_made_and_sold_with_the_starter(self, spec: Spec) -> None:
        starter = load_registry().resolve(spec.checkpoint, FOLDER)
        decision = decide(starter, spec.use, spec.rights, [asset.prompt for asset in spec.assets])
        assert (decision.may_render, decision.may_export_commercially) == (True, True)

    def test_has_no_two_assets_of_one_prompt_nor_two_jobs_of_one_recipe(self, spec: Spec) -> None:
        assert [prompt for prompt, count in Counter(a.prompt for a in spec.assets).items() if count > 1] == []
        jobs = [plan.job(n).job_id for plan in expand(spec, checkpoint()) for n in range(plan.asset.candidates.at_most)]
        assert len(set(jobs)) == len(jobs)

    def test_is_sized_as_the_starter_draws(self, spec: Spec) -> None:
        starter = load_registry().resolve(spec.checkpoint, FOLDER)
        sizes = {lay_out(asset.picture, starter.multiple_px) for asset in spec.assets}
        assert {(size.width_px, size.height_px) for size in sizes} == {(128, 128)}

    def test_uses_words_that_the_starter_was_taught(self, spec: Spec) -> None:
        colours = pytest.importorskip("starter.draw.colours").COLOURS
        grounds = pytest.importorskip("starter.draw.grounds").GROUNDS
        subjects = pytest.importorskip("starter.draw.subjects").SUBJECTS
        for asset in spec.assets:
            row = dict(asset.row)
            assert row["subject"] in subjects, asset.asset_id
            assert row["colour"] in colours, asset.asset_id
            assert row.get("ground", "plain") in grounds, asset.asset_id


def test_the_deck_is_a_deck() -> None:
    deck = SPECS["deck"]
    rows = [dict(asset.row) for asset in deck.assets]
    assert len(rows) == 54
    values = {land: sorted(int(row["value"]) for row in rows if row["land"] == land) for land in LANDS}
    assert values == {land: list(range(1, 11)) for land in LANDS}
    assert len({asset.title for asset in deck.assets}) == 54
    assert all(row["rule"].endswith(".") and row["qty"] == "1" for row in rows)


LANDS = ("forest", "sea", "desert", "snow", "night")


def test_the_quickstart_is_quick() -> None:
    spec = SPECS["quickstart"]
    assert 6 <= len(spec.assets) <= 8
    assert sum(asset.candidates.first for asset in spec.assets) <= 32
    assert sum(asset.candidates.at_most for asset in spec.assets) <= 64
