"""The contact sheet: every keeper of a set on one page, by its asset's title; drawn anew when they change."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from flows.pipeline.planning import Candidates
from specs.canonical import value_sha256
from specs.spec import Spec

KIND = "limner.sheet/1"
TILE_PX, GAP_PX, LABEL_PX = 192, 12, 22
PAPER, INK, HOLE = (250, 248, 244), (40, 38, 36), (226, 222, 214)
MOST_TILES = 400  # a sheet is for looking at; a larger set shows its first 400 pictures


@dataclass(frozen=True, slots=True)
class ContactSheet:
    """What a contact sheet shows, and where it goes: (label, picture's hash, its file), empty frames without one."""

    path: Path
    tiles: tuple[tuple[str, str, Path | None], ...]

    @property
    def key(self) -> str:
        """64 hex over all that it shows."""
        return value_sha256(
            KIND,
            [[label, sha256, path is not None and path.is_file()] for label, sha256, path in self.tiles[:MOST_TILES]],
        )

    def bring_up(self) -> bool:
        """Draw it where it shows anything else; returns whether it did."""
        known = self.path.with_suffix(".key")
        if self.path.is_file() and known.is_file() and known.read_text("ascii", "replace") == self.key:
            return False
        known.unlink(missing_ok=True)
        contact_sheet([(label, path) for label, _, path in self.tiles], self.path)
        known.write_text(self.key, "ascii")
        return True


def sheet_of(spec: Spec, made: Candidates, library: Path) -> ContactSheet:
    """Every keeper of a spec's assets, those of persons first, by the asset's title; an empty frame for a hole."""
    tiles: list[tuple[str, str, Path | None]] = []
    for asset in spec.assets:
        label = asset.title or asset.asset_id
        kept = [one for one in made.get(asset.asset_id, {}).values() if one.is_keeper]
        kept.sort(key=lambda one: (not one.by_person, one.number, one.image_sha256))
        tiles += [
            (label, one.image_sha256, library / one.area / one.image_sha256[:2] / f"{one.image_sha256}.png")
            for one in kept
        ] or [(label, "", None)]
    return ContactSheet(sheet_path(spec, library), tuple(tiles))


def sheet_path(spec: Spec, library: Path) -> Path:
    """Where a set's contact sheet goes."""
    return library / "sheets" / f"{spec.set_name}.png"


def contact_sheet(tiles: Sequence[tuple[str, Path | None]], to: Path) -> Path:
    """Write a PNG of (label, picture file) tiles in rows; an empty frame where there is no picture, a crossed one where
    its file is gone or damaged. Returns ``to``."""
    shown = tiles[:MOST_TILES]
    columns = max(1, min(10, math.ceil(math.sqrt(len(shown) * 1.4))))
    rows = max(1, math.ceil(len(shown) / columns))
    cell_w, cell_h = TILE_PX + GAP_PX, TILE_PX + LABEL_PX + GAP_PX
    sheet = Image.new("RGB", (columns * cell_w + GAP_PX, rows * cell_h + GAP_PX), PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for index, (label, path) in enumerate(shown):
        left = GAP_PX + (index % columns) * cell_w
        top = GAP_PX + (index // columns) * cell_h
        _tile(sheet, draw, path, left, top)
        draw.text((left + TILE_PX // 2, top + TILE_PX + 4), _fit(label, font), INK, font, anchor="ma")
    to.parent.mkdir(parents=True, exist_ok=True)
    partial = to.with_name(f".{to.name}.{os.getpid()}.tmp")
    sheet.save(partial, "PNG")
    partial.replace(to)
    return to


def _tile(sheet: Image.Image, draw: ImageDraw.ImageDraw, path: Path | None, left: int, top: int) -> None:
    picture = None if path is None else _opened(path)
    if picture is None:
        right, bottom = left + TILE_PX - 1, top + TILE_PX - 1
        draw.rectangle((left, top, right, bottom), outline=HOLE, width=3)
        if path is not None:
            draw.line((left, top, right, bottom), HOLE, 3)
            draw.line((left, bottom, right, top), HOLE, 3)
        return
    enlarge = max(picture.size) < TILE_PX
    picture = picture.resize(_within(picture.size), Image.Resampling.BICUBIC if enlarge else Image.Resampling.LANCZOS)
    sheet.paste(picture, (left + (TILE_PX - picture.width) // 2, top + (TILE_PX - picture.height) // 2))


def _opened(path: Path) -> Image.Image | None:
    """The picture; None when its file is gone or damaged: the sheet shows that, and ``limner verify`` says more."""
    try:
        with Image.open(path) as opened:
            return opened.convert("RGB")
    except (OSError, ValueError, SyntaxError):  # Pillow's words for what is missing, cut off or no PNG
        return None


def _within(size: tuple[int, int]) -> tuple[int, int]:
    scale = TILE_PX / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _fit(label: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont) -> str:
    while font.getlength(label) > TILE_PX and len(label) > 2:
        label = label[:-2] + "…"
    return label
