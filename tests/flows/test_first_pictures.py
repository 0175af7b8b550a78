"""Pictures first: Prefect takes its share of the machine only when there are some."""

from __future__ import annotations

import time

from tests.flows.test_interruption import gone_within, pictures, processes_of, start
from tests.world import World, spec_of


def test_are_stored_before_prefects_server_starts(world: World) -> None:
    world.write(spec_of([f"card-{number}" for number in range(8)]))
    process = start(world, "produce", "spec.yaml")
    stored = 0
    while not any("prefect_server" in line for line in processes_of(world)):
        stored = pictures(world)
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    assert stored == 16  # on a CPU the whole first shard
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert gone_within(world, 10) == []


def test_what_a_user_must_mend_is_told_without_prefect(world: World) -> None:
    spec = spec_of(["card"])
    spec["picture"]["clip_skip"] = 9  # shows only once the text encoder is loaded
    world.write(spec)
    process = start(world, "produce", "spec.yaml")
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1, err
    assert "clip_skip: got 9" in err
    assert not (world.library / "prefect").exists()
