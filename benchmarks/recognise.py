"""Is a picture recognised, and is what is forbidden seen? ``python -m benchmarks.recognise [SEEDS] [DRAWINGS]``

*Identification*: a deck of 50 different prompts, SEEDS pictures of each by the starter's image model; right when the
picture's own prompt ranks first of the 50. The starter's judge, which no part of limner uses, says beside it how many
of these pictures show their subject at all. *Candidates told apart*: pairs of pictures of one prompt taken for the same
picture. *Forbidden*: each of the starter's 48 subjects in turn is forbidden, and looked for in held-out drawings.
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

from benchmarks.drawn import HELD_OUT, Picture
from benchmarks.likeness import Marks
from scoring.adherence import measure_adherence
from scoring.embedding import Clip
from scoring.forbid import make_forbidden
from starter.captions import plain_caption
from starter.dataset import FACETS
from starter.draw.scene import draw, random_scene
from starter.draw.subjects import SUBJECTS

DECK, FIRST_SEED = 50, 500_000


def deck() -> list[tuple[str, str, str]]:
    """50 different (subject, colour, ground): every subject once, the first two twice."""
    rng, subjects = np.random.default_rng(77), FACETS["subject"]
    return [
        (subjects[number % len(subjects)], str(rng.choice(FACETS["colour"])), str(rng.choice(FACETS["ground"])))
        for number in range(DECK)
    ]


def painted(words: list[tuple[str, str, str]], seeds: int) -> list[Picture]:
    """``seeds`` pictures of each prompt by the starter's image model, those of a prompt side by side."""
    from benchmarks.starter_clip import starter
    from starter.sampling import load_pipeline, sampled

    prompts = [plain_caption(*one) for one in words for _ in range(seeds)]
    pipeline = load_pipeline(starter("starter")[1])
    return list(sampled(pipeline, prompts, [FIRST_SEED + number for number in range(len(prompts))]))


def identification(clip: Clip, pictures: list[Picture], words: list[tuple[str, str, str]]) -> tuple[float, float]:
    """(share whose own prompt ranks first, median margin)."""
    texts = clip.embed_texts([plain_caption(*one) for one in words])
    own = np.repeat(np.arange(len(words)), len(pictures) // len(words)).tolist()
    stored = clip.embed(np.stack(pictures)).astype(np.float16)
    found = [one for one in measure_adherence(stored, texts, own, clip.logit_scale) if one is not None]
    return float(np.mean([one.rank == 1 for one in found])), float(np.median([one.margin or 0.0 for one in found]))


def shown(pictures: list[Picture], words: list[tuple[str, str, str]]) -> float:
    """The share of pictures whose subject the starter's judge names right."""
    from starter.evaluate import judged

    said = judged(pictures)["subject"].argmax(1).numpy()
    asked = np.repeat([FACETS["subject"].index(one[0]) for one in words], len(pictures) // len(words))
    return float(np.mean(said == asked))


def confused(clip: Clip, pictures: list[Picture], seeds: int) -> float:
    """The share of pairs of one prompt's pictures that are taken for the same picture."""
    marks = Marks(clip, pictures)
    one, other = np.triu_indices(seeds, 1)
    first = np.arange(0, len(pictures), seeds)[:, None]
    return marks.same((first + one).ravel(), marks, (first + other).ravel())


def forbidden(clip: Clip, count: int, first: int = HELD_OUT) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(N, 48) scores of each subject as a forbidden concept, and whether each of N drawings shows it."""
    scenes = [random_scene(first + number) for number in range(count)]
    prompts = [plain_caption(*one) for one in deck()]
    there = np.array([[name in {figure.subject for figure in scene.figures} for name in SUBJECTS] for scene in scenes])
    looked = make_forbidden(list(SUBJECTS), prompts, clip.embed_texts, clip.logit_scale)
    assert looked is not None
    order = [looked.names.index(name) for name in SUBJECTS]
    rows = looked.measure(clip.embed(np.stack([np.asarray(draw(scene)) for scene in scenes])).astype(np.float16))
    return np.array([[score for _, score in row] for row in rows])[:, order], there


def main() -> None:
    """Print the shares beside their goals."""
    from benchmarks.starter_clip import starter_clip

    seeds, count = (int(word) for word in (sys.argv[1:] + ["6", "2000"][len(sys.argv) - 1 :]))
    clip, words = starter_clip(), deck()
    pictures = painted(words, seeds)
    first, margin = identification(clip, pictures, words)
    print(f"{len(pictures)} pictures by the starter's image model, {DECK} prompts")
    print(f"identification right: {100 * first:.1f} % (goal: at least 90), median margin {margin:.2f}")
    print(f"subject shown at all, by the starter's judge: {100 * shown(pictures, words):.1f} %")
    print(f"candidates of one prompt taken for the same picture: {100 * confused(clip, pictures, seeds):.2f} %")
    scores, there = forbidden(clip, count)
    caught, alarms = scores[there] > 0.5, scores[~there] > 0.5
    print(f"{count} held-out drawings, each of {len(SUBJECTS)} subjects forbidden in turn:")
    print(
        f"caught: {100 * caught.mean():.1f} % (goal: at least 95), false alarms {100 * alarms.mean():.2f} % (at most 3)"
    )
    both = [
        (100 * np.mean(scores[there[:, k], k] > 0.5), 100 * np.mean(scores[~there[:, k], k] > 0.5), name)
        for k, name in enumerate(SUBJECTS)
    ]
    good = [name for hit, alarm, name in both if hit >= 95 and alarm <= 3]
    print(f"subjects that reach the goal by themselves: {len(good)} of {len(both)}")
    for hit, alarm, name in sorted(both):
        print(f"    {name:10} {hit:5.1f} % caught, {alarm:4.1f} % false alarms")


if __name__ == "__main__":
    main()
