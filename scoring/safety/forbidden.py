"""What the safety checker does not look for: a spec's forbidden concepts, and a second opinion. Pure numpy.

Both read the embedding that is there already. A forbidden concept (``content: {forbid: [skull, gore]}``) is compared
zero-shot (Radford et al., 2021, arXiv:2103.00020) with everything else that the picture might be: ordinary things, in
the same wordings and colours, and the words of the set's prompts, which say what its pictures are meant to show. It is
found when it fits the picture nearly as well as the best of those (``LEAN``), since a miss costs more than a second
look. This is a CLIP's opinion, no more: small or half-hidden things, and things that stand beside another, escape it;
``benchmarks.recognise`` prints how many.

The second opinion is LAION's detector for sexual content (LAION-AI/CLIP-based-NSFW-Detector, MIT; layout
``nsfw-mlp``: normalisation, 768 → 64 → 512 → 256 → 1, ReLU, sigmoid), when its converted file is there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.aesthetic.heads import Head, load_head
from scoring.errors import ScorerError
from scoring.scorecard import Safety, SafetyState
from specs.checkpoint import Checkpoint

Matrix = NDArray[np.floating[Any]]
FORBID = "forbid:"  # how the names of their scores begin
COLOURS = ("red", "green", "blue", "brown", "white", "black")
TEMPLATES = ("a {}", *(f"a {colour} {{}}" for colour in COLOURS))
THINGS = """
person animal monster dog cat horse bird fish dragon tree flower leaf mountain sea sky sun moon star cloud fire water
stone house castle tower ship wheel table chair lamp book letter key chest bag bottle cup plate coin ring crown helmet
shield sword axe bow hammer flag bell rope mask heart bone spider butterfly mushroom
""".split()  # noqa: SIM905 (a paragraph of words reads better than a list of quotes)
LEAN = 2.0  # logits: a concept this far behind the best rival is found all the same (fitted to drawings)
PLAIN_WORDS = (
    "a picture",
    "a drawing",
    "an object",
    "a background",
    "an animal",
    "a person",
    "a building",
    "a landscape",
)
SECOND = "laion_nsfw"
SECOND_COVERS = "sexual content (second opinion, LAION)"
SECOND_LIMIT = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Forbidden:
    """``embeds`` (C, T, D) of the concepts in each of T wordings, ``others`` (M, D) of what a picture may be instead;
    ``rivals`` (C, M) which of the others count against each concept."""

    names: tuple[str, ...]
    embeds: NDArray[np.float32]
    others: NDArray[np.float32]
    rivals: NDArray[np.bool_]
    logit_scale: float

    def measure(self, embeddings: Matrix) -> list[tuple[tuple[str, float], ...]]:
        """(N, D) → for each picture (``forbid:<name>``, 0–1): above 0.5 the concept is found."""
        images = np.asarray(embeddings, dtype=np.float64)
        against = images @ self.others.T.astype(np.float64)
        best = np.stack([against[:, mask].max(axis=1) for mask in self.rivals], axis=1)
        fits = np.stack([(images @ wordings.T.astype(np.float64)).max(axis=1) for wordings in self.embeds], axis=1)
        logits = self.logit_scale * (fits - best) + LEAN
        shares = np.round(1 / (1 + np.exp(-np.clip(logits, -60, 60))), 6)
        keys = [f"{FORBID}{name}" for name in self.names]
        return [tuple(zip(keys, row, strict=True)) for row in shares.tolist()]


def make_forbidden(
    forbid: Sequence[str],
    prompts: Sequence[str],
    embed_texts: Callable[[Sequence[str]], NDArray[np.float32]],
    logit_scale: float,
) -> Forbidden | None:
    """Embed the concepts (each of ``TEMPLATES``) and their rivals; None when nothing is forbidden.

    A word that only prompts with the concept have is none of its rivals.
    """
    names = tuple(sorted(set(forbid)))
    if not names:
        return None
    embeds = [embed_texts([template.format(name) for template in TEMPLATES]) for name in names]
    own = [_words([text for text in prompts if not _names(text, name)]) for name in names]
    others = {TEMPLATES[0].format(word): word for word in sorted(set().union(*own))}
    others |= dict.fromkeys(PLAIN_WORDS, "")
    others |= {template.format(thing): thing for thing in THINGS for template in TEMPLATES}
    rivals = [_rivals(name, others, {"", *THINGS, *mine}) for name, mine in zip(names, own, strict=True)]
    return Forbidden(names, np.stack(embeds), embed_texts([*others]), np.array(rivals), logit_scale)


def _rivals(concept: str, others: Mapping[str, str], words: set[str]) -> list[bool]:
    """Which of ``others`` (text → its word) count: those of ``words`` that name neither the concept nor a part."""
    return [word in words and not _names(text, concept) and not _names(concept, word) for text, word in others.items()]


def _words(prompts: Sequence[str]) -> set[str]:
    """The words that some of the prompts have, and not all."""
    each = [set(re.findall(r"[^\W\d_]{3,}", text.lower())) for text in prompts]
    return set().union(*each) - set.intersection(*each) if each else set()


def with_forbidden(safety: Safety, scores: Sequence[tuple[str, float]]) -> Safety:
    """A Safety with the forbidden concepts' scores; one above 0.5 flags, one that is no number makes it unknown."""
    return _joined(safety, dict(scores), {name: 0.5 for name, _ in scores}, _covers([name for name, _ in scores]))


def with_second_opinion(safety: Safety, score: float) -> Safety:
    """A Safety with LAION's opinion; above 0.5 it flags, whatever the first checker said."""
    return _joined(safety, {SECOND: score}, {SECOND: SECOND_LIMIT}, SECOND_COVERS)


def without_opinions(safety: Safety) -> Safety:
    """What the checker alone said: ``with_forbidden`` and ``with_second_opinion`` undone. Unknown stays unknown."""
    if safety.state is SafetyState.UNKNOWN:
        return safety
    forbidden = [name for name, _ in safety.scores if name.startswith(FORBID)]
    joined = {*forbidden, SECOND}
    found = tuple(name for name in safety.found if name not in joined)
    covers = _uncovered(safety.covers, SECOND_COVERS)
    return replace(
        safety,
        state=SafetyState.FLAGGED if found else SafetyState.CLEAR,
        found=found,
        covers=_uncovered(covers, _covers(forbidden)) if forbidden else covers,
        scores=tuple((name, score) for name, score in safety.scores if name not in joined),
    )


def second_opinions(head: Head, embeddings: Matrix) -> list[float]:
    """(N, D) → N chances (0–1) of sexual content."""
    return [float(value) for value in head.score(embeddings)]


def load_second(checkpoint: Checkpoint, folder: Path, clip_sha256s: tuple[str, ...], dim: int) -> Head:
    """The head in ``folder``, checked against the CLIP; raises ScorerError when it gives no chance from 0 to 1."""
    head = load_head(folder, checkpoint.name, checkpoint.files)
    if head.final != "sigmoid":
        raise ScorerError(
            f"second opinion {checkpoint.name!r}: {folder / 'config.json'}: this head's layout gives scores from "
            f"{head.scale[0]:g} to {head.scale[1]:g}; needs layout nsfw-mlp, which gives a chance from 0 to 1: name "
            "that head in scoring.second_opinion, or none"
        )
    head.check_clip(clip_sha256s, dim)
    return head


def _covers(names: Sequence[str]) -> str:
    return f"forbidden by the spec (zero-shot): {', '.join(name.removeprefix(FORBID) for name in names)}"


def _uncovered(covers: str, part: str) -> str:
    return "" if covers == part else covers.removesuffix(f"; {part}")


def _joined(safety: Safety, scores: Mapping[str, float], limits: Mapping[str, float], covers: str) -> Safety:
    bad = [name for name, score in scores.items() if not np.isfinite(score)]
    found = tuple(name for name, score in scores.items() if score > limits[name])
    state, why = safety.state, safety.why
    if bad:
        state, why = SafetyState.UNKNOWN, f"{bad[0]} is not a number"
    elif found and state is SafetyState.CLEAR:
        state = SafetyState.FLAGGED
    known = tuple((name, score) for name, score in scores.items() if name not in bad)
    return replace(
        safety,
        state=state,
        found=(*safety.found, *found),
        covers="; ".join(part for part in (safety.covers, covers) if part),
        scores=(*safety.scores, *known),
        why=why,
    )


def _names(text: str, concept: str) -> bool:
    """Whether a prompt names the concept, in the singular or the plural."""
    return bool(concept) and re.search(rf"\b{re.escape(concept)}(s|es)?\b", text, re.IGNORECASE) is not None
