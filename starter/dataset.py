"""Pre-rendered drawings: one memory-mapped file of pixels and one of labels, made once and read by every training."""

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from starter.draw.colours import COLOURS
from starter.draw.grounds import GROUNDS
from starter.draw.scene import SIDE_PX, Figure, Scene, draw, random_scene, training_pair, training_scene
from starter.draw.styles import STYLES
from starter.draw.subjects import SUBJECTS

FACETS: dict[str, list[str]] = {
    "subject": list(SUBJECTS),
    "colour": list(COLOURS),
    "ground": list(GROUNDS),
    "style": list(STYLES),
}
_CHUNK = 500


@dataclass(frozen=True)
class Split:
    """A named, disjoint range of seeds; ``scene`` says which combinations may appear."""

    first_seed: int
    count: int
    scene: Callable[[int], Scene]


SPLITS: dict[str, Split] = {
    "train": Split(0, 48_000, training_scene),
    "judge": Split(10_000_000, 24_000, random_scene),
    "test": Split(20_000_000, 4_000, random_scene),
    "pairs": Split(60_000_000, 8_000, training_pair),
}


@dataclass(frozen=True)
class Drawings:
    """``pixels`` (N, side, side, 3) uint8, memory-mapped; ``scenes`` N long."""

    pixels: NDArray[np.uint8]
    scenes: list[Scene]

    def shares(self) -> list[NDArray[np.float32]]:
        """For each of `FACETS`, (N, words): which words a scene's figures have, shared evenly; a row's sum is 1."""
        return [np.array(rows, dtype=np.float32) for rows in zip(*map(shares_of, self.scenes), strict=True)]

    def labels(self) -> NDArray[np.int64]:
        """(N, 4) indices into `FACETS` of the first figure."""
        return np.array([labels_of(scene) for scene in self.scenes])


def shares_of(scene: Scene) -> tuple[NDArray[np.float32], ...]:
    """For each of `FACETS` (words,): how much of the scene has each word, two figures having a half each."""
    shares = tuple(np.zeros(len(words), np.float32) for words in FACETS.values())
    for figure in scene.figures:
        for share, index in zip(shares, _indices(scene, figure), strict=True):
            share[index] += 1 / len(scene.figures)
    return shares


def labels_of(scene: Scene) -> tuple[int, int, int, int]:
    """Indices of subject, colour, ground and style of the scene's first figure."""
    return _indices(scene, scene.figures[0])


def _indices(scene: Scene, figure: Figure) -> tuple[int, int, int, int]:
    words = (figure.subject, figure.colour, scene.ground, scene.style)
    subject, colour, ground, style = (FACETS[facet].index(word) for facet, word in zip(FACETS, words, strict=True))
    return subject, colour, ground, style


def _render_chunk(split: str, path: Path, start: int) -> int:
    chosen = SPLITS[split]
    pixels = np.load(path, mmap_mode="r+")
    stop = min(start + _CHUNK, chosen.count)
    for i in range(start, stop):
        pixels[i] = np.asarray(draw(chosen.scene(chosen.first_seed + i)))
    return stop - start


def prepare(work: Path, split: str, workers: int = 2) -> Drawings:
    """The split's drawings under ``work``, rendered on first use."""
    chosen, path = SPLITS[split], work / f"drawings-{split}.npy"
    if not path.exists():
        work.mkdir(parents=True, exist_ok=True)
        partial_path = path.with_suffix(".partial.npy")
        shape = (chosen.count, SIDE_PX, SIDE_PX, 3)
        np.lib.format.open_memmap(partial_path, mode="w+", dtype=np.uint8, shape=shape).flush()
        with ProcessPoolExecutor(workers) as pool:
            list(pool.map(partial(_render_chunk, split, partial_path), range(0, chosen.count, _CHUNK)))
        partial_path.rename(path)
    scenes = [chosen.scene(chosen.first_seed + i) for i in range(chosen.count)]
    return Drawings(np.load(path, mmap_mode="r"), scenes)


def main() -> None:
    """Render every split: ``python -m starter.dataset --work build/starter``."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--work", type=Path, default=Path("build/starter"))
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    for split in SPLITS:
        started = time.monotonic()
        drawings = prepare(arguments.work, split, arguments.workers)
        print(f"{split}: {len(drawings.scenes)} drawings, {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
