"""Hostile specs, tables and reference pictures by seed: each a name and the files of a folder with ``spec.yaml``."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Iterator

HEAD = "set: hostile\ncheckpoint: starter\nstyle: {prompt: 'a {subject}'%s}\npicture: {width_px: 64, height_px: 64}\n"
CSV, XLSX = HEAD % "" + "assets: {from: cards.csv}\n", HEAD % "" + "assets: {from: cards.xlsx}\n"
LOOK = HEAD % ", references: [look.png]" + "assets: [{id: a, subject: b}]\n"
DOCTYPE = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + ' <!ENTITY out SYSTEM "file:///etc/passwd">]>'
)


def workbook(sheet: str, before: str = "", strings: str = "", name: str = "Cards") -> bytes:
    """An .xlsx of one sheet whose ``sheetData`` holds this XML."""
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    rel = f'<Relationships><Relationship Id="r1" Type="{office}/%s" Target="%s"/>%s</Relationships>'
    more = f'<Relationship Id="r2" Type="{office}/sharedStrings" Target="sharedStrings.xml"/>'
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("_rels/.rels", rel % ("officeDocument", "xl/workbook.xml", ""))
        archive.writestr("xl/workbook.xml", f'<workbook><sheets><sheet name="{name}" id="r1"/></sheets></workbook>')
        archive.writestr("xl/_rels/workbook.xml.rels", rel % ("worksheet", "worksheets/s.xml", more))
        archive.writestr("xl/sharedStrings.xml", f"<sst>{strings}</sst>")
        archive.writestr("xl/worksheets/s.xml", f"{before}<worksheet><sheetData>{sheet}</sheetData></worksheet>")
    return data.getvalue()


def png(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG that says it has this size, whatever it holds."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def hostile(seed: int = 0) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Every hostile input once, and mutations of a good one by the seed."""
    cell = '<c r="%s"><v>1</v></c>'
    sheets = {
        "empty rows": "<row/>" * 1_100_000,
        "a far row": '<row r="1048576">' + cell % "A1048576" + "</row>",
        "a far column": '<row r="1">' + cell % "XFD1" + "</row>",
        "many cells": "<row>" + "<c/>" * 2_600_000 + "</row>",
        "a missing text": '<row r="1"><c r="A1" t="s"><v>999999999</v></c></row>',
        "a large number": '<row r="1"><c r="A1"><v>' + "9" * 100_000 + "</v></c></row>",
        "a large attribute": f'<row r="{"1" * 3_000_000}"/>',
        "a large text": f'<row r="1"><c r="A1" t="str"><v>{"a" * 5_000_000}</v></c></row>',
        "an exponent": '<row r="1"><c r="A1"><v>1e999</v></c></row>',
        "rows backwards": '<row r="9"/><row r="2"/>',
    }
    for name, sheet in sheets.items():
        yield f"xlsx: {name}", {"spec.yaml": XLSX.encode(), "cards.xlsx": workbook(sheet)}
    yield "xlsx: entities", {"spec.yaml": XLSX.encode(), "cards.xlsx": workbook("&i;&out;", DOCTYPE)}
    yield "xlsx: strings", {"spec.yaml": XLSX.encode(), "cards.xlsx": workbook("", "", "<si/>" * 2_100_000)}
    yield "xlsx: a ratio", {"spec.yaml": XLSX.encode(), "cards.xlsx": workbook(" " * 140 * 2**20)}
    tables = {
        "one field": b'id,subject\na,"' + b"x" * 2_000_000,
        "nulls": b"id,subject\na,b\0c\n",
        "cp932": "id,subject\na,\u5263\u3068\u76fe\n".encode("cp932"),
        "utf-16": "id,subject\na,b\n".encode("utf-16"),
        "utf-16 bare": "id,subject\nsword,blade of steel\n".encode("utf-16-le"),
        "columns": b",".join(b"c%d" % n for n in range(100_000)) + b",id\n",
        "rows": b"id,subject\n" + b"A,\n" * 150_000,
        "too large": b"id\n" * 12_000_000,
    }
    for name, table in tables.items():
        yield f"csv: {name}", {"spec.yaml": CSV.encode(), "cards.csv": table}
    specs = {
        "aliases": "a: &a [x]\n" + "".join(f"b{n}: &b{n} [*a, *a, *a]\n" for n in range(10_000)),
        "nesting": "[" * 1_000_000,
        "keys": "".join(f"k{n}: 1\n" for n in range(200_000)),
        "items": "assets:\n" + "- 1\n" * 200_000,
        "a scalar": "set: " + "x" * 4_000_000,
        "a number": "seed: " + "9" * 1_000_000,
        "tags": "".join(f"k{n}: !!python/object:os.system x\n" for n in range(10_000)),
    }
    for name, text in specs.items():
        yield f"yaml: {name}", {"spec.yaml": text.encode()}
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(x) run\n"
    looks = {"eps": eps, "pixels": png(60_000, 60_000), "empty": b"", "svg": b"<svg/>"}
    for name, look in looks.items():
        yield f"look: {name}", {"spec.yaml": LOOK.encode(), "look.png": look}
    rng, good = random.Random(seed), workbook('<row r="1"><c r="A1" t="str"><v>id</v></c></row>')
    for n in range(30):
        at = rng.randrange(len(good))
        yield (
            f"xlsx: byte {n}",
            {"spec.yaml": XLSX.encode(), "cards.xlsx": good[:at] + rng.randbytes(3) + good[at + 3 :]},
        )
