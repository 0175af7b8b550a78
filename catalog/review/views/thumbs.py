"""Thumbnails: made once, kept in ``library/cache/thumbs/ab/<sha256>.webp``, named by the picture's hash, never changed.

The cache holds nothing that cannot be made again, and only pictures measured clear: whoever asks has checked that.
"""

from __future__ import annotations

import contextlib
import io
import os
import stat
import uuid
from pathlib import Path

from PIL import Image

from catalog.errors import StorageError
from catalog.objects.areas import Area
from catalog.objects.store import Objects
from specs.commands import limner

SIDE_PX = 384  # the longer side, at most
QUALITY = 82


def thumbnail(objects: Objects, sha256: str) -> bytes:
    """The WebP thumbnail of a picture in ``objects``, from the cache or into it. FileNotFoundError, CatalogError."""
    path = _path(objects.root, sha256)
    with contextlib.suppress(OSError):
        return _read(path)
    try:
        made = _shrink(objects.get(sha256, Area.OBJECTS))
    except FileNotFoundError:
        raise
    except (OSError, SyntaxError, ValueError) as error:  # whatever Pillow raises for bytes that are no picture
        raise StorageError(
            f"picture {sha256[:12]}: its file is damaged; run `{limner('verify', '--repair')}`."
        ) from error
    with contextlib.suppress(OSError):  # a full or read-only disk costs time, not the picture
        _write(path, made)
    return made


def _path(library: Path, sha256: str) -> Path:
    folder = library / "cache" / "thumbs" / sha256[:2]
    for place in (folder.parent.parent, folder.parent, folder):
        if place.is_symlink():
            raise StorageError(f"{place}: is a link; allowed: a folder; remove it, it is only a cache.")
    return folder / f"{sha256}.webp"


def _read(path: Path) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe would make us wait
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError("not a file")
        return file.read()


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{uuid.uuid4().hex}.tmp")
    with partial.open("xb") as file:
        file.write(data)
    partial.replace(path)


def _shrink(png: bytes) -> bytes:
    with Image.open(io.BytesIO(png)) as opened:
        picture = opened.convert("RGBA" if "A" in opened.getbands() else "RGB")
    picture.thumbnail((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=QUALITY, method=2)
    return buffer.getvalue()
