"""The trust boundary: the only file that opens what limner was handed, starts programs, and sets libraries up.

What comes from outside is data and never code: a file, a folder, a variable, the working directory, a repository's
settings. ``docs/security.md`` lists every such input with what is done about it; ``make lint`` holds that no other
file calls the functions wrapped here.
"""

from __future__ import annotations

import io
import json
import os
import stat
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from specs.errors import LimnerError, UsageError

if TYPE_CHECKING:
    from PIL.Image import Image

PICTURE_FORMATS = ("PNG", "JPEG", "WEBP")  # Pillow's other decoders are never tried: EPS starts Ghostscript
MOST_PICTURE_BYTES = 256 * 2**20
MOST_PIXELS = 64 * 2**20  # 8192 x 8192: 192 MiB as RGB
MOST_JSON_BYTES = 64 * 2**20


# files


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading; symbolic links are followed.

    Raises LimnerError, at once, for anything else: a folder, a FIFO, a device, a socket, a link to nothing. The kind is
    asked of the open descriptor, so that nothing can be swapped in between.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except FileNotFoundError:
        word = "a link to nothing" if path.is_symlink() else "no such file"
        raise LimnerError(f"{path}: got {word}; allowed: a file. Correct the path, or copy the file there.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise LimnerError(f"{path}: cannot be opened ({reason}); allowed: a file that you may read.") from None
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise LimnerError(f"{path}: got {kind_of(mode)}; allowed: a regular file. Put the file itself there.")
    os.set_blocking(descriptor, True)
    return os.fdopen(descriptor, "rb")


def read_bytes(path: Path, most_bytes: int) -> bytes:
    """A regular file's bytes; LimnerError when it is none, cannot be read, or holds more than ``most_bytes``."""
    with open_regular(path) as file:
        try:
            data = file.read(most_bytes + 1)
        except OSError as error:
            raise LimnerError(f"{path}: cannot be read ({error.strerror}); copy the file anew.") from None
    if len(data) > most_bytes:
        raise LimnerError(f"{path}: got more than {most_bytes:,} bytes; allowed: at most that. Use a smaller file.")
    return data


def read_json(path: Path, most_bytes: int = MOST_JSON_BYTES) -> dict[str, Any]:
    """A JSON object; LimnerError when the file is missing, too large, no JSON, or anything but an object."""
    return parse_json(read_bytes(path, most_bytes), path)


def parse_json(data: bytes, path: Path) -> dict[str, Any]:
    """The JSON object in ``data``, the bytes of ``path``; LimnerError for anything else."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise LimnerError(f"{path}: not JSON ({error}); copy the file anew from where it comes.") from None
    if not isinstance(value, dict):
        raise LimnerError(f"{path}: got a JSON {type(value).__name__}; allowed: an object. Copy the file anew.")
    return value


def kind_of(mode: int) -> str:
    """What a file is that is no regular file, in words; ``mode`` is ``st_mode``."""
    kinds = {
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a FIFO",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
        stat.S_IFSOCK: "a socket",
    }
    return kinds.get(stat.S_IFMT(mode), "a special file")


# pictures


def open_picture(data: bytes, place: str, *, formats: tuple[str, ...] = PICTURE_FORMATS) -> Image:
    """A decoded picture from the bytes of a PNG, JPEG or WebP file; no other decoder is tried.

    ``place`` is named in the UsageError that is raised for any other format, for damaged or cut data, and for more than
    MOST_PIXELS pixels (asked before any is decoded).
    """
    from PIL import Image as PillowImage

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PillowImage.DecompressionBombWarning)
            image = PillowImage.open(io.BytesIO(data), formats=formats)
            if image.width * image.height > MOST_PIXELS:
                raise UsageError(
                    f"{place}: got a picture of {image.width} x {image.height} pixels; allowed: at most "
                    f"{MOST_PIXELS:,} in all. Make it smaller."
                )
            image.load()
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError, PillowImage.DecompressionBombError) as error:
        raise UsageError(
            f"{place}: got a file that does not read as a picture ({error}); allowed: {', '.join(formats)}."
        ) from None
    return image
