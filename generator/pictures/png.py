"""PNG files, written fast and read with suspicion.

Writing: 8-bit RGB, every row filtered "up", deflated by ISA-L at its fastest level; on one version of ``isal`` the same
pixels and texts give the same bytes. Reading: structure, lengths and checksums are checked here, pixels are decoded by
Pillow. Format: https://www.w3.org/TR/png-3/.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from isal import isal_zlib
from PIL import Image

from specs.errors import LimnerError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
LEVEL = 1
UP = 2
LARGEST_SIDE_PX = 32_768
LARGEST_PIXELS = 2**28
LARGEST_TEXT_BYTES = 16 * 2**20

Pixels = np.ndarray[Any, np.dtype[np.uint8]]


@dataclass(frozen=True, slots=True)
class Text:
    """One text chunk: tEXt, zTXt or iTXt."""

    keyword: str
    text: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """A PNG taken apart: pixels (H, W, 3) uint8 and the texts in the file's order."""

    pixels: Pixels
    texts: tuple[Text, ...]


def write(pixels: Pixels, texts: Sequence[Text]) -> bytes:
    """A PNG of ``pixels`` (H, W, 3) uint8, marked sRGB, with ``texts`` before the pixels, where readers look first."""
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or 0 in pixels.shape:
        raise ValueError(f"pixels: got shape {pixels.shape}, {pixels.dtype}; (H, W, 3) uint8 is allowed")
    height, width = pixels.shape[:2]
    rows = np.empty((height, 1 + width * 3), np.uint8)
    flat = pixels.reshape(height, width * 3)
    rows[:, 0] = UP
    rows[0, 1:] = flat[0]
    np.subtract(flat[1:], flat[:-1], out=rows[1:, 1:])  # modulo 256, as the format wants
    chunks = [
        _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        _chunk(b"sRGB", b"\0"),
        *(_text_chunk(text) for text in texts),
        _chunk(b"IDAT", isal_zlib.compress(rows, LEVEL)),
        _chunk(b"IEND", b""),
    ]
    return SIGNATURE + b"".join(chunks)


def parse(data: bytes) -> Parsed:
    """Take a PNG apart; LimnerError, saying what is wrong with it, for anything damaged, oversized or malformed."""
    texts = tuple(_read_text(kind, body) for kind, body in _chunks(data) if kind in _READERS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
                pixels = np.asarray(image.convert("RGB"))
    except Exception as error:  # Pillow raises many kinds; after the checks above all mean a damaged file
        raise _damaged(f"its pixels do not decode ({type(error).__name__}: {error})") from None
    return Parsed(pixels, texts)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))


def _text_chunk(text: Text) -> bytes:
    """tEXt where Latin-1 can hold the text, else iTXt: the rule of the tools that read us. XMP is always iTXt."""
    keyword = text.keyword.encode("latin-1")
    if text.keyword != "XML:com.adobe.xmp":
        try:
            return _chunk(b"tEXt", keyword + b"\0" + text.text.encode("latin-1"))
        except UnicodeEncodeError:
            pass
    return _chunk(b"iTXt", keyword + b"\0\0\0\0\0" + text.text.encode("utf-8"))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, body) of each chunk in order, lengths and checksums checked, from IHDR to an IEND that ends the file."""
    if data[:8] != SIGNATURE:
        raise _damaged("it does not start with the PNG signature")
    at, kind = 8, b""
    while kind != b"IEND":
        if at + 12 > len(data):
            raise _damaged(f"it ends within a chunk at byte {at}")
        length, kind = struct.unpack_from(">I4s", data, at)
        if at + 12 + length > len(data):
            raise _damaged(f"chunk {kind!r} at byte {at} says {length} bytes, more than the file holds")
        body = data[at + 8 : at + 8 + length]
        (expected,) = struct.unpack_from(">I", data, at + 8 + length)
        found = zlib.crc32(body, zlib.crc32(kind))
        if found != expected:
            raise _damaged(f"chunk {kind!r} at byte {at} has checksum {found:08x}, its file says {expected:08x}")
        if (at == 8) != (kind == b"IHDR"):
            raise _damaged(f"chunk {kind!r} at byte {at} is where only IHDR may be, or IHDR where it may not")
        if kind == b"IHDR":
            _check_size(body)
        yield kind, body
        at += 12 + length
    if at != len(data):
        raise _damaged(f"{len(data) - at} bytes follow its end")


def _check_size(header: bytes) -> None:
    if len(header) != 13:
        raise _damaged(f"its IHDR has {len(header)} bytes, not 13")
    width, height = struct.unpack_from(">II", header)
    if not (0 < width <= LARGEST_SIDE_PX and 0 < height <= LARGEST_SIDE_PX and width * height <= LARGEST_PIXELS):
        raise LimnerError(
            f"picture: got {width}×{height} px; allowed are sides up to {LARGEST_SIDE_PX} px and {LARGEST_PIXELS} px "
            f"in all. Scale it down before reading it"
        )


def _read_text(kind: bytes, body: bytes) -> Text:
    keyword, ended, rest = body.partition(b"\0")
    if not ended or not 1 <= len(keyword) <= 79:
        raise _damaged(f"a {kind.decode()} chunk has no proper keyword")
    try:
        return Text(keyword.decode("latin-1"), _READERS[kind](rest))
    except (ValueError, zlib.error) as error:
        raise _damaged(f"its {kind.decode()} chunk {keyword!r} is malformed ({error})") from None


def _text(rest: bytes) -> str:
    return rest.decode("latin-1")


def _compressed_text(rest: bytes) -> str:
    if rest[:1] != b"\0":
        raise ValueError("unknown compression method")
    return _inflate(rest[1:]).decode("latin-1")


def _international_text(rest: bytes) -> str:
    compressed, method, tail = rest[:1], rest[1:2], rest[2:]
    _, first, tail = tail.partition(b"\0")
    _, second, text = tail.partition(b"\0")
    if not (first and second) or compressed not in (b"\0", b"\1") or (compressed == b"\1" and method != b"\0"):
        raise ValueError("its fields are incomplete")
    return (_inflate(text) if compressed == b"\1" else text).decode("utf-8")


def _inflate(data: bytes) -> bytes:
    engine = zlib.decompressobj()
    text = engine.decompress(data, LARGEST_TEXT_BYTES)
    if engine.unconsumed_tail or not engine.eof:
        raise ValueError(f"it unpacks to more than {LARGEST_TEXT_BYTES} bytes, or ends early")
    return text


_READERS = {b"tEXt": _text, b"zTXt": _compressed_text, b"iTXt": _international_text}


def _damaged(what: str) -> LimnerError:
    return LimnerError(f"PNG: {what}; allowed is a whole, valid PNG. Restore the file from a copy, or make it again")
