"""Pixels ↔ PNG bytes that say what they are: A1111's parameters, IPTC's marking, and limner's own provenance.

Nothing of asset, set or time is written, so the same job on the same stack gives the same file, whoever asked for it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import Any

import numpy as np

from generator.candidate import Execution
from generator.pictures import png, xmp
from generator.pictures.infotext import KEYWORD as PARAMETERS
from generator.pictures.infotext import infotext
from generator.pictures.png import Pixels
from specs.canonical import Json, canonical_json
from specs.checkpoint import Checkpoint
from specs.errors import LimnerError
from specs.job import Job

KEYWORD = "limner"
KIND = "limner.picture/1"


@dataclass(frozen=True, slots=True)
class Embedded:
    """What a picture's file says of itself. The checkpoint is a pinned one."""

    job: Job
    checkpoint: Checkpoint
    execution: Execution


@dataclass(frozen=True, slots=True)
class ReadPicture:
    """A PNG read back: ``pixels`` (H, W, 3) uint8; every text chunk verbatim as (keyword, text), in the file's order;
    ``limner`` our own record, None in other tools' files; ``parameters`` and ``xmp`` empty where missing."""

    pixels: Pixels
    pixels_sha256: str
    texts: tuple[tuple[str, str], ...]
    parameters: str
    xmp: str
    limner: dict[str, Any] | None


def pixels_sha256(pixels: Pixels) -> str:
    """64 hex over the size and the RGB bytes of ``pixels`` (H, W, 3) uint8, row by row."""
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
        raise ValueError(f"pixels: got shape {pixels.shape}, {pixels.dtype}; (H, W, 3) uint8 is allowed")
    height, width = pixels.shape[:2]
    digest = hashlib.sha256(f"limner.pixels/1 {width}x{height} RGB\n".encode("ascii"))
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def encode_png(pixels: Pixels, embedded: Embedded) -> bytes:
    """The PNG file of ``pixels`` (H, W, 3) uint8. Equal pixels and equal ``embedded`` give equal bytes.

    LimnerError where the prompt holds what no text can (half a surrogate pair).
    """
    job, checkpoint = embedded.job, embedded.checkpoint
    try:
        record = canonical_json(provenance(embedded)).decode("utf-8")
    except UnicodeEncodeError as error:
        raise LimnerError(
            f"prompt: got half of a surrogate pair ({error.object[error.start]!r}); allowed is valid Unicode. Retype it"
        ) from None
    texts = [
        png.Text(PARAMETERS, infotext(job, checkpoint, software())),
        png.Text(xmp.KEYWORD, xmp.packet(job, checkpoint, software())),
        png.Text(KEYWORD, record),
    ]
    return png.write(pixels, texts)


def provenance(embedded: Embedded) -> dict[str, Json]:
    """The value of the ``limner`` chunk: the recipe, what it was rendered with and on, and what it may be used for."""
    job, checkpoint = embedded.job, embedded.checkpoint
    return {
        "kind": KIND,
        "software": software(),
        "job_id": job.job_id,
        "job": job.recipe(),
        "checkpoint": {
            "name": checkpoint.name,
            "architecture": checkpoint.architecture,
            "weights_id": checkpoint.weights_id,
            "files": {file.path: file.sha256 for file in checkpoint.files},
            "licence": checkpoint.licence,
            "use_restrictions": list(checkpoint.use_restrictions),
            "status": checkpoint.status.value,
        },
        "execution": embedded.execution.value(),
    }


def read_png(data: bytes) -> ReadPicture:
    """Read a PNG strictly; LimnerError, saying what is wrong, when it is damaged, oversized, or has a bad record."""
    parsed = png.parse(data)
    texts = tuple((text.keyword, text.text) for text in parsed.texts)
    by_keyword = dict(reversed(texts))  # the first of a name counts
    record = by_keyword.get(KEYWORD)
    return ReadPicture(
        pixels=parsed.pixels,
        pixels_sha256=pixels_sha256(parsed.pixels),
        texts=texts,
        parameters=by_keyword.get(PARAMETERS, ""),
        xmp=by_keyword.get(xmp.KEYWORD, ""),
        limner=None if record is None else _record(record),
    )


@cache
def software() -> str:
    """``limner`` and its version."""
    try:
        return f"limner {metadata.version('limner')}"
    except metadata.PackageNotFoundError:
        return "limner (not installed)"


def _record(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LimnerError(f"PNG: its limner chunk is not JSON ({error}); restore the file, or make it again") from None
    if not isinstance(value, dict) or value.get("kind") != KIND:
        raise LimnerError(
            f"PNG: its limner chunk is not a {KIND} record; it may come from a newer limner. Update limner"
        )
    return value
