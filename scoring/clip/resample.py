"""Pillow's bicubic reduction as two small integer matrices, so that a batch can be resized on its own device.

open_clip and the safety checker's processor resize with Pillow. Pillow's 8-bit resampler multiplies with weights
rounded to 22 binary places and rounds to 8 bits after each of its two passes; sums of such products are exact in
float64, so a float64 matrix product gives the same bytes on any device that has float64. The horizontal pass comes
first, except, from Pillow 13 on, for pictures over twice as tall as wide whose height shrinks (python-pillow/Pillow
pull request 9549).
Weights after Keys, 1981, with a = −1/2; their range and rounding as Pillow's ``Resample.c`` has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import PIL
from numpy.typing import NDArray

FRACTION_BITS = 22
_SUPPORT = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Reduction:
    """How to take (H, W) to (size, size): ``across`` is (size, W), ``down`` is (size, H), integers held in float64."""

    across: NDArray[np.float64]
    down: NDArray[np.float64]
    down_first: bool


def shortest_edge(height_px: int, width_px: int, size_px: int) -> tuple[int, int]:
    """(height, width) after scaling the shorter side to ``size_px``; the longer one is rounded down."""
    if width_px <= height_px:
        return int(size_px * height_px / width_px), size_px
    return size_px, int(size_px * width_px / height_px)


def centre_start(length: int, size: int) -> int:
    """Where torchvision's centre crop starts: half the rest, rounded half to even."""
    return round((length - size) / 2.0)


def crops_agree(height_px: int, width_px: int, size_px: int) -> bool:
    """Whether torchvision's centre crop is transformers' (which rounds half down): always so for square pictures."""
    tall, wide = shortest_edge(height_px, width_px, size_px)
    return all(centre_start(length, size_px) == (length - size_px) // 2 for length in (tall, wide))


@lru_cache(maxsize=32)
def reduction(height_px: int, width_px: int, size_px: int, *, half_down: bool = False) -> Reduction:
    """Resize the shorter side to ``size_px`` and keep the centre; ``half_down`` crops as transformers does."""
    tall, wide = shortest_edge(height_px, width_px, size_px)
    start = (lambda length: (length - size_px) // 2) if half_down else (lambda length: centre_start(length, size_px))
    top, left = start(tall), start(wide)
    return Reduction(
        across=bicubic_weights(width_px, wide)[left : left + size_px],
        down=bicubic_weights(height_px, tall)[top : top + size_px],
        down_first=height_px > 2 * width_px and tall < height_px and int(PIL.__version__.split(".")[0]) >= 13,
    )


def bicubic_weights(length: int, target: int) -> NDArray[np.float64]:
    """(target, length): row i holds the integer weights of output sample i; each row sums to about 2**22."""
    scale = length / target
    stretch = max(scale, 1.0)
    reach = _SUPPORT * stretch
    weights = np.zeros((target, length))
    for row in range(target):
        centre = (row + 0.5) * scale
        first = max(0, int(centre - reach + 0.5))
        last = min(length, int(centre + reach + 0.5))
        kernel = [_cubic((sample - centre + 0.5) / stretch) for sample in range(first, last)]
        total = sum(kernel)
        weights[row, first:last] = [_fixed_point(value / total) for value in kernel]
    return weights


def _cubic(x: float, a: float = -0.5) -> float:
    x = abs(x)
    if x < 1.0:
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    if x < 2.0:
        return (((x - 5.0) * x + 8.0) * x - 4.0) * a
    return 0.0


def _fixed_point(value: float) -> int:
    return int(value * (1 << FRACTION_BITS) + (0.5 if value >= 0 else -0.5))
