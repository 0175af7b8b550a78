"""Checkpoint: a pinned set of weights, with where it comes from and what it may be used for.

Image models, CLIP models, aesthetic heads and safety checkers are all checkpoints; ``architecture`` tells them apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from specs.canonical import Json, content_id

WEIGHTS_KIND = "limner.weights/1"
SHIPPED = "limner's registry"
NOBODY = "nobody"


class Status(StrEnum):
    """How far the origin of a checkpoint is known."""

    VERIFIED = "verified"  # published by its makers, every file's hash compared with what they publish
    DECLARED = "declared"  # its makers, or the user's file, say so; nobody here has checked
    UNKNOWN = "unknown"  # nobody can say what it was made from
    REFUSED = "refused"  # known to be taken without leave


@dataclass(frozen=True, slots=True)
class Architecture:
    """What the loader and the size rules need to know of a family of weights."""

    name: str
    multiple_px: int  # width and height must be multiples of this
    native_px: int  # the side it was trained at


IMAGE_ARCHITECTURES = {
    "sd1": Architecture("sd1", 8, 512),
    "sd2": Architecture("sd2", 8, 768),
    "sdxl": Architecture("sdxl", 8, 1024),
}
SCORER_ARCHITECTURES = ("open-clip", "aesthetic-head", "safety-checker")


@dataclass(frozen=True, slots=True)
class Source:
    """Where the files are: a local folder (absolute path), or a hub repository at a 40-hex revision."""

    folder: str | None = None
    repo_id: str | None = None
    revision: str | None = None


@dataclass(frozen=True, slots=True)
class WeightFile:
    """One file that loading reads: POSIX path relative to the checkpoint's folder, 64-hex SHA-256."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One entry of the registry. ``files`` is empty until its hashes are known (see ``generator.weights.pinning``).

    ``licence`` is an SPDX id, ``LicenseRef-…`` or ``unknown``. ``parents`` and ``training_data`` say what is known
    of the lineage, in plain words, empty when nothing is. ``commercial`` is None when nobody can say.

    ``licence_from`` and ``files_from``: whose word the licence is, and that these are its files (SHIPPED, a user's
    file and line, or NOBODY).
    """

    name: str
    architecture: str
    source: Source
    files: tuple[WeightFile, ...]
    licence: str
    status: Status
    commercial: bool | None
    use_restrictions: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    training_data: tuple[str, ...] = ()
    lineage_known: bool = False
    multiple_px: int = 8
    native_px: int = 512
    trigger_note: str = ""
    notes: str = ""
    scorers: tuple[tuple[str, str], ...] = ()  # its default scorers: (("aesthetic", name), ("clip", name), …)
    registry_path: str = ""  # the file that declares it, for error messages
    licence_from: str = ""
    files_from: str = ""

    @property
    def weights_id(self) -> str:
        """``sha256:<64 hex>`` over the sorted (path, sha256) of its files, whatever its name."""
        return weights_id(self.files)


def weights_id(files: tuple[WeightFile, ...]) -> str:
    """The identity of a set of files; raises ValueError when there are none."""
    if not files:
        raise ValueError("a checkpoint without hashed files has no identity; hash it first")
    value: Json = [[file.path, file.sha256] for file in sorted(files, key=lambda file: file.path)]
    return content_id(WEIGHTS_KIND, value)
