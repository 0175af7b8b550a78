"""Repair a library: ``verify --repair``. Nothing that a person decided is ever touched, and nothing is deleted."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import select

from catalog.catalog import Catalog
from catalog.database import seal
from catalog.database.library_folder import FILE, LOST, TRASH
from catalog.database.locks import holding
from catalog.database.schema import ImageRow
from catalog.database.sqlite import connect, reading
from catalog.integrity.check_files import Kept
from catalog.integrity.problems import Problem
from catalog.objects.areas import ImageState
from catalog.objects.store import AREAS, sync_folder
from catalog.writes.placement import mark
from specs.boundary.files import MOST_PICTURE_BYTES, read_bytes
from specs.canonical import sha256_hex
from specs.errors import LimnerError


def repair(library: Path, problems: Sequence[Problem]) -> tuple[str, ...]:
    """Repair what can be repaired; returns what was done, in sentences.

    Misplaced files go where they belong. Broken and strange ones go to ``lost/``. Pictures whose whole file lies in
    ``trash/``, in ``lost/`` or in the other area are put back, also those that were marked lost before; the others
    without a file are marked lost, so that ``produce`` makes them again. Damaged indexes are built anew. Rows whose
    values changed cannot be repaired: they need a backup.
    """
    done: list[str] = []
    with _alone(library) as catalog:
        if any(problem.detail.startswith("SQLite says") for problem in problems):
            done += _reindex(library)
        done += _find_again(catalog)
        for problem in problems:
            done += _mend_file(catalog, problem)
        done += _find_again(catalog)
        if not any(_is_of_a_row(problem) for problem in problems):
            seal.seal_path(library / "catalog.sqlite").unlink(missing_ok=True)  # closing seals anew
            done.append("catalog.sqlite: sealed anew")
    return tuple(done)


@contextlib.contextmanager
def _alone(library: Path) -> Iterator[Catalog]:
    with holding(library / "locks" / "objects.lock"), Catalog.open(library, create=False) as catalog:
        yield catalog


def kept_rows(catalog: Catalog) -> dict[str, Kept]:
    """Picture → what its row says of its file."""
    columns = (ImageRow.image_sha256, ImageRow.area, ImageRow.state, ImageRow.bytes, ImageRow.pixels_sha256)
    with reading(catalog.engine) as connection:
        return {row[0]: Kept(*row[1:]) for row in connection.execute(select(*columns))}


def _find_again(catalog: Catalog) -> list[str]:
    """Pictures that were marked lost, or are missing, and whose whole file lies somewhere in the library: put back."""
    done = []
    for sha256, row in kept_rows(catalog).items():
        place = catalog.objects.path(sha256, row.area)
        if row.state == ImageState.DROPPED or (row.state == ImageState.PRESENT and os.path.lexists(place)):
            continue
        found = next((path for path in _places(catalog.library, sha256) if _is_whole(path, sha256)), None)
        if found is None:
            continue
        if found != place:
            if os.path.lexists(place):
                _put_aside(catalog.library, place)
            catalog.objects.put(read_bytes(found, MOST_PICTURE_BYTES), row.area)
            found.unlink()
        with seal.write_transaction(catalog.engine) as connection:
            mark(connection, [sha256], start=ImageState.LOST, end=ImageState.PRESENT)
        done.append(f"{place.relative_to(catalog.library)}: found in {found.relative_to(catalog.library)}, put back")
    return done


def _places(library: Path, sha256: str) -> Iterator[Path]:
    """Where in the library a picture's file may lie, no link followed."""
    inner = [f"{area}/{sha256[:2]}/{sha256}.png" for area in AREAS]
    patterns = (*inner, *(f"{TRASH}/*/{name}" for name in inner), f"{LOST}/{sha256}.png*")
    for pattern in patterns:
        yield from (path for path in sorted(library.glob(pattern)) if is_inside(library, path))


def _is_whole(path: Path, sha256: str) -> bool:
    with contextlib.suppress(OSError, LimnerError):
        return stat.S_ISREG(path.lstat().st_mode) and sha256_hex(read_bytes(path, MOST_PICTURE_BYTES)) == sha256
    return False


def is_inside(library: Path, path: Path) -> bool:
    """Is no folder between the library and this path a link?"""
    return not any((library / parent).is_symlink() for parent in path.relative_to(library).parents)


def _is_of_a_row(problem: Problem) -> bool:
    """Is something wrong with what the catalog says, so that a new seal would vouch for damage?"""
    return not problem.what.startswith((*AREAS, "catalog."))


def _mend_file(catalog: Catalog, problem: Problem) -> list[str]:
    if not problem.what.startswith(AREAS):
        return []
    path = catalog.library / problem.what
    area, sha256 = path.parts[-3], path.stem
    if (
        problem.kind == "missing"
        and os.path.lexists(path)
        and is_inside(catalog.library, path)
        and not path.is_symlink()
    ):
        return []  # it was found again
    if problem.kind == "misplaced":
        start = next(other for other in AREAS if other != area)
        if not os.path.lexists(catalog.objects.path(sha256, start)):
            return []
        catalog.objects.move(sha256, start, area)
        return [f"{problem.what}: moved here from {start}"]
    if problem.kind != "extra" and is_inside(catalog.library, path) and _is_whole(path, sha256):
        return [f"{problem.what}: its bytes are what its name says; its row is not: restore the catalog from a backup"]
    done = _put_aside(catalog.library, path)
    if problem.kind != "extra":
        with seal.write_transaction(catalog.engine) as connection:
            mark(connection, [sha256], start=ImageState.PRESENT, end=ImageState.LOST)
        done.append(f"{problem.what}: marked as lost; `limner produce` makes it again")
    return done


def _put_aside(library: Path, path: Path) -> list[str]:
    if not os.path.lexists(path) or not is_inside(library, path):  # what lies behind a link is never touched
        return []
    target = library / LOST / path.name
    number = 1
    while os.path.lexists(target):
        target = library / LOST / f"{path.name}.{number}"
        number += 1
    target.parent.mkdir(exist_ok=True)
    path.rename(target)
    sync_folder(target.parent)
    sync_folder(path.parent)
    return [f"{path.relative_to(library)}: moved to {target.relative_to(library)}"]


def _reindex(library: Path) -> list[str]:
    try:
        with contextlib.closing(connect(library / FILE, "rw")) as connection:
            connection.execute("REINDEX")
    except sqlite3.Error as error:
        return [f"catalog.sqlite: its indexes cannot be built anew ({error}); restore it from a backup"]
    return ["catalog.sqlite: built its indexes anew"]
