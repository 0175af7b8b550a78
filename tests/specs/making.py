"""Small specs and checkpoints for the tests of this folder."""

from __future__ import annotations

from pathlib import Path

from specs.checkpoint import Checkpoint, Source, Status, WeightFile
from specs.errors import SpecErrors
from specs.reading.load import load_spec
from specs.spec import Spec

HEAD = """\
set: deck
checkpoint: starter
style: {prompt: "a {colour} {subject}", negative: "blurry {subject}"}
picture: {width_px: 128, height_px: 96}
seed: 7
"""
ROWS = """\
assets:
  - {id: one, subject: sword, colour: red}
  - {id: two, subject: bow, colour: blue}
  - {id: three, subject: axe, colour: green}
"""
GOOD = HEAD + ROWS


def load(folder: Path, text: str = GOOD, **files: str | bytes) -> Spec:
    """The spec of a text, with row files (``cards_csv`` becomes ``cards.csv``) beside it."""
    for name, content in files.items():
        path = folder / name.replace("_", ".")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path = folder / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    return load_spec(path)


def refused(folder: Path, text: str, **files: str | bytes) -> list[str]:
    """The lines of the errors of a spec, without the folder's path; fails when it loads."""
    try:
        load(folder, text, **files)
    except SpecErrors as errors:
        return str(errors).replace(f"{folder}/", "").splitlines()
    raise AssertionError("the spec loaded")


def checkpoint(**changes: object) -> Checkpoint:
    """A checkpoint of known rights with one hashed file, but for ``changes``."""
    facts: dict[str, object] = {
        "name": "known",
        "architecture": "sd1",
        "source": Source(folder="/nowhere"),
        "files": (WeightFile("unet/diffusion_pytorch_model.safetensors", "ab" * 32),),
        "licence": "Apache-2.0",
        "status": Status.DECLARED,
        "commercial": True,
        "lineage_known": True,
        "parents": ("itself",),
    }
    return Checkpoint(**{**facts, **changes})  # type: ignore[arg-type]
