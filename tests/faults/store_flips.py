"""Flip bits, truncate and delete files of a library, one damage at a time: ``verify`` finds every one.

    python -m tests.faults.store_flips --all         1,000 of a sealed library, 1,000 of one whose process was killed
    python -m tests.faults.store_flips --sample 60

A sealed library accounts for every byte. In one that was killed after its last write, damage to bytes that say nothing
(free space inside pages) may go unfound: then every row must still read back as it was.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from catalog.catalog import Catalog
from catalog.integrity.verify import verify
from specs.errors import LimnerError
from tests.catalog.factory import World, by_person, card, measure_again, quarantined
from tests.faults.store_faults import content

WORLD = World(assets=3, each=6)


@dataclass(frozen=True, slots=True)
class Figures:
    """``idle``: damages that were not found and changed nothing that the catalog says (never in a sealed library)."""

    tried: int
    found: int
    idle: int
    violations: list[str]


@contextmanager
def lived_in(*, sealed: bool) -> Iterator[Path]:
    """A library with a bit of everything in it; closed properly, or as a killed process leaves it."""
    with tempfile.TemporaryDirectory(prefix="limner-flips-") as folder:
        library = Path(folder) / "library"
        catalog = Catalog.open(library, create=True)
        WORLD.register(catalog)
        records = WORLD.records(10)
        catalog.record([*records[:8], *(quarantined(record) for record in records[8:])])
        run = catalog.start_run(WORLD.set_name, WORLD.spec.spec_sha256)
        catalog.claim([WORLD.key(number).job_id for number in range(14)], run)
        catalog.finish_run(run, "finished", {"generated": 10})
        catalog.append([(records[1].key, by_person(records[1], True, note="the best of them"))])
        measure_again(catalog, records[2].key, card(records[2].candidate.image_sha256, 7.5))
        assert catalog.drop_pixels([records[3].candidate.image_sha256]) == 1
        if not sealed:
            shutil.copytree(library, Path(folder) / "killed")
        catalog.close()
        yield library if sealed else Path(folder) / "killed"


def campaign(count: int, *, sealed: bool, seed: int = 1) -> Figures:
    """Do ``count`` damages, each on its own, each undone after ``verify`` has looked."""
    chance = random.Random(seed)
    violations: list[str] = []
    found = idle = 0
    with lived_in(sealed=sealed) as library:
        violations += _false_alarms(library)
        rows = content(library)
        files = sorted(path for path in library.rglob("*") if path.is_file() and "locks" not in path.parts)
        for _ in range(count):
            path = chance.choice(files) if chance.random() < 0.5 else library / "catalog.sqlite"
            before = path.read_bytes()
            what = f"{_damage(path, before, chance)} of {path.relative_to(library)}"
            state = _state(library)
            problems = _problems(library)
            if _state(library) != state:
                violations.append(f"{what}: verify wrote something")
            if problems:
                found += 1
            elif not sealed and path.name == "catalog.sqlite" and _same(library, rows):
                idle += 1
            else:
                violations.append(f"{what}: not found")
            path.write_bytes(before)
        violations += _false_alarms(library)
    return Figures(count, found, idle, violations)


def _problems(library: Path) -> list[str]:
    try:
        return [str(problem) for problem in verify(library).problems]
    except LimnerError as error:  # the number of the schema was hit: a newer limner must have written this
        return [str(error)]


def _damage(path: Path, before: bytes, chance: random.Random) -> str:
    kind = chance.choices(("flip", "truncation", "deletion"), (8, 1, 1))[0]
    if kind == "flip":
        at, bit = chance.randrange(len(before)), chance.randrange(8)
        path.write_bytes(before[:at] + bytes([before[at] ^ 1 << bit]) + before[at + 1 :])
        return f"flip of bit {bit} at byte {at}"
    if kind == "truncation":
        size = chance.randrange(len(before))
        path.write_bytes(before[:size])
        return f"truncation to {size} bytes"
    path.unlink()
    return "deletion"


def _false_alarms(library: Path) -> list[str]:
    return [f"false alarm: {problem}" for problem in verify(library).problems]


def _same(library: Path, rows: dict[str, list[tuple[object, ...]]]) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(library / "catalog.sqlite", folder)
        return content(Path(folder)) == rows


def _state(library: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every file and folder: size, time of change, content."""
    return {
        str(path): (path.stat().st_size, path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in library.rglob("*")
    }


def main() -> int:
    """Print the figures; exit code 1 when there is a violation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], prog=Path(__file__).stem)
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--all", action="store_true")
    how.add_argument("--sample", type=int)
    arguments = parser.parse_args()
    code = 0
    for sealed in (True, False):
        figures = campaign(1000 if arguments.all else arguments.sample, sealed=sealed)
        name = "sealed" if sealed else "killed"
        print(
            f"{name} library: {figures.tried} damages, {figures.found} found, {figures.idle} in idle bytes, "
            f"{len(figures.violations)} violations"
        )
        print("\n".join(figures.violations[:50]))
        code |= bool(figures.violations)
    return code


if __name__ == "__main__":
    sys.exit(main())
