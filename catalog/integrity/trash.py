"""``verify --gc``: files that belong to nothing go to ``trash/``, in a folder named by the moment, not from the disk.

    trash/2026-11-27T021005.123456Z/objects/ab/<sha256>.png     … quarantine/…, tmp/…: as they lay in the library

A file belongs to something when the catalog speaks of it in whatever state but *dropped*, or a copy of a catalog in the
library's folder does (``copies.py``). Of what is in the trash a later run deletes what was put there ``DAYS`` ago or
longer and still belongs to nothing; that a library verifies without a problem is asked of the caller. More than half of
what is there is neither moved nor deleted without ``yes``.

Nobody records meanwhile: recording holds ``objects.lock`` from its first file to its commit. Where the file system has
no locks, nothing is collected.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from catalog.backup.other_catalogs import Spoken, spoken_of
from catalog.catalog import Catalog
from catalog.database.library_folder import TRASH
from catalog.database.locks import Lock, is_alive
from catalog.errors import StorageError
from catalog.integrity import check_files
from catalog.integrity.repair import kept_rows
from catalog.objects.areas import ImageState
from catalog.objects.store import AREAS, Stored, sync_folder
from specs.errors import UsageError

DAYS = 7
STAMP = "%Y-%m-%dT%H%M%S.%fZ"


@dataclass(frozen=True, slots=True)
class Collected:
    """What a run did: files ``moved`` to the folder ``trash`` of the library ('' for none), files ``emptied`` from
    earlier ones, files still ``held`` there; each with its bytes. ``kept`` says why some stay, in sentences."""

    moved: int = 0
    moved_bytes: int = 0
    trash: str = ""
    emptied: int = 0
    emptied_bytes: int = 0
    held: int = 0
    held_bytes: int = 0
    kept: tuple[str, ...] = ()


def collect(library: Path, *, yes: bool = False) -> Collected:
    """Move what belongs to nothing to the trash, and delete what has been there long enough. See above.

    UsageError, and nothing is done, when that is more than half of the files or bytes and ``yes`` is false.
    StorageError where the disk refuses or has no locks.
    """
    with _alone(library), _translate_errors(library), Catalog.open(library, create=False) as catalog:
        spoken = spoken_of(library)
        kept = kept_rows(catalog)
        stored = [file for area in AREAS for file in catalog.objects.entries(area)]
        places = {(file.sha256, file.area) for file in stored}
        loose = [file for file in stored if not check_files.is_spoken_of(file, kept, places, spoken)]
        known = spoken.sha256s | {sha256 for sha256, row in kept.items() if row.state != ImageState.DROPPED}
        old, left = _in_trash(library, known, spoken)
        if not yes:
            _require_few(library, stored, loose, old)
        _delete(library, old)
        moved, where = _move(library, [file.path for file in loose] + list(check_files.temporary_files(library)))
        _forget_dead_runs(library)
    size = sum(number for _, number in moved)
    why = tuple(f"{path.relative_to(library)} cannot be read: nothing was deleted" for path in spoken.unreadable)
    return Collected(
        *(len(moved), size, where, len(old), sum(number for _, number in old)),
        *(len(left) + len(moved), size + sum(number for _, number in left), why),
    )


@contextlib.contextmanager
def _alone(library: Path) -> Iterator[None]:
    lock = Lock(library / "locks" / "objects.lock")
    try:
        lock.take()
    except OSError as error:
        raise StorageError(
            f"{lock.path}: this file system has no locks ({error.strerror}), so nothing can be collected beside a run "
            "that may be recording; nothing was moved."
        ) from error
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _translate_errors(library: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{error.filename or library}: cannot be moved or deleted: {error.strerror}; every file is where it was or "
            f"in {library / TRASH}; check the disk and the folder's rights, then run this again."
        ) from error


def _require_few(
    library: Path, stored: Sequence[Stored], loose: Sequence[Stored], old: Sequence[tuple[Path, int]]
) -> None:
    total = sum(file.bytes for file in stored)
    tasks = (
        ("move", "to the trash", [file.bytes for file in loose]),
        ("delete", "from the trash for good", [number for _, number in old]),
    )
    for verb, where, sizes in tasks:
        if 2 * len(sizes) > len(stored) or 2 * sum(sizes) > total:
            raise UsageError(
                f"{library}: --gc would {verb} {len(sizes)} files ({sum(sizes):,} bytes) {where}; in the library are "
                f"{len(stored)} pictures ({total:,} bytes). That is more than half, so nothing was done: is this the "
                "right catalog? If these files are really nobody's, say so by --gc --yes."
            )


def _in_trash(library: Path, known: frozenset[str] | set[str], spoken: Spoken) -> tuple[list[tuple[Path, int]], ...]:
    """(to be deleted, to be left): files of the trash with their bytes."""
    old: list[tuple[Path, int]] = []
    left: list[tuple[Path, int]] = []
    for folder, is_old in _folders(library):
        for path, size in _files(folder):
            free = is_old and not spoken.unreadable and path.stem not in known
            (old if free else left).append((path, size))
    return old, left


def _folders(library: Path) -> Iterator[tuple[Path, bool]]:
    """The dated folders of the trash, and whether each is old enough, by its name and by its last change."""
    before = datetime.now(UTC) - timedelta(days=DAYS)
    with contextlib.suppress(FileNotFoundError):
        for entry in sorted(os.scandir(library / TRASH), key=lambda entry: entry.name):
            with contextlib.suppress(ValueError):
                at = datetime.strptime(entry.name, STAMP).replace(tzinfo=UTC)
                if entry.is_dir(follow_symlinks=False):
                    touched = datetime.fromtimestamp(entry.stat(follow_symlinks=False).st_mtime, UTC)
                    yield Path(entry.path), max(at, touched) < before


def _files(folder: Path) -> Iterator[tuple[Path, int]]:
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path))
        elif entry.is_file(follow_symlinks=False):
            yield Path(entry.path), entry.stat(follow_symlinks=False).st_size


def _delete(library: Path, files: Sequence[tuple[Path, int]]) -> None:
    for path, _ in files:
        path.unlink(missing_ok=True)
        folder = path.parent
        while folder != library / TRASH:
            try:
                folder.rmdir()
            except OSError:  # there is more in it
                break
            folder = folder.parent
    if files:
        sync_folder(library / TRASH)


def _move(library: Path, paths: Sequence[Path]) -> tuple[list[tuple[Path, int]], str]:
    """Move files to a new folder of the trash: (each with its bytes, the folder relative to the library)."""
    if not paths:
        return [], ""
    where = f"{TRASH}/{datetime.now(UTC).strftime(STAMP)}"
    moved = []
    for path in paths:
        target = library / where / path.relative_to(library)
        target.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # a temporary file whose writer has just finished
            path.rename(target)
            moved.append((target, target.lstat().st_size))
    for folder in {library, library / TRASH, library / where, *(path.parent for path, _ in moved)}:
        sync_folder(folder)
    for folder in {path.parent for path in paths}:
        sync_folder(folder)
    return moved, where


def _forget_dead_runs(library: Path) -> None:
    for lock in (library / "locks" / "runs").glob("*.lock"):
        if not is_alive(library, lock.stem):
            lock.unlink(missing_ok=True)
