"""SHA-256 of files, remembered by a stamp that changes with every write: 7 GB are read once and not on every run.

A stamp is (size, mtime_ns, ctime_ns, inode, device). The kernel sets ctime at every write and change of a file, and no
program can set it back: a file overwritten in place, its size and modification time restored, has another stamp.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
import time
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from specs.boundary.files import open_regular, read_json, require_hash
from specs.errors import LimnerError

MEMORY_VERSION = 2
SETTLED_S = 2.0  # a file younger than this may change again within one tick of its clock: hash it, do not remember it


@dataclass(frozen=True, slots=True)
class Stamp:
    """What must be unchanged for a hash to hold."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        """The stamp of an open file, or of what a path leads to."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev)


class HashMemory:
    """SHA-256 of files, remembered in one JSON file by path and stamp.

    A memory that is missing, damaged or of another version is an empty one; one that cannot be written costs the next
    run a read and nothing else. ``settled_s``: the age, since its last change, from which a file is remembered.
    """

    def __init__(self, path: Path, settled_s: float = SETTLED_S) -> None:
        self.path = path
        self.reads = 0  # files hashed by this object, for tests and for `doctor`
        self._settled_s = settled_s
        self._answered: dict[Path, Stamp] = {}  # every file that this object was asked for, as it was then
        self._known = self._load()

    def sha256(self, path: Path) -> str:
        """64 hex of the file's bytes; symbolic links are followed. LimnerError when it cannot be read."""
        try:
            real = path.resolve(strict=True)
            stamp = Stamp.of(real.stat())
        except (OSError, RuntimeError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise LimnerError(f"{path}: cannot be read ({reason}); check that it is there and readable") from None
        entry = self._known.get(str(real))
        self._answered[path] = stamp
        if entry is not None and entry[0] == stamp:
            return entry[1]
        self.reads += 1
        stamp, digest = hash_file(real)
        self._answered[path] = stamp
        if time.time() - stamp.ctime_ns / 1e9 > self._settled_s:
            self._known[str(real)] = (stamp, digest)
        return digest

    def hash_files(self, folder: Path, paths: list[str]) -> dict[str, str]:
        """Path (relative to ``folder``) → 64 hex for each; what was learned is saved."""
        before = self.reads
        hashes = {path: self.sha256(folder / path) for path in paths}
        if self.reads > before:
            self.save()
        return hashes

    def require_unchanged(self) -> None:
        """LimnerError naming the first file that is not, by its stamp, the one whose hash was given. Reads no file."""
        for path, stamp in self._answered.items():
            if stamp_of(path) != stamp:
                raise LimnerError(
                    f"{path}: got another file than the one that was hashed when this run began; allowed: one that "
                    "stays as it is. Nothing more was recorded; wait until its copy is complete, then run again."
                )

    def save(self) -> None:
        """Write the memory: a temporary file beside it, then a rename. Two writers may lose a hash, never the file."""
        known = sorted((self._load() | self._known).items())
        entries = {path: [*astuple(stamp), digest] for path, (stamp, digest) in known}
        text = json.dumps({"version": MEMORY_VERSION, "files": entries})
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self.path.parent, prefix=".hashes-", delete=False) as file:
                file.write(text)
            Path(file.name).replace(self.path)
        except OSError:
            return

    def _load(self) -> dict[str, tuple[Stamp, str]]:
        try:
            value = read_json(self.path)
            if value["version"] != MEMORY_VERSION:
                return {}
            return {path: _remembered(entry) for path, entry in value["files"].items()}
        except (LimnerError, ValueError, KeyError, TypeError, AttributeError):
            return {}


def hash_file(path: Path) -> tuple[Stamp, str]:
    """(stamp, 64 hex) of a regular file; LimnerError when it cannot be read, or changes meanwhile."""
    with open_regular(path) as file:
        stamp = Stamp.of(os.fstat(file.fileno()))
        try:
            digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # it reads into a buffer
        except OSError as error:
            raise LimnerError(
                f"{path}: cannot be read ({error.strerror}); check that it is there and readable"
            ) from None
        if Stamp.of(os.fstat(file.fileno())) != stamp or stamp_of(path) != stamp:
            raise LimnerError(
                f"{path}: changed while it was being read; wait until its copy is complete, then run again"
            )
    return stamp, digest


def stamp_of(path: Path) -> Stamp | None:
    """A file's stamp as it is now, None when nothing can be found there."""
    try:
        return Stamp.of(path.stat())
    except (OSError, ValueError):
        return None


def check_files(folder: Path, hashes: Mapping[str, str]) -> None:
    """Hash files anew; LimnerError names the first that is not the one of ``hashes`` (path in ``folder`` → 64 hex)."""
    for path, wanted in sorted(hashes.items()):
        require_hash(folder / path, hash_file(folder / path)[1], wanted)


def _remembered(entry: Any) -> tuple[Stamp, str]:
    *numbers, digest = entry
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise ValueError(f"not a sha256: {digest!r}")
    return Stamp(*(int(number) for number in numbers)), digest
