"""A safetensors file as it lies on the disk: its header checked before a number is read, its bytes hashed as they are.

Format (huggingface/safetensors, README "Format"): 8 bytes little-endian length N, N bytes of JSON
``{name: {"dtype", "shape", "data_offsets": [begin, end]}, "__metadata__": {text: text}}``, then the numbers, which the
offsets cover from the first byte to the last without a hole or an overlap. Needs neither torch nor numpy.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from specs.boundary.files import open_regular, require_hash
from specs.errors import LimnerError

ITEM_BYTES = {
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1,
}  # fmt: skip
FLOATS = ("F64", "F32", "F16", "BF16")
MOST_HEADER_BYTES = 8 * 2**20
MOST_DIMENSIONS = 8
MOST_NAME = 256  # characters
SPARSE_FROM_BYTES = 64 * 2**20  # a larger file of which less than a sixteenth is stored is an interrupted copy
_LFS = b"version https://git-lfs"
_PAGES = (b"<!doctype", b"<html", b"<?xml")
START_BYTES = 256  # looked at, to say what a file is instead


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """One tensor of a file: ``begin`` and ``end`` in bytes from the first number."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Header:
    """``tensors`` by name; ``metadata`` as the file's maker left it; ``numbers_at``: bytes before the first number."""

    path: Path
    tensors: dict[str, StoredTensor]
    metadata: dict[str, str]
    numbers_at: int


def read_tensors(
    path: Path, check: Callable[[Header], None], sha256: str | None = None
) -> Iterator[tuple[StoredTensor, bytearray]]:
    """Each tensor with its bytes, in the order of the file; the file is opened once and every byte of it hashed.

    ``check`` gets the header before any number is read, and raises what it does not like: its word bounds the memory.
    Raises LimnerError for whatever is no complete safetensors file, and, after the last tensor, when the hash of what
    was read is not ``sha256``: nothing may be used before the iteration has ended.
    """
    with open_regular(path) as file:
        digest = hashlib.sha256()
        header = _header(file, path, digest.update)
        check(header)
        try:
            for tensor in sorted(header.tensors.values(), key=lambda tensor: (tensor.begin, tensor.end)):
                data = bytearray(tensor.end - tensor.begin)
                if _fill(file, data) != len(data):
                    raise LimnerError(_damaged(path, "it ends early"))
                digest.update(data)
                yield tensor, data
        except OSError as error:
            raise LimnerError(f"{path}: cannot be read ({error.strerror}); copy the file anew.") from None
    if sha256 is not None:
        require_hash(path, digest.hexdigest(), sha256)


def _fill(file: BinaryIO, data: bytearray) -> int:
    """Read into ``data`` until it is full or the file ends; how many bytes came."""
    assert isinstance(file, io.BufferedReader)
    return file.readinto(data)


def read_header(path: Path) -> Header:
    """A file's header alone; LimnerError for whatever is no complete safetensors file."""
    with open_regular(path) as file:
        return _header(file, path, lambda _: None)


def _header(file: BinaryIO, path: Path, update: Callable[[bytes], None]) -> Header:
    status = os.fstat(file.fileno())
    begins = file.read(START_BYTES)
    if begins.startswith(_LFS):
        raise LimnerError(f"{path}: got a Git LFS pointer, not the file it points to. Run `git lfs pull` in its clone.")
    if begins.lstrip().lower().startswith(_PAGES):
        raise LimnerError(
            f"{path}: got a web page; allowed: a safetensors file. It was saved instead of the file, perhaps for want "
            "of a login: fetch it anew."
        )
    start = begins[:8]
    file.seek(8)
    length = int.from_bytes(start, "little")
    if len(start) < 8 or not 2 <= length <= min(MOST_HEADER_BYTES, status.st_size - 8):
        raise LimnerError(_damaged(path, f"its header would be of {length:,} bytes in a file of {status.st_size:,}"))
    if 0 < status.st_blocks * 512 < status.st_size // 16 and status.st_size > SPARSE_FROM_BYTES:
        raise LimnerError(_damaged(path, f"only {status.st_blocks * 512:,} of its {status.st_size:,} bytes are stored"))
    text = file.read(length)
    update(start + text)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LimnerError(_damaged(path, f"its header is not JSON: {error}")) from None
    if not isinstance(value, dict):
        raise LimnerError(_damaged(path, f"its header is a JSON {type(value).__name__}"))
    metadata = value.pop("__metadata__", None) or {}
    if not isinstance(metadata, dict) or not all(isinstance(word, str) for word in metadata.values()):
        raise LimnerError(_damaged(path, "its __metadata__ is no object of texts"))
    tensors = {name: _stored(name, entry, path) for name, entry in value.items()}
    _check_cover(tensors, status.st_size - 8 - length, path)
    return Header(path, tensors, metadata, 8 + length)


def _stored(name: str, entry: Any, path: Path) -> StoredTensor:
    if len(name) > MOST_NAME:
        raise LimnerError(_damaged(path, f"a tensor has a name of {len(name):,} characters"))
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise LimnerError(_damaged(path, f"tensor {name[:80]!r} has not just dtype, shape and data_offsets"))
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in ITEM_BYTES:
        raise LimnerError(
            f"{path}: tensor {name[:80]!r}: got dtype {str(dtype)[:20]!r}; allowed: {', '.join(ITEM_BYTES)}."
        )
    if not _counts(shape) or len(shape) > MOST_DIMENSIONS or not _counts(offsets) or len(offsets) != 2:
        raise LimnerError(_damaged(path, f"tensor {name[:80]!r} has shape {shape!s:.80} at {offsets!s:.80}"))
    if math.prod(shape) * ITEM_BYTES[dtype] != offsets[1] - offsets[0]:
        raise LimnerError(_damaged(path, f"tensor {name[:80]!r} of shape {shape!s:.80} does not fill {offsets!s:.80}"))
    return StoredTensor(name, dtype, tuple(shape), offsets[0], offsets[1])


def _counts(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is int and 0 <= item < 2**48 for item in value)


def _check_cover(tensors: dict[str, StoredTensor], size: int, path: Path) -> None:
    """The tensors lie end to end, and their end is the file's."""
    reached = 0
    for tensor in sorted(tensors.values(), key=lambda tensor: (tensor.begin, tensor.end)):
        if tensor.begin != reached:
            raise LimnerError(
                _damaged(path, f"tensor {tensor.name[:80]!r} begins at {tensor.begin:,}, not {reached:,}")
            )
        reached = tensor.end
    if reached != size:
        raise LimnerError(_damaged(path, f"it holds {size:,} bytes of numbers, its header speaks of {reached:,}"))


def _damaged(path: Path, why: str) -> str:
    return f"{path}: got no complete safetensors file ({why}); copy it anew from where it comes."
