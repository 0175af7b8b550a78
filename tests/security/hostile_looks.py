"""Hostile reference pictures: other formats under a picture's name, bombs, cuts, junk in what comes beside pixels."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image, PngImagePlugin

from tests.security.hostile_tables import LOOK, png

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(%pipe%touch x) (r) file\n"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="https://example.invalid/x.png"/></svg>'


def _picture() -> Image.Image:
    rng = np.random.default_rng(3)
    return Image.fromarray(rng.integers(0, 256, (48, 40, 3), dtype=np.uint8))


def _saved(kind: str = "PNG", image: Image.Image | None = None, **options: object) -> bytes:
    data = io.BytesIO()
    (image or _picture()).save(data, kind, **options)
    return data.getvalue()


def _with_chunk(kind: bytes, body: bytes) -> bytes:
    """A good PNG with one more chunk before its pixels."""
    good = _saved()
    at = good.index(b"IDAT") - 4
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return good[:at] + chunk + good[at:]


def looks(rng: random.Random) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Each a spec and its ``look.png``."""
    bomb = zlib.compress(bytes(100 * 2**20), 1)
    large = PngImagePlugin.PngInfo()
    large.add_text("x", "y" * 8_000_000, zip=True)
    exif = Image.Exif()
    exif[0x0112] = 99
    found = {
        "eps": EPS, "svg": SVG, "pdf": b"%PDF-1.7\n1 0 obj<</OpenAction<</S/Launch/F(x)>>>>", "html": b"<html>",
        "gif": _saved("GIF"), "tiff": _saved("TIFF"), "bmp": _saved("BMP"), "ico": _saved("ICO"), "ppm": _saved("PPM"),
        "png with eps": b"\x89PNG\r\n\x1a\n" + EPS, "jpeg with eps": b"\xff\xd8\xff" + EPS,
        "webp with eps": b"RIFF\0\0\0\0WEBP" + EPS,
        "wide": png(2**31 - 1, 1), "tall": png(1, 2**31 - 1), "none": png(0, 0), "many pixels": png(8193, 8193),
        "a bomb": png(64, 64, bomb), "a bomb of its size": png(8192, 8192, zlib.compress(bytes(8192 * 24577), 1)),
        "iTXt": _with_chunk(b"iTXt", b"x\0\1\0\0\0" + bomb), "zTXt": _with_chunk(b"zTXt", b"x\0\0" + bomb),
        "iCCP": _with_chunk(b"iCCP", b"x\0\0" + bomb), "iCCP junk": _with_chunk(b"iCCP", rng.randbytes(500)),
        "eXIf": _with_chunk(b"eXIf", rng.randbytes(500)), "eXIf loop": _with_chunk(b"eXIf", b"MM\0*\0\0\0\x08" * 9),
        "tEXt": _with_chunk(b"tEXt", b"parameters\0" + b"a" * 3_000_000), "text": _saved(pnginfo=large),
        "gAMA": _with_chunk(b"gAMA", bytes(4)), "acTL": _with_chunk(b"acTL", struct.pack(">II", 2**31, 0)),
        "tRNS": _with_chunk(b"tRNS", rng.randbytes(999)), "PLTE": _with_chunk(b"PLTE", rng.randbytes(768)),
        "jpeg exif": _saved("JPEG", exif=exif.tobytes() + rng.randbytes(60_000)),
        "jpeg comment": _saved("JPEG", comment=b"x" * 60_000),
        "jpeg icc": _saved("JPEG", icc_profile=rng.randbytes(900)),
        "cmyk": _saved("JPEG", Image.new("CMYK", (9, 9))), "webp": _saved("WEBP", exif=rng.randbytes(9000)),
        "animation": _saved("PNG", save_all=True, append_images=[_picture()] * 9),
    }  # fmt: skip
    for name, data in found.items():
        yield f"look: {name}", {"spec.yaml": LOOK.encode(), "look.png": data}
    for kind in ("PNG", "JPEG", "WEBP"):
        good = _saved(kind)
        for number in range(12):
            at = rng.randrange(len(good))
            spoiled = good[:at] if number < 5 else good[:at] + rng.randbytes(4) + good[at + 4 :]
            yield f"look: {kind} spoiled {number}", {"spec.yaml": LOOK.encode(), "look.png": spoiled}
