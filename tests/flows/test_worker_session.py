"""A worker of somebody else's opens its own session: when its process ends, the run is ended and the catalog sealed."""

from __future__ import annotations

import sqlite3
import subprocess
import sys

from catalog.integrity.verify import verify
from tests.flows.conftest import Limner
from tests.world import World, spec_of

WORKER = """
from pathlib import Path
from flows.pipeline.session import session_here
from flows.settings import from_environment
print(session_here(Path("spec.yaml"), from_environment()).run.run_id)
"""


def test_a_worker_that_ends_leaves_a_sealed_catalog_and_a_finished_run(world: World, limner: Limner) -> None:
    world.write(spec_of(["sword"]))
    limner("produce", "spec.yaml")
    done = subprocess.run(
        [sys.executable, "-c", WORKER],
        cwd=world.folder,
        env=world.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    report = verify(world.library)
    assert (report.problems, report.seal) == ((), "fresh")
    connection = sqlite3.connect(world.library / "catalog.sqlite")
    rows = dict(connection.execute("SELECT run_id, outcome FROM runs").fetchall())
    connection.close()
    assert rows[done.stdout.strip()] == "finished"
    assert not list((world.library / "locks" / "runs").glob("*.lock"))
