"""A scorer's folder: the files that are read, each checked against the hash that it was recorded with.

Nothing else in the folder is opened: other weights, code and settings that lie there are never read by limner, nor by
a library on its behalf.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.errors import ScorerError
from specs.boundary.config_keys import Keys, check_keys
from specs.boundary.files import parse_json, read_bytes, read_hashed
from specs.boundary.tensor_file import FLOATS, Header, StoredTensor, read_header, read_tensors
from specs.checkpoint import Checkpoint
from specs.errors import LimnerError

Array = NDArray[Any]
MOST_CONFIG_BYTES = 2**20
_NUMPY = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U8": "u1", "BOOL": "?",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ScorerFolder:
    """``hashes``: path in the folder → 64 hex, of every file that may be read; None where nothing was hashed yet.

    ``label`` begins, and ``fix`` ends, every error that comes from here.
    """

    path: Path
    label: str
    hashes: Mapping[str, str] | None
    fix: str

    def has(self, name: str) -> bool:
        """Whether anything of that name is there, a dangling link and a FIFO included."""
        return os.path.lexists(self.path / name)

    def first(self, names: Sequence[str]) -> str:
        """The one weights file that is read: the first of ``names`` that is there."""
        for name in names:
            if self.has(name):
                return name
        raise ScorerError(f"{self.label}: {self.path} holds {self._listing()}, but no weights; {self.fix}")

    def json(self, name: str, keys: Keys, required: tuple[str, ...] = ()) -> dict[str, Any]:
        """A configuration file of these keys alone."""
        with self.errors():
            value = parse_json(self.bytes(name, MOST_CONFIG_BYTES), self.path / name)
            check_keys(value, keys, self.path / name, required=required)
            return value

    def bytes(self, name: str, most_bytes: int) -> bytes:
        """A file's bytes, which are those that were hashed."""
        with self.errors():
            expected, path = self._expected(name), self.path / name
            return read_bytes(path, most_bytes) if expected is None else read_hashed(path, most_bytes, expected)

    def header(self, name: str) -> Header:
        """What a safetensors file says that it holds."""
        with self.errors():
            return read_header(self.path / name)

    def tensors(self, name: str, check: Callable[[Header], None]) -> Iterator[tuple[StoredTensor, Array]]:
        """Each tensor of a safetensors file as numpy holds it (BF16 as float32).

        ``check`` judges the header before numbers are read. ScorerError when a number is not finite and, at the end,
        when the bytes were not those that were hashed.
        """
        with self.errors():
            for tensor, data in read_tensors(self.path / name, check, self._expected(name)):
                values = as_array(tensor, data)
                if tensor.dtype in FLOATS and not np.isfinite(values).all():
                    raise LimnerError(f"{self.path / name}: {tensor.name} holds numbers that are not finite")
                yield tensor, values

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Whatever is wrong with a file becomes a ScorerError that names the scorer and what to do."""
        try:
            yield
        except ScorerError:
            raise
        except LimnerError as error:
            raise ScorerError(f"{self.label}: {str(error).rstrip('.')}; {self.fix}") from None

    def _expected(self, name: str) -> str | None:
        if self.hashes is None:
            return None
        if name not in self.hashes:
            raise LimnerError(
                f"{self.path / name}: got a file whose hash is not known; allowed: a regular file, hashed"
            )
        return self.hashes[name]

    def names(self) -> list[str]:
        """What lies in the folder, by name, in no order; raises ScorerError when it cannot be listed."""
        try:
            return [entry.name for entry in self.path.iterdir()]
        except OSError as error:
            raise ScorerError(f"{self.label}: {self.path}: cannot be read ({error.strerror}); {self.fix}") from None

    def _listing(self) -> str:
        names = sorted(self.names())
        return ", ".join(names[:20]) + (", …" if len(names) > 20 else "") or "nothing"


def folder_of(checkpoint: Checkpoint, path: Path, role: str, fix: str) -> ScorerFolder:
    """The folder of a hashed checkpoint; ``role`` as messages name it: ``CLIP``, ``safety checker`` …"""
    hashes = {file.path: file.sha256 for file in checkpoint.files}
    return ScorerFolder(path, f"{role} {checkpoint.name!r}", hashes, fix)


def as_array(tensor: StoredTensor, data: bytearray) -> Array:
    """The numbers of one tensor; BF16 (the upper half of a float32) becomes float32, all else stays as it is."""
    values = np.frombuffer(data, dtype=_NUMPY[tensor.dtype]).reshape(tensor.shape)
    if tensor.dtype == "BF16":
        return (values.astype("<u4") << 16).view("<f4")
    return values


def check_shapes(
    header: Header, wanted: Mapping[str, tuple[int, ...]], config: Path, optional: Sequence[str] = ()
) -> None:
    """A file holds exactly the wanted tensors, in the wanted shapes; LimnerError names the first that differ.

    ``config``: the file that the shapes follow from. ``optional``: names that may be missing, or there.
    """
    missing = sorted(wanted.keys() - header.tensors.keys() - set(optional))
    extra = sorted(header.tensors.keys() - wanted.keys() - set(optional))
    if missing or extra:
        raise LimnerError(
            f"{header.path} does not fit its {config.name}: missing {_few(missing)}, unexpected {_few(extra)}; these "
            "two files are not of one model: fetch both again"
        )
    for name, shape in wanted.items():
        stored = header.tensors.get(name)
        if stored and stored.shape != shape:
            raise LimnerError(
                f"{header.path}: {name}: got shape {list(stored.shape)}; allowed by {config.name}: {list(shape)}"
            )


def _few(names: list[str]) -> str:
    return f"{[name[:80] for name in names[:5]]}" + (f" and {len(names) - 5} more" if len(names) > 5 else "")
