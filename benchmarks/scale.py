"""A spec of many pictures with a stand-in renderer: does the path around the device keep up, and stay small?

``python -m benchmarks.scale --pictures 30000`` plans, runs encode → score → store → record, and runs again. The
renderer makes pixels from the job's hash without a network; all the rest is the real thing, on tiny scorers.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from flows.pipeline.rendering.renderer import RenderedBatch
from flows.pipeline.rendering.tools import Tools, tools_for
from flows.pipeline.resolve import ResolvedSpec
from flows.settings import Settings, from_environment
from generator.candidate import Batch, Execution
from specs.job import Job
from tests.world import ALL_DEFECTS, World, build_models, spec_of

CANDIDATES = 8
STACK = Execution("cpu", "stand-in", "float32", 16, False, 1, (("stand-in", "1"),), ())


@dataclass
class StandIn:
    """Makes (n, H, W, 3) pixels from each job's hash, and notes the process's memory as it goes."""

    made: int = 0
    rss_mib: list[tuple[int, float]] = field(default_factory=list)

    on_cpu = False

    def batch_size(self, _: Job) -> int:
        """A GPU's usual."""
        return 16

    def render(self, batch: Batch, _stopping: threading.Event) -> RenderedBatch:
        """A smooth random picture a job."""
        pixels = np.stack([picture_of(job) for job in batch.jobs])
        self.made += len(batch.jobs)
        if self.made // 1000 > len(self.rss_mib):
            self.rss_mib.append((self.made, resident_mib()))
        return RenderedBatch(batch.jobs, pixels, (True,) * len(batch.jobs), STACK, 0.0)


def picture_of(job: Job) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """(H, W, 3) coarse squares in colours that the job decides."""
    rng = np.random.default_rng(int(job.job_id[7:23], 16))
    coarse = rng.integers(0, 256, (job.height_px // 8, job.width_px // 8, 3), dtype=np.uint8)
    return coarse.repeat(8, axis=0).repeat(8, axis=1)


def resident_mib() -> float:
    """Memory of this process that is in RAM."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def write_spec(world: World, pictures: int) -> None:
    """One asset per eight pictures."""
    ids = [f"card-{number}" for number in range(pictures // CANDIDATES)]
    keep = {"per_asset": 1, "allow_defects": ALL_DEFECTS}
    world.write(spec_of(ids, candidates=CANDIDATES, keep=keep))


def measure(folder: Path, pictures: int) -> dict[str, Any]:
    """Plan, run, run again; every figure by name."""
    world = World(folder, build_models(folder / "models"))
    write_spec(world, pictures)
    os.environ.update({k: v for k, v in world.environment().items() if k.startswith("LIMNER_")})
    os.chdir(folder)
    plan_s, _ = _timed(world, "plan", "spec.yaml", "--json")
    stand_in, tasks = StandIn(), CountTasks()
    produce_s = _produce(world.spec, from_environment(), stand_in, tasks)
    rerun_s, again = _timed(world, "produce", "spec.yaml", "--json")
    assert json.loads(again)["generated"] == 0
    assert json.loads(again)["reused"] == pictures
    early = next(rss for made, rss in stand_in.rss_mib if made >= 1000)
    return {
        "pictures": pictures,
        "plan_s": round(plan_s, 2),
        "produce_s": round(produce_s, 1),
        "pictures_a_second": round(pictures / produce_s, 1),
        "rss_mib_after_1000": round(early, 1),
        "rss_mib_most_after": round(max(rss for _, rss in stand_in.rss_mib), 1),
        "shards": -(-pictures // from_environment().shard_pictures),
        "prefect_tasks": tasks.count,
        "rerun_s": round(rerun_s, 2),
    }


class CountTasks:
    """Counts the task runs that the flow submits."""

    count = 0


def _produce(spec: Path, settings: Settings, stand_in: StandIn, tasks: CountTasks) -> float:
    from flows import produce as prefect_part
    from flows.cli.commands.making.produce import produce_specs

    submit = prefect_part.make_shard.submit

    def counted(*args: Any, **kwargs: Any) -> Any:
        tasks.count += 1
        return submit(*args, **kwargs)

    def make_tools(resolved: ResolvedSpec, settings: Settings) -> Tools:
        return replace(tools_for(resolved, settings), load_renderer=lambda: stand_in)

    prefect_part.make_shard.submit = counted  # type: ignore[method-assign]
    began = time.monotonic()
    with contextlib.redirect_stdout(io.StringIO()):
        assert produce_specs([spec], settings, as_json=True, make_tools=make_tools) == 0
    prefect_part.make_shard.submit = submit  # type: ignore[method-assign]
    return time.monotonic() - began


def _timed(world: World, *words: str) -> tuple[float, str]:
    began = time.monotonic()
    done = subprocess.run(
        world.command(*words), cwd=world.folder, env=world.environment(), capture_output=True, text=True, check=True
    )
    return time.monotonic() - began, done.stdout


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=30_000)
    options = parser.parse_args()
    from flows.orchestration.prefect_home import EmbeddedServer, prepare

    with tempfile.TemporaryDirectory(prefix="limner-scale-") as folder:
        server = EmbeddedServer(prepare())  # before Prefect is imported, to count its tasks
        server.wait_until_ready()
        json.dump(measure(Path(folder), options.pictures), sys.stdout, indent=2)
        print()
        server.stop()
        os.chdir("/")


if __name__ == "__main__":
    main()
