"""Pictures as files named by their own hash: ``objects/ab/<sha256>.png``, ``quarantine/ab/<sha256>.png``.

A file appears under its name only when it is whole and on disk: temporary file in ``library/tmp`` → write → fsync →
rename → fsync of every folder that changed. Putting what is there already writes nothing. The small interface (put if
absent, get, list, delete, move) is all that another kind of store has to offer.

Folders inside the library are never symbolic links, and no link is followed: a library cannot be led outside itself.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import CatalogError, StorageError
from catalog.objects.areas import Area
from specs.canonical import sha256_hex

AREAS = tuple(Area)
TEMPORARY = "object-"  # how names in library/tmp begin that are ours
_NAME = re.compile(r"([0-9a-f]{64})\.png")


@dataclass(frozen=True, slots=True)
class Stored:
    """One file of the store: which object, where, how many bytes."""

    sha256: str
    area: str
    path: Path
    bytes: int


class Objects:
    """The object store of a library; ``root`` is the library's folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, sha256: str, area: str = Area.OBJECTS) -> Path:
        """Where an object lies, whether or not it does."""
        if not _NAME.fullmatch(f"{sha256}.png") or area not in AREAS:
            raise ValueError(f"not an object: {area}/{sha256}")
        return self.root / area / sha256[:2] / f"{sha256}.png"

    def put(self, data: bytes, area: str = Area.OBJECTS) -> str:
        """Store bytes; returns their SHA-256. On disk when this returns."""
        return self.put_all([data], area)[0]

    def put_all(self, blobs: Sequence[bytes], area: str = Area.OBJECTS) -> list[str]:
        """Store many: one fsync a new file and one a folder. All on disk when this returns, in the order given."""
        names = [sha256_hex(blob) for blob in blobs]
        with _translate_errors(self.root):
            for name, blob in zip(names, blobs, strict=True):
                self._put_absent(name, blob, area)
            self._sync_folders(self.path(name, area) for name in names)
        return names

    def get(self, sha256: str, area: str = Area.OBJECTS) -> bytes:
        """The bytes of an object; FileNotFoundError when it is not there. Not hashed: that is ``verify``'s work."""
        path = self.path(sha256, area)
        with _translate_errors(self.root), os.fdopen(self._open_read(path), "rb") as file:
            return file.read()

    def entries(self, area: str = Area.OBJECTS) -> Iterator[Stored]:
        """Every object of an area, sorted by name. Strange files are not listed: see ``foreign_files``."""
        for folder in self._folders(area):
            for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
                if _is_object(entry, folder):
                    size = entry.stat(follow_symlinks=False).st_size
                    yield Stored(entry.name[:64], area, Path(entry.path), size)

    def foreign_files(self, area: str = Area.OBJECTS) -> Iterator[Path]:
        """What lies in an area and is no object: links, folders, files under other names."""
        root = self.root / area
        if not root.is_dir():
            return
        folders = set(self._folders(area))
        for entry in sorted(os.scandir(root), key=lambda entry: entry.name):
            path = Path(entry.path)
            if path not in folders:
                yield path
                continue
            inner = sorted(os.scandir(path), key=lambda entry: entry.name)
            yield from (Path(found.path) for found in inner if not _is_object(found, path))

    def delete(self, sha256: str, area: str = Area.OBJECTS) -> None:
        """Remove an object; fine when it is not there. Removed on disk when this returns."""
        path = self.path(sha256, area)
        with _translate_errors(self.root):
            if not self._is_inside(path):
                return
            path.unlink(missing_ok=True)
            sync_folder(path.parent)

    def move(self, sha256: str, start: str, end: str) -> None:
        """Move an object between areas; at every instant it is in at least one of them."""
        source, target = self.path(sha256, start), self.path(sha256, end)
        with _translate_errors(self.root):
            if not self._is_inside(source):
                raise FileNotFoundError(errno.ENOENT, "no such picture", str(source))
            self._make_folder(target.parent)
            source.replace(target)
            self._sync_folders([target, source])

    def _is_inside(self, path: Path) -> bool:
        """Is the folder of a picture there, and no link? What lies behind a link is never touched."""
        return all(folder.is_dir() and not folder.is_symlink() for folder in (path.parent.parent, path.parent))

    def _put_absent(self, name: str, blob: bytes, area: str) -> None:
        path = self.path(name, area)
        self._make_folder(path.parent)
        with contextlib.suppress(FileNotFoundError):
            found = os.lstat(path)
            if stat.S_ISREG(found.st_mode) and found.st_size == len(blob):
                return
        temporary = self.root / "tmp" / f"{TEMPORARY}{uuid.uuid4().hex}"
        try:
            write_through(temporary, blob)
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise

    def _make_folder(self, folder: Path) -> None:
        """Create ``area/ab`` where needed and check that neither is a link."""
        for path in (folder.parent, folder):
            with contextlib.suppress(FileExistsError):
                path.mkdir()
            if not stat.S_ISDIR(os.lstat(path).st_mode):
                raise CatalogError(
                    f"{path}: is a link or a file; allowed: a folder; pictures never leave the library. To put a "
                    "library on another disk, link or mount the library's own folder."
                )

    def _sync_folders(self, paths: Iterable[Path]) -> None:
        """Make names durable, also those that another process made a moment ago: leaf folders, areas, the library."""
        leaves = {path.parent for path in paths}
        areas = {leaf.parent for leaf in leaves}
        for folder in [*sorted(leaves), *sorted(areas), self.root]:
            sync_folder(folder)

    def _folders(self, area: str) -> list[Path]:
        root = self.root / area
        if not root.is_dir() or root.is_symlink():
            return []
        names = sorted(os.scandir(root), key=lambda entry: entry.name)
        return [
            Path(entry.path)
            for entry in names
            if entry.is_dir(follow_symlinks=False) and re.fullmatch("[0-9a-f]{2}", entry.name)
        ]

    def _open_read(self, path: Path) -> int:
        for folder in (path.parent.parent, path.parent):
            if folder.is_symlink():
                raise CatalogError(f"{folder}: is a link; allowed: a folder inside the library.")
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)  # no pipe makes us wait


def _is_object(entry: os.DirEntry[str], folder: Path) -> bool:
    named = _NAME.fullmatch(entry.name) and entry.name.startswith(folder.name)
    return bool(named) and entry.is_file(follow_symlinks=False)


def write_through(path: Path, data: bytes) -> None:
    """Create a file that is not there yet and see it onto the disk."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_folder(path: Path) -> None:
    """See a folder's names onto the disk."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextlib.contextmanager
def _translate_errors(root: Path) -> Iterator[None]:
    """Turn what the file system refuses into an error that names the place and the mend."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        mend = "free some space" if full else "check the disk and the folder's rights"
        raise StorageError(
            f"{error.filename or root}: cannot be written or read: {error.strerror}; what was recorded before is safe, "
            f"this picture is not on record; {mend} and run this again."
        ) from error
