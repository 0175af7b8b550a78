"""Commits, trees and small blobs of a git repository, loose or packed, SHA-1 or SHA-256, read without git.

Formats: gitformat-pack(5) for packs and their indexes, and "Git Objects" of the Git book. What is read is checked
against its hash, and bounded: a repository is somebody else's data.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from specs.boundary.files import open_regular, read_bytes

MOST_OBJECT_BYTES = 16 * 2**20  # of one commit, tree or blob; a larger one is not looked at
MOST_DELTAS = 100  # git itself makes chains of at most 50
MOST_ALTERNATES = 8
KINDS = {1: "commit", 2: "tree", 3: "blob", 4: "tag"}
OFFSET_DELTA, HASH_DELTA = 6, 7


class BrokenRepositoryError(ValueError):
    """An object that is missing, damaged, or larger than any that is read."""


class GitObjects:
    """The objects below one ``objects`` folder and its alternates; hashes are ``width`` (20 or 32) raw bytes."""

    def __init__(self, folder: Path, width: int) -> None:
        self.width = width
        self.folders = [folder]
        for known in self.folders:  # grows as alternates name further ones
            self.folders += [path for path in _alternates(known) if path not in self.folders]
            del self.folders[MOST_ALTERNATES:]

    def blob_hash(self, data: bytes) -> bytes:
        """The hash under which git stores a file of these bytes."""
        return self._hash("blob", data)

    def tree_of(self, commit: bytes) -> bytes:
        """The hash of a commit's tree."""
        kind, data = self.read(commit)
        word, _, value = data.partition(b"\n")[0].partition(b" ")
        if kind != "commit" or word != b"tree":
            raise BrokenRepositoryError(commit.hex())
        return _raw(value, self.width)

    def find(self, tree: bytes, parts: list[bytes]) -> bytes | None:
        """The hash of what lies at the path below a tree; None where nothing does."""
        found: bytes | None = tree
        for part in parts:
            found = None if found is None else dict(self._entries(found)).get(part)
        return found

    def _entries(self, tree: bytes) -> Iterator[tuple[bytes, bytes]]:
        kind, data = self.read(tree)
        position = 0
        while kind == "tree" and position < len(data):
            end = data.find(b"\0", position)
            value = data[end + 1 : end + 1 + self.width]
            if end < 0 or len(value) < self.width:
                raise BrokenRepositoryError(tree.hex())
            yield data[position:end].partition(b" ")[2], value
            position = end + 1 + self.width

    def read(self, hashed: bytes) -> tuple[str, bytes]:
        """An object's kind and content. Raises BrokenRepositoryError where it is missing, damaged or too large."""
        try:
            found = self._read(hashed, MOST_DELTAS)
        except (zlib.error, struct.error, IndexError, ValueError) as error:
            raise BrokenRepositoryError(hashed.hex()) from error
        if self._hash(*found) != hashed:
            raise BrokenRepositoryError(hashed.hex())
        return found

    def _hash(self, kind: str, data: bytes) -> bytes:
        new = hashlib.sha1 if self.width == 20 else hashlib.sha256
        return new(f"{kind} {len(data)}\0".encode() + data).digest()

    def _read(self, hashed: bytes, deltas: int) -> tuple[str, bytes]:
        name = hashed.hex()
        for folder in self.folders:
            loose = folder / name[:2] / name[2:]
            if loose.is_file():
                head, _, data = _inflated(read_bytes(loose, MOST_OBJECT_BYTES)).partition(b"\0")
                return head.partition(b" ")[0].decode(), data
            for index in sorted((folder / "pack").glob("*.idx")):
                offset = self._offset(index, hashed)
                if offset is not None:
                    with open_regular(index.with_suffix(".pack")) as pack:
                        return self._packed(pack, offset, deltas)
        raise BrokenRepositoryError(name)

    def _offset(self, index: Path, hashed: bytes) -> int | None:
        """Where a pack holds the object, by its index of version 2 (version 1 is what git wrote before 2007)."""
        with open_regular(index) as file:
            if file.read(8) != b"\377tOc\0\0\0\2":
                return None
            fan = struct.unpack(">256I", file.read(1024))
            first, last, count = (fan[hashed[0] - 1] if hashed[0] else 0), fan[hashed[0]], fan[255]
            file.seek(1032 + first * self.width)
            names = file.read((last - first) * self.width)
            place = next((n for n in range(last - first) if names.startswith(hashed, n * self.width)), None)
            if place is None:
                return None
            offsets = 1032 + count * (self.width + 4)
            file.seek(offsets + 4 * (first + place))
            (offset,) = struct.unpack(">I", file.read(4))
            if offset >> 31:
                file.seek(offsets + 4 * count + 8 * (offset & 0x7FFFFFFF))
                (offset,) = struct.unpack(">Q", file.read(8))
            return int(offset)

    def _packed(self, pack: BinaryIO, offset: int, deltas: int) -> tuple[str, bytes]:
        pack.seek(offset)
        kind = _kind(pack)
        if kind in KINDS:
            return KINDS[kind], _inflated_from(pack)
        if kind not in (OFFSET_DELTA, HASH_DELTA) or not deltas:
            raise BrokenRepositoryError(f"entry of kind {kind}")
        if kind == HASH_DELTA:
            base_name = pack.read(self.width)
            delta = _inflated_from(pack)
            base_kind, base = self._read(base_name, deltas - 1)
        else:
            back = _offset_back(pack)
            if not 0 < back <= offset:
                raise BrokenRepositoryError("a delta of itself")
            delta = _inflated_from(pack)
            base_kind, base = self._packed(pack, offset - back, deltas - 1)
        return base_kind, _apply(delta, base)


def _alternates(folder: Path) -> list[Path]:
    file = folder / "info" / "alternates"
    if not file.is_file():
        return []
    lines = read_bytes(file, 65536).decode("utf-8", errors="surrogateescape").splitlines()
    return [folder / line for line in lines if line and not line.startswith("#")]


def _raw(text: bytes, width: int) -> bytes:
    raw = bytes.fromhex(text.decode("ascii"))
    if len(raw) != width:
        raise BrokenRepositoryError("a hash of another length")
    return raw


def _inflated(data: bytes) -> bytes:
    stream = zlib.decompressobj()
    result = stream.decompress(data, MOST_OBJECT_BYTES)
    if not stream.eof:
        raise BrokenRepositoryError("cut, or too large")
    return result


def _inflated_from(pack: BinaryIO) -> bytes:
    stream, result = zlib.decompressobj(), b""
    while not stream.eof:
        data = stream.unconsumed_tail or pack.read(16384)
        result += stream.decompress(data, MOST_OBJECT_BYTES - len(result) + 1)
        if not data or len(result) > MOST_OBJECT_BYTES:
            raise BrokenRepositoryError("cut, or too large")
    return result


def _kind(pack: BinaryIO) -> int:
    """An entry's kind; its size, which follows in further bytes, is not needed: the data say where they end."""
    byte = pack.read(1)[0]
    kind = byte >> 4 & 7
    while byte & 0x80:
        byte = pack.read(1)[0]
    return kind


def _offset_back(pack: BinaryIO) -> int:
    byte = pack.read(1)[0]
    back = byte & 0x7F
    while byte & 0x80:
        byte = pack.read(1)[0]
        back = (back + 1 << 7) | byte & 0x7F
    return back


def _apply(delta: bytes, base: bytes) -> bytes:
    """A delta is two sizes, then copies from the base (highest bit set) and bytes to insert."""
    position = _after_size(delta, _after_size(delta, 0))
    result = bytearray()
    while position < len(delta):
        code, position = delta[position], position + 1
        if code & 0x80:
            numbers = [0] * 7
            for bit in range(7):
                if code >> bit & 1:
                    numbers[bit], position = delta[position], position + 1
            start = int.from_bytes(bytes(numbers[:4]), "little")
            size = int.from_bytes(bytes(numbers[4:]), "little") or 0x10000
            result += base[start : start + size]
        else:
            result += delta[position : position + code]
            position += code
        if len(result) > MOST_OBJECT_BYTES or not code:
            raise BrokenRepositoryError("a delta that makes no object")
    return bytes(result)


def _after_size(delta: bytes, position: int) -> int:
    while delta[position] & 0x80:
        position += 1
    return position + 1
