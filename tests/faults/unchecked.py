"""A safety checker that is not there, damaged, failing or answering nonsense: no picture of the run may be kept.

``python -m tests.faults.unchecked --pictures 1000`` sends that many pictures through the real line for each fault
(a stand-in paints; encoding, scoring, judging, storing and choosing are the real ones), counts keepers, tries to keep
one by hand, and compares every stored picture with what was painted, pixel by pixel.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.scale import picture_of
from catalog.catalog import Catalog
from catalog.review.decisions import Decision, decide
from flows.settings import Settings
from generator.pictures.images import read_png
from specs.errors import LimnerError, UsageError
from specs.job import Job
from tests.flows.standing import make
from tests.world import World, build_models, spec_of

EACH = 10


@dataclass(frozen=True)
class Outcome:
    """``kept`` must be 0. ``refused``: why the run did not begin, or ended before a picture was recorded."""

    recorded: int
    kept: int
    kept_by_hand: int
    altered: int
    refused: str = ""


def raises(scorers: Any) -> Any:
    """The checker's numbers cannot be computed."""
    scorers.checker.concepts = None
    return scorers


def answers_nan(scorers: Any) -> Any:
    """The checker's numbers are not numbers."""
    scorers.checker.concepts.embeds[:] = math.nan
    return scorers


def answers_for_fewer(scorers: Any) -> Any:
    """The checker leaves pictures out."""

    class Short:
        def measure(self, embeddings: Any) -> list[Any]:
            return []

    scorers.checker.concepts = Short()
    return scorers


def truncated(folder: Path) -> None:
    """The checker's weights file ends too early."""
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[: -path.stat().st_size // 3])


def flipped(folder: Path) -> None:
    """One bit of the checker's weights is another."""
    path = folder / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def gone(folder: Path) -> None:
    """The checker's folder is empty."""
    for path in folder.iterdir():
        path.unlink()


SCORER_FAULTS: dict[str, Callable[[Any], Any]] = {
    "raising": raises,
    "nan": answers_nan,
    "answering for fewer": answers_for_fewer,
}
FILE_FAULTS: dict[str, Callable[[Path], None]] = {"truncated": truncated, "flipped": flipped, "gone": gone}
FAULTS = ("none asked for", *SCORER_FAULTS, *FILE_FAULTS)


def meet(fault: str, world: World, pictures: int) -> Outcome:
    """Make the set with this fault, and count."""
    ids = [f"card-{number}" for number in range(-(-pictures // EACH))]
    spec = spec_of(ids, candidates=EACH, keep={**spec_of(ids)["keep"], "per_asset": EACH})
    if fault == "none asked for":
        spec["scoring"] = {"safety": "none"}
    if fault in FILE_FAULTS:
        FILE_FAULTS[fault](world.registry.parent / "scorers" / "safety")
    world.write(spec)
    settings = Settings(world.library, device="cpu", threads=1, checkpoints=(world.registry,))
    refused = ""
    try:
        make(world.spec, settings=settings, change=SCORER_FAULTS.get(fault, lambda scorers: scorers))
    except LimnerError as error:
        refused = str(error)
    return _count(world, refused)


def _count(world: World, refused: str) -> Outcome:
    if not (world.library / "catalog.sqlite").is_file():
        return Outcome(0, 0, 0, 0, refused)
    with Catalog.open(world.library, create=False) as catalog:
        made = [one for jobs in catalog.candidates("tiny-set").values() for one in jobs.values()]
        kept, altered = len(catalog.keepers()), 0
        for one in made:
            stored = read_png(catalog.picture(one.image_sha256)).pixels
            altered += not np.array_equal(stored, picture_of(_job(catalog.provenance(one.key).value)))
        by_hand = sum(_keeps(catalog, one.key.candidate_id) for one in made[:20])
        return Outcome(len(made), kept, by_hand, altered, refused)


def _job(record: Any) -> Job:
    return Job.from_recipe(record["job"]["recipe"])


def _keeps(catalog: Catalog, candidate_id: str) -> bool:
    """Whether a person can keep it without saying that they override the check."""
    try:
        return decide(catalog, Decision(candidate_id, True, "somebody")).is_keeper
    except UsageError:
        return False


def main() -> None:
    """One line a fault; exit 1 when anything was kept or altered, or lost though the run was not refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=1000)
    options = parser.parse_args()
    bad = 0
    for fault in FAULTS:
        with tempfile.TemporaryDirectory(prefix="limner-unchecked-") as folder:
            world = World(Path(folder), build_models(Path(folder) / "models"))
            found = meet(fault, world, options.pictures)
            bad += found.kept + found.kept_by_hand + found.altered
            bad += not found.refused and found.recorded < options.pictures
            value = {"fault": fault, "recorded": found.recorded, "kept": found.kept}
            value |= {"kept by hand": found.kept_by_hand, "altered": found.altered, "refused": bool(found.refused)}
            print(json.dumps(value), flush=True)
        os.chdir("/")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
