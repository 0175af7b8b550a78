"""Scorers of others: any package can add one by the entry point ``limner.scorers``, without touching limner.

An entry point names a function ``make(device: str)`` that returns a scorer: a callable of pictures and prompts::

    scorer(pixels (B, H, W, 3) uint8, prompts [B]) -> B numbers, higher = better

Its scores are stored as ``extra`` under the entry point's name; ``keep: {min_scores: {name: minimum}}`` judges by them.
A scorer that raises, or answers with what is not a number, leaves its score unmeasured, and the rule then fails; the
first such failure of each is kept in words, for the user to read.
Its identity is the package that provides it with its version, read without importing it, so that planning stays fast.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from importlib.metadata import EntryPoint, entry_points

import numpy as np
from numpy.typing import NDArray

from scoring.errors import ScorerError

GROUP = "limner.scorers"
Scorer = Callable[[NDArray[np.uint8], Sequence[str]], Sequence[float]]
BUILT_IN: dict[str, Callable[[str], Scorer]] = {}  # scorers that live here; tests put theirs in


def names() -> tuple[str, ...]:
    """The names of all scorers of others that are installed."""
    return tuple(sorted({*BUILT_IN, *_installed()}))


def other_identities(asked: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """(name, ``package==version:object``) of each; raises ScorerError for a name that is not installed."""
    return tuple((name, _identity(name)) for name in sorted(set(asked)))


def load_others(asked: Sequence[str], device: str) -> dict[str, Scorer]:
    """Make each scorer for a device; raises ScorerError when one is not installed or cannot start."""
    found: dict[str, Scorer] = {}
    for name in sorted(set(asked)):
        _identity(name)
        try:
            make = BUILT_IN[name] if name in BUILT_IN else _installed()[name].load()
            found[name] = make(device)
        except (Exception, SystemExit) as error:
            raise ScorerError(
                f"scorer {name!r} ({_identity(name)}) cannot start: {type(error).__name__}: {error}; "
                "fix or update that package, or take its rule out of `keep`"
            ) from error
    return found


def measure_others(
    scorers: Mapping[str, Scorer],
    pixels: NDArray[np.uint8],
    prompts: Sequence[str],
    failures: MutableMapping[str, str] | None = None,
) -> list[tuple[tuple[str, float], ...]]:
    """For each picture (name, score) of the scorers that measured it.

    ``failures`` gets, for a scorer's name, what went wrong with it the first time, in words that name its package.
    """
    found: list[list[tuple[str, float]]] = [[] for _ in pixels]
    for name, scorer in scorers.items():
        scores, problem = _answer(scorer, pixels, prompts)
        if problem and failures is not None:
            failures.setdefault(
                name,
                f"scorer {name!r} ({_identity(name)}): {problem}; its score stays unmeasured, and rules that ask for "
                "it fail: fix or update that package, or take its rule out of `keep`",
            )
        for row, score in enumerate(scores):
            found[row] += [(name, round(score, 6))] if math.isfinite(score) else []
    return [tuple(row) for row in found]


def _answer(scorer: Scorer, pixels: NDArray[np.uint8], prompts: Sequence[str]) -> tuple[list[float], str]:
    """A score a picture, and what is wrong with them in words; no scores where it failed."""
    try:
        scores = [float(score) for score in scorer(pixels, prompts)]
    except (Exception, SystemExit) as error:
        return [], f"{type(error).__name__}: {error}"
    if len(scores) != len(pixels):
        return [], f"it gave {len(scores)} numbers for {len(pixels)} pictures"
    bad = sum(not math.isfinite(score) for score in scores)
    return scores, f"{bad} of its {len(scores)} answers are not finite numbers" if bad else ""


def _installed() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def _identity(name: str) -> str:
    if name in BUILT_IN:
        return f"limner:{name}"
    point = _installed().get(name)
    if point is None:
        near = difflib.get_close_matches(name, names(), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ScorerError(
            f"scorer {name!r} is not installed; installed are: {', '.join(names()) or 'none'}{hint} "
            f"(a package offers one by the entry point {GROUP})"
        )
    package = f"{point.dist.name}=={point.dist.version}" if point.dist else "?"
    return f"{package}:{point.value}"
