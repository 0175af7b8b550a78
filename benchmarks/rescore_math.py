"""How fast 30,000 stored embeddings are rescored. ``python -m benchmarks.rescore_math``

Prints the seconds for a linear and an MLP head alone, with judging, and with identification among 300 prompts; and
that torch was never imported.
"""

from __future__ import annotations

import sys
import time
from itertools import pairwise

import numpy as np

from scoring.aesthetic.heads import Head, make_head
from scoring.from_embeddings import Heads, Prompts, rescore
from scoring.scorecard import Safety, SafetyState, Scorecard
from scoring.verdict import judge
from specs.spec import KeepRules

COUNT, DIM, PROMPTS = 30_000, 768, 300
IDENTITY = (("aesthetic", "sha256:new"), ("clip", "sha256:clip"), ("measures", "1"), ("safety", "sha256:safety"))


def head(widths: tuple[int, ...]) -> Head:
    """A random head with these widths."""
    rng = np.random.default_rng(0)
    tensors = {}
    for number, (wide, narrow) in enumerate(pairwise(widths)):
        tensors[f"layers.{number}.weight"] = rng.normal(0, 1 / np.sqrt(wide), (narrow, wide))
        tensors[f"layers.{number}.bias"] = np.zeros(narrow)
    return make_head("random", {"layout": "mlp", "clip": "0" * 64}, tensors, "here")


def main() -> None:
    """Make the rows, time the three cases."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(COUNT, DIM)).astype(np.float32)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)
    texts = vectors[:PROMPTS].astype(np.float32)
    old = (("aesthetic", "sha256:old"), *IDENTITY[1:])
    safety = Safety(SafetyState.CLEAR, scores=tuple((f"concept_{n:02d}", -0.1) for n in range(20)))
    cards = [Scorecard(f"{n:064x}", 5.0, 0.3, 1, 0.5, safety, (), old) for n in range(COUNT)]
    rules = KeepRules(min_aesthetic=0.0, min_adherence=0.2, max_rank=3)
    prompts = Prompts(texts, [number % PROMPTS for number in range(COUNT)])
    cases = {
        "linear head": ((DIM, 1), None),
        "MLP head (768-1024-128-64-16-1)": ((DIM, 1024, 128, 64, 16, 1), None),
        f"MLP head and identification among {PROMPTS} prompts": ((DIM, 1024, 128, 64, 16, 1), prompts),
    }
    for name, (widths, among) in cases.items():
        made = head(widths)
        wall, cpu = time.perf_counter(), time.process_time()
        found = rescore(cards, vectors, Heads(made), IDENTITY, among)
        passed = sum(not judge(card, rules) for card in found.cards)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(f"{COUNT} candidates, {name}: {wall:.2f} s ({cpu:.2f} s of processor time)")
        print(f"    {passed} pass, {len(found.stale)} stale")
    print(f"torch imported: {'torch' in sys.modules}; CLIP forwards: 0; at most 5 s are allowed")


if __name__ == "__main__":
    main()
