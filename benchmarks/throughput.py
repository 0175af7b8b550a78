"""`limner produce` against the script that a user would write instead, on the same checkpoint and pictures.

``python -m benchmarks.throughput`` runs both in turn, each in a fresh process and limner in a fresh library, and prints
the ratios of pictures a minute past start-up and of the time to the first picture, with their spread over the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from flows.pipeline.resolve import resolve_spec
from flows.settings import from_environment

ROOT = Path(__file__).parent.parent
SUBJECTS = ("sword", "potion", "shield", "key", "scroll", "dice", "crown", "tower", "moon", "ship")
PICTURE = {"width_px": 128, "height_px": 128, "steps": 16, "guidance": 4.0, "scheduler": "dpmpp-2m"}


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds from the command to the first picture on disk; pictures a minute after those that came first."""

    first_s: float
    per_minute: float
    whole_s: float


def write_spec(folder: Path, pictures: int) -> Path:
    """Ten assets of the starter model."""
    value = {
        "set": "throughput",
        "checkpoint": "starter",
        "style": {"prompt": "a red {subject} on a night background, flat style", "negative": "blurry"},
        "picture": PICTURE,
        "candidates": pictures // len(SUBJECTS),
        "keep": {"per_asset": 1},
        "assets": [{"id": subject, "subject": subject} for subject in SUBJECTS],
    }
    path = folder / "spec.yaml"
    path.write_text(yaml.safe_dump(value, sort_keys=False), encoding="utf-8")
    return path


def run_limner(spec: Path, library: Path) -> Run:
    """A fresh library; times are those of the files' appearance."""
    began = time.time()
    subprocess.run(
        [sys.executable, "-P", "-m", "limner", "produce", str(spec), "--library", str(library), "--json"],
        cwd=ROOT, check=True, capture_output=True, env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    whole = time.time() - began
    stored = sorted(path.stat().st_mtime - began for path in library.glob("*/??/*.png"))
    return _run(stored, whole, first=4)


def run_plain_loop(jobs: Path, folder: Path) -> Run:
    """The rival, by its own clock plus the interpreter's start."""
    began = time.time()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.plain_loop", str(jobs), str(folder)],
        cwd=ROOT, check=True, capture_output=True, text=True, env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    whole = time.time() - began
    stored = sorted(path.stat().st_mtime - began for path in folder.glob("*.png"))
    assert len(stored) == len(done.stdout.splitlines())
    return _run(stored, whole, first=1)


def _run(stored: list[float], whole: float, first: int) -> Run:
    """Past start-up: pictures after the ``first`` ones (limner's come in batches), over the time since then."""
    return Run(stored[0], 60 * (len(stored) - first) / (stored[-1] - stored[first - 1]), whole)


def job_list(spec: Path, folder: Path) -> Path:
    """What the rival needs to make the very same pictures."""
    resolved = resolve_spec(spec, from_environment(library=folder / "unused"))
    jobs = [asdict(plan.job(n)) for plan in resolved.plans.values() for n in range(plan.asset.candidates.first)]
    scorers = {role: str(weights.folder) for role, weights in resolved.scorers.items() if weights}
    path = folder / "jobs.json"
    path.write_text(json.dumps({"image": str(resolved.image.folder), **scorers, "jobs": jobs}), encoding="utf-8")
    return path


def ratios(mine: list[float], theirs: list[float]) -> dict[str, float]:
    """Of each round, and their median, lowest and highest."""
    found = [one / other for one, other in zip(mine, theirs, strict=True)]
    return {
        "median": round(statistics.median(found), 3),
        "lowest": round(min(found), 3),
        "highest": round(max(found), 3),
    }


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=80)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    mine: list[Run] = []
    theirs: list[Run] = []
    with tempfile.TemporaryDirectory(prefix="limner-throughput-") as name:
        folder = Path(name)
        spec = write_spec(folder, options.pictures)
        jobs = job_list(spec, folder)
        for number in range(options.rounds):
            theirs.append(run_plain_loop(jobs, folder / f"plain-{number}"))
            mine.append(run_limner(spec, folder / f"library-{number}"))
    result: dict[str, Any] = {
        "command": f"python -m benchmarks.throughput --pictures {options.pictures} --rounds {options.rounds}",
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "cores": os.cpu_count(),
        "pictures_a_minute_ratio": ratios([run.per_minute for run in mine], [run.per_minute for run in theirs]),
        "first_picture_time_ratio": ratios([run.first_s for run in mine], [run.first_s for run in theirs]),
        "limner": [{k: round(v, 2) for k, v in asdict(run).items()} for run in mine],
        "plain_loop": [{k: round(v, 2) for k, v in asdict(run).items()} for run in theirs],
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
