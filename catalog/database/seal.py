"""The seal: one hash over every byte of ``catalog.sqlite``, so that no changed byte is missed.

Row hashes and SQLite's own checks find every change that alters what the catalog says. A database file also has bytes
that say nothing (free pages, gaps inside pages, counters). To find a changed bit there too, the file as a whole is
hashed whenever the last one who wrote closes it: ``catalog.seal`` holds the number of writes so far
(``library.writes``), the schema, the size, a hash, and a hash of these four. After a ``kill -9`` the number does not
match: the seal is *stale*, nothing can be said about idle bytes, row hashes still guard all that matters, and the next
close seals anew; so it is after a migration. A seal of a *later* state than the catalog's, or of a library made at
another moment (``library.made_at``), shows that a file was put in the catalog's place: that library is not opened.
The hash is SHA-256 over the SHA-256 of each 16 MiB of the file, so that a
catalog of a gigabyte is hashed by several processors when a verdict has changed it. Seals of before (``limner.seal/1``:
SHA-256 of the whole file, schema not named; ``/2``: without the library's moment) are still read.

A process that opens and closes a file loses all its POSIX locks on it, SQLite's too. So the raw file is only read by
the last catalog open in this process, and ``verify`` parks what it has read from until then.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, select

from catalog.database.library_folder import way_back
from catalog.database.rows import fetch_all, replace
from catalog.database.schema import Library
from catalog.database.sqlite import journal_mode, path_of, reading, writing
from catalog.errors import CatalogError, DamagedError
from catalog.objects.store import TEMPORARY, write_through
from specs.boundary.files import read_bytes
from specs.canonical import Json, value_sha256
from specs.errors import LimnerError

KINDS = ("limner.seal/1", "limner.seal/2", "limner.seal/3")
LAST_WHOLE = 2  # the last schema whose seals were of the first kind
PART, BLOCK = 1 << 24, 1 << 20
MOST_BYTES = 1 << 16  # a seal is a line
_guard = threading.Lock()
_open: Counter[str] = Counter()
_parked: dict[str, list[int]] = {}


@dataclass(frozen=True, slots=True)
class Seal:
    """``sha256`` and ``bytes`` of the catalog file of ``schema`` after ``writes`` transactions.

    ``schema`` None: hashed as a whole, by a limner that did not note the schema. ``made_at``: when the library was
    made, which tells it from every other; '' by a limner that did not note it.
    """

    writes: int
    schema: int | None
    bytes: int
    sha256: str
    made_at: str = ""

    def age(self, writes: int, schema: int) -> int:
        """Of which state of the catalog is this: −1 an earlier one than the given, 0 that one, 1 a later one."""
        mine = (self.writes, min(schema, LAST_WHOLE) if self.schema is None else self.schema)
        return (mine > (writes, schema)) - (mine < (writes, schema))


def opened(path: Path) -> bool:
    """Count a catalog that opens this file in this process; True, for the one who counts."""
    with _guard:
        _open[str(path)] += 1
    return True


@contextlib.contextmanager
def visiting(path: Path) -> Iterator[None]:
    """Count a reader of the raw file, so that what it closes costs nobody in this process a lock."""
    opened(path)
    try:
        yield
    finally:
        with _guard:
            _leave(str(path))


def closing(engine: Engine, *, refused: bool = False) -> None:
    """Close the engine; the last one in this process seals what was written, and reads parked files no more.

    ``refused``: the file was not accepted as a catalog of ours; then nothing more is asked of it, and nothing sealed.
    """
    path = path_of(engine)
    with _guard:
        last = _open[str(path)] == 1
        try:
            if last and not refused and path.is_file():
                with contextlib.suppress(CatalogError, OSError):  # a seal that cannot be written is a stale one
                    _seal_if_stale(engine)
        finally:
            engine.dispose()
            _leave(str(path))


def _leave(path: str) -> None:
    _open[path] -= 1
    if not _open[path]:
        del _open[path]
        for fd in _parked.pop(path, []):
            os.close(fd)


def ensure(engine: Engine) -> None:
    """A library has a seal from its first moment: make one where there is none, if nobody else has it open here."""
    path = path_of(engine)
    with _guard:
        if not seal_path(path).exists() and _open[str(path)] == 1:
            _seal_if_stale(engine)


@contextlib.contextmanager
def write_transaction(engine: Engine) -> Iterator[Connection]:
    """A write transaction that counts itself in ``library.writes``; see ``engine.writing``."""
    with writing(engine) as connection:
        yield connection
        row = fetch_all(connection, Library)[0]
        replace(connection, Library, [{**row, "writes": row["writes"] + 1}])


def require(path: Path, sealed: Seal | None, writes: int, schema: int, made_at: str) -> None:
    """DamagedError for a catalog that another file has taken the place of. ``sealed`` was read before the others."""
    if sealed is None or not (found := wrong(sealed, writes, schema, made_at)):
        return
    raise DamagedError(
        f"{path}: {found}; nothing was written. Put this library's newest catalog back. "
        f"{way_back(path.parent)} To go on with this file on purpose, remove {seal_path(path).name}: what it does not "
        "know is then not on record, and no picture is removed for that."
    )


def wrong(sealed: Seal, writes: int, schema: int, made_at: str) -> str:
    """What the seal says against a catalog at this state, in words; empty when it may be the catalog of this seal."""
    if sealed.made_at not in ("", made_at):
        return f"is the catalog of another library (made at {made_at}; the seal is of one made at {sealed.made_at})"
    if sealed.age(writes, schema) > 0:
        return f"the seal is of write {sealed.writes}, the catalog is at {writes}: it is an older copy"
    return ""


def seal_path(path: Path) -> Path:
    """Where the seal of a catalog file lies."""
    return path.with_suffix(".seal")


def read_seal(path: Path) -> Seal | None:
    """The seal as it stands; None when it is missing or is not what was written."""
    try:
        found = read_bytes(seal_path(path), MOST_BYTES)
        value = json.loads(found)
        names = value["writes"], value.get("schema"), value["bytes"], value["sha256"], value.get("made_at", "")
        seal = Seal(*names)
        return seal if found == _text(seal) else None
    except (LimnerError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


@contextlib.contextmanager
def raw(path: Path) -> Iterator[int]:
    """A file descriptor to read the catalog file's bytes from, without costing this process its SQLite locks."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        with _guard:
            if _open[str(path)]:
                _parked.setdefault(str(path), []).append(fd)
            else:
                os.close(fd)


def file_seal(fd: int, writes: int, schema: int | None, made_at: str = "") -> Seal:
    """Hash a file from its beginning; as a whole for ``schema`` None."""
    size = os.fstat(fd).st_size
    part = max(size, 1) if schema is None else PART
    digests = _hashes([(fd, start, start + part) for start in range(0, max(size, 1), part)])
    digest = digests[0] if schema is None else hashlib.sha256(b"".join(digests)).digest()
    return Seal(writes, schema, size, digest.hex(), made_at)


def _hashes(parts: Sequence[tuple[int, int, int]]) -> list[bytes]:
    """``_hash`` of each; by every processor, unless the process is ending: then no thread can be started any more."""
    if len(parts) > 1:
        with contextlib.suppress(RuntimeError), ThreadPoolExecutor(min(len(parts), os.cpu_count() or 1)) as pool:
            return list(pool.map(lambda part: _hash(*part), parts))
    return [_hash(*part) for part in parts]


def _hash(fd: int, start: int, end: int) -> bytes:
    digest, at = hashlib.sha256(), start
    while block := os.pread(fd, min(BLOCK, end - at), at):
        digest.update(block)
        at += len(block)
    return digest.digest()


def _seal_if_stale(engine: Engine) -> None:
    path = path_of(engine)
    if journal_mode() == "WAL":
        with engine.connect() as connection:
            connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = read_seal(path)
    with reading(engine) as connection:
        writes, made_at = connection.execute(select(Library.writes, Library.made_at)).one()
        schema = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
        if before is not None and before.age(writes, schema) == 0:
            return
        if before is not None and wrong(before, writes, schema, made_at):
            return  # never sealed over: see require
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            seal = file_seal(fd, writes, schema, made_at)
        finally:
            os.close(fd)
    write_seal(path, seal, path.parent / "tmp")


def write_seal(path: Path, seal: Seal, folder: Path | None = None) -> None:
    """Write a catalog file's seal beside it, by way of a temporary file in ``folder``."""
    temporary = (folder or path.parent) / f"{TEMPORARY}{uuid.uuid4().hex}"
    write_through(temporary, _text(seal))
    temporary.replace(seal_path(path))


def _text(seal: Seal) -> bytes:
    value: dict[str, Json] = {"writes": seal.writes, "bytes": seal.bytes, "sha256": seal.sha256}
    if seal.schema is not None:
        value["schema"] = seal.schema
    if seal.made_at:
        value["made_at"] = seal.made_at
    kind = KINDS[0 if seal.schema is None else 2 if seal.made_at else 1]
    return (json.dumps({**value, "check": value_sha256(kind, value)}) + "\n").encode()
