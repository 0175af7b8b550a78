"""How long ``limner rescore`` takes on a library of 30,000 candidates. ``python -m benchmarks.rescore``

300 assets × 100 candidates, embeddings of 768 numbers, twenty safety scores each, judged and chosen from. Then the
command itself, as a process of its own: after a change of a threshold, after a change of the aesthetic head, and once
more with nothing to do; all of it ROUNDS times, since other tenants of a machine can cost a process half of its speed
(``start_s``, the time that ``limner rescore --help`` takes, says how the machine was meanwhile). The rows are made by
the catalog's own writer; no picture has a file, because none is read:
a PNG that were decoded would be missing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from catalog.catalog import Catalog
from catalog.database import seal
from catalog.database.rows import now
from catalog.provenance import Embedding, Record
from catalog.writes import candidates as record
from flows.pipeline.resolve import ResolvedSpec, resolve_spec
from flows.settings import Settings
from generator.candidate import Candidate, Execution
from scoring.scorecard import Safety, SafetyState, Scorecard
from tests import tiny_scorers
from tests.world import World, build_models, spec_of

ASSETS, EACH, DIM, AT_ONCE = 300, 100, 768, 1000
STACK = Execution("cpu", "stand-in", "float32", 16, False, 1, (("stand-in", "1"),), ())
LIMIT_S = 5.0


def records(resolved: ResolvedSpec, each: int) -> Iterator[Record]:
    """Every candidate of the set, with scores from a seeded generator and embeddings of its asset's own kind."""
    rng = np.random.default_rng(0)
    clip = resolved.scorers["clip"]
    assert clip is not None
    safety = Safety(SafetyState.CLEAR, (), "made up", tuple((f"concept_{n:02d}", -0.123457) for n in range(20)))
    for asset_id, plan in resolved.plans.items():
        subject = rng.normal(size=DIM)
        for number in range(each):
            job = plan.job(number)
            sha256 = hashlib.sha256(job.job_id.encode()).hexdigest()
            vector = subject + 0.5 * rng.normal(size=DIM)
            vector = (vector / np.linalg.norm(vector)).astype(np.float16)
            scores = [round(float(value), 6) for value in rng.normal((5.5, 0.29), (0.6, 0.02))]
            card = Scorecard(sha256, *scores, 1, 0.5, safety, (), resolved.identities[asset_id])
            made = Candidate(job, sha256, sha256, job.width_px, job.height_px, STACK, 1.0)
            phash = f"{int(rng.integers(2**63)):016x}"
            yield Record(
                resolved.spec.set_name, asset_id, number, made, card,
                Embedding(clip.checkpoint.weights_id, vector), phash,
                resolved.spec.spec_sha256, "objects", b"x", None, now(),
            )  # fmt: skip


def fill(world: World, each: int) -> None:
    """A library as ``produce`` leaves it, but for the pictures' files."""
    resolved = resolve_spec(world.spec, Settings(world.library, checkpoints=(world.registry,)))
    with Catalog.open(world.library, create=True) as catalog:
        resolved.register(catalog)
        everything = list(records(resolved, each))
        for start in range(0, len(everything), AT_ONCE):
            with seal.write_transaction(catalog.engine) as connection:
                record.put_records(connection, everything[start : start + AT_ONCE])


def wide_scorers(folder: Path, registry: Path) -> list[str]:
    """Two heads that read 768 numbers, for a CLIP of that width, put into the registry; their names.

    The stand-in for the CLIP is the tiny one, which is not loaded.
    """
    value = yaml.safe_load(registry.read_text(encoding="utf-8"))
    clip = value["checkpoints"]["tiny-clip"]["files"]["open_clip_model.safetensors"]
    names = []
    for seed in (1, 2):
        checkpoint, where = tiny_scorers.build_head(folder / f"head-{seed}", clip, seed, dim=DIM)
        names.append(f"head-{seed}")
        value["checkpoints"][names[-1]] = {
            **value["checkpoints"]["tiny-aesthetic"],
            "source": {"folder": str(where.resolve())},
            "files": {file.path: file.sha256 for file in checkpoint.files},
        }
    registry.write_text(json.dumps(value), encoding="utf-8")
    return names


def measure(folder: Path, assets: int, each: int, rounds: int) -> dict[str, Any]:
    """Every figure by name; what was timed several times as a list."""
    world = World(folder, build_models(folder / "models"))
    first, second = wide_scorers(folder, world.registry)
    ids = [f"card-{number}" for number in range(assets)]

    def write(head: str, least: float) -> None:
        keep = {"per_asset": 1, "min_aesthetic": least}
        world.write(spec_of(ids, candidates=each, keep=keep, scoring={"aesthetic": head}))

    write(first, 0.0)
    fill(world, each)
    figures: dict[str, Any] = {"candidates": assets * each, "embedding_dim": DIM, "limit_s": LIMIT_S}
    figures["first_choice_s"], _ = _timed(world)
    figures |= {name: [] for name in ("start_s", "threshold_s", "head_s", "nothing_s")}
    old, new, every = first, second, assets * each
    for number in range(rounds):
        figures["start_s"].append(_start(world))
        for name, head, done in (
            ("threshold_s", old, (0, every)),
            ("head_s", new, (every, every)),
            ("nothing_s", new, (0, 0)),
        ):
            write(head, 5.0 + number / 100)
            seconds, changed = _timed(world)
            assert (changed["measured"], changed["judged"]) == done
            figures[name].append(seconds)
        old, new = new, old
    return figures


def _timed(world: World) -> tuple[float, dict[str, Any]]:
    began = time.monotonic()
    done = subprocess.run(
        world.command("rescore", "tiny-set", "--json"),
        cwd=world.folder, env=_environment(world), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return round(time.monotonic() - began, 2), json.loads(done.stdout)


def _start(world: World) -> float:
    began = time.monotonic()
    subprocess.run(world.command("rescore", "--help"), env=_environment(world), capture_output=True, check=True)
    return round(time.monotonic() - began, 2)


def _environment(world: World) -> dict[str, str]:
    """A person's: a shell that forbids Python to keep compiled modules would have them compiled at every start."""
    environment = world.environment()
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=int, default=ASSETS)
    parser.add_argument("--each", type=int, default=EACH)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="limner-rescore-") as folder:
        json.dump(measure(Path(folder), options.assets, options.each, options.rounds), sys.stdout, indent=2)
        print()


if __name__ == "__main__":
    main()
