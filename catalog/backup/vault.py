"""The folder that a backup lies in: whose it is, and how a new state takes the old one's place.

    backup.json        whose folder this is, and which state of the catalog limner itself put here
    catalog.sqlite     the catalog: there only when every picture that it speaks of is
    catalog.seal       over its bytes, as in any library
    former/            the state before: its catalog, seal and taste; the pictures lie with the others
    replaced/<when>/   a state that was newer than the library, or apart from it, and was replaced on purpose
    tmp/backup-…/      the next catalog, until everything is copied and read back

A new state only adds pictures until its catalog is renamed into place: before, the old state is whole, after, the new
one is. It must continue the state before (``ancestry.py``); where it is told to take its place all the same, that one
is kept until a person removes it. Pictures that no catalog in the folder speaks of are removed last, and a picture that
the library has lost is not one of these: the backup may hold the only copy.
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

from catalog.backup.ancestry import Relation, compare
from catalog.backup.other_catalogs import Spoken, copies, spoken_by
from catalog.catalog import FILE
from catalog.database import seal
from catalog.database.library_folder import FORMER, MARK, MARK_KIND, REPLACED, SEAL, read_mark, require_plain, way_back
from catalog.database.locks import Lock, holder_of
from catalog.database.migrate import require_catalog
from catalog.database.rows import now
from catalog.database.seal import Seal, seal_path
from catalog.errors import BusyError, CatalogError
from catalog.integrity.check_files import temporary_files
from catalog.integrity.snapshot import BESIDE, UNREADABLE, copy_raw, reading_only
from catalog.objects.store import AREAS, TEMPORARY, Objects, sync_folder, write_through
from specs.errors import UsageError

STAGING = "backup-"
LEARNED = "taste"  # the folder of heads that `limner taste` learned


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
        require_plain(folder)
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
            made = seal.file_seal(fd, writes, schema, made_at)
        seal.write_seal(path, made)
        return Staged(path, made, made_at)

    def require_newer(self, staged: Staged, *, replace_newer: bool) -> bool:
        """UsageError where the state that is here has what the staged one has not, unless ``replace_newer``.

        Returns whether it has: then that state is kept in ``replaced/``.
        """
        if not (self.folder / FILE).exists():
            return False
        try:
            found = compare(staged.path, self.folder / FILE)
        except UNREADABLE as error:
            raise _no_longer_ours(self.folder, f"it cannot be read ({error})") from error
        if found.relation is Relation.CONTINUES:
            return False
        if not replace_newer:
            self._clear_staging()
            apart = "is newer than" if found.relation is Relation.BEHIND else "has gone another way than"
            raise UsageError(
                f"{self.folder}: the backup there {apart} {self._library}: it holds what the library does not "
                f"({found}); nothing was changed. Was an older copy put in the library's place? Then go back to the "
                f"backup: move {self._library} aside and copy {self.folder} there. Or back up into another folder; or "
                f"replace it by --replace-newer: its state is then kept in {self.folder / REPLACED}."
            )
        return True

    def keep_state(self, staged: Staged, *, replaced: bool) -> None:
        """Keep the state that is here, which the staged one is about to replace; as ``former`` or, where it was newer,
        in ``replaced``. Nothing for the same state again."""
        current = self.folder / FILE
        if not current.exists() or seal.read_seal(current) == staged.seal:
            return
        inner = self.folder / "tmp" / f"{STAGING}{uuid.uuid4().hex}"
        inner.mkdir()
        for name in (FILE, SEAL):
            if (self.folder / name).exists():
                copy_raw(self.folder / name, inner / name)
        if (self.folder / LEARNED).is_dir():
            shutil.copytree(self.folder / LEARNED, inner / LEARNED, symlinks=True)
        sync_folder(inner)
        when = now().replace(":", "")
        target = self.folder / REPLACED / when if replaced else self.folder / FORMER
        target.parent.mkdir(exist_ok=True)
        if target.exists():
            target.rename(self.folder / "tmp" / f"{STAGING}{uuid.uuid4().hex}")
        inner.rename(target)
        for folder in {target.parent, self.folder}:
            sync_folder(folder)

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
            if each not in there or not _is_the_same(there[each], data):
                self._put(folder / each, data)
        if folder.is_dir():
            sync_folder(folder)

    def tidy(self) -> int:
        """Remove pictures that no catalog in the folder speaks of; returns how many went."""
        spoken = spoken_by([self.folder / FILE, *copies(self.folder)])
        if spoken.unreadable:
            return 0
        extra = [
            file
            for area in AREAS
            for file in self.objects.entries(area)
            if (file.sha256, area) not in spoken.places and not _is_only_one(file.sha256, spoken)
        ]
        for file in extra:
            self.objects.delete(file.sha256, file.area)
        return len(extra)

    def _begin(self) -> None:
        mark = read_mark(self.folder)
        _require_untouched(self.folder, mark or {})
        for name in (*AREAS, "tmp", "locks", "locks/runs"):
            (self.folder / name).mkdir(exist_ok=True)
        if mark is None:
            self._write_mark(self._fresh_mark())
        sync_folder(self.folder)
        sync_folder(self.folder.parent)
        for path in list(temporary_files(self.folder)):
            path.unlink(missing_ok=True)

    def _clear_staging(self) -> None:
        for path in (self.folder / "tmp").glob(f"{STAGING}*"):
            shutil.rmtree(path, ignore_errors=True)

    def _fresh_mark(self) -> dict[str, object]:
        return {"kind": MARK_KIND, "library": str(self._library)} | dict.fromkeys(("made_at", "writes", "next", "at"))

    def _mark(self) -> dict[str, object]:
        return read_mark(self.folder) or self._fresh_mark()

    def _write_mark(self, value: dict[str, object]) -> None:
        self._put(self.folder / MARK, (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode())
        sync_folder(self.folder)

    def _put(self, path: Path, data: bytes) -> None:
        temporary = self.folder / "tmp" / f"{TEMPORARY}{uuid.uuid4().hex}"
        write_through(temporary, data)
        temporary.replace(path)


def _is_only_one(sha256: str, spoken: Spoken) -> bool:
    """Is this a picture that a catalog knows, and none knows a place of: lost in the library?"""
    return sha256 in spoken.sha256s and not any((sha256, area) in spoken.places for area in AREAS)


def _is_the_same(path: Path, data: bytes) -> bool:
    return not path.is_symlink() and path.is_file() and path.read_bytes() == data


def _require_ours(folder: Path) -> None:
    """A folder that holds anything of somebody else's is left alone."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UsageError(f"{folder}: got a file to back up into; allowed: a folder that is new, empty or a backup.")
    if any(folder.iterdir()) and read_mark(folder) is None and not _is_begun(folder):
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
    """A backup that somebody has worked in since is a library of its own now: it is not written over.

    Nor is one that has lost its catalog, or whose catalog is not as it was sealed.
    """
    path = folder / FILE
    if not path.exists():
        if mark.get("writes") is not None:
            raise _no_longer_ours(folder, f"its {FILE} is gone")
        return
    try:
        with reading_only(path) as connection:
            schema = require_catalog(connection, path)
            writes = connection.execute("SELECT writes FROM library").fetchone()[0]
    except (CatalogError, *UNREADABLE, TypeError) as error:
        raise _no_longer_ours(folder, f"its {FILE} cannot be read ({error})") from error
    if any((folder / (FILE + suffix)).exists() for suffix in BESIDE):
        raise _no_longer_ours(folder, "somebody has it open, or has left a journal")
    kept = (seal.read_seal(state) for state in (folder / FORMER / FILE, *folder.glob(f"{REPLACED}/*/{FILE}")))
    if writes not in (mark.get("writes"), mark.get("next"), *(one.writes for one in kept if one)):
        raise _no_longer_ours(folder, "somebody has worked in it as a library")
    sealed = seal.read_seal(path)
    if sealed is not None and sealed.age(writes, schema) == 0:
        with seal.raw(path) as fd:
            if seal.file_seal(fd, sealed.writes, sealed.schema, sealed.made_at) != sealed:
                raise _no_longer_ours(folder, f"the bytes of its {FILE} are not those that were sealed")


def _no_longer_ours(folder: Path, why: str) -> UsageError:
    return UsageError(
        f"{folder}: this backup is no longer as limner left it: {why}; nothing was changed. Allowed: another folder; "
        f"or remove this one if nobody needs it. {way_back(folder)}"
    )
