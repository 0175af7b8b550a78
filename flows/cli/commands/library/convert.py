"""``limner convert``: the explicit way from a published pickle to safetensors."""

from __future__ import annotations

import re
from pathlib import Path

from flows.output import print_json
from flows.pipeline.resolve import registry_for
from flows.settings import Settings
from generator.weights.convert import convert_part
from generator.weights.pinning import main_file
from scoring.aesthetic.convert import convert as convert_head
from specs.canonical import sha256_hex
from specs.errors import UsageError


def convert(source: Path, to: Path | None, clip: str | None, settings: Settings, *, as_json: bool) -> int:
    """A scorer's head when ``clip`` says which CLIP it belongs to (registry name or sha256), else a part of a model."""
    if clip is None:
        target = convert_part(source, to)
        told = {"file": str(target), "sha256": sha256_hex(target.read_bytes())}
    else:
        head = convert_head(source, to or source.with_suffix(""), [_clip_sha256(clip, settings)])
        told = {
            "file": str(head.folder / "head.safetensors"),
            "sha256": head.head_sha256,
            "layout": head.layout,
            "source_sha256": head.source_sha256,
        }
    if as_json:
        print_json(told)
    else:
        print("\n".join(f"{name}: {value}" for name, value in told.items()))
    return 0


def _clip_sha256(clip: str, settings: Settings) -> str:
    if re.fullmatch(r"[0-9a-f]{64}", clip):
        return clip
    checkpoint = registry_for(Path(), settings).resolve(clip, Path())
    if not checkpoint.files:
        raise UsageError(
            f"--clip: got {clip!r}, whose entry names no hashes; allowed: the sha256 of the CLIP's weights file, or an "
            "entry that pins it."
        )
    return main_file(checkpoint).sha256
