"""Explaining a choice: the same numbers that made it, whoever made it."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.select import deck
from scoring.selection.explain import explain
from scoring.selection.objective import make_objective
from scoring.selection.select import select
from specs.spec import SelectionWeights


@pytest.mark.parametrize("seed", range(5))
def test_gives_the_parts_by_which_select_chose(seed: int) -> None:
    options, wanted = deck(4, 5, 8, seed), {f"asset-{n:03d}": 1 + (n == 0) for n in range(4)}
    choice = select(options, wanted, SelectionWeights(), 0.95)
    told = explain(options, {pick.image_sha256 for pick in choice.picks}, wanted, SelectionWeights(), 0.95)
    assert [(one.asset_id, one.chosen.image_sha256) for one in told] == [
        (pick.asset_id, pick.image_sha256) for pick in choice.picks
    ]
    for one, pick in zip(told, choice.picks, strict=True):
        parts = (one.chosen.quality, one.chosen.coherence, one.chosen.sameness, one.chosen.total)
        assert parts == pytest.approx((pick.quality, pick.coherence, pick.sameness, pick.total), abs=1e-6)
        assert (one.runner_up.image_sha256 if one.runner_up else None) == pick.runner_up


def test_totals_are_what_changing_the_place_would_do_to_the_objective() -> None:
    options, wanted = deck(3, 4, 8, 1), {f"asset-{n:03d}": 1 for n in range(3)}
    choice = select(options, wanted, SelectionWeights())
    chosen = [pick.image_sha256 for pick in choice.picks]
    objective = make_objective(options, wanted, SelectionWeights(), None, None)
    row = {one.image_sha256: number for number, one in enumerate(objective.options)}
    for place, one in enumerate(explain(options, chosen, wanted, SelectionWeights())):
        assert one.runner_up is not None
        other = [*chosen[:place], one.runner_up.image_sha256, *chosen[place + 1 :]]
        change = objective.value([row[name] for name in chosen]) - objective.value([row[name] for name in other])
        assert one.chosen.total - one.runner_up.total == pytest.approx(change, abs=1e-3)


def test_a_runner_up_that_is_too_like_another_keeper_is_said_to_be() -> None:
    options = deck(2, 2, 8, 0)
    twin = options[0].embedding
    rest = [options[0], options[2], type(options[3])(options[3].asset_id, "f" * 64, 9.0, 0.5, twin)]
    told = explain(rest, {options[0].image_sha256, options[2].image_sha256}, {"asset-000": 1, "asset-001": 1},
                   SelectionWeights(), 0.9)  # fmt: skip
    assert told[1].runner_up is not None
    assert told[1].runner_up.too_like == options[0].image_sha256
    assert told[0].runner_up is None


def test_taste_counts_by_its_weight_and_nothing_without_one() -> None:
    rng = np.random.default_rng(0)
    options = [type(e)(e.asset_id, e.image_sha256, e.aesthetic, e.adherence, e.embedding, taste=float(rng.random()))
                for e in deck(1, 12, 8, 0)]  # fmt: skip
    alone = SelectionWeights(0, 0, 0, 0, 1)
    (pick,) = select(options, {"asset-000": 1}, alone).picks
    assert pick.image_sha256 == max(options, key=lambda one: one.taste or 0).image_sha256
    plain = [type(e)(e.asset_id, e.image_sha256, e.aesthetic, e.adherence, e.embedding) for e in options]
    assert select(options, {"asset-000": 1}, SelectionWeights()) == select(plain, {"asset-000": 1}, SelectionWeights())
