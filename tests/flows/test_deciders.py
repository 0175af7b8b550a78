"""A seeded sample of the campaign of people who decide while a set is made: see tests/faults/deciders.py."""

from __future__ import annotations

import pytest

from tests.faults.deciders import campaign
from tests.flows.conftest import Limner
from tests.world import World


@pytest.mark.campaign
def test_eight_people_lose_no_verdict_while_produce_runs(world: World, limner: Limner) -> None:
    figures = campaign(world, lambda: limner("produce", "spec.yaml", "--json"), writers=8, each=20)
    assert figures.violations == []
    assert (figures.decided, figures.generated > 0) == (160, True)
