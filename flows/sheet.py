"""The contact sheet: every keeper of a set on one page, with its asset's id."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

TILE_PX, GAP_PX, LABEL_PX = 192, 12, 22
PAPER, INK, HOLE = (250, 248, 244), (40, 38, 36), (226, 222, 214)
MOST_TILES = 400  # a sheet is for looking at; a larger set shows its first 400 assets


def contact_sheet(tiles: Sequence[tuple[str, Path | None]], to: Path) -> Path:
    """Write a PNG of (label, picture file) tiles in rows, an empty frame where there is no picture; returns ``to``."""
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
    if path is None:
        draw.rectangle((left, top, left + TILE_PX - 1, top + TILE_PX - 1), outline=HOLE, width=3)
        return
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    enlarge = max(picture.size) < TILE_PX
    picture = picture.resize(_within(picture.size), Image.Resampling.BICUBIC if enlarge else Image.Resampling.LANCZOS)
    sheet.paste(picture, (left + (TILE_PX - picture.width) // 2, top + (TILE_PX - picture.height) // 2))


def _within(size: tuple[int, int]) -> tuple[int, int]:
    scale = TILE_PX / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _fit(label: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont) -> str:
    while font.getlength(label) > TILE_PX and len(label) > 2:
        label = label[:-2] + "…"
    return label
