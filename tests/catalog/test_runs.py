"""Runs, claims, locks: what the living hold and the dead let go."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.database.locks import is_alive, set_lock
from catalog.errors import BusyError
from catalog.integrity.verify import verify
from tests.catalog.factory import World

ROOT = Path(__file__).parents[2]

CLAIMER = """
import sys, time
from pathlib import Path
from catalog.catalog import Catalog
from tests.catalog.factory import World
catalog, world = Catalog.open(Path(sys.argv[1]), create=False), World()
run = catalog.start_run(world.set_name, world.spec.spec_sha256)
print(len(catalog.claim([world.key(n).job_id for n in range(4)], run).mine), flush=True)
time.sleep(120)
"""

HOLDER = """
import sys, time
from pathlib import Path
from catalog.database.locks import set_lock
with set_lock(Path(sys.argv[1]), "tavern-items", wait=False):
    print("held", flush=True)
    time.sleep(120)
"""


class TestClaims:
    def test_a_job_is_claimed_by_one_run_at_a_time(self, catalog: Catalog, world: World) -> None:
        jobs = [world.key(number).job_id for number in range(4)]
        first = catalog.start_run(world.set_name, world.spec.spec_sha256)
        second = catalog.start_run(world.set_name, world.spec.spec_sha256)
        assert catalog.claim(jobs[:3], first).mine == tuple(jobs[:3])
        claim = catalog.claim(jobs, second)
        assert (claim.mine, set(claim.others), claim.made) == ((jobs[3],), set(jobs[:3]), {})
        assert catalog.claim(jobs[:3], first).mine == tuple(jobs[:3])

    def test_what_is_made_is_said_with_its_picture(self, catalog: Catalog, world: World) -> None:
        catalog.record([world.record(0)])
        run = catalog.start_run(world.set_name, world.spec.spec_sha256)
        claim = catalog.claim([world.key(0).job_id, world.key(1).job_id], run)
        assert claim.mine == (world.key(1).job_id,)
        assert claim.made[world.key(0).job_id].image_sha256 == world.record(0).candidate.image_sha256

    def test_a_finished_run_lets_go(self, catalog: Catalog, world: World) -> None:
        jobs = [world.key(0).job_id]
        first = catalog.start_run(world.set_name, world.spec.spec_sha256)
        catalog.claim(jobs, first)
        catalog.finish_run(first, "interrupted", {"generated": 0})
        second = catalog.start_run(world.set_name, world.spec.spec_sha256)
        assert catalog.claim(jobs, second).mine == tuple(jobs)
        assert not is_alive(catalog.library, first.run_id)

    def test_a_killed_run_lets_go(self, catalog: Catalog, world: World) -> None:
        jobs = [world.key(number).job_id for number in range(4)]
        run = catalog.start_run(world.set_name, world.spec.spec_sha256)
        with _child(CLAIMER, catalog.library) as child:
            assert _line(child) == "4"
            assert len(catalog.claim(jobs, run).others) == 4
            child.kill()
            child.wait()
            assert catalog.claim(jobs, run).mine == tuple(jobs)

    def test_tidying_does_not_take_a_living_runs_lock(self, catalog: Catalog, world: World) -> None:
        run = catalog.start_run(world.set_name, world.spec.spec_sha256)
        verify(catalog.library, gc=True)
        assert is_alive(catalog.library, run.run_id)


class TestTheSetLock:
    def test_a_second_run_is_told_who_holds_the_set(self, library: Path) -> None:
        with set_lock(library, "tavern-items", wait=False):
            words = rf"tavern-items: another run has it \(process {os.getpid()} on .* since 20"
            with pytest.raises(BusyError, match=words), set_lock(library, "tavern-items", wait=False):
                pass
            with set_lock(library, "other", wait=False):
                pass

    def test_who_waits_gets_it_when_it_is_free(self, library: Path) -> None:
        told: list[str] = []
        got = threading.Event()

        def second() -> None:
            with set_lock(library, "tavern-items", wait=True, on_wait=told.append):
                got.set()

        with set_lock(library, "tavern-items", wait=False):
            thread = threading.Thread(target=second)
            thread.start()
            assert not got.wait(0.3)
        assert got.wait(10)
        thread.join()
        assert len(told) == 1

    def test_kill_9_frees_it(self, library: Path) -> None:
        library.mkdir()
        with _child(HOLDER, library) as child:
            assert _line(child) == "held"
            with pytest.raises(BusyError, match=f"process {child.pid}"), set_lock(library, "tavern-items", wait=False):
                pass
            child.send_signal(signal.SIGKILL)
            child.wait()
            with set_lock(library, "tavern-items", wait=False):
                pass

    def test_a_forked_child_does_not_keep_it(self, library: Path) -> None:
        born, looked = os.pipe(), os.pipe()
        with set_lock(library, "tavern-items", wait=False):
            pid = os.fork()
            if pid == 0:
                os.write(born[1], b"x")
                os.close(looked[1])
                os.read(looked[0], 1)  # live until the parent has looked
                os._exit(0)
            os.read(born[0], 1)
        try:
            with set_lock(library, "tavern-items", wait=False):
                pass
        finally:
            os.close(looked[1])
            os.waitpid(pid, 0)
            for fd in (*born, looked[0]):
                os.close(fd)


def _child(code: str, library: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code, str(library)], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def _line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()
