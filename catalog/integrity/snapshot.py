"""A copy of the catalog to examine, taken without writing a byte to the library.

The copy is made under SQLite's shared lock, so writers wait for a moment and readers do not. Where a write was
interrupted (a rollback journal lies beside the file), the copy takes the journal along and is rolled back in its own
folder.

Where the copy goes: to the system's folder for temporary files (``TMPDIR`` names another), because nothing may be
written to a library that is only looked at, it may lie on a disk that cannot be written to, and a disk that is full is
one of the times to look. It is as large as the catalog, and gone when the look is over. It is a copy and no long read,
because with a rollback journal no writer could commit until the reader was done.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from catalog.database.seal import raw
from catalog.database.sqlite import connect
from catalog.errors import StorageError

# what reading a damaged file raises: sqlite3 cannot even decode some of its own messages then
UNREADABLE = (sqlite3.Error, UnicodeError, OverflowError)
BESIDE = ("-journal", "-wal")
_WAL_FORMAT = b"\x02\x02"


@contextlib.contextmanager
def snapshot(path: Path, scratch: Path | None = None) -> Iterator[Path]:
    """The path of a private copy, in ``scratch`` or the system's temporary folder, gone when the block is left.

    Raises OSError when the catalog cannot be read, StorageError when there is no place for the copy.
    """
    with tempfile.TemporaryDirectory(prefix="limner-verify-", dir=scratch) as folder:
        copy = Path(folder) / path.name
        with _shared_lock(path), _translate_errors(folder):
            copy_raw(path, copy)
            for suffix in BESIDE:
                beside = path.with_name(path.name + suffix)
                with contextlib.suppress(FileNotFoundError):
                    copy.with_name(copy.name + suffix).write_bytes(beside.read_bytes())
        yield copy


@contextlib.contextmanager
def _translate_errors(folder: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise StorageError(
            f"{folder}: no space for a copy of the catalog to examine; free some there, or name another folder for "
            "temporary files by TMPDIR."
        ) from error


@contextlib.contextmanager
def reading_only(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that cannot write. Raises sqlite3.Error when the file cannot be read so."""
    with contextlib.closing(connect(path, "ro")) as connection:
        yield connection


@contextlib.contextmanager
def _shared_lock(path: Path) -> Iterator[None]:
    """Keep writers out for a moment. Where SQLite cannot read (damage, an interrupted write) there are none."""
    with contextlib.ExitStack() as stack:
        if not _is_idle_wal(path):
            with contextlib.suppress(*UNREADABLE):
                connection = stack.enter_context(reading_only(path))
                connection.execute("BEGIN")
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        yield


def _is_idle_wal(path: Path) -> bool:
    """A WAL database that nobody has open: to lock it would make files beside it, and there is nobody to keep out."""
    with raw(path) as fd:
        is_wal = os.pread(fd, 2, 18) == _WAL_FORMAT
    return is_wal and not path.with_name(path.name + "-wal").exists()


def copy_raw(path: Path, copy: Path) -> None:
    """Copy a catalog file's bytes, and see them onto the disk."""
    with raw(path) as fd, copy.open("wb") as target:
        at = 0
        while block := os.pread(fd, 1 << 20, at):
            target.write(block)
            at += len(block)
        target.flush()
        os.fsync(target.fileno())
