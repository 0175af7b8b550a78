"""A person's taste, learned from their verdicts: a small linear head on CLIP embeddings. Pure numpy.

From 40 verdicts on, kept and rejected both (``preference.py`` says how). The agreement with the person that is
shown rests on verdicts that were left out: how often they follow a liking of that strength, carried over to all
pictures. So it holds as well when the verdicts were given on pictures that ``questions`` chose, which are the hard
ones. Beside it stands the agreement that the stock aesthetic score would reach with the best threshold. Taste ranks and
suggests; it decides only when the spec says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.errors import TasteError
from scoring.taste.preference import learn_preference, shares_of
from specs.commands import limner

Matrix = NDArray[np.floating[Any]]
Vector = NDArray[np.float64]
LEAST_VERDICTS = 40
LEAST_EACH = 8
FOLDS = 10
SLIP = 0.05  # the chance that a verdict is a slip of the hand, however strong the liking
STEADINESS = np.exp(np.linspace(np.log(0.02), np.log(8), 25))  # how much more or less a person heeds it than learned
DOUBT = 0.5  # standard deviation of its logarithm, before any verdict
LEAST_TO_ASK = 20  # verdicts from which a liking says which pictures would teach most
UNSURE = 0.05  # of the pictures: those whose liking is nearest to indifference


@dataclass(frozen=True, slots=True, eq=False)
class Taste:
    """``score`` of an embedding is the estimated chance (0–1) that this person keeps it.

    ``agreement`` and ``stock_agreement``: shares (0–1) of verdicts not seen that taste (estimated) and the aesthetic
    score (counted) get right; ``majority``: the share that always saying the commoner verdict gets right. Below it,
    taste has learned nothing.
    """

    mean: Vector
    weight: Vector
    bias: float
    verdicts: int
    agreement: float
    stock_agreement: float | None
    majority: float

    def score(self, embeddings: Matrix) -> Vector:
        """(N, D) → (N,) chances, rounded to 6 decimals."""
        logits = (np.asarray(embeddings, dtype=np.float64) - self.mean) @ self.weight + self.bias
        return np.round(_sigmoid(logits), 6)


def learn_taste(
    embeddings: Matrix,
    keeps: Sequence[bool],
    stock: Sequence[float | None] | None = None,
    library: Matrix | None = None,
) -> Taste:
    """Learn from (N, D) embeddings of judged pictures and whether the person kept each; deterministic.

    ``stock``: their aesthetic scores, for comparison. ``library``: (M, D) embeddings of all pictures that the taste is
    for, judged or not; without it, of the judged alone. Raises TasteError with too few verdicts, or of one kind only.
    """
    rows, labels = np.asarray(embeddings, dtype=np.float64), np.asarray(keeps, dtype=np.float64)
    kept = int(labels.sum())
    if len(labels) < LEAST_VERDICTS or min(kept, len(labels) - kept) < LEAST_EACH:
        raise TasteError(
            f"taste: got {len(labels)} verdicts ({kept} keep, {len(labels) - kept} reject); at least "
            f"{LEAST_VERDICTS} are needed and {LEAST_EACH} of each kind: review more pictures (`{limner('review')}`; "
            f"`{limner('taste', '--ask', '10')}` lists those that teach most)"
        )
    every = rows if library is None else np.asarray(library, dtype=np.float64)
    found = learn_preference(rows, labels > 0.5, every)
    steadiness = _steadiness(found.left_out, np.where(labels > 0.5, 1.0, -1.0))
    likings = np.abs((every - found.mean) @ found.weight + found.bias)
    agreement = steadiness @ [_kept(steady * likings).mean() for steady in STEADINESS]
    heeded = float(steadiness @ STEADINESS)
    return Taste(
        mean=found.mean,
        weight=heeded * found.weight,
        bias=heeded * found.bias,
        verdicts=len(labels),
        agreement=float(agreement),
        stock_agreement=_stock_agreement(stock, labels),
        majority=max(kept, len(labels) - kept) / len(labels),
    )


def questions(judged: Matrix, keeps: Sequence[bool], waiting: Matrix, count: int) -> list[int]:
    """Rows of (M, D) ``waiting`` whose verdicts would teach most, at most ``count``, far from each other.

    From LEAST_TO_ASK verdicts of both kinds on: among the pictures about which taste is least sure (uncertainty
    sampling; Lewis and Gale, 1994, arXiv:cmp-lg/9407020); before that, among all.
    """
    rows = np.asarray(waiting, dtype=np.float64)
    among = np.arange(len(rows))
    if len(keeps) >= LEAST_TO_ASK and 0 < sum(keeps) < len(keeps):
        found = learn_preference(judged, np.array(keeps, dtype=bool), np.concatenate([judged, rows]))
        sure = np.abs((rows - found.mean) @ found.weight + found.bias)
        among = np.argsort(sure, kind="stable")[: max(count, int(UNSURE * len(rows)))]
    return [int(among[place]) for place in _spread(rows[among], count)]


def _spread(rows: Matrix, count: int) -> list[int]:
    """The first row, then always the one farthest from those taken."""
    taken: list[int] = []
    apart = np.full(len(rows), np.inf)
    for _ in range(min(count, len(rows))):
        taken.append(int(apart.argmax()))
        apart = np.minimum(apart, ((rows - rows[taken[-1]]) ** 2).sum(axis=1))
        apart[taken] = -1.0
    return taken


def _steadiness(left_out: Vector, signs: Vector) -> Vector:
    """Shares (of 1) of STEADINESS by how well each explains the verdicts from likings that did not know them."""
    logs = np.array([np.log(_kept(steady * signs * left_out)).sum() for steady in STEADINESS])
    return np.asarray(shares_of(logs - (np.log(STEADINESS) / DOUBT) ** 2 / 2))


def _kept(liking: Vector) -> Vector:
    """The chance that a picture liked so much is kept."""
    return np.asarray(SLIP + (1 - 2 * SLIP) * _sigmoid(liking))


def _folds(labels: Vector) -> list[NDArray[np.bool_]]:
    """FOLDS masks of test rows: each kind of verdict is dealt out evenly."""
    rng = np.random.default_rng(0)
    place = np.empty(len(labels), dtype=int)
    for kind in (0.0, 1.0):
        members = rng.permutation(np.flatnonzero(labels == kind))
        place[members] = np.arange(len(members)) % FOLDS
    return [place == number for number in range(FOLDS) if (place == number).any()]


def _stock_agreement(stock: Sequence[float | None] | None, labels: Vector) -> float | None:
    """Held-out agreement of the aesthetic score with the threshold that suits the other folds best."""
    if stock is None or any(value is None for value in stock):
        return None
    scores = np.array(stock, dtype=np.float64)
    right = 0
    for test in _folds(labels):
        cuts = np.unique(scores[~test])
        said = scores[~test][None, :] >= cuts[:, None]
        cut = cuts[int(np.argmax((said == (labels[~test] > 0.5)).mean(axis=1)))]
        right += int(((scores[test] >= cut) == (labels[test] > 0.5)).sum())
    return right / len(labels)


def _sigmoid(values: Vector) -> Vector:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(values, -60, 60))))
