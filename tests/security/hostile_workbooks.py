"""Hostile workbooks: what a spreadsheet program computes or fetches, and ZIP files that are not what they say."""

from __future__ import annotations

import io
import random
import struct
import zipfile
from collections.abc import Iterator

from tests.security.hostile_tables import XLSX, workbook

CELL = '<row r="1"><c r="A1" t="%s">%s</c></row><row r="2"><c r="A2" t="str"><v>a</v></c></row>'
GOOD = workbook(CELL % ("str", "<v>id</v>"))
PARTS: dict[str, bytes] = {
    "macros": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512),
    "links": b'<externalLink><externalBook r:id="r1"/></externalLink>',
    "connections": b'<connections><connection url="https://example.invalid/"/></connections>',
}


def workbooks(rng: random.Random) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Each a spec and its ``cards.xlsx``."""
    sheets = {
        "a formula": CELL % ("str", "<f>WEBSERVICE(&quot;https://example.invalid&quot;)</f><v>id</v>"),
        "a formula alone": CELL % ("str", "<f>cmd|'/c calc'!A1</f>"),
        "an error": CELL % ("e", "<v>#REF!</v>"),
        "a truth": CELL % ("b", "<v>7</v>"),
        "no number": CELL % ("n", "<v>x</v>"),
        "infinity": CELL % ("n", "<v>inf</v>"),
        "a negative text": CELL % ("s", "<v>-1</v>"),
        "an odd kind": CELL % ("evil", "<v>id</v>"),
        "inline": CELL % ("inlineStr", "<is><t>id</t><rPh><t>x</t></rPh></is>"),
        "deep": "<a>" * 100_000,
        "not closed": CELL,
        "a process": "<?evil run?>" + CELL % ("str", "<v>id</v>"),
        "a name space": '<x:row xmlns:x="https://example.invalid/"/>',
        "many attributes": "<row " + " ".join(f'a{number}="1"' for number in range(20_000)) + "/>",
        "no place": "<row><c><v>1</v></c></row>",
        "an odd place": '<row r="0"><c r="A0"/><c r="1A"/><c r="\u0661"/></row>',
        "a far place": '<row r="99999999999999999999"><c r="ZZZZZZZZZ1"/></row>',
        "digits": f'<row r="{"9" * 5000}"/>',
        "control": CELL % ("str", "<v>i&#x1b;d</v>"),
    }
    books = {name: workbook(sheet) for name, sheet in sheets.items()}
    books["a sheet's name"] = workbook("", name="x" * 5000)
    books["a path"] = _renamed("xl/worksheets/s.xml", "../../../tmp/evil.xml")
    books["an absolute path"] = _renamed("xl/worksheets/s.xml", "/tmp/evil.xml")
    books["a target outside"] = GOOD.replace(b"worksheets", b"../../../x")
    books["itself"] = _with("xl/a.xlsx", GOOD)
    books["many parts"] = _parts(20_000)
    books["equal names"] = _twice()
    books["cut"] = GOOD[: len(GOOD) // 2]
    books["a directory that lies"] = _lying()
    books["an old workbook"] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4096)
    books["no workbook"] = _with("a.txt", b"a", empty=True)
    books["encrypted"] = GOOD.replace(b"PK\x01\x02\x14\x03\x14\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01\x00")
    for name, data in PARTS.items():
        books[name] = _with(f"xl/{name}.bin", data)
    for number in range(30):
        at = rng.randrange(len(GOOD))
        books[f"bytes {number}"] = GOOD[:at] + rng.randbytes(6) + GOOD[at + 6 :]
    for name, data in books.items():
        yield f"workbook: {name}", {"spec.yaml": XLSX.encode(), "cards.xlsx": data}


def _with(name: str, data: bytes, *, empty: bool = False) -> bytes:
    file = io.BytesIO(b"" if empty else GOOD)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(name, data)
    return file.getvalue()


def _renamed(before: str, after: str) -> bytes:
    found = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(GOOD)) as old, zipfile.ZipFile(found, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            target = f"../{after}" if not after.startswith("/") else after
            new.writestr(after if name == before else name, data.replace(b"worksheets/s.xml", target.encode()))
    return found.getvalue()


def _parts(count: int) -> bytes:
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w") as archive:
        for number in range(count):
            archive.writestr(str(number), b"")
    return found.getvalue()


def _twice() -> bytes:
    return _with("xl/worksheets/t.xml", b"<x/>").replace(b"t.xml", b"s.xml")


def _lying() -> bytes:
    """The directory lists ten bytes of a part that unpacks to 100 MiB."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", bytes(100 * 2**20))
    data = bytearray(packed.getvalue())
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 10)
    return bytes(data)
