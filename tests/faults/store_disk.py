"""Fill the disk at 20 levels, and fail every fsync once: a clear error, nothing acknowledged that is not on disk.

python -m tests.faults.store_disk --all        every point, and a real full disk where we may mount one
python -m tests.faults.store_disk --sample 6   some of the points
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.store_child import REFUSED
from tests.faults.store_faults import (
    SYNCING,
    WRITING,
    Outcome,
    calls_of_child,
    copy_of,
    run_child,
    scene,
    undisturbed,
    violations,
)

LEVELS = 20
KIB = 1024
MOST_FREE = 200 * KIB  # more than one commit needs


def campaign(sample: int | None, seed: int = 1) -> tuple[int, list[str]]:
    """(points tried, violations). From the nth write on the disk is full; the nth fsync fails, once or from then on."""
    with scene() as folder:
        expected = undisturbed(folder)
        points = _points(folder)
        if sample is not None:
            points = random.Random(seed).sample(points, min(sample, len(points)))
        found: list[str] = []
        for inject in points:
            library = copy_of(folder)
            outcome = run_child(library, inject)
            found += [f"{inject}: {what}" for what in judged(library, outcome, expected)]
    return len(points), found


def judged(library: Path, outcome: Outcome, expected: dict[str, list[tuple[object, ...]]]) -> list[str]:
    """Violations; and the child either acknowledged or refused in plain words."""
    found = violations(library, outcome, expected)
    if outcome.acknowledged == (outcome.code == REFUSED) and outcome.code != 0:
        found.append(f"neither done nor refused: {outcome}")
    if outcome.code == REFUSED and not any(mend in outcome.said for mend in ("free some space", "check the disk")):
        found.append(f"no mend: {outcome.said}")
    return found


def _points(folder: Path) -> list[str]:
    points = []
    for name in WRITING.split(","):
        total = sum(call == name for call, _ in calls_of_child(folder, WRITING))
        levels = sorted({1 + total * level // LEVELS for level in range(LEVELS)} if total else set())
        points += [f"{name}:error=ENOSPC:when={nth}+" for nth in levels if nth <= total]
    for name, nth in calls_of_child(folder, SYNCING):
        points += [f"{name}:error=EIO:when={nth}", f"{name}:error=EIO:when={nth}+"]
    return points


def full_disk_campaign() -> tuple[int, int, list[str]]:
    """(levels tried, how many were refused, violations) on a real, small file system, filled to 20 levels."""
    found: list[str] = []
    refused = 0
    with scene() as folder, small_disk() as disk:
        expected = undisturbed(folder)
        for level in range(LEVELS):
            free = MOST_FREE * level // LEVELS
            library = disk / "library"
            shutil.rmtree(library, ignore_errors=True)
            (disk / "filler").unlink(missing_ok=True)
            shutil.copytree(folder / "template", library)
            _fill(disk / "filler", free)
            outcome = run_child(library, None)
            (disk / "filler").unlink()
            found += [f"{free // KIB} KiB free: {what}" for what in judged(library, outcome, expected)]
            refused += outcome.code == REFUSED
    return LEVELS, refused, found


@contextmanager
def small_disk() -> Iterator[Path]:
    """A file system of 4 MiB in memory; raises PermissionError where we may not mount one."""
    with tempfile.TemporaryDirectory(prefix="limner-disk-") as folder:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], capture_output=True)
        if done.returncode:
            raise PermissionError(done.stderr.decode())
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", folder], check=True)


def _fill(path: Path, leave: int) -> None:
    """Write a file that leaves about so many bytes free."""
    with path.open("wb", buffering=0) as file:
        while True:
            free = os.statvfs(path).f_bavail * os.statvfs(path).f_frsize
            if free <= leave:
                return
            file.write(b"x" * min(free - leave, 64 * KIB))


def main() -> int:
    """Print the figures; exit code 1 when there is a violation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], prog=Path(__file__).stem)
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--all", action="store_true")
    how.add_argument("--sample", type=int)
    arguments = parser.parse_args()
    tried, found = campaign(None if arguments.all else arguments.sample)
    print(f"disk full and failing fsync, injected at {tried} points: {len(found)} violations")
    if arguments.all:
        try:
            levels, refused, more = full_disk_campaign()
            print(f"a real disk filled to {levels} levels, {refused} refused: {len(more)} violations")
            found += more
        except PermissionError as error:
            print(f"a real full disk was not tried: {error}")
    print("\n".join(found))
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
