"""What a good choice of keepers is, in numbers: see ``scoring.selection.select`` for the words. Pure numpy.

Rows are options, sorted by (asset, hash), so that an asset's rows are one slice. Scores that are equal to six
decimals count as equal, and then the first row wins: the same options always give the same choice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specs.spec import SelectionWeights

Matrix = NDArray[np.floating[Any]]
Rows = NDArray[np.intp]
SAME_FROM = 0.9
PLACE = 1e6  # the worth of one filled place: more than any sum of the other parts
PIN = 8 * PLACE  # a picture that a person kept outweighs every ban
BAN = 4 * PLACE  # two pictures too like each other cost more than the place that one of them fills
DECIMALS = 6


@dataclass(frozen=True, slots=True, eq=False)
class Option:
    """A candidate that passed ``judge``. ``embedding`` (D,) is L2-normalised, or None when no CLIP was used.

    ``pinned``: kept already, by a person or before; it is chosen before all others. ``taste``: the learned chance
    (0–1) that the person keeps it. ``quality`` replaces the mix of the scores.
    """

    asset_id: str
    image_sha256: str
    aesthetic: float | None = None
    adherence: float | None = None
    embedding: Matrix | None = None
    pinned: bool = False
    quality: float | None = None
    taste: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Objective:
    """``quality`` and ``worth`` (N,): alone, without and with likeness to references. ``styles`` (N, D).

    ``pull`` and ``push``: the weight of coherence and of sameness for one pair. ``limits`` (N,): the cosine above which
    two pictures may not both be chosen. ``wanted``: places of each asset.

    An embedding is ``means[block_of[row]] + spreads[row] · styles[row]``: what its asset's candidates share, and its
    style. It is not kept beside the style: two matrices of a set's size cost more time than all that is done with them.
    """

    options: tuple[Option, ...]
    blocks: Mapping[str, slice]
    wanted: Mapping[str, int]
    pinned: NDArray[np.bool_]
    quality: NDArray[np.float64]
    worth: NDArray[np.float64]
    styles: NDArray[np.float32]
    spreads: NDArray[np.float32]
    means: NDArray[np.float32]
    block_of: Rows
    limits: NDArray[np.float32]
    pull: float
    push: float

    def alone(self) -> NDArray[np.float64]:
        """(N,) worth of each row by itself, with that of the place it fills."""
        return self.worth + PLACE + PIN * self.pinned

    def embeds(self, rows: Rows) -> NDArray[np.float32]:
        """(M, D) embeddings, at unit length."""
        return np.asarray(self.means[self.block_of[rows]] + self.spreads[rows][:, None] * self.styles[rows])

    def likeness(self, embeds: NDArray[np.float32], others: Rows | slice) -> NDArray[np.float32]:
        """(M, K) cosines of (M, D) embeddings with those of the rows ``others``."""
        cosines, blocks = embeds @ self.styles[others].T, self.block_of[others]
        first = blocks.min(initial=len(self.means))
        cosines *= self.spreads[others]
        cosines += (embeds @ self.means[first : blocks.max(initial=0) + 1].T)[:, blocks - first]
        return np.asarray(cosines)

    def sameness(self, likeness: NDArray[np.float32]) -> NDArray[np.float32]:
        """0 up to a cosine of ``SAME_FROM``, then growing to ``push`` at 1."""
        return np.asarray(np.float32(self.push) * np.clip((likeness - SAME_FROM) / (1 - SAME_FROM), 0, 1), np.float32)

    def banned(self, likeness: NDArray[np.float32], rows: Rows, others: Rows) -> NDArray[np.bool_]:
        """(M, K) which pairs may not both be chosen (pinned ones may: a person chose them)."""
        limit = np.minimum(self.limits[rows][:, None], self.limits[others][None, :])
        return np.asarray((likeness > limit) & ~(self.pinned[rows][:, None] & self.pinned[others][None, :]))

    def pairs(self, rows: Rows, others: Rows) -> NDArray[np.float64]:
        """(M, K) what two pictures add together."""
        likeness = self.likeness(self.embeds(rows), others)
        values = self.pull * (self.styles[rows] @ self.styles[others].T).astype(np.float64)
        return np.asarray(values - self.sameness(likeness) - BAN * self.banned(likeness, rows, others))

    def value(self, chosen: Sequence[int]) -> float:
        """The objective of a choice, the worth of its places included."""
        rows = np.array(sorted(chosen), dtype=np.intp)
        return float(self.alone()[rows].sum() + np.triu(self.pairs(rows, rows), 1).sum())

    def rank(self, chosen: Sequence[int]) -> tuple[float, list[int]]:
        """For ``max``: the better value; between equals, the one whose rows come first."""
        return (round(self.value(chosen), DECIMALS), [-row for row in sorted(chosen)])


def make_objective(
    options: Sequence[Option],
    wanted: Mapping[str, int],
    weights: SelectionWeights,
    max_likeness: Mapping[str, float | None] | float | None,
    references: Matrix | None,
) -> Objective:
    """Sort the options and turn their scores and embeddings into the objective's numbers."""
    ordered = tuple(sorted(options, key=lambda option: (option.asset_id, option.image_sha256)))
    blocks = _blocks(ordered)
    pinned = np.array([option.pinned for option in ordered], dtype=bool)
    places = {
        asset: min(max(wanted.get(asset, 0), int(pinned[rows].sum())), rows.stop - rows.start)
        for asset, rows in blocks.items()
    }
    embeds, quality = _embeddings(ordered), _quality(ordered, weights)
    worth, pull, count = quality.copy(), 0.0, sum(places.values())
    if references is not None and len(references) and embeds.shape[1]:
        centre = references.mean(axis=0, keepdims=True).astype(np.float32)
        unit(centre)
        worth += weights.coherence * _standard(embeds @ centre[0])
    elif count > 1:
        pull = weights.coherence * 4 / (count - 1)
    styles, spreads, means = _apart(embeds, blocks)
    return Objective(
        options=ordered,
        blocks=blocks,
        wanted=places,
        pinned=pinned,
        quality=quality,
        worth=worth,
        styles=styles,
        spreads=spreads,
        means=means,
        block_of=np.repeat(np.arange(len(blocks)), [rows.stop - rows.start for rows in blocks.values()]),
        limits=_limits(ordered, max_likeness),
        pull=pull,
        push=weights.sameness,
    )


def unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N,) the lengths of (N, D) rows, which are brought to unit length in place: a set's are a hundred megabytes.

    Rows of no length become zeros, and so do rows that are not finite; their length is 0.
    """
    lengths = np.sqrt(np.einsum("nd,nd->n", rows, rows))
    rows[~np.isfinite(lengths)] = 0.0
    lengths[~(lengths > 1e-6) | ~np.isfinite(lengths)] = 0.0
    rows /= np.where(lengths > 0, lengths, np.float32(np.inf))[:, None]
    return np.asarray(lengths)


def _blocks(options: Sequence[Option]) -> dict[str, slice]:
    blocks: dict[str, slice] = {}
    for row, option in enumerate(options):
        first = blocks[option.asset_id].start if option.asset_id in blocks else row
        blocks[option.asset_id] = slice(first, row + 1)
    return blocks


def _embeddings(options: Sequence[Option]) -> NDArray[np.float32]:
    """(N, D) unit rows; zeros where a candidate has none, so that it is like nothing."""
    width = next((len(option.embedding) for option in options if option.embedding is not None), 0)
    rows = np.zeros((len(options), width), dtype=np.float32)
    for row, option in enumerate(options):
        if option.embedding is not None:
            rows[row] = option.embedding
    unit(rows)
    return rows


def _apart(
    embeds: NDArray[np.float32], blocks: Mapping[str, slice]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """(N, D) what is left of each embedding without its asset's mean, at unit length, in the embeddings' own place; its
    length before that; the (A, D) means."""
    means = np.array([embeds[rows].mean(axis=0) for rows in blocks.values()], dtype=np.float32)
    for rows, mean in zip(blocks.values(), means, strict=True):
        embeds[rows] -= mean
    return embeds, unit(embeds), means.reshape(len(blocks), embeds.shape[1])


def _quality(options: Sequence[Option], weights: SelectionWeights) -> NDArray[np.float64]:
    """The weighted sum of the scores, each standardised over all options."""
    aesthetic = _standard(np.array([option.aesthetic for option in options], dtype=np.float64))
    adherence = _standard(np.array([option.adherence for option in options], dtype=np.float64))
    taste = _standard(np.array([option.taste for option in options], dtype=np.float64))
    mixed = weights.aesthetic * aesthetic + weights.adherence * adherence + weights.taste * taste
    given = [option.quality for option in options]
    return np.array([mixed[row] if value is None else value for row, value in enumerate(given)], dtype=np.float64)


def _standard(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """In standard deviations from the mean; what was not measured counts as the mean."""
    known = values[np.isfinite(values)]
    spread = known.std() if len(known) else 0.0
    return np.nan_to_num((values - known.mean()) / spread) if spread > 1e-9 else np.zeros(len(values))


def _limits(options: Sequence[Option], max_likeness: Mapping[str, float | None] | float | None) -> NDArray[np.float32]:
    if not isinstance(max_likeness, Mapping):
        return np.full(len(options), np.inf if max_likeness is None else max_likeness, dtype=np.float32)
    found = [max_likeness.get(option.asset_id) for option in options]
    return np.array([np.inf if limit is None else limit for limit in found], dtype=np.float32)
