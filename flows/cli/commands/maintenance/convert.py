"""``limner convert``: the explicit way from a published pickle to safetensors."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import AsJson, Checkpoints
from flows.output import print_json
from flows.pipeline.resolve import registry_for
from flows.settings import Settings, from_environment
from generator.weights.convert import convert_part
from generator.weights.pinning import main_file
from scoring.aesthetic.convert import convert as convert_head
from specs.canonical import sha256_hex
from specs.errors import UsageError


def command(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="A pickle of tensors: .bin, .pt or .pth.")],
    to: Annotated[Path | None, typer.Option(help="The folder to write into; beside the file without it.")] = None,
    clip: Annotated[
        str | None, typer.Option(help="The file is a scorer's head: the CLIP it belongs to, by name or sha256.")
    ] = None,
    checkpoints: Checkpoints = [],  # noqa: B006
    as_json: AsJson = False,
) -> int:
    """Turn published weights from a pickle into safetensors: opened as weights only, in a process of its own."""
    return convert_weights(source, to, clip, from_environment(checkpoints=tuple(checkpoints)), as_json=as_json)


def convert_weights(source: Path, to: Path | None, clip: str | None, settings: Settings, *, as_json: bool) -> int:
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
