"""What is wrong with a picture whatever it shows: stable names, each found by one function of its pixels. Pure numpy.

==================  ====================================================================================
``nan_black``       the renderer's numbers were not finite, or every pixel is black
``blank``           every pixel has one colour
``near_uniform``    nothing stands out: no two regions differ visibly
``blown``           most of it is burnt out to white, or ``crushed`` to black, beyond what a plain ground is
``blurred``         no edge anywhere is sharp
``framed``          a straight-edged border on all four sides; ``letterboxed``: bars on two opposite sides
``tile_seam``       a texture that should tile shows its border when repeated
``cut_by_trim``     the subject crosses the trim line; ``outside_safe_zone``: only the safe line
``low_dpi``         too few pixels for the print size
==================  ====================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.defects.crossing import crosses
from scoring.defects.grid import cells_of
from scoring.defects.line_signs import Box
from specs.defect_names import DEFECTS

Grey = NDArray[np.floating[Any]]
Pixels = NDArray[np.uint8]
NAMES = DEFECTS
_LUMA = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True, slots=True)
class Frame:
    """What the picture is for. ``dpi`` is what its pixels give at the print size, ``min_dpi`` what printing needs."""

    trim_box_px: Box | None = None
    safe_margin_px: int = 0  # inside the trim box
    dpi: float | None = None
    min_dpi: float | None = None
    tiles: bool = False


def find_defects(pixels: Pixels, frame: Frame | None = None, finite: bool = True) -> tuple[str, ...]:
    """(H, W, 3) uint8 → names of the defects found, in the order of ``NAMES``.

    A picture that is no picture (``nan_black``, ``blank``) is not looked at further.
    """
    frame = frame or Frame()
    if not finite or not pixels.any():
        return ("nan_black",)
    if (pixels == pixels[0, 0]).all():
        return ("blank",)
    grey = pixels @ _LUMA
    found = [*_tone(pixels, grey), *_border(pixels), *_print(pixels, frame)]
    if "near_uniform" not in found and _blurred(grey):
        found.append("blurred")
    if frame.tiles and _has_seam(pixels):
        found.append("tile_seam")
    return tuple(name for name in NAMES if name in found)


NEAR_UNIFORM_RANGE = 12.0  # brightness levels between the 0.5th and 99.5th percentile
CLIPPED_SHARE = 0.3  # of all channel values
CLIPPED_SUBJECT = 0.12  # of those of what stands on a white or black ground
SHARP_STEP = 0.13  # at 256 px: the steepest edges' step over one pixel, as a share of the brightness range
WORKING_SIDE = 256
CORNER = 0.15  # of a side, at each of its ends


def _tone(pixels: Pixels, grey: Grey) -> list[str]:
    low, high = np.percentile(grey, [0.5, 99.5])
    colour = np.percentile(pixels, 99.5, axis=(0, 1)) - np.percentile(pixels, 0.5, axis=(0, 1))
    if high - low < NEAR_UNIFORM_RANGE and colour.max() < 2 * NEAR_UNIFORM_RANGE:
        return ["near_uniform"]
    burnt = ("blown", _burnt(pixels >= 253)), ("crushed", _burnt(pixels <= 2))
    return [name for name, is_burnt in burnt if is_burnt]


def _burnt(at_limit: NDArray[np.bool_]) -> bool:
    """Whether too many channel values are at the limit.

    A ground that is all white, or all black, may be meant so: then what stands on it is looked at alone, and more
    strictly, since a burnt picture's subject is burnt as well.
    """
    whole = np.asarray(at_limit.all(axis=2))
    border = np.concatenate([whole[0], whole[-1], whole[:, 0], whole[:, -1]])
    if border.mean() > 0.95 and not whole.all():
        return bool(at_limit[~whole].mean() > CLIPPED_SUBJECT)
    return bool(at_limit.mean() > CLIPPED_SHARE)


def _blurred(grey: Grey) -> bool:
    """Whether even the steepest edges are soft: their step over one pixel against the picture's whole range."""
    across, down = np.abs(np.diff(grey, axis=1)), np.abs(np.diff(grey, axis=0))
    steepest = max(np.percentile(across, 99.9), np.percentile(down, 99.9))
    low, high = np.percentile(grey, [0.5, 99.5])
    return bool(steepest < SHARP_STEP * np.sqrt(WORKING_SIDE / min(grey.shape)) * (high - low))


def _border(pixels: Pixels) -> list[str]:
    """Bands along the sides that are of one colour and end in a straight edge.

    Four bands of one colour are a frame even where the subject's colour hides part of the edge; two need it whole.
    A frame's corners may be round, so that it is looked for along the middle of the sides.
    """
    values = pixels.astype(np.float64)
    turned = values.transpose(1, 0, 2)
    sides = values, values[::-1], turned, turned[::-1]
    between = [side[:, round(CORNER * side.shape[1]) : round((1 - CORNER) * side.shape[1])] for side in sides]
    widths = [_band(side, 0.6) for side in between]
    colours = [side[:width].mean(axis=(0, 1)) for side, width in zip(between, widths, strict=True) if width]
    if len(colours) == 4 and np.ptp(colours, axis=0).max() < 12:
        return ["framed"]
    whole = [_band(side, 0.85) > 0 for side in sides]
    return ["letterboxed"] if (whole[0] and whole[1]) or (whole[2] and whole[3]) else []


def _band(values: Grey, share: float) -> int:
    """Height in pixels of the one-coloured band at the top that ends in an edge along ``share`` of it; 0 = none."""
    steps = np.abs(np.diff(values[: len(values) // 3], axis=0)).max(axis=2)
    edges = np.flatnonzero((steps > 8).mean(axis=1) > share)
    if not len(edges):
        return 0
    height = int(edges[0]) + 1
    return height if values[:height].reshape(-1, 3).std(axis=0).max() < 6 else 0


def _has_seam(pixels: Pixels) -> bool:
    """Whether the step across the border, when the picture repeats, is out of line with the steps inside it."""
    return any(
        _seam_along(values) for values in (pixels.astype(np.float64), pixels.astype(np.float64).transpose(1, 0, 2))
    )


def _seam_along(values: Grey) -> bool:
    inside = np.abs(np.diff(values, axis=0)).mean(axis=(1, 2))
    across = np.abs(values[0] - values[-1]).mean()
    return bool(across > 4 and across > 1.5 * np.percentile(inside, 98))


def _print(pixels: Pixels, frame: Frame) -> list[str]:
    found = []
    if frame.dpi is not None and frame.min_dpi is not None and frame.dpi < frame.min_dpi:
        found.append("low_dpi")
    if frame.trim_box_px is not None:
        left, top, right, bottom = frame.trim_box_px
        margin = frame.safe_margin_px
        cells = cells_of(pixels)
        if crosses(cells, frame.trim_box_px):
            found.append("cut_by_trim")
        elif margin and crosses(cells, (left + margin, top + margin, right - margin, bottom - margin)):
            found.append("outside_safe_zone")
    return found
