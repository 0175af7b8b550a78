"""Back a library up while it is in use: a folder that is itself a library, as the original was at one moment.

The catalog is copied by SQLite's online backup, in one step: writers wait for that moment, nobody else. Then come the
pictures that the rows of this snapshot speak of; they are named by their hash and never change, so those that are there
from the last time are not copied again. Then everything is read back: every row, every byte of every picture. Only
then does the catalog get its name (see ``vault.py``). What is interrupted before is no backup, and what the folder held
before is still whole.

While pictures are copied the library goes on: it may record, decide, move pictures to quarantine and back (they are
found in either place), and drop pixels: then the snapshot is taken anew, so that the backup has no row without its
file. Only ``verify --gc`` and ``--repair`` wait until the backup is done (``objects.lock``).

What was learned (``taste/``) comes along as it is at that time: small files, each checked by its own hash where used.

A backup never goes backwards: the library must continue what the backup holds (``ancestry.py``), and the state before
is kept. A library that nobody may write to here (a disk mounted read-only) is backed up without its lock: what another
machine removes meanwhile is found missing, and then the snapshot is taken anew.

Restoring is nothing: ``limner --library`` opens a backup as it is; or copy the folder to where the library was. Not in
it is what can be made again: ``cache/``, ``sheets/``, ``prefect/``; nor ``lost/`` and ``trash/``.
"""

from __future__ import annotations

import contextlib
import errno
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from catalog.backup.vault import LEARNED, Staged, Vault
from catalog.database import journal, migrate, seal
from catalog.database.library_folder import FILE, damaged, is_there, trace
from catalog.database.locks import holding
from catalog.database.sqlite import as_catalog_error, connect
from catalog.errors import BusyError, CatalogError, LibraryMissingError, StorageError
from catalog.integrity.snapshot import reading_only, snapshot
from catalog.integrity.verify import examine
from catalog.objects.store import AREAS, Objects
from specs.boundary.files import read_bytes
from specs.canonical import sha256_hex
from specs.commands import limner

Progress = Callable[[str, int, int], None]
AT_ONCE = 64  # pictures in memory
MOST_HEAD_BYTES = 1 << 28
SNAPSHOTS = 20  # taken at most, when pixels are dropped while their copies are made


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What a backup did: ``pictures`` it holds, ``copied`` this time (``copied_bytes``), ``removed`` as no longer
    wanted; ``rows`` it holds; ``snapshots`` that were taken."""

    pictures: int
    copied: int
    copied_bytes: int
    removed: int
    rows: int
    snapshots: int


@dataclass(frozen=True, slots=True)
class PictureToCopy:
    """A picture that the snapshot speaks of."""

    sha256: str
    area: str
    bytes: int


def back_up(library: Path, target: Path, progress: Progress | None = None, *, replace_newer: bool = False) -> BackedUp:
    """Back ``library`` up into the folder ``target``: new, empty, or a backup of before, which is brought up to date.

    ``replace_newer``: also where that backup holds what the library does not; its state is kept in ``replaced/``.

    ``progress`` is told what is being done ("copied", "checked"), how many pictures so far, and of how many. Raises
    LibraryMissingError, UsageError (a target that cannot be one), BusyError, StorageError (a full disk), CatalogError
    (a damaged library); then nothing has changed that an earlier backup needs.
    """
    library, target = library.resolve(), target.resolve()
    if not is_there(library):
        raise LibraryMissingError(
            f"{library}: no library here (no {FILE}); allowed: a folder that limner made; name it with --library or "
            "LIMNER_LIBRARY."
        )
    _require_good(library / FILE)
    tell = progress or (lambda *_: None)
    with _translate_errors(target), Vault.open(library, target) as vault:
        with _held(library):
            staged, wanted, copied, snapshots = _copy(library, vault, tell, replace_newer)
            learned = _learned(library / LEARNED)
        rows = _read_back(vault, staged, len(wanted), tell)
        vault.keep_state(staged, replaced=vault.require_newer(staged, replace_newer=replace_newer))
        vault.mirror(LEARNED, learned)
        vault.publish(staged)
        removed = vault.tidy()
    total = sum(one.bytes for one in copied)
    return BackedUp(len(wanted), len(copied), total, removed, rows, snapshots)


@contextlib.contextmanager
def _held(library: Path) -> Iterator[None]:
    """Keep ``verify --gc`` and ``--repair`` waiting; not where nobody may write to the library here."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(holding(library / "locks" / "objects.lock", shared=True))
        except StorageError as error:
            _require_read_only(library, error)
        yield


def _require_read_only(source: Path, error: StorageError) -> None:
    """Return where nobody may write to the library here, so that it is read without a lock; else raise SourceError."""
    cause = error.__cause__
    if not isinstance(cause, OSError) or cause.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
        raise SourceError(f"{source}: the library cannot be read for a backup: {error}") from error


class SourceError(StorageError):
    """The disk of the library, not of the backup, refused."""


def _copy(
    library: Path, vault: Vault, tell: Progress, replace_newer: bool
) -> tuple[Staged, list[PictureToCopy], list[PictureToCopy], int]:
    """A snapshot and every picture of it: (snapshot, its pictures, those copied, snapshots taken)."""
    copied: list[PictureToCopy] = []
    missed: set[str] = set()
    for number in range(1, SNAPSHOTS + 1):
        staged = vault.stage(lambda path: _snapshot(library / FILE, path))
        vault.require_newer(staged, replace_newer=replace_newer)
        wanted = _pictures(staged.path)
        gone = _copy_pictures(Objects(library), vault.objects, wanted, copied, tell)
        if not gone:
            return staged, wanted, copied, number
        if missed & gone:  # the newest rows still speak of them
            raise _damaged(library, [f"{sha256[:12]} is missing" for sha256 in sorted(missed & gone)])
        missed |= gone
    raise BusyError(
        f"{library}: pixels were dropped faster than they could be copied, {SNAPSHOTS} times over; wait for the run "
        "that drops them, then run this again: what was copied is kept."
    )


def _snapshot(source: Path, target: Path) -> None:
    """SQLite's online backup, in one step; those who want to write wait their turn meanwhile."""
    try:
        with contextlib.ExitStack() as stack:
            place = source
            try:
                stack.enter_context(holding(source.parent / "locks" / "write.lock"))
            except StorageError as error:
                _require_read_only(source, error)
                place = stack.enter_context(snapshot(source, target.parent))
            live = stack.enter_context(contextlib.closing(connect(place, "rw")))
            _require_ours(live, source)
            copy = stack.enter_context(contextlib.closing(sqlite3.connect(target)))
            live.backup(copy)
    except sqlite3.Error as error:
        full = getattr(error, "sqlite_errorname", "") == "SQLITE_FULL"
        raise as_catalog_error(target if full else source, error) from error


def _require_good(source: Path) -> None:
    """The same, before the backup's folder is touched; what cannot be read so (an interrupted write) is seen later."""
    try:
        journal.require_own(source)
    except StorageError as error:
        _require_read_only(source, error)
    try:
        with reading_only(source) as connection:
            _require_ours(connection, source)
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorname", "").startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
            raise as_catalog_error(source, error) from error


def _require_ours(live: sqlite3.Connection, source: Path) -> None:
    """DamagedError where the library's catalog is not the one of its seal, CatalogError where it is none of ours."""
    sealed = seal.read_seal(source)
    revision = migrate.require_catalog(live, source)
    if revision == 0:
        raise damaged(source.parent, "is empty", trace(source.parent) or "its file")
    writes, made_at = live.execute("SELECT writes, made_at FROM library").fetchone()
    seal.require(source, sealed, writes, revision, made_at)


def _pictures(catalog: Path) -> list[PictureToCopy]:
    query = "SELECT image_sha256, area, bytes FROM images WHERE state = 'present' ORDER BY area, image_sha256"
    try:
        with contextlib.closing(connect(catalog, "rw")) as connection:
            return [PictureToCopy(*row) for row in connection.execute(query)]
    except sqlite3.Error as error:
        raise as_catalog_error(catalog, error) from error


def _copy_pictures(
    source: Objects, target: Objects, wanted: Sequence[PictureToCopy], copied: list[PictureToCopy], tell: Progress
) -> set[str]:
    """Copy what is not there yet; returns those that are gone from the library by now."""
    there = {(file.sha256, file.area): file.bytes for area in AREAS for file in target.entries(area)}
    missing = [one for one in wanted if there.get((one.sha256, one.area)) != one.bytes]
    gone: set[str] = set()
    for start in range(0, len(missing), AT_ONCE):
        part = missing[start : start + AT_ONCE]
        for area in AREAS:
            read = [(one, _read(source, one)) for one in part if one.area == area]
            gone |= {one.sha256 for one, data in read if data is None}
            here = [(one, data) for one, data in read if data is not None]
            damaged = [f"{one.sha256[:12]} is altered" for one, data in here if sha256_hex(data) != one.sha256]
            if damaged:
                raise _damaged(source.root, damaged)
            target.put_all([data for _, data in here], area)
            copied += [one for one, _ in here]
        tell("copied", min(start + AT_ONCE, len(missing)), len(missing))
    return gone


def _read(source: Objects, one: PictureToCopy) -> bytes | None:
    """The picture from where the row says, else from the other area: it may have been moved since."""
    for area in sorted(AREAS, key=lambda area: area != one.area):
        with contextlib.suppress(FileNotFoundError):
            try:
                return source.get(one.sha256, area)
            except StorageError as error:
                raise SourceError(
                    f"{source.path(one.sha256, area)}: the library's picture cannot be read: "
                    f"{error.__cause__ or error}; check the library's disk and rights; the backup is as it was before."
                ) from error
    return None


def _learned(folder: Path) -> dict[str, bytes]:
    """Name → content of a folder's files; read until two readings agree, because they are replaced in pairs."""
    before: dict[str, bytes] | None = None
    while True:
        files = (path for path in sorted(folder.glob("*")) if path.is_file() and not path.is_symlink())
        now = {path.name: read_bytes(path, MOST_HEAD_BYTES) for path in files}
        if now == before:
            return now
        before = now


def _read_back(vault: Vault, staged: Staged, pictures: int, tell: Progress) -> int:
    """Check the whole backup; a picture that went bad in it goes, so that the next run copies it again."""
    scratch = vault.folder / "tmp"
    report = examine(
        vault.folder, staged.path, lambda done, of: tell("checked", done, of), decoded=False, scratch=scratch
    )
    tell("checked", pictures, pictures)
    bad = [problem for problem in report.problems if problem.what.startswith(AREAS) and problem.kind != "extra"]
    for problem in bad:
        vault.objects.delete(Path(problem.what).stem, Path(problem.what).parts[0])
    if report.problems:
        said = "; ".join(f"{problem.kind}: {problem.what} ({problem.detail})" for problem in report.problems[:5])
        mend = "run this again: they are copied anew" if bad else f"run `{limner('verify')}` on the library"
        raise CatalogError(f"{vault.folder}: the backup does not read back as it was written: {said}; {mend}.")
    return report.rows


def _damaged(library: Path, found: Sequence[str]) -> CatalogError:
    more = f" and {len(found) - 5} more" if len(found) > 5 else ""
    return CatalogError(
        f"{library}: pictures are damaged ({', '.join(found[:5])}{more}), and a backup must be whole; "
        f"`{limner('verify')}` names them all, `{limner('verify', '--repair')}` puts them aside (produce makes them "
        "again); then run this again."
    )


@contextlib.contextmanager
def _translate_errors(target: Path) -> Iterator[None]:
    """What the disk refuses, as an error that says how the backup stands."""
    try:
        yield
    except SourceError:
        raise
    except StorageError as error:
        raise StorageError(f"{target}: the backup is not finished: {error.__cause__ or error}; {HELD}.") from error
    except OSError as error:
        raise StorageError(f"{target}: the backup is not finished: {error}; {HELD}.") from error


HELD = (
    "the library is untouched, and an earlier backup in this folder is still whole; free some space or check the "
    "folder's rights, then run this again: what was copied is kept"
)
