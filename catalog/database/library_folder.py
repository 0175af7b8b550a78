"""What a library's folder must be before anything in it is read or written; imports nothing heavy.

* The folders and files that limner makes in it are folders and regular files, never links, FIFOs or devices: a library
  cannot be led outside itself, and nothing in it can make limner wait. The library's own folder may be a link.
* Where there are traces of a catalog (a seal, pictures, the mark of a backup, copies of a catalog) there must be a
  catalog. One that is missing or empty beside them is damage, never a new library.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from catalog.errors import DamagedError, LibraryMissingError, StorageError
from catalog.objects.areas import Area
from specs.boundary.files import kind_of, read_json
from specs.commands import limner
from specs.errors import LimnerError, UsageError

FILE = "catalog.sqlite"
SEAL = "catalog.seal"
MARK = "backup.json"  # see vault.py
MARK_KIND = "limner.backup/1"
FORMER, REPLACED, TRASH, LOST = "former", "replaced", "trash", "lost"
FOLDERS = (
    *(*Area, "tmp", "locks", "locks/runs", "cache", "cache/thumbs", "sheets", "prefect", "taste"),
    *(LOST, TRASH, FORMER, REPLACED),
)
FILES = (FILE, SEAL, MARK, *(FILE + suffix for suffix in ("-journal", "-wal", "-shm")), f"{FORMER}/{FILE}")
PICTURE = re.compile(r"[0-9a-f]{64}\.png")
MOST_MARK_BYTES = 1 << 20
MOST_NEIGHBOURS = 500


def is_there(library: Path) -> bool:
    """Is there a library with a catalog? False where one may be made; reads nothing but names, sizes and the mark.

    Raises UsageError (a file in the library's place), LibraryMissingError (a backup that was never finished),
    DamagedError (the catalog is missing or empty, but was there), StorageError (a link or a special file where a
    folder or a file of ours belongs, or a folder that cannot be read).
    """
    require_plain(library)
    if size_of(library / FILE):
        return True
    if found := trace(library):
        if size_of(library / FILE):
            return True  # another process has just made it
        raise damaged(library, "is empty" if (library / FILE).exists() else "is missing", found)
    if _is_unfinished_backup(library):
        raise LibraryMissingError(
            f"{library}: no library here: a backup into this folder was begun and not finished (no {FILE}); finish it "
            "by `limner backup`, or name another folder with --library or LIMNER_LIBRARY."
        )
    return False


def damaged(library: Path, what: str, beside: str) -> DamagedError:
    """The error for a catalog that is not the one of its library; ``what`` is wrong with it, ``beside`` shows it."""
    return DamagedError(
        f"{library / FILE}: the catalog {what}, but {beside} is there: this is damage, not a new library; nothing was "
        f"written or removed. {way_back(library)}"
    )


def require_plain(library: Path) -> None:
    """Check the kind of every folder and file of ours that is there. UsageError, StorageError."""
    try:
        if library.exists() and not library.is_dir():
            raise UsageError(f"{library}: got a file as the library; allowed: a folder. Name one with --library.")
        for name in _folders(library):
            _require(library / name, stat.S_ISDIR, "a folder inside the library")
        for name in FILES:
            _require(library / name, stat.S_ISREG, "a regular file")
    except OSError as error:
        raise StorageError(
            f"{error.filename or library}: cannot be read: {error.strerror}; allowed: a library that you may read."
        ) from error


def trace(library: Path) -> str:
    """What shows that this folder has had a catalog, in words; empty when nothing does."""
    if (library / SEAL).exists():
        return f"its seal ({SEAL})"
    mark = read_mark(library)
    if mark is not None and mark.get("writes") is not None:
        return f"the mark of a backup ({MARK})"
    if mark is None and (picture := next(_pictures(library), None)):
        return f"a picture ({picture.relative_to(library)})"
    copies = [*library.glob(f"{FILE}.before-*"), library / FORMER / FILE, *library.glob(f"{REPLACED}/*/{FILE}")]
    return next((f"a copy of it ({path.relative_to(library)})" for path in copies if path.exists()), "")


def way_back(library: Path) -> str:
    """How to come back to a state that is whole, in a sentence or two."""
    mark = read_mark(library)
    former = f"go back to the state before it by copying {FORMER}/* over {FILE} and {SEAL}, or "
    if mark is not None and mark.get("library") != str(library.resolve()):
        return (
            f"This folder is a backup of {mark.get('library')}: {former if (library / FORMER / FILE).exists() else ''}"
            "back that library up into a new folder. README, Backups, says more."
        )
    backup = next(_backups_of(library), None)
    found = f"the backup {backup}" if backup else "a backup (a folder made by `limner backup`)"
    return (
        f"To go back: move {library} aside (keep it: its pictures may be newer), copy {found} to its place "
        f"(`cp -a {backup or 'BACKUP'} {library}`), then run `{limner('verify')}`. README, Backups, says more."
    )


def read_mark(folder: Path) -> dict[str, Any] | None:
    """The mark of a backup folder; None when there is none that limner wrote."""
    try:
        if not stat.S_ISREG(os.lstat(folder / MARK).st_mode):
            return None
        value = read_json(folder / MARK, MOST_MARK_BYTES)
    except (OSError, LimnerError):
        return None
    return value if value.get("kind") == MARK_KIND else None


def _folders(library: Path) -> Iterator[str]:
    yield from FOLDERS
    for name in ("cache", TRASH, REPLACED):  # one level down: what is ours there are folders and plain files
        folder = library / name
        if folder.is_dir() and not folder.is_symlink():
            yield from (f"{name}/{path.name}" for path in list(folder.iterdir()) if path.is_symlink())


def _require(path: Path, right: Any, allowed: str) -> None:
    try:
        mode = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    if right(mode):
        return
    got = f"a link to {path.readlink()}" if stat.S_ISLNK(mode) else kind_of(mode)
    got = "a file" if stat.S_ISREG(mode) else got
    raise StorageError(
        f"{path}: got {got}; allowed: {allowed}: nothing is written outside a library, and nothing in it is "
        "followed. Put the real one there; to keep a library on another disk, link or mount the library's own folder."
    )


def size_of(path: Path) -> int:
    """A file's bytes, links not followed; 0 where nothing is."""
    try:
        return os.lstat(path).st_size
    except (FileNotFoundError, NotADirectoryError):
        return 0


def _pictures(library: Path) -> Iterator[Path]:
    for area in Area:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            for folder in (library / area).iterdir():
                if len(folder.name) == 2 and folder.is_dir() and not folder.is_symlink():
                    yield from (file for file in list(folder.iterdir()) if PICTURE.fullmatch(file.name))


def _is_unfinished_backup(library: Path) -> bool:
    mark = read_mark(library)
    return mark is not None and mark.get("writes") is None


def _backups_of(library: Path) -> Iterator[Path]:
    """Backups of this library that lie beside it."""
    with contextlib.suppress(OSError):
        for folder in sorted(library.resolve().parent.iterdir())[:MOST_NEIGHBOURS]:
            mark = read_mark(folder)
            whole = mark is not None and mark.get("writes") is not None and size_of(folder / FILE)
            if mark is not None and whole and mark.get("library") == str(library.resolve()):
                yield folder
