"""How good and how fast the set-level choice is. ``python -m benchmarks.select``

Prints: the seconds for 300 assets × 100 candidates, and for 3,750 × 8; the coherence of the chosen deck and its mean
quality against the best of each asset alone; and whether it equals brute force on 200 random small sets. Candidates
come from a simulated generator: an embedding is the asset's subject, plus one of two looks, plus noise; scores are
normal.
"""

from __future__ import annotations

import itertools
import resource
import sys
import time

import numpy as np

from scoring.selection.objective import Option, make_objective
from scoring.selection.select import Choice, select
from specs.spec import SelectionWeights

LOOKS = 2


def deck(assets: int, each: int, dim: int, seed: int) -> list[Option]:
    """``assets`` × ``each`` candidates with embeddings (dim,)."""
    rng = np.random.default_rng(seed)
    references = rng.normal(size=(LOOKS, dim))
    made = []
    for asset in range(assets):
        subject = 2 * rng.normal(size=dim)
        for number in range(each):
            vector = subject + 0.8 * references[rng.integers(LOOKS)] + 0.4 * rng.normal(size=dim)
            name = f"{asset:032x}{number:032x}"
            made.append(Option(f"asset-{asset:03d}", name, rng.normal(5.5, 0.6), rng.normal(0.29, 0.02), vector))
    return made


def mean_of(choice: Choice, options: list[Option], score: str) -> float:
    """The mean of a score over the chosen pictures."""
    by_hash = {option.image_sha256: getattr(option, score) for option in options}
    return float(np.mean([by_hash[pick.image_sha256] for pick in choice.picks]))


def large() -> None:
    """Time, coherence and quality at the size that the issue names."""
    options = deck(300, 100, 768, 0)
    wanted = {option.asset_id: 1 for option in options}
    wall, cpu = time.perf_counter(), time.process_time()
    choice = select(options, wanted, SelectionWeights(), 0.98)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    alone = select(options, wanted, SelectionWeights(coherence=0, sameness=0))
    print(f"300 assets x 100 candidates: {wall:.2f} s ({cpu:.2f} s of processor time); at most 5 s are allowed")
    print(f"best of each asset alone: coherence {alone.mean_coherence:.4f}")
    for weight in (0.5, 1.0, 2.0, 4.0):
        choice = select(options, wanted, SelectionWeights(coherence=weight))
        shares = {
            score: 100 * (mean_of(choice, options, score) / mean_of(alone, options, score) - 1)
            for score in ("aesthetic", "adherence")
        }
        words = ", ".join(f"mean {score} {share:+.2f} %" for score, share in shares.items())
        print(f"as a set, coherence weight {weight}: coherence {choice.mean_coherence:.4f}, {words}")


def many() -> None:
    """Time and memory where there are as many candidates but far more assets."""
    options = deck(3750, 8, 256, 0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, cpu = time.perf_counter(), time.process_time()
    select(options, {option.asset_id: 1 for option in options}, SelectionWeights(), 0.98)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"3750 assets x 8 candidates: {wall:.2f} s ({cpu:.2f} s of processor time), {grown:.0f} MiB more than before")


def small(count: int) -> int:
    """How many of ``count`` random small sets are chosen as brute force chooses."""
    equal = 0
    for seed in range(count):
        rng = np.random.default_rng(seed)
        assets, each, places, limit = (
            int(rng.integers(2, 5)),
            int(rng.integers(2, 6)),
            1 + int(rng.random() < 0.3),
            0.95,
        )
        options = deck(assets, each, 8, seed)
        wanted = {option.asset_id: places for option in options}
        objective = make_objective(options, wanted, SelectionWeights(), limit, None)
        options = [
            [
                pick
                for size in range(objective.wanted[asset] + 1)
                for pick in itertools.combinations(range(*rows.indices(9999)), size)
            ]
            for asset, rows in objective.blocks.items()
        ]
        best = max(objective.value([*itertools.chain(*one)]) for one in itertools.product(*options) if any(one))
        picked = {pick.image_sha256 for pick in select(options, wanted, SelectionWeights(), limit).picks}
        chosen = [row for row, one in enumerate(objective.options) if one.image_sha256 in picked]
        equal += abs(objective.value(chosen) - best) < 1e-3
    return equal


if __name__ == "__main__":
    many()
    large()
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print(f"equal to brute force: {small(count)} of {count} random small sets")
