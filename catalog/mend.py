"""Tidy and mend a library: the only parts of ``verify`` that write. Nothing that a person decided is ever touched."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import Connection, select

from catalog import check_files, seal
from catalog.check_files import Kept
from catalog.engine import reading
from catalog.images import mark
from catalog.locks import holding, is_alive
from catalog.objects import AREAS, sync_folder
from catalog.problems import Problem
from catalog.schema import ImageRow
from catalog.store import Catalog

LOST = "lost"  # the folder where broken and strange files are put, under their old names


def collect(library: Path) -> int:
    """Remove files that no row speaks of, and what dead runs left; returns how many pictures and temporary files went.

    Nobody records meanwhile: recording holds ``objects.lock`` from its first file to its commit.
    """
    with _alone(library) as catalog:
        objects = catalog.objects
        kept = _kept(catalog)
        stored = [file for area in AREAS for file in objects.entries(area)]
        places = {(file.sha256, file.area) for file in stored}
        loose = [file.path for file in stored if not check_files.is_referenced(file, kept, places)]
        loose += check_files.temporary_files(library)
        for path in loose:
            path.unlink(missing_ok=True)
        for folder in sorted({path.parent for path in loose}):
            sync_folder(folder)
        for lock in (library / "locks" / "runs").glob("*.lock"):
            if not is_alive(library, lock.stem):
                lock.unlink(missing_ok=True)
    return len(loose)


def repair(library: Path, problems: Sequence[Problem]) -> tuple[str, ...]:
    """Mend what can be mended; returns what was done, in sentences.

    Misplaced files go where they belong. Broken and strange ones go to ``lost/``. Pictures that are then without a file
    are marked lost, so that ``produce`` makes them again. Damaged indexes are built anew. Rows whose values changed
    cannot be mended: they need a backup.
    """
    done: list[str] = []
    with _alone(library) as catalog:
        if any(problem.detail.startswith("SQLite says") for problem in problems):
            done += _reindex(library)
        for problem in problems:
            done += _mend_file(catalog, problem)
        if not any(_is_of_a_row(problem) for problem in problems):
            seal.seal_path(library / "catalog.sqlite").unlink(missing_ok=True)  # closing seals anew
            done.append("catalog.sqlite: sealed anew")
    return tuple(done)


@contextlib.contextmanager
def _alone(library: Path) -> Iterator[Catalog]:
    with holding(library / "locks" / "objects.lock"), Catalog.open(library, create=False) as catalog:
        yield catalog


def _kept(catalog: Catalog) -> dict[str, Kept]:
    with reading(catalog.engine) as connection:
        return _kept_rows(connection)


def _kept_rows(connection: Connection) -> dict[str, Kept]:
    columns = (ImageRow.image_sha256, ImageRow.area, ImageRow.state, ImageRow.bytes, ImageRow.pixels_sha256)
    return {row[0]: Kept(*row[1:]) for row in connection.execute(select(*columns))}


def _is_of_a_row(problem: Problem) -> bool:
    """Is something wrong with what the catalog says, so that a new seal would vouch for damage?"""
    return not problem.what.startswith((*AREAS, "catalog."))


def _mend_file(catalog: Catalog, problem: Problem) -> list[str]:
    if not problem.what.startswith(AREAS):
        return []
    path = catalog.library / problem.what
    area, sha256 = path.parts[-3], path.stem
    if problem.kind == "misplaced":
        start = next(other for other in AREAS if other != area)
        catalog.objects.move(sha256, start, area)
        return [f"{problem.what}: moved here from {start}"]
    done = _put_aside(catalog.library, path)
    if problem.kind != "extra":
        with seal.counted(catalog.engine) as connection:
            mark(connection, [sha256], start="present", end="lost")
        done.append(f"{problem.what}: marked as lost; `limner produce` makes it again")
    return done


def _put_aside(library: Path, path: Path) -> list[str]:
    if not path.is_symlink() and not path.exists():
        return []
    target = library / LOST / path.name
    number = 1
    while target.exists() or target.is_symlink():
        target = library / LOST / f"{path.name}.{number}"
        number += 1
    target.parent.mkdir(exist_ok=True)
    path.rename(target)
    sync_folder(target.parent)
    sync_folder(path.parent)
    return [f"{path.relative_to(library)}: moved to {target.relative_to(library)}"]


def _reindex(library: Path) -> list[str]:
    try:
        with contextlib.closing(sqlite3.connect(library / "catalog.sqlite", timeout=20)) as connection:
            connection.execute("REINDEX")
    except sqlite3.Error as error:
        return [f"catalog.sqlite: its indexes cannot be built anew ({error}); restore it from a backup"]
    return ["catalog.sqlite: built its indexes anew"]
