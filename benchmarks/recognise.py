"""Is a picture recognised, and is what is forbidden seen? ``python -m benchmarks.recognise [SEEDS] [DRAWINGS]``

*Identification*: a deck of 50 different prompts, SEEDS pictures of each by the starter's image model; right when the
picture's own prompt ranks first of the 50. The starter's judge, which no part of limner uses, says beside it how many
of these pictures show their subject at all. *Candidates told apart*: pairs of pictures of one prompt taken for the same
picture. *Forbidden*: each of the starter's 48 subjects in turn is forbidden, and looked for in held-out drawings; and,
as the most that could be read from these embeddings, by a regression that was taught what 2,500 other drawings show.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.drawn import HELD_OUT, TUNING, Picture
from benchmarks.likeness import Marks
from scoring.adherence import measure_adherence
from scoring.clip.embedding import Clip
from scoring.safety.forbidden import make_forbidden
from starter.captions import plain_caption
from starter.dataset import FACETS
from starter.draw.scene import draw, random_scene
from starter.draw.subjects import SUBJECTS

DECK, FIRST_SEED = 50, 500_000
TAUGHT, RIDGE, AT_ONCE = 2500, 0.02, 250


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


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """Drawings in the CLIP's eyes: (N, D) ``embeds``, which of the 48 subjects each shows, and whether it shows one."""

    embeds: NDArray[np.float16]
    there: NDArray[np.bool_]
    alone: NDArray[np.bool_]


def drawings(clip: Clip, count: int, first: int) -> Shown:
    """Drawings from a seed on."""
    scenes = [random_scene(first + number) for number in range(count)]
    there = np.array([[name in {figure.subject for figure in scene.figures} for name in SUBJECTS] for scene in scenes])
    parts = [scenes[start : start + AT_ONCE] for start in range(0, count, AT_ONCE)]
    embeds = [clip.embed(np.stack([np.asarray(draw(scene)) for scene in part])) for part in parts]
    return Shown(np.concatenate(embeds).astype(np.float16), there, there.sum(axis=1) == 1)


def forbidden(clip: Clip, shown: Shown, prompts: list[str]) -> NDArray[np.float64]:
    """(N, 48) scores of each subject as a forbidden concept of a set with these prompts."""
    looked = make_forbidden(list(SUBJECTS), prompts, clip.embed_texts, clip.logit_scale)
    assert looked is not None
    order = [looked.names.index(name) for name in SUBJECTS]
    return np.array([[score for _, score in row] for row in looked.measure(shown.embeds)])[:, order]


def taught(shown: Shown, others: Shown) -> NDArray[np.float64]:
    """(N, 48) as ``forbidden``, by a ridge regression that was shown the truth of ``others``: what the embedding holds.

    0.5 is where 3 % of the drawings that do not show the subject are taken to show it.
    """
    mean = others.embeds.mean(axis=0, dtype=np.float64)
    rows, seen = (part.embeds.astype(np.float64) - mean for part in (others, shown))
    inner = rows.T @ rows + RIDGE * np.eye(rows.shape[1])
    scores = seen @ np.linalg.solve(inner, rows.T @ (others.there - others.there.mean(axis=0)))
    return np.asarray(0.5 + scores - np.quantile(scores[~shown.there], 0.97))


def tell(name: str, scores: NDArray[np.float64], shown: Shown) -> None:
    """One line: caught, alone and beside another, and false alarms."""
    found = scores > 0.5
    caught, alone, beside = (
        100 * found[shown.there & which[:, None]].mean() for which in (shown.alone | True, shown.alone, ~shown.alone)
    )
    alarms = 100 * found[~shown.there].mean()
    print(
        f"{name}: caught {caught:.1f} % (goal: at least 95), of those alone in their picture {alone:.1f} %, beside "
        f"another {beside:.1f} %; false alarms {alarms:.2f} % (at most 3)"
    )


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
    held_out, prompts = drawings(clip, count, HELD_OUT), [plain_caption(*one) for one in words]
    print(f"{count} held-out drawings, each of {len(SUBJECTS)} subjects forbidden in turn, by")
    scores = forbidden(clip, held_out, prompts)
    tell("    a set of these 50 prompts", scores, held_out)
    tell("    a set without prompts", forbidden(clip, held_out, []), held_out)
    tell("    a reader taught by labels", taught(held_out, drawings(clip, TAUGHT, TUNING)), held_out)
    found, there = scores > 0.5, held_out.there
    alone = there & held_out.alone[:, None]
    each = [
        (*(100 * found[which[:, k], k].mean() for which in (alone, there, ~there)), name)
        for k, name in enumerate(SUBJECTS)
    ]
    good = sum(hit >= 95 and alarm <= 3 for hit, _, alarm, _ in each)
    print(f"subjects that reach the goal where they are alone: {good} of {len(each)}")
    for hit, all_hit, alarm, name in sorted(each):
        print(f"    {name:10} {hit:5.1f} % caught alone, {all_hit:5.1f} % in all, {alarm:4.1f} % false alarms")


if __name__ == "__main__":
    main()
