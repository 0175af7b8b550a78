"""The folder that a backup lies in: whose it is, and how a new state takes the old one's place.

    backup.json        whose folder this is, and which state of the catalog limner itself put here
    catalog.sqlite     the catalog: there only when every picture that it speaks of is
    catalog.seal       over its bytes, as in any library
    tmp/backup-…/      the next catalog, until everything is copied and read back

A new state only adds pictures until its catalog is renamed into place: before, the old state is whole, after, the new
one is. Pictures that only the old one spoke of are removed last.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from catalog import seal
from catalog.check_files import temporary_files
from catalog.errors import BusyError
from catalog.locks import Lock, holder_of
from catalog.objects import AREAS, TEMPORARY, Objects, sync_folder, write_through
from catalog.rows import now
from catalog.seal import Seal, seal_path
from catalog.snapshot import BESIDE, UNREADABLE, reading_only
from catalog.store import FILE
from specs.errors import UsageError

MARK = "backup.json"
KIND = "limner.backup/1"
STAGING = "backup-"


@dataclass(frozen=True, slots=True)
class Staged:
    """A snapshot of the catalog in ``tmp``, sealed: ``path`` is the file."""

    path: Path
    seal: Seal
    made_at: str  # the library's own


class Vault:
    """An open backup folder; nobody else backs up into it meanwhile."""

    def __init__(self, folder: Path, library: Path) -> None:
        """Use ``open``."""
        self.folder = folder
        self.objects = Objects(folder)
        self._library = library

    @classmethod
    @contextlib.contextmanager
    def open(cls, library: Path, folder: Path) -> Iterator[Vault]:
        """Take the folder, made where there is none. UsageError for one that is not ours to write to, BusyError."""
        if folder == library or folder.is_relative_to(library) or library.is_relative_to(folder):
            raise UsageError(
                f"{folder}: got a backup folder that is the library {library}, lies in it or holds it; allowed: a "
                "folder apart from it, best on another disk."
            )
        _require_ours(folder)
        folder.mkdir(parents=True, exist_ok=True)
        lock = Lock(folder / "locks" / "backup.lock")
        if not lock.take(wait=False):
            raise BusyError(
                f"{folder}: another backup into it is running ({holder_of(lock.path)}); wait for it, or name another "
                "folder."
            )
        try:
            lock.sign()
            vault = cls(folder, library)
            vault._begin()
            yield vault
        finally:
            lock.release()

    def stage(self, snapshot: Callable[[Path], None]) -> Staged:
        """Have ``snapshot`` write the catalog's next state to a path, and seal it; one that was staged before goes."""
        self._clear_staging()
        inner = self.folder / "tmp" / f"{STAGING}{uuid.uuid4().hex}"
        inner.mkdir()
        path = inner / FILE
        snapshot(path)
        with reading_only(path) as connection:
            writes, made_at = connection.execute("SELECT writes, made_at FROM library").fetchone()
            (schema,) = connection.execute("PRAGMA user_version").fetchone()
        _require_the_same(self.folder, self._mark(), made_at)
        with seal.raw(path) as fd:
            os.fsync(fd)
            made = seal.file_seal(fd, writes, schema)
        seal.write_seal(path, made)
        return Staged(path, made, made_at)

    def publish(self, staged: Staged) -> None:
        """Put the staged catalog in the place of the one before."""
        before = self._mark()
        self._write_mark({**before, "next": staged.seal.writes})
        staged.path.replace(self.folder / FILE)
        sync_folder(self.folder)
        seal_path(staged.path).replace(seal_path(self.folder / FILE))
        mark = {**self._fresh_mark(), "made_at": staged.made_at, "writes": staged.seal.writes, "at": now()}
        self._write_mark(mark)
        self._clear_staging()

    def mirror(self, name: str, files: Mapping[str, bytes]) -> None:
        """Make the folder ``name`` hold exactly these files; a file that is the same already is left alone."""
        folder = self.folder / name
        there = {path.name: path for path in folder.glob("*")}
        for gone in set(there) - set(files):
            there[gone].unlink()
        for each, data in files.items():
            folder.mkdir(exist_ok=True)
            if each not in there or there[each].read_bytes() != data:
                self._put(folder / each, data)
        if folder.is_dir():
            sync_folder(folder)

    def tidy(self, wanted: set[tuple[str, str]]) -> int:
        """Remove pictures that are not among the (sha256, area) wanted; returns how many went."""
        stored = [file for area in AREAS for file in self.objects.entries(area)]
        extra = [file for file in stored if (file.sha256, file.area) not in wanted]
        for file in extra:
            self.objects.delete(file.sha256, file.area)
        return len(extra)

    def _begin(self) -> None:
        for name in (*AREAS, "tmp", "locks", "locks/runs"):
            (self.folder / name).mkdir(exist_ok=True)
        if not (self.folder / MARK).exists():
            self._write_mark(self._fresh_mark())
        sync_folder(self.folder)
        sync_folder(self.folder.parent)
        _require_untouched(self.folder, self._mark())
        for path in list(temporary_files(self.folder)):
            path.unlink(missing_ok=True)

    def _clear_staging(self) -> None:
        for path in (self.folder / "tmp").glob(f"{STAGING}*"):
            shutil.rmtree(path, ignore_errors=True)

    def _fresh_mark(self) -> dict[str, object]:
        return {"kind": KIND, "library": str(self._library)} | dict.fromkeys(("made_at", "writes", "next", "at"))

    def _mark(self) -> dict[str, object]:
        return _read_mark(self.folder) or self._fresh_mark()

    def _write_mark(self, value: dict[str, object]) -> None:
        self._put(self.folder / MARK, (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode())
        sync_folder(self.folder)

    def _put(self, path: Path, data: bytes) -> None:
        temporary = self.folder / "tmp" / f"{TEMPORARY}{uuid.uuid4().hex}"
        write_through(temporary, data)
        temporary.replace(path)


def _read_mark(folder: Path) -> dict[str, object] | None:
    try:
        value = json.loads((folder / MARK).read_bytes())
        return value if isinstance(value, dict) and value.get("kind") == KIND else None
    except (OSError, ValueError):
        return None


def _require_ours(folder: Path) -> None:
    """A folder that holds anything of somebody else's is left alone."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UsageError(f"{folder}: got a file to back up into; allowed: a folder that is new, empty or a backup.")
    if any(folder.iterdir()) and _read_mark(folder) is None and not _is_begun(folder):
        held = "a library" if (folder / FILE).exists() else "files that limner did not put there"
        raise UsageError(
            f"{folder}: holds {held} and is no backup (no {MARK}); allowed: a folder that is new, empty or a backup "
            "that limner made."
        )


def _is_begun(folder: Path) -> bool:
    """Killed before it could leave its mark: nothing but the empty folders that a backup begins with."""
    known = {*AREAS, "tmp", "locks"}
    return all(path.name in known for path in folder.iterdir()) and not any(
        path.is_file() and path.suffix not in (".lock", ".json") for path in folder.rglob("*")
    )


def _require_the_same(folder: Path, mark: dict[str, object], made_at: str) -> None:
    if mark.get("made_at") not in (None, made_at):
        raise UsageError(
            f"{folder}: is the backup of another library, {mark.get('library')}; allowed: a "
            "folder that is new, empty or this library's backup."
        )


def _require_untouched(folder: Path, mark: dict[str, object]) -> None:
    """A backup that somebody has worked in since is a library of its own now: it is not written over."""
    if not (folder / FILE).exists():
        return
    try:
        with reading_only(folder / FILE) as connection:
            writes = connection.execute("SELECT writes FROM library").fetchone()[0]
    except (*UNREADABLE, TypeError):
        writes = None
    beside = any((folder / (FILE + suffix)).exists() for suffix in BESIDE)
    if beside or writes is None or writes not in (mark.get("writes"), mark.get("next")):
        raise UsageError(
            f"{folder}: this backup is no longer as limner left it: somebody has worked in it as a library, or it is "
            "damaged; allowed: another folder; or remove this one if nobody needs it."
        )
