"""The ten grounds by their words. Each function: generator, side in pixels → an RGB picture and nothing else."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from starter.draw.colours import Rgb, jittered, mix

Rng = np.random.Generator
Ground = Callable[[Rng, int], Image.Image]
_PLAIN: tuple[Rgb, ...] = ((226, 220, 206), (205, 216, 226), (214, 224, 206), (228, 208, 208), (217, 209, 228))
_PAIRS: tuple[tuple[Rgb, Rgb], ...] = (
    ((250, 205, 120), (170, 80, 130)),
    ((150, 225, 215), (60, 95, 150)),
    ((235, 235, 190), (90, 140, 95)),
    ((245, 200, 215), (110, 90, 170)),
)
_RAYS: tuple[tuple[Rgb, Rgb], ...] = (
    ((252, 228, 150), (246, 200, 100)),
    ((250, 190, 150), (238, 150, 115)),
    ((190, 225, 240), (145, 195, 225)),
    ((225, 205, 240), (195, 168, 222)),
)


def _picture(array: NDArray[np.floating[Any]], side_px: int) -> Image.Image:
    """A small float picture, 0–255, scaled up smoothly."""
    small = Image.fromarray(np.clip(array, 0, 255).astype(np.uint8), "RGB")
    return small.resize((side_px, side_px), Image.Resampling.BICUBIC)


def _ramp(top: Rgb, bottom: Rgb, side_px: int, direction: tuple[float, float] = (0.0, 1.0)) -> Image.Image:
    """A linear gradient along ``direction`` (x, y)."""
    t = np.linspace(-1, 1, 32, dtype=np.float32)
    along = np.clip((t[None, :] * direction[0] + t[:, None] * direction[1] + 1) / 2, 0, 1)[..., None]
    return _picture(np.array(top, np.float32) * (1 - along) + np.array(bottom, np.float32) * along, side_px)


def _hills(draw: ImageDraw.ImageDraw, rng: Rng, side_px: int, base: float, height: float, fill: Rgb) -> None:
    """One row of soft hills; base and height are shares of the side."""
    x = np.linspace(0, side_px, 17)
    wave = np.sin(x / side_px * rng.uniform(3, 8) + rng.uniform(0, 6.3)) * height / 2
    y = (base + wave) * side_px
    draw.polygon([*zip(x, y, strict=True), (side_px, side_px), (0, side_px)], fill=fill)


def plain(rng: Rng, side_px: int) -> Image.Image:
    """One pale colour."""
    return Image.new("RGB", (side_px, side_px), jittered(_PLAIN[rng.integers(len(_PLAIN))], rng))


def gradient(rng: Rng, side_px: int) -> Image.Image:
    """Two colours flowing into each other, top to bottom or slantwise."""
    light, deep = (jittered(c, rng) for c in _PAIRS[rng.integers(len(_PAIRS))])
    slant = rng.uniform(-0.4, 0.4)
    return _ramp(light, deep, side_px, (slant, 1 - abs(slant)))


def parchment(rng: Rng, side_px: int) -> Image.Image:
    """Old paper: mottled tan, darker towards a worn edge."""
    noise = rng.normal(0, 1, (9, 9, 1)).astype(np.float32)
    t = np.linspace(-1, 1, 9, dtype=np.float32)
    edge = np.maximum(np.abs(t)[None, :], np.abs(t)[:, None])[..., None] ** 4
    tan = np.array(jittered((222, 190, 138), rng), np.float32)
    return _picture(tan + noise * 7 - edge * np.array([62, 66, 68], np.float32), side_px)


def night(rng: Rng, side_px: int) -> Image.Image:
    """A dark blue sky with small stars."""
    picture = _ramp(jittered((16, 20, 56), rng), jittered((46, 52, 112), rng), side_px)
    draw = ImageDraw.Draw(picture)
    for x, y in rng.uniform(0, side_px, (rng.integers(14, 24), 2)):
        r = rng.uniform(0.006, 0.013) * side_px
        draw.ellipse((x - r, y - r, x + r, y + r), fill=(240, 238, 205))
    return picture


def sunburst(rng: Rng, side_px: int) -> Image.Image:
    """Rays from the middle in two close tones."""
    light, deep = (jittered(c, rng) for c in _RAYS[rng.integers(len(_RAYS))])
    picture, count, turn = Image.new("RGB", (side_px, side_px), light), int(rng.choice([9, 11])), rng.uniform(0, 1)
    draw, middle = ImageDraw.Draw(picture), side_px / 2
    for i in range(count):
        a, b = ((i + turn + half) * 2 * np.pi / count for half in (0.0, 0.5))
        corner = [(middle + side_px * np.cos(t), middle + side_px * np.sin(t)) for t in (a, b)]
        draw.polygon([(middle, middle), *corner], fill=deep)
    return picture


def forest(rng: Rng, side_px: int) -> Image.Image:
    """Trunks in green light, leaves above and undergrowth below."""
    picture = _ramp(jittered((150, 190, 130), rng), jittered((84, 132, 84), rng), side_px)
    draw = ImageDraw.Draw(picture)
    for x in np.linspace(0.06, 0.94, int(rng.integers(4, 6))) + rng.uniform(-0.04, 0.04):
        half = rng.uniform(0.025, 0.045)
        draw.rectangle([(x - half) * side_px, 0, (x + half) * side_px, side_px], fill=jittered((72, 92, 66), rng))
    for x in np.linspace(0, 1, 7):
        r = rng.uniform(0.1, 0.15) * side_px
        draw.ellipse((x * side_px - r, -r, x * side_px + r, r), fill=(48, 96, 56))
    _hills(draw, rng, side_px, 0.87, 0.06, jittered((46, 90, 52), rng))
    return picture


def stone(rng: Rng, side_px: int) -> Image.Image:
    """A wall of grey blocks."""
    base = jittered((150, 148, 144), rng)
    picture, rows = Image.new("RGB", (side_px, side_px), mix(base, (60, 58, 60), 0.55)), 5
    draw, gap, height = ImageDraw.Draw(picture), 0.012 * side_px, side_px / rows
    width = side_px / 3.5
    for row in range(rows):
        start = -width * (0.5 * (row % 2) + rng.uniform(0, 0.2))
        for column in range(6):
            x = start + column * width
            tone = mix(base, (95, 93, 92), rng.uniform(0, 0.35))
            draw.rounded_rectangle(
                [x + gap, row * height + gap, x + width - gap, (row + 1) * height - gap], 0.03 * side_px, fill=tone
            )
    return picture


def sea(rng: Rng, side_px: int) -> Image.Image:
    """A pale sky over rows of blue waves."""
    picture = _ramp(jittered((196, 224, 238), rng), jittered((226, 238, 240), rng), side_px)
    draw, top = ImageDraw.Draw(picture), rng.uniform(0.42, 0.52)
    for i in range(4):
        y, phase, count = top + i * 0.15, rng.uniform(0, 1), 5
        fill = mix((98, 172, 206), (28, 84, 148), i / 3)
        x = np.linspace(0, 1, 41)
        crest = y - 0.045 * np.abs(np.sin((x * count + phase) * np.pi))
        draw.polygon(
            [*zip(x * side_px, crest * side_px, strict=True), (side_px, side_px), (0, side_px)],
            fill=jittered(fill, rng, 4),
        )
    return picture


def snow(rng: Rng, side_px: int) -> Image.Image:
    """A cold sky, white hills and flakes."""
    picture = _ramp(jittered((150, 178, 208), rng), jittered((204, 218, 232), rng), side_px)
    draw = ImageDraw.Draw(picture)
    _hills(draw, rng, side_px, 0.66, 0.12, (226, 234, 243))
    _hills(draw, rng, side_px, 0.82, 0.1, (246, 249, 252))
    for x, y in rng.uniform(0, side_px, (22, 2)):
        r = rng.uniform(0.008, 0.016) * side_px
        draw.ellipse((x - r, y - r, x + r, y + r), fill=(252, 253, 255))
    return picture


def desert(rng: Rng, side_px: int) -> Image.Image:
    """Dunes under a warm, hazy sky."""
    picture = _ramp(jittered((248, 206, 150), rng), jittered((252, 230, 190), rng), side_px)
    draw = ImageDraw.Draw(picture)
    for base, fill in ((0.55, (226, 172, 104)), (0.7, (208, 148, 82)), (0.86, (186, 122, 64))):
        _hills(draw, rng, side_px, base, rng.uniform(0.08, 0.14), jittered(fill, rng))
    return picture


GROUNDS: dict[str, Ground] = {
    f.__name__: f for f in (plain, gradient, parchment, night, sunburst, forest, stone, sea, snow, desert)
}
