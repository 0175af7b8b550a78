"""A process that meets hostile folders and specs one after the other, each in a fork; one JSON line an attempt.

    python -m tests.faults.hostile_child FOLDER --folders 300 --inputs 300 --seed 0

``hostile.py`` starts it under strace. A folder is pinned, as planning does, and loaded, and renders or measures where
that works; a spec is planned by the command line itself.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import itertools
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from generator.families.registry import FAMILIES
from generator.prompts.tokenizer import load_tokenizer
from generator.weights.hashes import HashMemory
from generator.weights.pinning import pin
from specs.boundary.children import configure_libraries
from specs.checkpoint import Checkpoint, Source, Status
from specs.errors import LimnerError
from tests.faults.isolated import isolated
from tests.security import hostile_images, hostile_scorers
from tests.security.attempts import ARCHITECTURES, hashed, use
from tests.security.calls import mark
from tests.security.hostile_cases import one_of_each
from tests.security.hostile_files import CANARY
from tests.security.hostile_specs import inputs, put

Attempt = tuple[str, Callable[[], object]]  # its name, and what to do in its folder


@dataclass(frozen=True, slots=True)
class Places:
    """Where attempts are made, below one folder."""

    root: Path

    @property
    def library(self) -> Path:
        """Given to each."""
        return self.root / "library"

    @property
    def attempt(self) -> Path:
        """The folder to be in, made anew for each attempt: nothing may be written there."""
        return self.root / "attempt"

    @property
    def canary(self) -> Path:
        """What code of an attempt would write."""
        return self.root / "canary"

    @property
    def said(self) -> Path:
        """What an attempt printed."""
        return self.root / "said"

    @property
    def may_change(self) -> tuple[Path, ...]:
        """The library, the temporary folder, and the file of what is printed."""
        return self.library, self.root / "tmp", self.said


def images(places: Places, good: Mapping[str, Path], seed: int, *, load: bool) -> Iterator[Attempt]:
    """Image checkpoints spoiled, from a good folder of each role."""
    for case in one_of_each(hostile_images.cases(tuple(good)), seed):
        folder = places.attempt / case.role
        shutil.copytree(good[case.role], folder)
        case.spoil(folder)
        yield case.name, functools.partial(_image, case.role, folder, places.library, load=load)


def scorers(places: Places, good: hostile_scorers.Good, seed: int) -> Iterator[Attempt]:
    """Folders of CLIPs, checkers and heads spoiled."""
    for case in one_of_each(hostile_scorers.cases(), seed):
        folder = good.copy(case.role, places.attempt / case.role)
        case.spoil(folder)
        yield case.name, functools.partial(_scorer, case.role, folder, places.library, good.clip_sha256)


def _declared(role: str, folder: Path, architecture: str) -> Checkpoint:
    """An entry of the user's own that names no hashes."""
    source = Source(folder=str(folder))
    return Checkpoint(f"hostile-{role}", architecture, source, (), "CC0-1.0", Status.DECLARED, True)


def _image(role: str, folder: Path, library: Path, *, load: bool) -> None:
    """Without ``load`` what planning reads: all but the numbers of the weights."""
    pinned = pin(_declared(role, folder, role), folder, HashMemory(library / "hashes.json"))
    for part in FAMILIES[role].parts:
        if part.startswith("tokenizer"):
            load_tokenizer(folder / part)
    if load:
        from generator.candidate import Batch
        from generator.environment import choose_setting
        from generator.sampling.diffusion import render
        from generator.weights.loading import load as load_image
        from tests.generator.conftest import job

        model = load_image(pinned, folder, choose_setting("cpu", threads=1))
        render(model, Batch((job(model),), 1))


def _scorer(role: str, folder: Path, library: Path, clip_sha256: str) -> None:
    """By what planning asks, and, whatever that says, by what loading asks."""
    with contextlib.suppress(LimnerError):
        declared = _declared(role, folder, ARCHITECTURES.get(role, "aesthetic-head"))
        pin(declared, folder, HashMemory(library / "hashes.json"))
    use(role, hashed(role, folder), folder, clip_sha256)


def specs(places: Places, seed: int, *, refused: bool = True) -> Iterator[Attempt]:
    """Specs with their tables, pictures and registries, planned."""
    for name, files in inputs(seed, refused=refused):
        put(files, places.attempt)
        yield name, _plan


def _plan() -> None:
    from flows.cli.app import main

    sys.argv = ["limner", "plan", "spec.yaml", "--prompts"]
    main()


def run(kind: str, attempts: Iterator[Attempt], number: int | None, places: Places) -> Iterator[dict[str, Any]]:
    """Meet this many, or all: how each ended, its name and mark, and whether code of its own ran."""
    for count in itertools.count():
        shutil.rmtree(places.attempt, ignore_errors=True)
        places.attempt.mkdir()
        if count == number or (attempt := next(attempts, None)) is None:
            return
        mark(f"{kind}-{count}")
        ended = isolated(attempt[1], places.attempt, places.said)
        mark("")
        ran = places.canary.exists()
        places.canary.unlink(missing_ok=True)
        yield {"kind": kind, "name": attempt[0], "mark": f"{kind}-{count}", "ran": ran, **asdict(ended)}


def main() -> None:
    """Inputs first, before torch is imported."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--inputs", type=int)
    parser.add_argument("--folders", type=int, help="of image checkpoints, and as many of scorers")
    parser.add_argument("--known", action="store_true", help="leave those of hostile_tables out")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    places = Places(options.folder)
    os.environ |= {CANARY: str(places.canary), "LIMNER_LIBRARY": str(places.library), "LIMNER_DEVICE": "cpu"}
    configure_libraries()
    import flows.cli.commands.making.plan  # what planning imports, so that the forks have it

    assert flows.cli.commands.making.plan
    for one in run("spec", specs(places, options.seed, refused=not options.known), options.inputs, places):
        print(json.dumps(one), flush=True)
    if options.folders == 0:
        return
    from tests.faults.kills import warm_up

    warm_up()
    good = hostile_images.build(places.root / "good")
    found = run("image checkpoint", images(places, good, options.seed, load=True), options.folders, places)
    own = hostile_scorers.Good.build(places.root / "good-scorers")
    for one in itertools.chain(found, run("scorer", scorers(places, own, options.seed), options.folders, places)):
        print(json.dumps(one), flush=True)


if __name__ == "__main__":
    main()
