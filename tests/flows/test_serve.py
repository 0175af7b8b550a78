"""Scheduled regeneration: every firing reads the spec anew, makes only what is missing, and never two at once."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.flows.conftest import Limner
from tests.flows.test_interruption import gone_within, start
from tests.forked import Forking
from tests.security.traps import plant
from tests.world import World, spec_of

IDS = ("sword", "potion")


def finished_runs(world: World) -> list[dict[str, int]]:
    """What each finished run of the library did, oldest first."""
    path = world.library / "catalog.sqlite"
    if not path.is_file():
        return []
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20) as connection:
        try:
            rows = connection.execute("SELECT counts FROM runs WHERE outcome = 'finished' ORDER BY started_at")
            return [json.loads(row[0]) for row in rows]
        except sqlite3.OperationalError:  # the first firing is making the tables
            return []


def wait_for(world: World, count: int, seconds: float = 150) -> list[dict[str, int]]:
    """The finished runs, once there are ``count``."""
    deadline = time.monotonic() + seconds
    while len(runs := finished_runs(world)) < count:
        assert time.monotonic() < deadline, f"{len(runs)} of {count} firings finished: {runs}"
        time.sleep(0.2)
    return runs


@dataclass(frozen=True)
class Served:
    """What a ``serve`` did, and what was left once it had been stopped."""

    generated: list[int]  # by each run: the first was a produce, the others are firings
    out: str
    err: str
    processes: list[str]
    canary: Path


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, registry: Path, forking: Forking, prefect_server: dict[str, str]
) -> Served:
    """Every four seconds a firing for a set that is made; then for one with a new row.

    It starts with relative paths, in a folder that holds a package of every name that is imported and dot files of
    Prefect's, and with nothing in its environment that names limner's code.
    """
    world = World(tmp_path_factory.mktemp("served"), registry)
    schedule = {"every_s": 4}
    world.write(spec_of(IDS, schedule=schedule))
    forking.start(world, "produce", "spec.yaml", **prefect_server).communicate(timeout=180)
    canary = plant(world.folder)
    (world.folder / ".env").write_text(f"PREFECT_HOME={world.folder}/stolen\n")
    (world.folder / "prefect.toml").write_text(f'home = "{world.folder}/stolen"\n')
    process = start(world, "serve", "spec.yaml", "--library", "library", "--json", PYTHONPATH="", **prefect_server)
    try:
        wait_for(world, 2)
        world.write(spec_of([IDS[0], "new-card", IDS[1]], schedule=schedule))
        later = 3
        while not wait_for(world, later)[-1]["generated"]:
            later += 1  # a firing had read the spec before the row was there
            assert later < 10
    finally:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    return Served([run["generated"] for run in finished_runs(world)], out, err, gone_within(world, 10), canary)


class TestServe:
    def test_fires_by_schedule_and_makes_only_what_is_new(self, served: Served) -> None:
        assert served.generated[:2] == [4, 0]
        assert [count for count in served.generated[2:] if count] == [2]

    def test_leaves_no_process_when_it_is_stopped(self, served: Served) -> None:
        assert served.processes == []
        assert "Traceback" not in served.err, served.err

    def test_takes_nothing_from_its_working_folder(self, served: Served) -> None:
        assert not served.canary.exists()
        assert not (served.canary.parent / "stolen").exists()

    def test_says_what_each_firing_did_and_when_the_next_one_is(self, served: Served) -> None:
        events = [json.loads(line) for line in served.out.splitlines()]
        ended = [event for event in events if event["event"] == "finished"]
        assert [event["summary"]["generated"] for event in ended][:1] == [0], served.out
        assert 2 in [event["summary"]["generated"] for event in ended]
        assert all(event["next"] > event["at"][:10] for event in ended)

    def test_a_firing_that_meets_another_run_of_the_set_leaves_it_alone(self, world: World, limner: Limner) -> None:
        from catalog.database.locks import set_lock
        from flows.produce import produce

        world.write(spec_of(IDS))
        with set_lock(world.library, "tiny-set", wait=False):
            settings = {"library": str(world.library), "wait": False, "checkpoints": [str(world.registry)]}
            found = produce("spec.yaml", settings)
        assert found["set"] == "tiny-set"
        assert f"process {os.getpid()}" in found["skipped"]
        assert not (world.library / "objects").exists() or not list(world.library.glob("objects/*/*"))

    def test_the_projects_prefect_yaml_names_the_flow_and_its_settings(self) -> None:
        import yaml
        from prefect.utilities.importtools import import_object

        from flows.produce import produce
        from flows.settings import Settings
        from tests.world import ROOT

        for deployment in yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]:
            assert import_object(deployment["entrypoint"]) is produce
            assert (ROOT / deployment["parameters"]["spec"]).is_file()
            assert Settings.from_parameters(deployment["parameters"]["settings"]).wait is False
            assert deployment["schedules"][0]["timezone"]

    def test_refuses_a_spec_without_a_schedule(self, world: World, limner: Limner) -> None:
        world.write(spec_of(IDS))
        done = limner("serve", "spec.yaml")
        assert done.code == 2
        assert "schedule" in done.err
        assert "limner produce spec.yaml" in done.err
