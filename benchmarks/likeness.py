"""How often the same picture is known again, and another one taken for it. ``python -m benchmarks.likeness [COUNT]``

Held-out drawings of 128 px, frames included, with the starter's CLIP. *The same*: re-encoded as JPEG 85, shifted by
2 px, recoloured by 3 %. *Another one of the same subject*: any other held-out drawing of that subject; and, much
harder, the whole scene drawn again from another seed (same subject, colour, ground and style).
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.drawn import HELD_OUT, Picture
from scoring.clip.embedding import Clip
from scoring.likeness.clusters import same_picture
from scoring.likeness.hashes import phash
from starter.draw.scene import draw, random_scene

AGAIN = 50_000_000  # added to a scene's seed: the same words drawn again


def reencoded(picture: Picture) -> Picture:
    """Through JPEG at quality 85."""
    store = io.BytesIO()
    Image.fromarray(picture).save(store, "JPEG", quality=85)
    return np.asarray(Image.open(store).convert("RGB"))


def shifted(picture: Picture) -> Picture:
    """Two pixels to the right and down, the sides repeated."""
    return np.pad(picture, ((2, 0), (2, 0), (0, 0)), "edge")[:-2, :-2]


def recoloured(picture: Picture) -> Picture:
    """3 % more red, 3 % less green."""
    return np.asarray(np.clip(picture * np.array([1.03, 0.97, 1.0]), 0, 255).astype(np.uint8))


CHANGES: dict[str, Callable[[Picture], Picture]] = {
    "re-encoded": reencoded,
    "shifted 2 px": shifted,
    "recoloured 3 %": recoloured,
}


class Marks:
    """What the catalog stores of pictures: hashes, and embeddings in half precision."""

    def __init__(self, clip: Clip, pictures: list[Picture]) -> None:
        self.phashes = [phash(picture) for picture in pictures]
        self.embeddings = clip.embed(np.stack(pictures)).astype(np.float16).astype(np.float32)

    def same(self, rows: NDArray[np.intp], others: Marks, other_rows: NDArray[np.intp]) -> float:
        """The share of pairs that are taken for the same picture."""
        cosines = np.einsum("nd,nd->n", self.embeddings[rows], others.embeddings[other_rows])
        pairs = zip(rows, other_rows, cosines, strict=True)
        found = [same_picture(self.phashes[i], others.phashes[j], float(cosine)) for i, j, cosine in pairs]
        return float(np.mean(found))


def measure(clip: Clip, count: int, first: int = HELD_OUT) -> dict[str, float]:
    """Shares taken for the same picture: each of ``CHANGES``, ``same subject``, ``drawn again``."""
    scenes = [random_scene(first + number) for number in range(count)]
    pictures = [np.asarray(draw(scene)) for scene in scenes]
    again = [np.asarray(draw(replace(scene, seed=scene.seed + AGAIN))) for scene in scenes]
    marks, everyone = Marks(clip, pictures), np.arange(count)
    found = {
        name: marks.same(everyone, Marks(clip, [change(picture) for picture in pictures]), everyone)
        for name, change in CHANGES.items()
    }
    subjects = np.array([scene.figures[0].subject for scene in scenes])
    one, other = np.nonzero(np.triu(subjects[:, None] == subjects[None, :], 1))
    found["same subject"] = marks.same(one, marks, other)
    found["drawn again"] = marks.same(everyone, Marks(clip, again), everyone)
    return found


def main() -> None:
    """Print the shares beside their goals."""
    from benchmarks.starter_clip import starter_clip

    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    found = measure(starter_clip(), count)
    print(f"{count} held-out drawings of 128 px, and as many drawn again from other seeds")
    for name in CHANGES:
        print(f"known again, {name}: {100 * found[name]:.1f} % (goal: at least 98)")
    print(f"confused, other drawings of the same subject: {100 * found['same subject']:.2f} % (goal: at most 2)")
    print(f"confused, the same words drawn again: {100 * found['drawn again']:.2f} %")


if __name__ == "__main__":
    main()
