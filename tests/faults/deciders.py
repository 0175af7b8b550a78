"""Eight people decide as fast as they can while ``limner produce`` fills the same set: nothing is lost, no lock shown.

    python -m tests.faults.deciders --all      8 × 1,000

Each process calls what the review page calls, ``catalog.review.decisions.decide``, on pictures that are on record;
beside them a real ``produce`` on a tiny model makes more and more of the set, as long as they go on.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE

from catalog.catalog import Catalog
from catalog.integrity.verify import verify
from catalog.review.decisions import Decision, decide
from tests.world import ROOT, Finished, World, build_models, spec_of

SET = "tiny-set"
FIRST, MORE = 12, 12  # assets that are there when they begin, and that each further run adds


@dataclass(frozen=True, slots=True)
class Figures:
    """``worst_s``: the longest that one decision took; ``generated``: pictures made meanwhile."""

    decided: int
    generated: int
    seconds: float
    worst_s: float
    violations: list[str]


def spec(assets: int) -> dict[str, object]:
    """A set of so many assets, two candidates each."""
    return spec_of([f"card-{number}" for number in range(assets)])


def campaign(world: World, produce: Callable[[], Finished], writers: int, each: int) -> Figures:
    """``writers`` processes make ``each`` decisions while ``produce`` is run on a growing spec, at least once."""
    world.write(spec(FIRST))
    first = produce()
    assert first.code == 0, first.err
    command = [sys.executable, "-m", "tests.faults.deciders", "--library", str(world.library), "--each", str(each)]
    began = time.monotonic()
    processes = [
        subprocess.Popen([*command, "--writer", str(number)], cwd=ROOT, stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True)
        for number in range(writers)
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()  # it has begun
    generated, violations, assets = 0, [], FIRST
    while not generated or any(process.poll() is None for process in processes):
        assets += MORE
        world.write(spec(assets))
        done = produce()
        if done.code or "lock" in done.err:
            violations.append(f"produce ended with {done.code}: {done.err[-300:]}")
            break
        generated += done.json["generated"]
    told = [process.communicate() for process in processes]
    seconds = time.monotonic() - began
    violations += [f"a decider: {err[-300:]}" for (_, err), one in zip(told, processes, strict=True)
                   if one.returncode or err]  # fmt: skip
    worst = max((json.loads(out.splitlines()[-1])["worst_s"] for out, _ in told if out.strip()), default=0.0)
    violations += _lost(world.library, writers, each)
    return Figures(writers * each, generated, seconds, worst, violations)


def _lost(library: Path, writers: int, each: int) -> list[str]:
    with Catalog.open(library, create=False) as catalog, catalog.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT note FROM verdicts WHERE by_person")
        notes = Counter(row[0] for row in rows)
    wanted = {f"{writer}-{number}" for writer in range(writers) for number in range(each)}
    found = [f"lost: {sorted(wanted - set(notes))[:5]}"] if wanted - set(notes) else []
    found += [f"twice or nobody's: {note}" for note, count in notes.items() if count > 1 or note not in wanted][:5]
    return [*found, *(str(problem) for problem in verify(library).problems)]


def _decide(library: Path, writer: int, each: int) -> None:
    """Keep and reject in turn; with a note that nobody else writes."""
    worst = 0.0
    with Catalog.open(library, create=False) as catalog:
        ids = sorted(one.key.candidate_id for jobs in catalog.candidates(SET).values() for one in jobs.values())
        print("deciding", flush=True)
        for number in range(each):
            keep = (number + writer) % 2 == 0
            decision = Decision(
                ids[(number * 7 + writer) % len(ids)], keep, f"person-{writer}", () if keep else ("off_style",),
                f"{writer}-{number}", override=keep,
            )  # fmt: skip
            began = time.monotonic()
            tile = decide(catalog, decision)
            worst = max(worst, time.monotonic() - began)
            assert tile.note == decision.note, tile
    print(json.dumps({"worst_s": worst}))


def main() -> int:
    """Print the figures; exit code 1 when there is a violation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], prog=Path(__file__).stem)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--library", type=Path)
    parser.add_argument("--writer", type=int)
    parser.add_argument("--each", type=int, default=1000)
    arguments = parser.parse_args()
    if arguments.writer is not None:
        _decide(arguments.library, arguments.writer, arguments.each)
        return 0
    from flows.orchestration.prefect_home import EmbeddedServer, prepare

    with tempfile.TemporaryDirectory(prefix="limner-deciders-") as name:
        folder = Path(name)
        server = EmbeddedServer(prepare())
        server.wait_until_ready()
        told = {name: value for name, value in os.environ.items() if name.startswith("PREFECT_")}
        world = World(folder, build_models(folder / "models"))
        figures = campaign(world, lambda: world.run("produce", "spec.yaml", "--json", **told), 8, arguments.each)
        server.stop()
    print(
        f"8 deciders, {figures.decided} verdicts in {figures.seconds:.1f} s while produce made {figures.generated} "
        f"pictures; longest wait {figures.worst_s:.2f} s: {len(figures.violations)} violations"
    )
    print("\n".join(figures.violations))
    return bool(figures.violations)


if __name__ == "__main__":
    sys.exit(main())
