"""A person's taste, learned from their verdicts: a small head on CLIP embeddings. Pure numpy.

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
from scoring.taste.preference import PreferenceHead, Priors, learn_preference, shares_of
from specs.commands import limner

Matrix = NDArray[np.floating[Any]]
Vector = NDArray[np.float64]
LEAST_VERDICTS = 40
LEAST_EACH = 8
FOLDS = 10
SLIP = 0.01  # the chance that a verdict is a slip of the hand, however strong the liking
STEADINESS = np.exp(np.linspace(np.log(0.02), np.log(8), 15))  # how much more or less a person heeds it than learned
DOUBT = 0.5  # standard deviation of steadiness' logarithm, before any verdict
SHIFTS = np.linspace(
    -3, 3, 13
)  # how much more or less it likes all pictures alike than learned, in logits: deviation 1
LEAST_TO_ASK = 20  # verdicts from which a liking says which pictures would teach most
NINE_IN_TEN = 1.645  # standard deviations to either side
BEYOND_CHANCE = 2.58  # standard deviations of the AUC of random verdicts (Mann and Whitney, 1947); strict, because
# what leave-one-out says of the few verdicts of a rare kind is a little too good
UNSURE = 0.05  # of the pictures: those whose liking is nearest to indifference


@dataclass(frozen=True, slots=True, eq=False)
class Taste:
    """``score`` of an embedding is the estimated chance (0–1) that this person keeps it.

    ``agreement`` and ``stock_agreement``: shares (0–1) of verdicts not seen that taste (estimated) and the aesthetic
    score (counted) get right; ``interval``: in 9 persons of 10 the agreement lies in it; ``majority``: the share that
    always saying the commoner verdict gets right. ``auc``: the chance that of a kept and a rejected picture, neither of
    whose verdicts was seen, the kept one is liked better; ``learned``: it is above what judging at random gives.
    None in heads that were saved before these were measured.
    """

    head: PreferenceHead
    verdicts: int
    agreement: float
    stock_agreement: float | None
    majority: float
    interval: tuple[float, float] | None = None
    auc: float | None = None
    learned: bool | None = None

    def score(self, embeddings: Matrix) -> Vector:
        """(N, D) → (N,) chances, rounded to 6 decimals."""
        return np.round(_sigmoid(self.head.liking(embeddings)), 6)


def learn_taste(
    embeddings: Matrix,
    keeps: Sequence[bool],
    stock: Sequence[float | None] | None = None,
    library: Matrix | None = None,
    priors: Priors | None = None,
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
    found = learn_preference(rows, labels > 0.5, every, priors)
    shares = _calibration(found.left_out, np.where(labels > 0.5, 1.0, -1.0))
    likings = found.head.liking(every)
    agreements = np.array(
        [[_kept(np.abs(steady * likings + shift)).mean() for shift in SHIFTS] for steady in STEADINESS]
    )
    agreement = float((shares * agreements).sum())
    doubt = (shares * (agreements - agreement) ** 2).sum()
    auc = _auc(found.left_out, labels > 0.5)
    return Taste(
        head=_calibrated(found.head, shares),
        verdicts=len(labels),
        agreement=agreement,
        stock_agreement=_stock_agreement(stock, labels),
        majority=max(kept, len(labels) - kept) / len(labels),
        interval=_interval(agreement, float(doubt), len(labels)),
        auc=auc,
        learned=bool(auc > 0.5 + BEYOND_CHANCE * np.sqrt((len(labels) + 1) / (12 * kept * (len(labels) - kept)))),
    )


def suggested(chances: Sequence[float]) -> list[int]:
    """Places of the pictures to keep, best first: as many as the chances add up to, whatever share the person keeps."""
    order = np.argsort(-np.asarray(chances, dtype=np.float64), kind="stable")
    return [int(place) for place in order[: round(sum(chances))]]


def questions(judged: Matrix, keeps: Sequence[bool], waiting: Matrix, count: int) -> list[int]:
    """Rows of (M, D) ``waiting`` whose verdicts would teach most, at most ``count``, far from each other.

    From LEAST_TO_ASK verdicts of both kinds on: among the pictures about which taste is least sure (uncertainty
    sampling; Lewis and Gale, 1994, arXiv:cmp-lg/9407020); before that, among all.
    """
    rows = np.asarray(waiting, dtype=np.float64)
    among = np.arange(len(rows))
    if len(keeps) >= LEAST_TO_ASK and 0 < sum(keeps) < len(keeps):
        found = learn_preference(judged, np.array(keeps, dtype=bool), np.concatenate([judged, rows]))
        shares = _calibration(found.left_out, np.where(keeps, 1.0, -1.0))
        sure = np.abs(_calibrated(found.head, shares).liking(rows))
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


def _calibration(left_out: Vector, signs: Vector) -> Matrix:
    """Shares (of 1) of STEADINESS × SHIFTS by how well each explains the verdicts from likings that did not know them.

    After Platt, 1999, "Probabilistic outputs for support vector machines", here with priors and averaged.
    """
    likings = signs * (STEADINESS[:, None, None] * left_out + SHIFTS[:, None])
    doubts = (np.log(STEADINESS) / DOUBT)[:, None] ** 2 / 2 + SHIFTS**2 / 2
    logs = np.log(_kept(likings)).sum(axis=2) - doubts
    return np.asarray(shares_of(logs.ravel()).reshape(logs.shape))


def _calibrated(head: PreferenceHead, shares: Matrix) -> PreferenceHead:
    """As steady, and as high, as the shares say on average."""
    return head.times(float(shares.sum(axis=1) @ STEADINESS)).raised(float(shares.sum(axis=0) @ SHIFTS))


def _auc(likings: Vector, kept: NDArray[np.bool_]) -> float:
    """The share of pairs of a kept and a rejected picture whose likings are in that order; equals count half."""
    apart = likings[kept][:, None] - likings[~kept][None, :]
    return float(((apart > 0) + 0.5 * (apart == 0)).mean())


def _interval(agreement: float, doubt: float, verdicts: int) -> tuple[float, float]:
    """Wilson's interval (1927), for as many verdicts as leave the doubt of steadiness and of counting together."""
    spread = agreement * (1 - agreement)
    count = spread / (doubt + spread / verdicts)
    middle = (agreement + NINE_IN_TEN**2 / (2 * count)) / (1 + NINE_IN_TEN**2 / count)
    reach = NINE_IN_TEN * np.sqrt(spread / count + NINE_IN_TEN**2 / (4 * count**2)) / (1 + NINE_IN_TEN**2 / count)
    return float(max(middle - reach, 0.0)), float(min(middle + reach, 1.0))


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
