"""Random lives of a library: no command of limner's makes less of it, whatever was done to its files before.

    python -m tests.faults.never_less --sequences 1000

A sequence is 12 steps: produce (a stand-in renders), keep, reject, undo, rescore, quarantine, drop, gc, gc --yes,
repair, backup, backup --replace-newer; and what people do: restore a backup, put an older copy of the library or of its
catalog in place, let a week pass, truncate, empty and delete catalogs, pictures, seals and backups, leave strays. After
each step, by an oracle of its own (``holdings.py``):

* a picture that some catalog calls present or lost, whole somewhere before a command, is whole somewhere after it;
* a row of a verdict, tag, scorecard or candidate that some catalog held before a command, one holds after it;
* what refuses is a LimnerError that names the place and says what to do, and a refusal of a damaged catalog changes
  nothing;
* ``verify`` complains of exactly the damage that was done.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from catalog.backup.backup import back_up
from catalog.catalog import Catalog
from catalog.integrity.trash import DAYS, STAMP
from catalog.integrity.verify import verify
from catalog.provenance import Record
from catalog.queries.candidate_state import CandidateState
from catalog.queries.filter import Filter
from catalog.review.decisions import Decision, decide, undo
from specs.errors import LimnerError
from tests.catalog.factory import World, candidates, card, measure_again
from tests.faults.holdings import Holdings, Reader, fingerprint

WORLD = World(assets=2, each=40)
STEPS = 12
PART = 20  # lives that a process is given at a time
MOST = 40  # pictures that a life makes
FILE, SEAL = "catalog.sqlite", "catalog.seal"


@dataclass
class Figures:
    """What was tried, and the sentences that say what did not hold."""

    sequences: int = 0
    commands: int = 0
    refused: int = 0
    damages: int = 0
    steps: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)


@cache
def record(number: int) -> Record:
    """Candidate ``number``, made once."""
    return WORLD.record(number)


@cache
def foreign(writes: int) -> bytes:
    """The catalog of another library that was written to so often more than at its beginning."""
    with tempfile.TemporaryDirectory() as folder:
        with Catalog.open(Path(folder) / "library", create=True) as catalog:
            WORLD.register(catalog)
            for number in range(writes):
                catalog.save_search(f"s{number}", Filter(), "person:ada")
        return (Path(folder) / "library" / FILE).read_bytes()


class RefusedError(Exception):
    """A command refused in good order."""


class Life:
    """One library, its backups and its older copies, below ``root``."""

    def __init__(self, root: Path, chance: random.Random, figures: Figures) -> None:
        self.root, self.chance, self.figures = root, chance, figures
        self.library, self.older, self.reader = root / "library", root / "older", Reader()
        self.number = 0
        self.log: list[str] = []

    def live(self, template: Path) -> None:
        """All steps, each followed by the checks, from a copy of a library where nothing is made yet."""
        shutil.copytree(template, self.library)
        self.command("produce", self.produce)
        for _ in range(STEPS - 1):
            name, is_command, step = self.choose()
            if is_command:
                self.command(name, step)
            else:
                self.log.append(name)
                step()
                self.figures.damages += 1
            self.figures.steps[name] += 1
            self.check_verify()

    def choose(self) -> tuple[str, bool, Callable[[], None]]:
        """The next step; one whose catalog is damaged is more often brought back."""
        if self.broken() and self.chance.random() < 0.4:
            return self.chance.choice(
                [("catalog put back", False, self.put_back), ("backup restored", False, self.restore)]
            )
        index = self.chance.choices(range(len(WEIGHTS)), [weight for weight, *_ in WEIGHTS])[0]
        _, name, is_command, method = WEIGHTS[index]
        return name, is_command, getattr(self, method)

    # limner's commands, each watched

    def command(self, name: str, run: Callable[[], None]) -> None:
        """Run one, and compare what there was with what there is."""
        self.log.append(name)
        self.figures.commands += 1
        broken = self.broken()
        before, files = self.reader.holdings(self.root), fingerprint(*self.places()) if broken else {}
        try:
            run()
            if broken:
                self.violation(f"went on although {broken}")
        except (LimnerError, RefusedError) as error:
            self.figures.refused += 1
            self.judge_words(str(error))
            if broken and files != fingerprint(*self.places()):
                self.violation(f"changed files although {broken}: {error}")
        except Exception as error:
            self.violation(f"{type(error).__name__}: {error}")
        self.compare(before, self.reader.holdings(self.root))

    def compare(self, before: Holdings, after: Holdings) -> None:
        """What a command took away."""
        for sha256 in (before.pictures - after.pictures) & after.wanted:
            self.violation(f"picture {sha256[:12]} is gone from everywhere")
        for table, sha256 in before.rows - after.rows:
            self.violation(f"a row of {table} is gone from everywhere: {sha256[:12]}")

    def judge_words(self, said: str) -> None:
        """Does a refusal name a place and say what to do?"""
        if str(self.root) not in said or len(said) < 60 or "fault in limner" in said:
            self.violation(f"refused without an explanation: {said}")

    def produce(self) -> None:
        """A run that makes what is missing, what was lost among it, and two to four more."""
        with Catalog.open(self.library, create=True) as catalog:
            WORLD.register(catalog)
            run = catalog.start_run(WORLD.set_name, WORLD.spec.spec_sha256)
            wanted = [record(number) for number in range(self.number + self.chance.randint(2, 4))]
            claimed = catalog.claim([one.key.job_id for one in wanted], run).mine
            catalog.record([one for one in wanted if one.key.job_id in claimed])
            self.number = min(len(wanted), MOST)
            catalog.finish_run(run, "finished")

    def keep(self) -> None:
        self._decide(keep=True)

    def reject(self) -> None:
        self._decide(keep=False)

    def _decide(self, *, keep: bool) -> None:
        with Catalog.open(self.library, create=False) as catalog:
            one = self._one(catalog)
            note = str(time.time_ns())
            decide(
                catalog,
                Decision(one.key.candidate_id, keep, "ada", () if keep else ("off_style",), note, override=keep),
            )
            catalog.tag(one.key.candidate_id, [f"t{self.chance.randrange(9)}"], "person:ada")

    def undo(self) -> None:
        with Catalog.open(self.library, create=False) as catalog:
            try:
                undo(catalog, self._one(catalog).key.candidate_id, "ada")
            except LimnerError as error:
                raise RefusedError(f"{self.library}: {error} (nobody had decided on it yet)") from error

    def rescore(self) -> None:
        with Catalog.open(self.library, create=False) as catalog:
            one = self._one(catalog)
            measure_again(catalog, one.key, card(one.image_sha256, self.chance.uniform(3, 8)))

    def quarantine(self) -> None:
        with Catalog.open(self.library, create=False) as catalog:
            one = self._one(catalog)
            catalog.relocate([one.image_sha256], self.chance.choice(("objects", "quarantine")))

    def drop(self) -> None:
        with Catalog.open(self.library, create=False) as catalog:
            catalog.drop_pixels([one.image_sha256 for one in candidates(catalog)[:3]])

    def gc(self) -> None:
        self._verify(gc=True)

    def gc_yes(self) -> None:
        self._verify(gc=True, yes=True)

    def repair(self) -> None:
        self._verify(repair=True)

    def _verify(self, *, gc: bool = False, yes: bool = False, repair: bool = False) -> None:
        report = verify(self.library, gc=gc, yes=yes, repair=repair)
        if report.not_collected:
            raise RefusedError(report.not_collected)

    def backup(self, *, replace: bool = False) -> None:
        target = self.root / f"backup-{self.chance.randrange(2)}"
        before, files = self.broken(target), fingerprint(target)
        try:
            back_up(self.library, target, replace_newer=replace)
        except LimnerError:
            if before and fingerprint(target) != files:
                self.violation(f"changed a backup although {before}")
            raise
        if before:
            self.violation(f"wrote over a backup although {before}")
        if problems := verify(target).problems:
            self.violation(f"the backup is not whole: {problems}")

    def backup_over(self) -> None:
        self.backup(replace=True)

    def _one(self, catalog: Catalog) -> CandidateState:
        found = sorted(candidates(catalog), key=lambda one: one.key.candidate_id)
        if not found:
            raise RefusedError(f"{self.library}: there is no candidate whose picture is there; nothing to decide on.")
        return self.chance.choice(found)

    # what people do

    def restore(self) -> None:
        """Move the library aside and copy a backup to its place."""
        found = [
            path for path in sorted(self.root.glob("backup-*")) if not self.broken(path) and (path / FILE).exists()
        ]
        if found:
            self._put_in_place(self.chance.choice(found))

    def copy_aside(self) -> None:
        """Keep a copy of the library as it is."""
        if not self.broken():
            shutil.rmtree(self.older, ignore_errors=True)
            shutil.copytree(self.library, self.older)

    def older_library(self) -> None:
        if self.older.exists():
            self._put_in_place(self.older)

    def _put_in_place(self, source: Path) -> None:
        aside = self.root / f"aside-{time.time_ns()}"
        self.library.rename(aside)
        shutil.copytree(source, self.library)

    def older_catalog(self) -> None:
        """Put an older catalog in the place of the present one, which stays beside it under another name."""
        if self.older.exists() and not self.broken():
            self._save()
            shutil.copy(self.older / FILE, self.library / FILE)

    def older_catalog_and_seal(self) -> None:
        """The same with its seal: then it is consistent, and only the pictures know better."""
        if self.older.exists() and not self.broken():
            self._save()
            _put_state(self.older, self.library)

    def journal_left(self) -> None:
        """A rollback journal of an older state, as of a kill in the middle of a write."""
        if not self.older.exists() or self.broken():
            return
        torn = self.root / "torn.sqlite"
        shutil.copy(self.older / FILE, torn)
        self._save()
        with closing(sqlite3.connect(torn, isolation_level=None)) as connection:
            connection.execute("PRAGMA cache_size = 1")
            connection.execute("BEGIN")
            connection.execute("CREATE TABLE half (x)")
            connection.executemany("INSERT INTO half VALUES (?)", [(b"x" * 3000,)] * 20)
            shutil.copy(torn.with_name("torn.sqlite-journal"), self.library / f"{FILE}-journal")
            connection.rollback()
        torn.unlink()

    def catalog_emptied(self) -> None:
        self._hurt_catalog(self.library, lambda path: path.write_bytes(b""))

    def catalog_deleted(self) -> None:
        self._hurt_catalog(self.library, Path.unlink)

    def catalog_truncated(self) -> None:
        self._hurt_catalog(self.library, lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]))

    def catalog_foreign(self) -> None:
        """The catalog of another library, which is older or younger than this one."""
        data = foreign(self.chance.choice((0, 40)))
        self._hurt_catalog(self.library, lambda path: path.write_bytes(data))

    def backup_hurt(self) -> None:
        """Empty, delete or truncate a backup's catalog; a good one is kept elsewhere, as a person would."""
        target = self.root / f"backup-{self.chance.randrange(2)}"
        if (target / FILE).exists() and not self.broken(target):
            kept = self.root / f"kept-{time.time_ns()}"
            shutil.copytree(target, kept)
            hurt = self.chance.choice((Path.unlink, lambda path: path.write_bytes(b""), _cut))
            hurt(target / FILE)

    def backup_undone(self) -> None:
        """Go back to the state before the last backup, as README says."""
        target = self.root / f"backup-{self.chance.randrange(2)}"
        if (target / "former" / FILE).exists():
            shutil.copytree(target, self.root / f"kept-{time.time_ns()}")
            _put_state(target / "former", target)

    def _hurt_catalog(self, library: Path, how: Callable[[Path], object]) -> None:
        if not self.broken() and (library / FILE).exists():
            self._save()
            how(library / FILE)

    def _save(self) -> None:
        """Keep the good catalog and its seal beside the library, and sometimes in it too."""
        saved = self.root / "saved"
        shutil.rmtree(saved, ignore_errors=True)
        shutil.copytree(self.library, saved)
        if self.chance.random() < 0.3:
            shutil.copy(self.library / FILE, self.library / f"{FILE}.saved")

    def put_back(self) -> None:
        """The good catalog comes back, with its seal."""
        saved = self.root / "saved"
        if saved.exists():
            (self.library / f"{FILE}-journal").unlink(missing_ok=True)
            _put_state(saved, self.library)

    def picture_hurt(self) -> None:
        """Delete, empty or truncate one or two pictures."""
        files = sorted(path for area in ("objects", "quarantine") for path in (self.library / area).glob("*/*.png"))
        for path in self.chance.sample(files, min(len(files), self.chance.randint(1, 2))):
            self.chance.choice((Path.unlink, lambda path: path.write_bytes(b""), _cut))(path)

    def seal_deleted(self) -> None:
        if not self.broken():
            (self.library / SEAL).unlink(missing_ok=True)

    def strays(self) -> None:
        """Pictures whose rows never came, and half a file."""
        for number in range(200 + self.number, 200 + self.number + self.chance.randint(1, 3)):
            made = record(number % 80)
            path = self.library / "objects" / made.candidate.image_sha256[:2] / f"{made.candidate.image_sha256}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                path.write_bytes(made.png)
        (self.library / "tmp").mkdir(exist_ok=True)
        (self.library / "tmp" / "object-half").write_bytes(b"ha")

    def week_passes(self) -> None:
        """All that is in the trash grows older than it must be."""
        for folder in (self.library / "trash").glob("*"):
            at = datetime.strptime(folder.name, STAMP).replace(tzinfo=UTC) - timedelta(days=DAYS + 1)
            older = folder.with_name(at.strftime(STAMP))
            folder.rename(older)
            os.utime(older, (at.timestamp(), at.timestamp()))

    # checks

    def broken(self, library: Path | None = None) -> str:
        """What is wrong with a catalog, found without limner; '' when nothing is, or there is none to be wrong."""
        library = library or self.library
        path = library / FILE
        if not path.exists() or not path.stat().st_size:
            traces = (library / SEAL).exists() or any(library.glob("*/*/*.png"))
            return "the catalog is gone" if traces else ""
        sealed = _seal(library / SEAL)
        try:
            with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
                writes, made_at = connection.execute("SELECT writes, made_at FROM library").fetchone()
                for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                    connection.execute(f"SELECT count(*) FROM {name}").fetchone()
        except sqlite3.Error as error:
            return f"the catalog is damaged: {error}"
        if (library / f"{FILE}-journal").exists():
            return "" if path.read_bytes() == (self.older / FILE).read_bytes() else "a foreign journal is there"
        if sealed and (sealed[0] > writes or sealed[1] != made_at):
            return "the catalog is another's or older"
        return ""

    def places(self) -> list[Path]:
        """What a refusal must leave alone."""
        return [self.library, *sorted(self.root.glob("backup-*"))]

    def check_verify(self) -> None:
        """Does ``verify`` find what is wrong, and nothing else?"""
        broken = self.broken()
        if not broken and not (self.library / FILE).exists():
            return
        try:
            problems = verify(self.library).problems
        except Exception as error:
            self.violation(f"verify: {type(error).__name__}: {error}")
            return
        of_catalog = [one for one in problems if one.what == FILE]
        if bool(of_catalog) != bool(broken):
            self.violation(f"verify says {of_catalog} of the catalog; it is {broken or 'good'}")
        if broken:
            return
        found = {Path(one.what).stem for one in problems if one.what not in (FILE, SEAL)}
        if found != (damaged := self.reader.damaged_pictures(self.library)):
            self.violation(f"verify finds {sorted(found)}; damaged are {sorted(damaged)}")

    def violation(self, what: str) -> None:
        self.figures.violations.append(f"after {', '.join(self.log)}: {what}")


def _put_state(source: Path, target: Path) -> None:
    """A catalog with its seal, or without one where it has none."""
    (target / SEAL).unlink(missing_ok=True)
    for name in (FILE, SEAL):
        if (source / name).exists():
            shutil.copy(source / name, target / name)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def _seal(path: Path) -> tuple[int, str] | None:
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    return int(value["writes"]), str(value["made_at"])


# how often, its name, whether it is a command of limner's, the method
WEIGHTS: tuple[tuple[int, str, bool, str], ...] = (
    (8, "produce", True, "produce"),
    (4, "keep", True, "keep"),
    (4, "reject", True, "reject"),
    (3, "undo", True, "undo"),
    (2, "rescore", True, "rescore"),
    (2, "quarantine", True, "quarantine"),
    (2, "drop", True, "drop"),
    (5, "gc", True, "gc"),
    (4, "gc --yes", True, "gc_yes"),
    (5, "repair", True, "repair"),
    (8, "backup", True, "backup"),
    (3, "backup --replace-newer", True, "backup_over"),
    (3, "backup restored", False, "restore"),
    (4, "copied aside", False, "copy_aside"),
    (4, "older library put in place", False, "older_library"),
    (2, "older catalog put in place", False, "older_catalog"),
    (3, "older catalog and seal put in place", False, "older_catalog_and_seal"),
    (2, "journal left", False, "journal_left"),
    (2, "catalog emptied", False, "catalog_emptied"),
    (2, "catalog deleted", False, "catalog_deleted"),
    (2, "catalog truncated", False, "catalog_truncated"),
    (2, "catalog of another library", False, "catalog_foreign"),
    (3, "backup hurt", False, "backup_hurt"),
    (2, "backup undone", False, "backup_undone"),
    (4, "pictures hurt", False, "picture_hurt"),
    (1, "seal deleted", False, "seal_deleted"),
    (4, "strays", False, "strays"),
    (5, "a week passes", False, "week_passes"),
)


def campaign(sequences: int, seed: int = 1, first: int = 0) -> Figures:
    """So many lives, from the number ``first`` on; what happens in one depends on the seed and its number alone."""
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="limner-never-less-") as folder:
        template = Path(folder) / "template"
        with Catalog.open(template, create=True) as catalog:
            WORLD.register(catalog)
        for number in range(first, first + sequences):
            root = Path(folder) / str(number)
            root.mkdir()
            Life(root, random.Random(f"{seed}-{number}"), figures).live(template)
            shutil.rmtree(root)
            figures.sequences += 1
    return figures


def in_parts(sequences: int, seed: int, jobs: int) -> Figures:
    """The same by several processes."""
    parts = [range(start, min(start + PART, sequences)) for start in range(0, sequences, PART)]
    figures = Figures()
    with ProcessPoolExecutor(jobs) as pool:
        for part in pool.map(campaign, map(len, parts), [seed] * len(parts), [one.start for one in parts]):
            figures.sequences += part.sequences
            figures.commands += part.commands
            figures.refused += part.refused
            figures.damages += part.damages
            figures.steps += part.steps
            figures.violations += part.violations
            print(f"{figures.sequences} done, {len(figures.violations)} violations", file=sys.stderr, flush=True)
    return figures


def main() -> int:
    """Print the figures; exit code 1 when there is a violation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], prog=Path(__file__).stem)
    parser.add_argument("--sequences", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    began = time.monotonic()
    figures = in_parts(arguments.sequences, arguments.seed, arguments.jobs)
    print(
        f"{figures.sequences} sequences: {figures.commands} commands, {figures.refused} of them refused, and "
        f"{figures.damages} other steps: {len(figures.violations)} violations; {time.monotonic() - began:.0f} s"
    )
    print(", ".join(f"{name} {count}" for name, count in sorted(figures.steps.items())))
    print("\n".join(figures.violations[:50]))
    return bool(figures.violations)


if __name__ == "__main__":
    sys.exit(main())
