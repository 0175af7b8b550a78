"""What the safety checker does not look for: a spec's forbidden concepts, and a second opinion. Pure numpy.

Both read the embedding that is there already. A forbidden concept (``content: {forbid: [skull, gore]}``) is compared
zero-shot (Radford et al., 2021, arXiv:2103.00020) with everything else that the picture might be: the prompts of the
set that do not name it, and some plain words. It is found when it fits the picture better than any of those. This is
a CLIP's opinion, no more: small or half-hidden things escape it.

The second opinion is LAION's detector for sexual content (LAION-AI/CLIP-based-NSFW-Detector, MIT; layout
``nsfw-mlp``: normalisation, 768 → 64 → 512 → 256 → 1, ReLU, sigmoid), when its converted file is there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.concepts import unit_rows
from scoring.heads import Head
from scoring.scorecard import Safety, SafetyState

Matrix = NDArray[np.floating[Any]]
TEMPLATES = ("{}", "a {}", "a picture of a {}")
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
SECOND_LIMIT = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Forbidden:
    """``embeds`` (C, D) of the concepts, ``others`` (M, D) of what a picture may be instead; ``rivals`` (C, M) which of
    the others count against each concept."""

    names: tuple[str, ...]
    embeds: NDArray[np.float32]
    others: NDArray[np.float32]
    rivals: NDArray[np.bool_]
    logit_scale: float

    def measure(self, embeddings: Matrix) -> list[tuple[tuple[str, float], ...]]:
        """(N, D) → for each picture (``forbid:<name>``, 0–1): above 0.5 the concept fits better than anything else."""
        images = np.asarray(embeddings, dtype=np.float64)
        against = images @ self.others.T.astype(np.float64)
        best = np.stack([against[:, mask].max(axis=1) for mask in self.rivals], axis=1)
        logits = self.logit_scale * (images @ self.embeds.T.astype(np.float64) - best)
        shares = np.round(1 / (1 + np.exp(-np.clip(logits, -60, 60))), 6)
        keys = [f"forbid:{name}" for name in self.names]
        return [tuple(zip(keys, row, strict=True)) for row in shares.tolist()]


def make_forbidden(
    forbid: Sequence[str],
    prompts: Sequence[str],
    embed_texts: Callable[[Sequence[str]], NDArray[np.float32]],
    logit_scale: float,
) -> Forbidden | None:
    """Embed the concepts (mean over ``TEMPLATES``) and their rivals; None when nothing is forbidden."""
    names = tuple(sorted(set(forbid)))
    if not names:
        return None
    embeds = [embed_texts([template.format(name) for template in TEMPLATES]).mean(axis=0) for name in names]
    others = list(dict.fromkeys([*PLAIN_WORDS, *prompts]))
    rivals = [[not _names(text, name) for text in others] for name in names]
    return Forbidden(names, unit_rows(np.stack(embeds)), embed_texts(others), np.array(rivals), logit_scale)


def with_forbidden(safety: Safety, scores: Sequence[tuple[str, float]]) -> Safety:
    """A Safety with the forbidden concepts' scores; one above 0.5 flags, one that is no number makes it unknown."""
    names = ", ".join(name.partition(":")[2] for name, _ in scores)
    return _joined(
        safety, dict(scores), {name: 0.5 for name, _ in scores}, f"forbidden by the spec (zero-shot): {names}"
    )


def with_second_opinion(safety: Safety, score: float) -> Safety:
    """A Safety with LAION's opinion; above 0.5 it flags, whatever the first checker said."""
    return _joined(safety, {SECOND: score}, {SECOND: SECOND_LIMIT}, "sexual content (second opinion, LAION)")


def second_opinions(head: Head, embeddings: Matrix) -> list[float]:
    """(N, D) → N chances (0–1) of sexual content."""
    return [float(value) for value in head.score(embeddings)]


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
    return re.search(rf"\b{re.escape(concept)}(s|es)?\b", text, re.IGNORECASE) is not None
