"""Where a picture comes from: what is handed over when it is recorded, and the record that ``show`` prints.

A candidate's ``provenance_sha256`` is the root of a small tree of hashes. It covers what was fixed when the picture was
recorded: set, asset and its row, number, job, picture (file and pixels), execution, and the registration (spec text and
row files, git state, checkpoint with every weight file, rights decision, scorers). It does not cover times, nor
scorecards, verdicts, tags and notes, which come later and carry hashes of their own: so the same work done twice has
the same hash, and nothing that is said of a picture later changes what it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from generator.candidate import Candidate
from scoring.scorecard import Scorecard
from scoring.verdict import Verdict
from specs.canonical import Json, floatless_json, sha256_hex, value_sha256
from specs.checkpoint import Checkpoint

if TYPE_CHECKING:
    import numpy as np

KIND = "limner.provenance/1"


@dataclass(frozen=True, slots=True)
class GitState:
    """The spec's repository when the spec was read: commit (40 or 64 hex), and whether the spec differed from it."""

    commit: str
    dirty: bool


@dataclass(frozen=True, slots=True, order=True)
class CandidateKey:
    """Names one candidate: a job may serve several assets."""

    set_name: str
    asset_id: str
    job_id: str

    @property
    def candidate_id(self) -> str:
        """32 hex, derived from the three."""
        return _candidate_id(self.set_name, self.asset_id, self.job_id)


@lru_cache(maxsize=50_000)  # a set of 30,000 candidates is asked for its ids several times in a command
def _candidate_id(set_name: str, asset_id: str, job_id: str) -> str:
    return sha256_hex(floatless_json(("limner.candidate/1", (set_name, asset_id, job_id))))[:32]


@dataclass(frozen=True, slots=True)
class Embedding:
    """A picture's CLIP embedding: ``vector`` (D,) float16."""

    clip_id: str
    vector: np.ndarray[Any, np.dtype[np.float16]]


@dataclass(frozen=True, slots=True)
class Record:
    """One finished candidate, on its way into the catalog.

    The set must be registered with ``spec_sha256``; asset row, checkpoint, rights and layout come from there.
    ``png`` are the file's bytes; with ``keep_pixels`` False they are hashed and dropped (``reject_pixels: drop``).
    ``area`` is ``objects`` or ``quarantine``; ``phash`` 16 hex; ``verdict`` None when it is judged later;
    ``made_at`` UTC, ISO 8601 with microseconds and ``Z``.
    """

    set_name: str
    asset_id: str
    number: int
    candidate: Candidate
    scorecard: Scorecard
    embedding: Embedding | None
    phash: str
    spec_sha256: str
    area: str
    png: bytes
    verdict: Verdict | None
    made_at: str
    keep_pixels: bool = True

    @property
    def key(self) -> CandidateKey:
        """Which candidate this is."""
        return CandidateKey(self.set_name, self.asset_id, self.candidate.job.job_id)


@dataclass(frozen=True, slots=True)
class Reuse:
    """A picture that exists already, for one more asset: nothing is rendered.

    ``scorecard`` None: the newest one of the picture's first candidate is taken over.
    """

    set_name: str
    asset_id: str
    number: int
    job_id: str
    spec_sha256: str
    scorecard: Scorecard | None
    verdict: Verdict | None
    made_at: str

    @property
    def key(self) -> CandidateKey:
        """Which candidate this becomes."""
        return CandidateKey(self.set_name, self.asset_id, self.job_id)


@dataclass(frozen=True, slots=True)
class Provenance:
    """The whole record of one candidate as canonical JSON's value; ``sha256`` is its provenance hash (see above)."""

    value: dict[str, Json]
    sha256: str


def provenance_sha256(row: dict[str, Any], image: dict[str, Any]) -> str:
    """The root of the tree, from a row of ``candidates`` and one of ``images``."""
    named = ("set_name", "asset_id", "number", "asset_sha256", "job_id", "stack_sha256", "registration_sha256")
    pictured = ("image_sha256", "pixels_sha256", "width_px", "height_px", "bytes", "phash")
    value: dict[str, Json] = {name: row[name] for name in named}
    value["picture"] = {name: image[name] for name in pictured}
    return value_sha256(KIND, value)


def checkpoint_value(checkpoint: Checkpoint) -> dict[str, Json]:
    """The full record of a checkpoint, the path of its registry file aside. Raises ValueError without hashed files."""
    value: dict[str, Json] = jsonable(checkpoint)
    del value["registry_path"]
    value["files"] = {file.path: file.sha256 for file in checkpoint.files}
    value["status"] = str(checkpoint.status)
    value["weights_id"] = checkpoint.weights_id
    value["scorers"] = dict(checkpoint.scorers)
    return value


def jsonable(value: Any) -> Any:
    """Dataclasses as objects, tuples as lists, all the way down, so that the value equals what is read back."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, list | tuple):
        return [jsonable(inner) for inner in value]
    if isinstance(value, Mapping):
        return {str(name): jsonable(inner) for name, inner in value.items()}
    return {field.name: jsonable(getattr(value, field.name)) for field in fields(value)}
