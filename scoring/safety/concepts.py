"""The CompVis safety checker's decision as numbers. Pure numpy: the vision tower is in ``checker.py``.

The checker compares a picture's CLIP embedding with 3 *special-care* and 17 *concept* text embeddings, each with its
own threshold. A score is cosine − threshold + adjustment. The adjustment is 0 until a special-care concept is found,
then 0.01 for every comparison after it. A concept is found when its score, rounded to three decimals, is above 0; only
the 17 flag a picture. Source: ``StableDiffusionSafetyChecker`` of CompVis and diffusers; what it was found to look for
(sexual content, and neither violence nor gore): Rando et al., 2022, arXiv:2210.04610.

We store every score and change no pixel. Words: a picture is *clear* of what was looked for, never "safe".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.errors import ScorerError
from scoring.scorecard import Safety, SafetyState

Floats = NDArray[np.float32]
ADJUSTMENT = np.float32(0.01)
SCORE_DECIMALS = 6
COMPVIS_COVERS = (
    "sexual content, by the 17 concepts and 3 special-care concepts of the CompVis checker; "
    "not violence, gore or anything else"
)


@dataclass(frozen=True, slots=True, eq=False)
class Concepts:
    """``embeds`` (C, D) unit rows and ``thresholds`` (C,) of the flagging concepts; the same of special care (S)."""

    names: tuple[str, ...]
    embeds: Floats
    thresholds: Floats
    special_names: tuple[str, ...]
    special_embeds: Floats
    special_thresholds: Floats
    covers: str  # what was looked for, in words

    def measure(self, embeddings: Floats) -> list[Safety]:
        """(N, D) picture embeddings (normalised or not) → one Safety each; not finite or all zeros: unknown."""
        images = np.asarray(embeddings, dtype=np.float32)
        images = np.where(np.abs(images).max(axis=1, keepdims=True) > 0, unit_rows(images), np.float32(np.nan))
        special, adjustment = self._special(images)
        scores = images @ self.embeds.T - self.thresholds + adjustment[:, None]
        return [self._safety(*rows) for rows in zip(special, scores, strict=True)]

    def _special(self, images: Floats) -> tuple[Floats, Floats]:
        """Scores of special care (N, S), and the adjustment (N,) that holds for the concepts after them."""
        scores = images @ self.special_embeds.T - self.special_thresholds
        adjustment = np.zeros(len(images), np.float32)
        for place in range(scores.shape[1]):
            scores[:, place] += adjustment
            adjustment = np.where(np.round(scores[:, place], 3) > 0, ADJUSTMENT, adjustment)
        return scores, adjustment

    def _safety(self, special: Floats, scores: Floats) -> Safety:
        if not (np.isfinite(special).all() and np.isfinite(scores).all()):
            return unknown("the checker's numbers are not finite", self.covers)
        found = [name for name, score in zip(self.names, scores, strict=True) if np.round(score, 3) > 0]
        named = [*zip(self.names, scores, strict=True), *zip(self.special_names, special, strict=True)]
        return Safety(
            state=SafetyState.FLAGGED if found else SafetyState.CLEAR,
            found=tuple(found),
            covers=self.covers,
            scores=tuple((name, round(float(score), SCORE_DECIMALS)) for name, score in named),
        )


def unknown(why: str, covers: str = "") -> Safety:
    """The state that fails closed: nothing was found out, so the picture can neither be kept nor exported."""
    return Safety(SafetyState.UNKNOWN, covers=covers, why=why)


def unit_rows(values: Floats) -> Floats:
    """Rows divided by their length, as torch's ``normalize`` does (lengths below 1e-12 count as 1e-12)."""
    lengths = np.sqrt((values.astype(np.float64) ** 2).sum(axis=1, keepdims=True))
    return np.asarray(values / np.maximum(lengths, 1e-12), dtype=np.float32)


def make_concepts(
    tensors: dict[str, Floats], named: Mapping[str, Any], folder: Path, name: str, compvis: bool
) -> Concepts:
    """Concepts from a checker's tensors and ``named``, its ``concepts.json``::

        {"concepts": [17 names], "special_care": [3 names], "covers": "what they are about, in words"}

    Those without a name there are ``concept_00`` … and ``special_00`` …: the published weights name none.
    """
    embeds, special = unit_rows(tensors["concept_embeds"]), unit_rows(tensors["special_care_embeds"])
    names = _names(named.get("concepts"), "concept", len(embeds), folder)
    special_names = _names(named.get("special_care"), "special", len(special), folder)
    known = ", ".join(names[: len(named.get("concepts") or ())]) or "not named"
    fallback = COMPVIS_COVERS if compvis else f"the {len(embeds)} concepts of {name}: {known}"
    return Concepts(
        names,
        embeds,
        np.asarray(tensors["concept_embeds_weights"], np.float32),
        special_names,
        special,
        np.asarray(tensors["special_care_embeds_weights"], np.float32),
        str(named.get("covers") or fallback),
    )


def _names(given: Sequence[Any] | None, prefix: str, count: int, folder: Path) -> tuple[str, ...]:
    if given is None:
        return tuple(f"{prefix}_{number:02d}" for number in range(count))
    names = [str(item.get("name")) if isinstance(item, dict) else str(item) for item in given]
    if len(names) > count or len(set(names)) != len(names):
        raise ScorerError(
            f"{folder / 'concepts.json'}: names {len(names)} {prefix} concepts, {len(set(names))} of them different; "
            f"the weights have {count}, and each name may stand once"
        )
    return (*names, *(f"{prefix}_{number:02d}" for number in range(len(names), count)))
