"""Kill a run at random moments, resume, and compare with a run that nobody disturbed.

``python -m tests.faults.kills --kills 200`` runs the whole campaign. Every trial is a process of its own: a parent that
has imported everything forks it, so that the time is spent in the run and not in imports. A Prefect server of the
parent's serves them all (what becomes of an embedded one is tested in tests/flows/test_interruption.py).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.world import World, build_models, spec_of

KILLS_A_LIBRARY = 5


@dataclass
class Outcome:
    """Counts of the campaign; ``violations`` are sentences."""

    kills: int = 0
    libraries: int = 0
    hit_while: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)


def snapshot(library: Path) -> dict[str, Any]:
    """Everything that a catalog says of the set, times aside: by candidate, its picture, scores and verdict."""
    from catalog.catalog import Catalog

    with Catalog.open(library, create=False) as catalog:
        made = catalog.candidates("tiny-set")
        found = {}
        for asset_id, jobs in made.items():
            for job_id, candidate in jobs.items():
                record = catalog.provenance(candidate.key)
                found[f"{asset_id} {job_id}"] = {
                    "number": candidate.number,
                    "picture": candidate.image_sha256,
                    "pixels": record.value["image"]["pixels_sha256"],  # type: ignore[index,call-overload]
                    "provenance": record.sha256,
                    "card": candidate.card,
                    "keep": candidate.keep,
                    "policy": candidate.policy_sha256,
                }
    return found


def files(library: Path) -> set[str]:
    """The names of all picture files."""
    return {path.name for path in library.glob("*/??/*.png")}


def run_in_fork(world: World) -> int:
    """Start a produce of the world's spec in a forked process; returns its pid."""
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        os.setpgid(0, 0)
        sink = os.open(world.folder / "child.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(sink, 1)
        os.dup2(sink, 2)
        os.environ.update({k: v for k, v in world.environment().items() if k.startswith("LIMNER_")})
        os.chdir(world.folder)
        from flows.cli.commands.making.produce import produce_specs
        from flows.settings import from_environment

        code = produce_specs([Path("spec.yaml")], from_environment(), as_json=True)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def finish(world: World) -> tuple[int, float]:
    """Run to the end; (exit code, seconds)."""
    began = time.monotonic()
    _, status = os.waitpid(run_in_fork(world), 0)
    return os.waitstatus_to_exitcode(status), time.monotonic() - began


def campaign(folder: Path, kills: int, pictures: int, seed: int, *, say: Any = print) -> Outcome:
    """Kill ``kills`` runs of sets of ``pictures``; each library takes a few, is resumed to the end, and compared."""
    rng = random.Random(seed)
    registry = build_models(folder / "models")
    calm = World(folder / "calm", registry)
    _prepare(calm, pictures)
    finish(calm)  # the first one reads files that later ones find in memory
    shutil.rmtree(calm.library)
    code, seconds = finish(calm)
    assert code == 0, (folder / "calm" / "child.log").read_text()
    expected, outcome = snapshot(calm.library), Outcome()
    assert len(expected) == pictures, len(expected)
    expected_files = files(calm.library)
    while outcome.kills < kills:
        world = World(folder / f"trial-{outcome.libraries}", registry)
        _prepare(world, pictures)
        for _ in range(min(KILLS_A_LIBRARY, kills - outcome.kills)):
            if not _kill_once(world, rng, seconds, outcome):
                break
        code, _seconds = finish(world)
        _check(world, code, expected, expected_files, outcome)
        outcome.libraries += 1
        say(f"{outcome.kills} kills, {outcome.libraries} libraries, {len(outcome.violations)} violations")
    return outcome


def _prepare(world: World, pictures: int) -> None:
    world.folder.mkdir(parents=True)
    world.write(spec_of([f"card-{number}" for number in range(pictures // 4)], candidates=4))


def _kill_once(world: World, rng: random.Random, seconds: float, outcome: Outcome) -> bool:
    """Kill a run at a random moment: one in four at any time, the others after it has begun to store pictures.

    False when the run had finished before; that is no kill.
    """
    before = files(world.library)
    pid = run_in_fork(world)
    ended = 0
    if rng.random() < 0.75:
        while not ended and files(world.library) == before:
            time.sleep(0.002)
            ended, status = os.waitpid(pid, os.WNOHANG)
    if not ended:
        time.sleep(rng.uniform(0, seconds / 3))
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    after = files(world.library)
    if not before <= after:
        outcome.violations.append(f"{world.folder.name}: {len(before - after)} pictures vanished")
    if os.WIFEXITED(status):
        return False
    outcome.kills += 1
    when = "while pictures were being stored" if before < after else "before the first picture"
    outcome.hit_while[when] += 1
    return True


def _check(world: World, code: int, expected: dict[str, Any], expected_files: set[str], outcome: Outcome) -> None:
    from catalog.integrity.verify import verify

    name = world.folder.name
    if code != 0:
        outcome.violations.append(f"{name}: the resumed run ended with {code}")
    found = snapshot(world.library)
    if found != expected:
        differing = [key for key in {*expected, *found} if expected.get(key) != found.get(key)]
        outcome.violations.append(f"{name}: {len(differing)} candidates differ, first {sorted(differing)[0]}")
    report = verify(world.library)
    outcome.violations += [f"{name}: {problem.kind} {problem.what}" for problem in report.problems]
    if not expected_files <= files(world.library):
        outcome.violations.append(f"{name}: pictures are missing")


def main() -> None:
    """Run the campaign and print its figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--pictures", type=int, default=64)
    parser.add_argument("--seed", type=int, default=20220916)
    options = parser.parse_args()
    from flows.orchestration.prefect_home import EmbeddedServer, prepare

    with tempfile.TemporaryDirectory(prefix="limner-kills-") as name:
        folder = Path(name)
        server = EmbeddedServer(prepare())
        server.wait_until_ready()
        warm_up()
        began = time.monotonic()
        outcome = campaign(
            folder, options.kills, options.pictures, options.seed, say=lambda line: print(line, file=sys.stderr)
        )
        server.stop()
    print(
        json.dumps(
            {
                "kills": outcome.kills,
                "libraries": outcome.libraries,
                "pictures_a_library": options.pictures,
                "seed": options.seed,
                "killed": dict(outcome.hit_while),
                "violations": outcome.violations,
                "seconds": round(time.monotonic() - began),
            },
            indent=2,
        )
    )
    sys.exit(1 if outcome.violations else 0)


def warm_up() -> None:
    """Import what a run imports, without starting a thread: the children inherit it."""
    import diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion
    import open_clip
    import torch
    import transformers

    import flows.produce
    import generator.sampling.diffusion
    import generator.weights.loading
    import scoring.scorers

    assert all((diffusers, open_clip, torch, transformers, flows, generator, scoring))
    torch.set_num_threads(1)


if __name__ == "__main__":
    main()
