"""Stopped in whatever way, a run leaves no process behind, loses nothing that it recorded, and goes on where it was."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from tests.forked import Forked, Forking
from tests.world import World, spec_of

MANY = [f"card-{number}" for number in range(400)]
LEAVES_WITHIN_S = 10


def start(world: World, *words: str, **environment: str) -> subprocess.Popen[str]:
    """``limner WORDS`` in a process of its own, which hears Ctrl-C also where the tests run in a shell's background."""
    return subprocess.Popen(
        world.command(*words),
        cwd=world.folder,
        env={**world.environment(), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def pictures(world: World) -> int:
    """How many picture files there are."""
    return sum(1 for _ in world.library.glob("*/??/*.png"))


def wait_for_pictures(world: World, at_least: int, process: Forked) -> None:
    """Return once so many pictures are stored."""
    deadline = time.monotonic() + 120
    while pictures(world) < at_least:
        assert process.poll() is None, process.communicate(0)
        assert time.monotonic() < deadline, "no pictures in two minutes"
        time.sleep(0.05)


def processes_of(world: World) -> list[str]:
    """Command lines of living processes that work on this world's library."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal() or int(folder.name) == os.getpid():
            continue
        try:
            environment = (folder / "environ").read_bytes()
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if f"LIMNER_LIBRARY={world.library}".encode() in environment and state != "Z":
            found.append(line)
    return found


def gone_within(world: World, seconds: float) -> list[str]:
    """Wait for the world's processes to leave; those that have not after ``seconds``."""
    deadline = time.monotonic() + seconds
    while (left := processes_of(world)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


class TestCtrlC:
    def test_ends_the_run_and_every_child_and_says_how_to_go_on(self, world: World, forking: Forking) -> None:
        world.write(spec_of(MANY))
        process = forking.start(world, "produce", "spec.yaml")  # with its own embedded Prefect server
        wait_for_pictures(world, 1, process)
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130, err
        assert time.monotonic() - began < LEAVES_WITHIN_S
        assert gone_within(world, LEAVES_WITHIN_S) == []
        assert "run the same command to go on" in err
        assert "Traceback" not in err, err


class TestKill9:
    def test_leaves_no_server_behind_which_started_once_there_were_pictures(
        self, world: World, forking: Forking
    ) -> None:
        world.write(spec_of(MANY))
        process = forking.start(world, "produce", "spec.yaml")
        stored = 0
        while not any("prefect_server" in line for line in processes_of(world)):
            stored = pictures(world)
            assert process.poll() is None, process.communicate(0)
            time.sleep(0.02)
        assert stored >= 64, "on a CPU, the first shard comes before Prefect takes its share of the machine"
        process.kill()
        process.communicate(timeout=60)
        assert gone_within(world, LEAVES_WITHIN_S) == []


class TestPrefectsState:
    def test_is_no_part_of_the_library_and_goes_with_the_run(self, world: World, forking: Forking) -> None:
        temporary = world.folder / "temporary"
        temporary.mkdir()
        world.write(spec_of(MANY[:3]))
        out, err = forking.start(world, "produce", "spec.yaml", "--json", TMPDIR=str(temporary)).communicate(
            timeout=180
        )
        assert json.loads(out)["generated"] == 6, err
        assert not (world.library / "prefect").exists()
        deadline = time.monotonic() + LEAVES_WITHIN_S
        while (left := list(temporary.glob("limner-prefect-*"))) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert left == []


class TestTwoRunsAtOnce:
    def test_of_one_set_make_each_picture_once(
        self, world: World, forking: Forking, prefect_server: dict[str, str]
    ) -> None:
        world.write(spec_of(MANY[:12]))
        server = prefect_server
        both = [forking.start(world, "produce", "spec.yaml", "--json", **server) for _ in range(2)]
        outputs = [process.communicate(timeout=180) for process in both]
        assert [process.returncode for process in both] == [0, 0], outputs
        assert "locked" not in "".join(err for _, err in outputs)
        made = sorted(json.loads(out)["generated"] for out, _ in outputs)
        assert made == [0, 24]

    def test_of_two_sets_with_the_same_jobs_make_each_picture_once(
        self, world: World, forking: Forking, prefect_server: dict[str, str]
    ) -> None:
        world.write(spec_of(MANY[:12]))
        shutil.copy(world.spec, world.folder / "other.yaml")
        other = world.folder / "other.yaml"
        other.write_text(other.read_text().replace("set: tiny-set", "set: other-set"))
        server = prefect_server
        both = [forking.start(world, "produce", name, "--json", **server) for name in ("spec.yaml", "other.yaml")]
        outputs = [process.communicate(timeout=180) for process in both]
        assert [process.returncode for process in both] == [0, 0], outputs
        summaries = [json.loads(out) for out, _ in outputs]
        assert sum(summary["generated"] for summary in summaries) == 24, summaries
        assert sum(summary["reused"] for summary in summaries) == 24, summaries
        assert pictures(world) == 24


class TestWhatAUserMustMend:
    def test_is_told_before_prefect_starts(self, world: World) -> None:
        spec = spec_of(["card"])
        spec["picture"]["clip_skip"] = 9  # shows only once the text encoder is loaded
        world.write(spec)
        process = start(world, "produce", "spec.yaml", PYTHONPROFILEIMPORTTIME="1")
        _, err = process.communicate(timeout=120)
        assert process.returncode == 1, err
        assert "clip_skip: got 9" in err
        assert re.search(r"\| +torch$", err, re.MULTILINE), "the log of imports is there"
        assert not re.search(r"\| +prefect$", err, re.MULTILINE)
