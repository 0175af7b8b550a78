"""Style references: pictures whose look a set should have, found by file or by name, embedded once, kept by hash."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import FILE, Catalog
from catalog.errors import AmbiguousError, NotFoundError
from flows.settings import Settings
from specs.boundary.files import read_bytes, rgb_pixels
from specs.canonical import sha256_hex
from specs.errors import UsageError
from specs.reading.named_files import MOST_BYTES as MOST_REFERENCE_BYTES
from specs.spec import Spec

if TYPE_CHECKING:
    from flows.pipeline.rendering.scorers import Scorers

Pixels = NDArray[np.uint8]
CACHE = Path("cache") / "references"
DIGEST_BYTES = 32
READING = 2  # of pixels from a file: another number forgets what was embedded before


@dataclass(frozen=True, slots=True)
class StyleReference:
    """A reference that was found: ``path`` of its file, '' for a picture of the library; ``sha256`` of the file."""

    name: str
    sha256: str
    path: str = ""


def find_style_references(spec: Spec, settings: Settings) -> list[StyleReference | str]:
    """What each of ``style.references`` is, or the sentence that says why nothing is."""
    found: list[StyleReference | str] = [
        StyleReference(one.name, one.sha256, one.path) for one in spec.references if one.path
    ]
    named = [one.name for one in spec.references if not one.path]
    if named and not (settings.library / FILE).is_file():
        return [*found, f"{spec.path}: style.references: got {named[0]!r}, but there is no library yet to find it in."]
    if named:
        with Catalog.open(settings.library, create=False) as catalog:
            found += [_named(catalog, spec, name) for name in named]
    return found


def _named(catalog: Catalog, spec: Spec, name: str) -> StyleReference | str:
    try:
        job_id = catalog.find(name).job_id
    except (NotFoundError, AmbiguousError) as error:
        return f"{spec.path}: style.references: {error}"
    return StyleReference(name, catalog.pictures([job_id])[job_id].image_sha256)


def reference_vectors(
    references: tuple[StyleReference, ...], clip_id: str, catalog: Catalog, load_scorers: Callable[[], Scorers]
) -> NDArray[np.float32] | None:
    """(R, D) embeddings of the references, None without any. Loads the CLIP only for what it has never seen."""
    if not references:
        return None
    known = catalog.vectors([reference.sha256 for reference in references if not reference.path], clip_id)
    rows = []
    for reference in references:
        vector = known.get(reference.sha256)
        if vector is not None:
            rows.append(vector.astype(np.float32))
            continue
        place = catalog.library / CACHE / f"{clip_id.rpartition(':')[2][:16]}-{reference.sha256}.{READING}.f32"
        row = _remembered(place)
        if row is None:
            row = load_scorers().embed(_pixels(reference, catalog)[np.newaxis])[0].astype("<f4")
            _remember(place, row)
        rows.append(row)
    return np.stack(rows)


def _pixels(reference: StyleReference, catalog: Catalog) -> Pixels:
    """(H, W, 3) of a reference, from the very bytes whose hash was taken."""
    name = reference.path or reference.name
    data = (
        read_bytes(Path(reference.path), MOST_REFERENCE_BYTES) if reference.path else catalog.picture(reference.sha256)
    )
    if sha256_hex(data) != reference.sha256:
        raise UsageError(f"{name}: the file changed while limner was reading it; run this again.")
    return rgb_pixels(data, f"{name}: style.references")


def _remembered(place: Path) -> NDArray[np.float32] | None:
    """The vector in a file that begins with its own SHA-256; None when there is none, or it is not what was written."""
    try:
        data = place.read_bytes()
    except OSError:
        return None
    digest, vector = data[:DIGEST_BYTES], data[DIGEST_BYTES:]
    return np.frombuffer(vector, dtype="<f4") if hashlib.sha256(vector).digest() == digest else None


def _remember(place: Path, row: NDArray[np.float32]) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    partial = place.with_name(f".{place.name}.{os.getpid()}.tmp")
    partial.write_bytes(hashlib.sha256(row.tobytes()).digest() + row.tobytes())
    partial.replace(place)
