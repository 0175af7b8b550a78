"""Full-bleed grounds of many kinds in random colours: what may fill a picture to its sides without being its subject.

The starter draws ten grounds; a rule that was fitted to those alone takes the eleventh for a subject. Each function:
random generator, side in px → (S, S, 3) uint8.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Picture = NDArray[np.uint8]
Floats = NDArray[np.float64]
Rng = np.random.Generator
Backdrop = Callable[[Rng, int], Picture]


def _tones(rng: Rng, count: int) -> Floats:
    """(count, 3) tones between two random colours, near or far apart, each a little off."""
    first = rng.uniform(20, 235, 3)
    second = np.clip(first + rng.normal(0, rng.choice([15, 40, 90]), 3), 5, 250)
    share = rng.random((count, 1))
    return np.clip(first + share * (second - first) + rng.normal(0, 4, (count, 3)), 0, 255)


def _ramp(rng: Rng, side: int) -> Floats:
    """A smooth change between two tones along any direction."""
    down, across = np.mgrid[:side, :side] / side - 0.5
    turn = rng.uniform(0, 2 * np.pi)
    along = np.clip(0.5 + 0.8 * (across * np.cos(turn) + down * np.sin(turn)), 0, 1)[..., None]
    first, second = _tones(rng, 2)
    return np.asarray(first + along * (second - first))


def _canvas(values: Floats) -> Image.Image:
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def _fill(tone: Floats) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in tone)
    return red, green, blue


def plain(rng: Rng, side: int) -> Picture:
    """One tone flowing into another, or into itself; sometimes darker to the sides."""
    values = _ramp(rng, side) if rng.random() < 0.7 else np.broadcast_to(_tones(rng, 1), (side, side, 3))
    apart = np.abs(np.linspace(-1, 1, side))
    edge = np.maximum(apart[:, None], apart[None, :])[..., None] ** 3
    return np.asarray(_canvas(values - rng.choice([0, 50]) * edge))


def bars(rng: Rng, side: int) -> Picture:
    """Trunks, pillars, planks, a curtain: bars of uneven width over a smooth ground, upright or lying."""
    picture = _canvas(_ramp(rng, side))
    draw, count = ImageDraw.Draw(picture), int(rng.integers(3, 14))
    tones, thick = _tones(rng, count), rng.uniform(0.2, 0.9) / count
    for number, tone in enumerate(tones):
        start = (number + rng.uniform(0, 0.5)) / count * side
        lean = rng.normal(0, 0.02) * side
        end = start + thick * rng.uniform(0.6, 1.4) * side
        draw.polygon([(start, 0), (end, 0), (end + lean, side), (start + lean, side)], fill=_fill(tone))
    return _turned(picture, rng)


def blocks(rng: Rng, side: int) -> Picture:
    """Walls and floors: rows of blocks, in bond or as a grid, with joints."""
    tones = _tones(rng, 60)
    picture = Image.new("RGB", (side, side), _fill(tones[0]))
    draw, rows = ImageDraw.Draw(picture), int(rng.integers(3, 10))
    high, gap, bond = side / rows, rng.uniform(0, 0.015) * side, rng.choice([0, 0.5])
    wide = high * rng.uniform(0.8, 2.5)
    for row in range(rows):
        left = -wide * (bond * (row % 2) + rng.uniform(0, 0.2) * (bond > 0))
        while left < side:
            box = (left + gap, row * high + gap, left + wide - gap, (row + 1) * high - gap)
            draw.rounded_rectangle(box, rng.uniform(0, 0.15) * high, fill=_fill(tones[rng.integers(60)]))
            left += wide
    return np.asarray(picture)


def dots(rng: Rng, side: int) -> Picture:
    """Stars, snow, pebbles, petals: spots over a smooth ground."""
    picture = _canvas(_ramp(rng, side))
    draw, tones = ImageDraw.Draw(picture), _tones(rng, 4)
    size = rng.uniform(0.004, 0.03)
    for x, y in rng.uniform(0, side, (rng.integers(10, 90), 2)):
        radius = size * rng.uniform(0.6, 1.4) * side
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_fill(tones[rng.integers(4)]))
    return np.asarray(picture)


def bands(rng: Rng, side: int) -> Picture:
    """Hills, dunes, waves, a skyline: rows one before the other, each with its own outline."""
    picture = _canvas(_ramp(rng, side))
    draw, count = ImageDraw.Draw(picture), int(rng.integers(1, 6))
    tones, kind = _tones(rng, count), rng.integers(3)
    top, x = rng.uniform(0.2, 0.7), np.linspace(0, 1, 81)
    for number, tone in enumerate(tones):
        wave = np.sin((x * rng.uniform(0.5, 7) + rng.random()) * 2 * np.pi)
        outline = (wave, np.abs(wave), np.repeat(rng.uniform(-1, 1, 27), 3))[kind] * rng.uniform(0.01, 0.06)
        y = (top + (1 - top) * number / count + outline) * side
        draw.polygon([*zip(x * side, y, strict=True), (side, side), (0, side)], fill=_fill(tone))
    return np.asarray(picture)


def clouds(rng: Rng, side: int) -> Picture:
    """Clouds, marble, grain: random phases under a power law, between two tones."""
    across, down = np.meshgrid(np.fft.fftfreq(side) * side, np.fft.fftfreq(side) * side)
    waves = np.fft.fft2(rng.normal(size=(side, side))) * (np.hypot(across, down) + 1) ** -rng.uniform(0.8, 2.0)
    values = np.fft.ifft2(waves).real
    share = np.clip(0.5 + 0.25 * (values - values.mean()) / values.std(), 0, 1)[..., None]
    first, second = _tones(rng, 2)
    return np.asarray(_canvas(first + share * (second - first)))


def patches(rng: Rng, side: int) -> Picture:
    """Cobbles, fields, stained glass: every place has the tone of the nearest of some points."""
    points, tones = rng.uniform(-0.1, 1.1, (rng.integers(8, 80), 2)), _tones(rng, 80)
    places = np.stack(np.mgrid[:side, :side], axis=-1) / side
    apart = ((places[:, :, None] - points) ** 2).sum(axis=-1)
    return np.asarray(_canvas(tones[apart.argmin(axis=-1)]))


def rays(rng: Rng, side: int) -> Picture:
    """Rays or rings around a place near the middle."""
    y, x = np.mgrid[:side, :side] / side - rng.uniform(0.3, 0.7, 2)[:, None, None]
    turned = np.arctan2(y, x) / (2 * np.pi) * rng.integers(5, 16) if rng.random() < 0.6 else np.hypot(x, y) * 8
    tones = _tones(rng, 2)
    return np.asarray(_canvas(tones[(np.floor(2 * turned + rng.random()) % 2).astype(int)]))


def foliage(rng: Rng, side: int) -> Picture:
    """Leaves, scales, a crowd: overlapping ovals, all over or along one side."""
    picture = _canvas(_ramp(rng, side))
    draw, tones = ImageDraw.Draw(picture), _tones(rng, 12)
    deep, size = rng.choice([0.15, 0.4, 1.0]), rng.uniform(0.03, 0.14)
    for number in range(int(4 * deep / size**1.5)):
        x, y = rng.random() * side, rng.random() * deep * side
        wide, high = size * rng.uniform(0.6, 1.4, 2) * side
        draw.ellipse((x - wide, y - high, x + wide, y + high), fill=_fill(tones[number % 12]))
    return _turned(picture, rng)


def _turned(picture: Image.Image, rng: Rng) -> Picture:
    return np.rot90(np.asarray(picture), rng.integers(4)).copy()


def mixed(rng: Rng, side: int) -> Picture:
    """One kind above another: a wall over a floor, a forest's edge under a sky."""
    upper, lower = (KINDS[rng.integers(len(KINDS))](rng, side) for _ in range(2))
    place = round(rng.uniform(0.3, 0.8) * side)
    return np.concatenate([upper[:place], lower[place:]])


KINDS: tuple[Backdrop, ...] = (plain, bars, blocks, dots, bands, clouds, patches, rays, foliage)
BACKDROPS: dict[str, Backdrop] = {made.__name__: made for made in (*KINDS, mixed)}
