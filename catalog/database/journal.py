"""A rollback journal that lies beside the catalog when nobody writes: is it the catalog's own?

After a kill in the middle of a commit it is, and SQLite rolls the catalog back by it when the file is next opened. A
catalog that was copied into the place of another finds the other one's journal, and rolling back would ruin it. So it
is tried on a private copy first: what comes out must be whole, of this library, and no older than its seal.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from catalog.database import seal
from catalog.database.library_folder import size_of, way_back
from catalog.database.locks import holding
from catalog.database.sqlite import connect
from catalog.errors import CatalogError, DamagedError
from catalog.integrity import check_rows
from catalog.integrity.snapshot import UNREADABLE, snapshot


def require_own(path: Path) -> None:
    """DamagedError for a journal beside the catalog ``path`` that is not its own. Costs nothing where there is none."""
    beside = path.with_name(f"{path.name}-journal")
    if not size_of(beside):
        return
    with holding(path.parent / "locks" / "write.lock"):  # a writer's journal is gone when it has committed
        if not size_of(beside):
            return
        sealed = seal.read_seal(path)
        with seal.visiting(path), snapshot(path) as copy:
            wrong = _wrong(copy, sealed)
    if wrong:
        raise DamagedError(
            f"{beside}: is a rollback journal that does not belong to the catalog beside it ({wrong}): the catalog was "
            f"copied here while it was in use, or from elsewhere; nothing was written. {way_back(path.parent)}"
        )


def _wrong(copy: Path, sealed: seal.Seal | None) -> str:
    """What is wrong with a copy of the catalog once it is rolled back, in words; empty when nothing is."""
    try:
        found = check_rows.state(copy)
        if found is None:
            return "" if check_rows.is_empty(copy) and sealed is None else "rolled back by it, it is no catalog"
        with contextlib.closing(connect(copy, "ro")) as connection:
            (whole,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except (CatalogError, *UNREADABLE) as error:
        return str(error)
    if whole != "ok":
        return f"rolled back by it, SQLite says: {whole}"
    if sealed is None:
        return ""
    if wrong := seal.wrong(sealed, found.writes, found.schema, found.made_at):
        return f"rolled back by it, {wrong}"
    if sealed.age(found.writes, found.schema) == 0:
        with copy.open("rb") as file:
            now = seal.file_seal(file.fileno(), sealed.writes, sealed.schema, sealed.made_at)
        return "" if now == sealed else "rolled back by it, it is not as it was sealed"
    return ""
