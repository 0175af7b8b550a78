"""What becomes of a picture's file after it was recorded: dropped, moved, lost and found. Row and file stay in step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, Engine

from catalog.database.rows import Row, fetch, replace
from catalog.database.schema import ImageRow
from catalog.database.seal import write_transaction
from catalog.database.sqlite import reading
from catalog.errors import NotFoundError
from catalog.objects.areas import ImageState
from catalog.objects.store import Objects
from specs.commands import limner


def mark(connection: Connection, image_sha256s: Iterable[str], *, start: str, end: str) -> list[Row]:
    """Move pictures from one state to another; returns the rows, as they were, of those that were in the first."""
    rows = [row for row in fetch(connection, ImageRow, "image_sha256", image_sha256s) if row["state"] == start]
    replace(connection, ImageRow, [{**row, "state": end} for row in rows])
    return rows


def areas(connection: Connection, image_sha256s: Iterable[str]) -> dict[str, str]:
    """Picture → its area, for those that are on record in whatever state: where they are, they stay."""
    return {row["image_sha256"]: row["area"] for row in fetch(connection, ImageRow, "image_sha256", image_sha256s)}


def area_of(connection: Connection, image_sha256: str) -> str:
    """Where a picture's file is; NotFoundError when it has none."""
    rows = fetch(connection, ImageRow, "image_sha256", [image_sha256])
    if not rows or rows[0]["state"] != ImageState.PRESENT:
        state = rows[0]["state"] if rows else "unknown"
        raise NotFoundError(
            f"picture {image_sha256[:12]}: its file is {state}; allowed: pictures whose file is present; "
            "`limner reproduce` makes a dropped one again."
        )
    return str(rows[0]["area"])


def missing(objects: Objects, image_sha256: str, area: str) -> NotFoundError:
    """The error for a picture whose row says that its file is there."""
    return NotFoundError(
        f"{objects.path(image_sha256, area)}: this picture's file is missing; `{limner('verify', '--repair')}` "
        "looks for it in the library, else marks it as lost, so that `limner produce` makes it again; or copy it there "
        "from a backup."
    )


def relocate(engine: Engine, objects: Objects, image_sha256s: Sequence[str], area: str) -> int:
    """Copy to the new area, change the rows, remove from the old one: a crash leaves one file too many at most."""
    with reading(engine) as connection:
        rows = fetch(connection, ImageRow, "image_sha256", image_sha256s)
    copied = {
        row["image_sha256"]: row["area"] for row in rows if row["area"] != area and row["state"] == ImageState.PRESENT
    }
    for sha256, start in copied.items():
        try:
            objects.put(objects.get(sha256, start), area)
        except FileNotFoundError:
            raise missing(objects, sha256, start) from None
    with write_transaction(engine) as connection:
        rows = [row for row in fetch(connection, ImageRow, "image_sha256", image_sha256s) if row["area"] != area]
        rows = [row for row in rows if row["state"] != ImageState.PRESENT or row["image_sha256"] in copied]
        replace(connection, ImageRow, [{**row, "area": area} for row in rows])
    for row in rows:
        objects.delete(row["image_sha256"], row["area"])
    return len(rows)
