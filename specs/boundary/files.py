"""The trust boundary: the only file that opens what limner was handed; ``children.py`` starts programs for it.

What comes from outside is data and never code: a file, a folder, a variable, the working directory, a repository's
settings. ``docs/security.md`` lists every such input with what is done about it; ``make lint`` holds that no other
file calls the functions wrapped in these two.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import os
import stat
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from specs.errors import LimnerError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

PICTURE_FORMATS = ("PNG", "JPEG", "WEBP")  # Pillow's other decoders are never tried: EPS starts Ghostscript
MOST_PICTURE_BYTES = 256 * 2**20
MOST_PIXELS = 64 * 2**20  # 8192 x 8192: 192 MiB as RGB
MOST_JSON_BYTES = 64 * 2**20
MOST_XML_TAG = 2**20


class FileRefused(LimnerError):  # noqa: N818 (what the file is, not a failure of ours)
    """A file that cannot be opened, or is no regular file: ``got`` in words, as the message names it."""

    def __init__(self, path: Path, got: str, allowed: str, fix: str) -> None:
        super().__init__(f"{path}: got {got}; allowed: {allowed}. {fix}")
        self.got = got


# files


def has_file(path: Path) -> bool:
    """Whether a file is there, links followed. Never raises, whatever the name: too long, a loop of links, a null."""
    return os.path.isfile(path)  # noqa: PTH113 (pathlib's raises)


def has_folder(path: Path) -> bool:
    """The same of a folder."""
    return os.path.isdir(path)  # noqa: PTH112 (pathlib's raises)


def real_path(folder: Path, named: str) -> Path:
    """What ``named`` leads to from a folder: ``~`` and links followed as far as they go. Never raises, as above."""
    return Path(os.path.realpath(folder / os.path.expanduser(named)))  # noqa: PTH111 (pathlib's raises)


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading; symbolic links are followed.

    Raises LimnerError, at once, for anything else: a folder, a FIFO, a device, a socket, a link to nothing. The kind is
    asked of the open descriptor, so that nothing can be swapped in between.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except FileNotFoundError:
        word = "a link to nothing" if path.is_symlink() else "no such file"
        raise FileRefused(path, word, "a file", "Correct the path, or copy the file there.") from None
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise FileRefused(path, reason, "a file that you may read", "Correct the path or its permissions.") from None
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise FileRefused(path, kind_of(mode), "a regular file", "Put the file itself there.")
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


def read_hashed(path: Path, most_bytes: int, sha256: str) -> bytes:
    """The same, of a file whose hash (64 hex) is known; LimnerError when it is another file now."""
    data = read_bytes(path, most_bytes)
    require_hash(path, hashlib.sha256(data).hexdigest(), sha256)
    return data


def require_hash(path: Path, found: str, wanted: str) -> None:
    """LimnerError unless the hash of what was read now is the one that the file had before; both 64 hex."""
    if found != wanted:
        raise LimnerError(
            f"{path}: got sha256 {found}; allowed: {wanted}, which it had when it was hashed. It changed since: wait "
            "until its copy is complete, then run again."
        )


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


# documents


def yaml_events(text: str) -> Iterator[Any]:
    """The parse events of a YAML text: no object is ever constructed, and an alias is an event like any other.

    Raises yaml.YAMLError from the iterator where the text is no YAML.
    """
    import yaml

    return iter(yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))


def zip_parts(data: bytes, most_parts: int, most_bytes: int) -> dict[str, Callable[[], BinaryIO]]:
    """The parts of a ZIP file by name, each with what opens it; nothing is unpacked here, and nothing to the disk.

    Raises ValueError for no ZIP file, a name that comes twice, encryption, or more parts or bytes, unpacked and as the
    directory lists them, than allowed; reading never gives more bytes of a part than the directory lists.
    """
    import zipfile

    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        entries = archive.infolist()
    except (OSError, zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError) as error:
        raise ValueError(f"no ZIP file ({error})") from None
    if len(entries) > most_parts:
        raise ValueError(f"{len(entries):,} parts; at most {most_parts:,} are read")
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > most_bytes:
        raise ValueError(f"{unpacked:,} bytes once unpacked; at most {most_bytes:,} are read")
    names = [entry.filename for entry in entries]
    if len(set(names)) != len(names):
        raise ValueError("two parts of one name")
    if any(entry.flag_bits & 1 for entry in entries):
        raise ValueError("encrypted parts; save it without a password")
    return {entry.filename: functools.partial(_open_part, archive, entry) for entry in entries}


def _open_part(archive: Any, entry: Any) -> BinaryIO:
    opened: BinaryIO = archive.open(entry)
    return opened


def parse_xml(
    file: BinaryIO,
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None],
    text: Callable[[str], None],
    most_elements: int,
) -> int:
    """Feed an XML file's elements and text to three functions, in pieces; names come without their name space.

    Returns how many elements there were. Raises ValueError for more than ``most_elements``, for a document type or an
    entity of its own (the ways to make a small file large, or to read another one), and for what is no XML.
    """
    from xml.parsers import expat

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)

    def refuse(*_: object) -> Any:
        raise ValueError("an XML document type or entity")

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    local: dict[str, str] = {}
    count = 0

    def started(name: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if count > most_elements:
            raise ValueError(f"more than {most_elements:,} XML elements")
        if name not in local:
            local[name] = name.rpartition(" ")[2]
        start(local[name], attributes)

    parser.StartElementHandler = started
    parser.EndElementHandler = lambda name: end(local[name])
    parser.CharacterDataHandler = text
    try:
        fed = 0
        while piece := file.read(2**16):
            parser.Parse(piece, False)
            fed += len(piece)
            if fed - max(0, parser.CurrentByteIndex) > MOST_XML_TAG:  # expat 2.5 reads such a tag again for every piece
                raise ValueError(f"an XML tag of more than {MOST_XML_TAG:,} bytes")
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise ValueError(f"broken XML ({error})") from None
    return count


# pictures


def check_picture(data: bytes, place: str, *, formats: tuple[str, ...] = PICTURE_FORMATS) -> None:
    """Raises UsageError as ``open_picture`` does for what a picture's header tells, without decoding a pixel."""
    _opened(data, place, formats, decode=False)


def rgb_pixels(data: bytes, place: str) -> NDArray[np.uint8]:
    """(H, W, 3) of a still picture as a person sees it: turned as its EXIF orientation says, over a white ground where
    it is transparent, 16-bit grey scaled to 8 bits (PNG specification 13.12). Colour profiles are not applied.

    Raises UsageError as ``open_picture`` does, and for animations and CMYK, whose colours depend on a profile.
    """
    import numpy as np
    from PIL import Image as PillowImage
    from PIL import ImageOps

    image = open_picture(data, place)
    try:
        image = ImageOps.exif_transpose(image)
    except Exception as error:  # EXIF of any bytes: Pillow raises what struct and its own readers raise
        raise UsageError(f"{place}: got EXIF data that cannot be read ({error}); save the picture anew.") from None
    if image.mode.startswith("I"):
        grey = np.asarray(image).astype(np.int64)
        clear = image.info.get("transparency")
        grey8 = np.clip((grey * 255 + 32767) // 65535, 0, 255).astype(np.uint8)
        if isinstance(clear, int):
            grey8[grey == clear] = 255
        return np.repeat(grey8[:, :, np.newaxis], 3, axis=2)
    if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
        over = image.convert("RGBA")
        ground = PillowImage.new("RGBA", over.size, (255, 255, 255, 255))
        return np.asarray(PillowImage.alpha_composite(ground, over).convert("RGB"))
    return np.asarray(image.convert("RGB"))


def open_picture(data: bytes, place: str, *, formats: tuple[str, ...] = PICTURE_FORMATS) -> Image:
    """A decoded picture from the bytes of a PNG, JPEG or WebP file; no other decoder is tried.

    ``place`` is named in the UsageError that is raised for any other format, for damaged or cut data, and for more than
    MOST_PIXELS pixels (asked before any is decoded).
    """
    return _opened(data, place, formats, decode=True)


def _opened(data: bytes, place: str, formats: tuple[str, ...], decode: bool) -> Image:
    from PIL import Image as PillowImage

    if not any(_starts_as(data, name) for name in formats):
        raise UsageError(
            f"{place}: got a file that does not read as a picture; allowed: {', '.join(formats)}. "
            "Save it as one of them."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = PillowImage.open(io.BytesIO(data), formats=formats)
            _refuse_picture(image, place)
            if decode:
                image.load()
    except UsageError:
        raise
    except Exception as error:  # Pillow raises what its decoders, struct and zlib raise on damaged data
        raise UsageError(
            f"{place}: got a file that does not read as a picture ({error}); allowed: {', '.join(formats)}. "
            "Save it anew."
        ) from None
    return image


def _starts_as(data: bytes, name: str) -> bool:
    """Whether data begins as a format's files do."""
    if name == "WEBP":
        return data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    return data.startswith({"PNG": b"\x89PNG\r\n\x1a\n", "JPEG": b"\xff\xd8\xff"}.get(name, b""))


def _refuse_picture(image: Image, place: str) -> None:
    """Raises UsageError for too many pixels, animations, and colours that depend on a profile."""
    if image.width * image.height > MOST_PIXELS:
        size = f"{image.width} x {image.height} pixels"
        raise UsageError(f"{place}: got a picture of {size}; allowed: at most {MOST_PIXELS:,} in all. Make it smaller.")
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":  # a phone's JPEG may carry a second picture, such as a preview
        raise UsageError(f"{place}: got an animation of {frames} frames; allowed: a still picture. Save one frame.")
    if image.mode in ("CMYK", "LAB", "YCCK"):
        raise UsageError(f"{place}: got a picture in {image.mode}; allowed: RGB or grey. Save it as RGB.")
