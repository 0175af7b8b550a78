"""Other catalogs that lie in a library's folder, and the pictures that they speak of: those are nobody's to remove.

``catalog.sqlite.before-…`` (see ``migrate.py``), ``former/`` and ``replaced/…/`` of a backup (see ``vault.py``), and
whatever somebody has put beside the catalog or in ``lost/``: a file of SQLite's with limner's application id.
"""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from catalog.database.genuine import APPLICATION_ID
from catalog.database.library_folder import FILE, FORMER, LOST, REPLACED
from catalog.database.migrate import require_catalog
from catalog.database.sqlite import connect
from catalog.errors import CatalogError
from catalog.integrity.snapshot import BESIDE, UNREADABLE, snapshot
from catalog.objects.areas import ImageState

MAGIC = b"SQLite format 3\0"
APPLICATION_AT = 68  # bytes into the file's header, big-endian
PICTURES = "SELECT image_sha256, area, state FROM images WHERE state != 'dropped'"


@dataclass(frozen=True, slots=True)
class Spoken:
    """What catalogs say of pictures: ``places`` are (sha256, area) of those present, ``sha256s`` all but dropped ones.

    ``unreadable``: catalogs that say nothing, because they are damaged.
    """

    places: frozenset[tuple[str, str]]
    sha256s: frozenset[str]
    unreadable: tuple[Path, ...]


def spoken_of(library: Path) -> Spoken:
    """What the copies in a library's folder say, its catalog itself aside."""
    return spoken_by(list(copies(library)))


def spoken_by(catalogs: list[Path]) -> Spoken:
    """What some catalogs say together."""
    places: set[tuple[str, str]] = set()
    sha256s: set[str] = set()
    unreadable = []
    for path in catalogs:
        try:
            rows = _pictures(path)
        except (OSError, CatalogError, *UNREADABLE):
            unreadable.append(path)
            continue
        places |= {(sha256, area) for sha256, area, state in rows if state == ImageState.PRESENT}
        sha256s |= {sha256 for sha256, _, _ in rows}
    return Spoken(frozenset(places), frozenset(sha256s), tuple(unreadable))


def copies(library: Path) -> Iterator[Path]:
    """Catalogs in the library's folder besides its own."""
    for pattern in ("*", f"{FORMER}/*", f"{REPLACED}/*/*", f"{LOST}/*"):
        for path in sorted(library.glob(pattern)):
            if path != library / FILE and not path.name.endswith(BESIDE) and _is_catalog(path):
                yield path


def _is_catalog(path: Path) -> bool:
    with contextlib.suppress(OSError):
        if stat.S_ISREG(path.lstat().st_mode):
            with path.open("rb") as file:
                head = file.read(100)
            ours = head[APPLICATION_AT : APPLICATION_AT + 4] == APPLICATION_ID.to_bytes(4, "big")
            return head.startswith(MAGIC) and ours
    return False


def _pictures(path: Path) -> list[tuple[str, str, str]]:
    """(sha256, area, state) of each; by way of a copy where an interrupted write lies beside it."""
    with contextlib.ExitStack() as stack:
        torn = any(path.with_name(path.name + suffix).exists() for suffix in BESIDE)
        place = stack.enter_context(snapshot(path)) if torn else path
        connection = stack.enter_context(contextlib.closing(connect(place, "rw" if torn else "ro")))
        require_catalog(connection, path)
        return connection.execute(PICTURES).fetchall()
