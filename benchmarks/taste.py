"""How well 60 verdicts teach a taste. ``python -m benchmarks.taste [CURATORS] [DRAWINGS]``

Simulated curators have a hidden linear preference and say the opposite of it in one verdict of ten. Their pictures:

- *few qualities*: embeddings of a few underlying qualities, each half as strong as the one before (no CLIP);
- *drawings, what varies*: the starter CLIP's embeddings of held-out drawings; preferences lie along what varies;
- *drawings, any direction*: the same; preferences point anywhere, mostly where the drawings hardly differ.

Verdicts are given on pictures *at random*; or, after the first 20, on those that ``limner taste --ask 10`` lists
(*asked*).

*True* agreement is with the preference, *repeated* with noisy verdicts on pictures that were not judged, which is what
the shown figure estimates. Agreements are means over the curators; a single curator's shown figure rests on 60
verdicts, so that it scatters by some points: the mean distance is printed beside it.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.drawn import HELD_OUT
from scoring.taste.learn import learn_taste, questions
from starter.draw.scene import draw, random_scene

Matrix = NDArray[np.floating[Any]]
NOISE, WIDTH, PICTURES = 0.1, 64, 1500
FIRST, AT_ONCE = 20, 10


def few_qualities(rng: np.random.Generator) -> tuple[Matrix, Matrix]:
    """(N, D) unit embeddings, and (N,) how much each picture is liked."""
    qualities = rng.normal(size=(PICTURES, WIDTH)) * 0.5 ** np.arange(WIDTH)
    embeds = qualities + 0.02 * rng.normal(size=qualities.shape) + rng.normal(size=WIDTH)
    return embeds / np.linalg.norm(embeds, axis=1, keepdims=True), qualities @ rng.normal(size=WIDTH)


def of_pictures(embeds: Matrix, rng: np.random.Generator, *, varying: bool) -> tuple[Matrix, Matrix]:
    """The same for given embeddings, in random order."""
    rows = embeds[rng.permutation(len(embeds))].astype(np.float64)
    apart = rows - rows.mean(axis=0)
    preference = apart.T @ rng.normal(size=len(rows)) if varying else rng.normal(size=rows.shape[1])
    return rows, apart @ preference


def curator(embeds: Matrix, liking: Matrix, verdicts: int, asked: bool, rng: np.random.Generator) -> tuple[float, ...]:
    """(true, repeated, shown, stock) agreement of one curator."""
    liked = liking > np.median(liking)
    said = liked ^ (rng.random(len(liked)) < NOISE)
    rows = list(range(FIRST if asked else verdicts))
    while len(rows) < verdicts:
        rest = np.setdiff1d(np.arange(len(embeds)), rows)
        more = questions(embeds[rows], said[rows].tolist(), embeds[rest], min(AT_ONCE, verdicts - len(rows)))
        rows += rest[more].tolist()
    taste = learn_taste(embeds[rows], said[rows].tolist(), rng.normal(size=len(rows)).tolist(), embeds)
    unseen = np.setdiff1d(np.arange(len(embeds)), rows)
    keeps = taste.score(embeds[unseen]) > 0.5
    true, repeated = (float((keeps == what[unseen]).mean()) for what in (liked, said))
    return true, repeated, taste.agreement, taste.stock_agreement or 0.0


def report(name: str, found: NDArray[np.float64]) -> None:
    """One line of (curators, 4) agreements."""
    true, repeated, shown, stock = 100 * found.mean(axis=0)
    scatter = 100 * np.abs(found[:, 2] - found[:, 1]).mean()
    print(
        f"{name}: true {true:.1f} % (goal: at least 85), repeated {repeated:.1f} %, shown {shown:.1f} % "
        f"({shown - repeated:+.1f} points; one curator's by {scatter:.1f}), stock score {stock:.1f} %"
    )


def main() -> None:
    """Print a line for each kind of pictures, number of verdicts, and way to choose what is judged."""
    from benchmarks.starter_clip import starter_clip

    curators, count = (int(word) for word in (sys.argv[1:] + ["40", "1500"][len(sys.argv) - 1 :]))
    pictures = np.stack([np.asarray(draw(random_scene(HELD_OUT + number))) for number in range(count)])
    embeds = starter_clip().embed(pictures).astype(np.float16)
    print(f"{curators} curators, {100 * NOISE:.0f} % noise")
    for verdicts, asked in ((60, False), (60, True), (120, False), (120, True), (240, False)):
        made: dict[str, list[tuple[float, ...]]] = {}
        for seed in range(curators):
            rng = np.random.default_rng(seed)
            kinds = {
                "few qualities": few_qualities(rng),
                "drawings, what varies": of_pictures(embeds, rng, varying=True),
                "drawings, any direction": of_pictures(embeds, rng, varying=False),
            }
            for name, (rows, liking) in kinds.items():
                made.setdefault(name, []).append(curator(rows, liking, verdicts, asked, rng))
        for name, found in made.items():
            report(f"{verdicts} verdicts {'asked' if asked else 'at random'}, {name}", np.array(found))


if __name__ == "__main__":
    main()
