"""Drawings whose truth is known exactly: where the subject is, what lies behind it, and how far it is cut.

The starter's drawing program draws the ground first, from the scene's seed alone; so the ground without the subject can
be had, and what differs from it is the subject. Seeds from ``HELD_OUT`` on were used by no training and no tuning of a
threshold; those from ``TUNING`` on are for tuning.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from starter.draw.grounds import GROUNDS
from starter.draw.scene import Scene, draw, random_scene

Picture = NDArray[np.uint8]
HELD_OUT, TUNING = 20_000_000, 30_000_000
SIDE_PX = 256
DIFFERS = 24  # grey levels between drawing and ground: this much is the subject, or its rim or shadow
LEAST_CUT = 0.03  # of the subject's area beyond the line: it is cut
GAP = 0.01  # of the side: the least distance to the line of a subject that is not cut
TRIES = 60


@dataclass(frozen=True, slots=True)
class Drawn:
    """``pixels`` and ``ground`` (S, S, 3): with and without the subject; ``mask`` (S, S) bool: where it is."""

    scene: Scene
    pixels: Picture
    ground: Picture
    mask: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Placed:
    """A picture whose line is ``margin_px`` from each side.

    ``beyond`` is the share of its subject beyond that line; ``mask`` (S, S) says where the subject is.
    """

    pixels: Picture
    mask: NDArray[np.bool_]
    margin_px: int
    cut: bool
    beyond: float


def drawn(seed: int, side_px: int = SIDE_PX) -> Drawn:
    """The random scene of a seed, without a frame."""
    scene = replace(random_scene(seed), framed=False)
    pixels = np.asarray(draw(scene, side_px))
    behind = GROUNDS[scene.ground](np.random.default_rng([scene.seed, 2]), 2 * side_px)
    ground = np.asarray(behind.resize((side_px, side_px), Image.Resampling.BOX))
    mask = np.abs(pixels.astype(np.int16) - ground).max(axis=2) > DIFFERS
    return Drawn(scene, pixels, ground, mask)


def over(one: Drawn, ground: Picture) -> Drawn:
    """The drawing's subject over another ground."""
    return replace(one, pixels=np.where(one.mask[..., None], one.pixels, ground), ground=ground)


def placed(one: Drawn, cut: bool, rng: np.random.Generator, side_px: int, margin: tuple[float, float]) -> Placed | None:
    """The drawing zoomed, or its subject moved over its ground, so that a line cuts the subject, or does not.

    ``margin``: least and greatest distance of the line from the sides, as shares of the side. None when chance gives no
    such picture in ``TRIES`` tries.
    """
    for _ in range(TRIES):
        pixels, mask, whole = (_zoomed if rng.random() < 0.5 else _moved)(one, cut, rng, side_px)
        edge = max(1, round(rng.uniform(*margin) * side_px))
        beyond = 1 - mask[edge:-edge, edge:-edge].sum() / whole
        inner = edge + max(1, round(GAP * side_px))
        clear = mask[inner:-inner, inner:-inner].sum() >= mask.sum() and mask.sum() > 0.98 * whole
        if (LEAST_CUT <= beyond < 0.75) if cut else clear:
            return Placed(pixels, mask, edge, cut, float(beyond))
    return None


def _zoomed(one: Drawn, cut: bool, rng: np.random.Generator, side_px: int) -> tuple[Picture, NDArray[np.bool_], float]:
    """A square window of the drawing: (pixels, mask, the whole subject's area at this scale in pixels)."""
    side = len(one.mask)
    window = side / rng.uniform(1.0, 1.9 if cut else 1.15)
    left, top = rng.uniform(0, side - window, 2)
    box, size = (left, top, left + window, top + window), (side_px, side_px)
    pixels = np.asarray(Image.fromarray(one.pixels).resize(size, Image.Resampling.LANCZOS, box=box))
    mask = np.asarray(Image.fromarray(one.mask).convert("L").resize(size, Image.Resampling.BOX, box=box)) > 127
    return pixels, mask, float(one.mask.sum() * (side_px / window) ** 2)


def _moved(one: Drawn, cut: bool, rng: np.random.Generator, side_px: int) -> tuple[Picture, NDArray[np.bool_], float]:
    """The subject in another size at another place over its ground; as ``_zoomed``."""
    size = round(side_px * rng.uniform(0.6, 1.5 if cut else 1.0))
    x, y = (round(value) for value in rng.uniform(*sorted((0, side_px - size)), 2) + rng.normal(0, 0.1 * side_px, 2))
    behind = Image.fromarray(one.ground).resize((side_px, side_px), Image.Resampling.LANCZOS)
    subject = Image.fromarray(one.pixels).resize((size, size), Image.Resampling.LANCZOS)
    alpha = Image.fromarray(one.mask).convert("L").resize((size, size), Image.Resampling.BOX)
    behind.paste(subject, (x, y), alpha)
    canvas = Image.new("L", (side_px, side_px))
    canvas.paste(alpha, (x, y))
    return np.asarray(behind), np.asarray(canvas) > 127, float((np.asarray(alpha) > 127).sum())
