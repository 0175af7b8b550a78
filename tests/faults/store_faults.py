"""Run ``store_child`` under strace with one fault injected, and judge what it leaves behind."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from catalog.catalog import Catalog
from catalog.database.schema import MODELS
from catalog.integrity.verify import verify
from tests.faults.store_child import BATCH, BEFORE, REFUSED, WORLD

ROOT = Path(__file__).parents[2]
# every call that changes a file, a name or what of them is on disk
CHANGING = (
    "write,pwrite64,writev,pwritev,fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,"
    "ftruncate"
)
WRITING = "write,pwrite64"
SYNCING = "fsync,fdatasync"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the child ended: exit code, whether it acknowledged, what it said on standard error."""

    code: int
    acknowledged: bool
    said: str


@contextmanager
def scene() -> Iterator[Path]:
    """A folder with ``template/``: a library whose set is registered and whose first pictures are on record, sealed."""
    with tempfile.TemporaryDirectory(prefix="limner-faults-") as folder:
        with Catalog.open(Path(folder) / "template", create=True) as catalog:
            WORLD.register(catalog)
            catalog.record(WORLD.records(BEFORE))
        yield Path(folder)


def copy_of(folder: Path) -> Path:
    """A fresh copy of the template, in the place of the one before."""
    library = folder / "library"
    if library.exists():
        shutil.rmtree(library)
    shutil.copytree(folder / "template", library)
    return library


def run_child(library: Path, inject: str | None, log: Path | None = None) -> Outcome:
    """Run the child, with strace's ``inject`` (``fsync:error=EIO:when=2``) or just logging the calls that change."""
    child = [sys.executable, "-B", "-m", "tests.faults.store_child", str(library), str(BEFORE), str(BATCH)]
    traced = f"inject={inject}" if inject else f"trace={CHANGING}"
    quiet = ["-qq", "-e", "signal=none", "-o", str(log) if log else "/dev/null"]
    done = subprocess.run(
        ["strace", "-f", *quiet, "-e", traced, *child], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    return Outcome(done.returncode, "recorded\n" in done.stdout, done.stderr)


def calls_of_child(folder: Path, of: str = CHANGING) -> list[tuple[str, int]]:
    """The calls that an undisturbed child makes, in order: (name, the how manieth of that name, from 1)."""
    log = folder / "calls.log"
    outcome = run_child(copy_of(folder), None, log)
    assert outcome == Outcome(0, True, "")
    counts: Counter[str] = Counter()
    calls = []
    for line in log.read_text().splitlines():
        name = line.split(maxsplit=1)[1].split("(")[0]
        if name in of.split(","):
            counts[name] += 1
            calls.append((name, counts[name]))
    return calls


def content(library: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of a library, what differs from one to the next run aside (``library``: its number of writes)."""
    found = {}
    with sqlite3.connect(library / "catalog.sqlite") as connection:
        for model in MODELS[1:]:
            found[model.__tablename__] = sorted(connection.execute(f"SELECT * FROM {model.__tablename__}"))
    connection.close()
    return found


def undisturbed(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """The rows of a library whose child nobody disturbed."""
    library = copy_of(folder)
    assert run_child(library, None).code == 0
    return content(library)


def violations(library: Path, outcome: Outcome, expected: dict[str, list[tuple[object, ...]]]) -> list[str]:
    """What does not hold after a fault: on the disk as it was left, and after the batch is recorded again."""
    found = [f"after the fault: {problem}" for problem in verify(library).problems]
    ids = [_ids(start, count) for start, count in ((0, BEFORE), (BEFORE, BATCH))]
    with Catalog.open(library, create=False) as catalog:
        there = {one.key.candidate_id for jobs in catalog.candidates(WORLD.set_name).values() for one in jobs.values()}
        if not ids[0] <= there:
            found.append("lost what was on record before")
        if outcome.acknowledged and not ids[1] <= there:
            found.append("lost what was acknowledged")
        if ids[1] & there and not ids[1] <= there:
            found.append("half of a batch is on record")
        if not outcome.acknowledged and outcome.code not in (REFUSED, -9, 137):
            found.append(f"ended with {outcome.code}: {outcome.said[-300:]}")
        if outcome.code == REFUSED and ("Traceback" in outcome.said or "library" not in outcome.said):
            found.append(f"an error that names no place: {outcome.said[-300:]}")
        catalog.record(WORLD.records(BATCH, BEFORE))
    report = verify(library, gc=True)
    found += [f"after the resume: {problem}" for problem in report.problems]
    if report.unreferenced or report.seal != "fresh":
        found.append(f"after the resume: {report}")
    if content(library) != expected:
        found.append("after the resume: not the rows of an undisturbed run")
    return found


def _ids(start: int, count: int) -> set[str]:
    return {WORLD.key(number).candidate_id for number in range(start, start + count)}
