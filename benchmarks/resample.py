"""Is the reduction Pillow's, byte for byte, on odd shapes? ``python -m benchmarks.resample [SHAPES] [FIRST_SEED]``

Random shapes of 1 to 200 px a side, at most 16 times as long as wide, are reduced, or enlarged, to squares of 4 to
64 px and compared with Pillow's own resize and torchvision's crop. *Former*: every picture over twice as tall as wide
had its vertical pass first, also where its height grows.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torchvision.transforms import CenterCrop

from scoring.clip.embedding import reduced
from scoring.clip.resample import Reduction, reduction, shortest_edge

Pixels = NDArray[np.uint8]
LONGEST, MOST, SIZES = 200, 16, (4, 65)


def odd_shape(seed: int) -> tuple[Pixels, int]:
    """(H, W, 3) noise, and the side to reduce it to."""
    rng = np.random.default_rng(seed)
    short = int(np.exp(rng.uniform(0, np.log(LONGEST))))
    long = min(LONGEST, int(short * np.exp(rng.uniform(0, np.log(MOST)))))
    shape = (long, short) if rng.random() < 0.7 else (short, long)
    return rng.integers(0, 256, (*shape, 3), dtype=np.uint8), int(rng.integers(*SIZES))


def is_pillows(pixels: Pixels, size: int, steps: Reduction) -> bool:
    """Whether ``steps`` give the bytes that Pillow and torchvision give."""
    tall, wide = shortest_edge(*pixels.shape[:2], size)
    theirs = CenterCrop(size)(Image.fromarray(pixels).resize((wide, tall), Image.Resampling.BICUBIC))
    ours = reduced(torch.from_numpy(pixels).permute(2, 0, 1)[None], steps)[0].permute(1, 2, 0)
    return np.array_equal(ours.numpy(), np.asarray(theirs))


def main() -> None:
    """Print of how many shapes every byte is equal, now and by the former order."""
    count, first = (int(word) for word in (sys.argv[1:] + ["500", "100000"][len(sys.argv) - 1 :]))
    now = former = 0
    for seed in range(first, first + count):
        pixels, size = odd_shape(seed)
        height, width = pixels.shape[:2]
        steps = reduction(height, width, size)
        now += is_pillows(pixels, size, steps)
        former += is_pillows(pixels, size, replace(steps, down_first=height > 2 * width))
    print(f"seeds from {first}: bytes equal to Pillow's on {now} of {count} odd shapes; by the former order {former}")


if __name__ == "__main__":
    main()
