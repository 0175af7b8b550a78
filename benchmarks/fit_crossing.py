"""Fit the network of ``scoring.defects.crossing``, and write it there. ``python -m benchmarks.fit_crossing [DRAWINGS]``

The examples: drawings whose subject a line cuts, or does not, over their own grounds and over those of
``benchmarks.backdrops``, and these grounds alone. A cell of a line learns from whether the subject is there, a picture
from whether the line cuts its subject. The bias is set so that FOUND of the cut subjects are found over the starter's
grounds. Then, what each kind of ground would give that the fit had not seen (the kind left out, on other seeds).
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.numpy import save_file

from benchmarks.backdrops import BACKDROPS
from benchmarks.drawn import TUNING, Picture, drawn, over, placed
from scoring.defects.crossing import FARTHEST, HIDDEN, LEAST_CELLS, WEIGHTS, Network, surest
from scoring.defects.grid import CELLS, cells_of
from scoring.defects.line_signs import SIGNS, signs

MARGIN = (0.02, 0.13)
SIDES_PX = (96, 128, 160, 240)
FOUND = 0.97
ROUNDS, BATCH, RATE, DECAY = 10, 64, 6e-3, 1e-2
SURELY, SURELY_NOT = 0.6, 0.05  # shares of a cell that the subject covers; what lies between teaches nothing
OTHER_SEEDS = 3_000_000
AT_ONCE = 250  # drawings of one process at a time


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """One line: ``found`` (N, SIGNS) signs, ``covered`` (N,) shares of its cells that the subject covers, ``cut``
    whether the line cuts it, ``bare`` whether there is none, ``ground`` the ground's kind."""

    found: NDArray[np.float32]
    covered: NDArray[np.float32]
    cut: bool
    bare: bool
    ground: str


def examples(first: int, count: int) -> list[Example]:
    """Of each drawing up to three: cut, not cut, and its ground alone; every other one over a backdrop."""
    starts = range(first, first + count, AT_ONCE)
    with ProcessPoolExecutor() as pool:
        parts = pool.map(_examples, starts, [min(AT_ONCE, first + count - start) for start in starts])
        return [one for part in parts for one in part]


def _examples(first: int, count: int) -> list[Example]:
    rng = np.random.default_rng(first)
    made, names = [], list(BACKDROPS)
    for number in range(count):
        one, side = drawn(first + number), int(rng.choice(SIDES_PX))
        ground = one.scene.ground
        if number % 2:
            ground = names[number // 2 % len(names)]
            one = over(one, BACKDROPS[ground](rng, len(one.mask)))
        for cut in (True, False):
            if (found := placed(one, cut, rng, side, MARGIN)) is not None:
                made.append(_example(found.pixels, found.margin_px, found.mask, cut, ground))
        alone = np.asarray(Image.fromarray(one.ground).resize((side, side), Image.Resampling.LANCZOS))
        made.append(_example(alone, round(side * rng.uniform(*MARGIN)), None, False, ground))
    return made


def _example(pixels: Picture, margin: int, mask: NDArray[np.bool_] | None, cut: bool, ground: str) -> Example:
    side = len(pixels)
    found, rows, columns = signs(cells_of(pixels), (margin, margin, side - margin, side - margin))
    covered = np.zeros(len(found), np.float32)
    if mask is not None:
        small = Image.fromarray(mask.astype(np.uint8) * 255).resize((CELLS, CELLS), Image.Resampling.BOX)
        covered = (np.asarray(small)[rows, columns] / 255).astype(np.float32)
    return Example(found.astype(np.float32), covered, cut, mask is None, ground)


def fit(made: list[Example]) -> Network:
    """A network fitted by AdamW from one seed, and its bias."""
    every = np.concatenate([one.found for one in made])
    mean, spread = every.mean(axis=0), every.std(axis=0) + 1e-6
    rows, covered, inside = _padded(made, mean, spread)
    cuts = torch.tensor([float(one.cut) for one in made])
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(SIGNS, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, 1))
    optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    steps = ROUNDS * (len(made) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
    order = torch.Generator().manual_seed(0)
    for _ in range(ROUNDS):
        for batch in torch.randperm(len(made), generator=order)[: len(made) // BATCH * BATCH].split(BATCH):
            logits = network(rows[batch])[..., 0].masked_fill(~inside[batch], -30)
            loss = _loss(logits, covered[batch], inside[batch], cuts[batch])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
    weights = {name: tensor.detach().numpy().astype(np.float32) for name, tensor in network.named_parameters()}
    unbiased = Network(mean, spread, weights["0.weight"].T.copy(), weights["0.bias"], weights["2.weight"][0].copy(),
                       weights["2.bias"])  # fmt: skip
    cut = [surest(unbiased.logits(one.found)) for one in made if one.cut and one.ground not in BACKDROPS]
    return replace(unbiased, bias=(unbiased.bias - np.quantile(cut, 1 - FOUND)).astype(np.float32))


def _padded(made: list[Example], mean: Any, spread: Any) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(E, N, SIGNS) standardised signs, (E, N) covered, and which of the N cells there are."""
    longest = max(len(one.found) for one in made)
    rows, covered = np.zeros((len(made), longest, SIGNS), np.float32), np.zeros((len(made), longest), np.float32)
    inside = np.zeros((len(made), longest), bool)
    for number, one in enumerate(made):
        rows[number, : len(one.found)] = np.clip((one.found - mean) / spread, -FARTHEST, FARTHEST)
        covered[number, : len(one.found)] = one.covered
        inside[number, : len(one.found)] = True
    return torch.tensor(rows), torch.tensor(covered), torch.tensor(inside)


def _loss(logits: torch.Tensor, covered: torch.Tensor, inside: torch.Tensor, cuts: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of the cells, those of a subject counting twice, and of the pictures by their surest cells."""
    entropy = torch.nn.functional.binary_cross_entropy_with_logits
    there = (covered > SURELY).float()
    weight = (inside & ((covered > SURELY) | (covered < SURELY_NOT))) * (1 + there)
    cells = entropy(logits, there, weight=weight, reduction="sum") / weight.sum()
    return cells + entropy(logits.topk(LEAST_CELLS, dim=1).values.mean(dim=1), cuts)


def report(name: str, network: Network, made: list[Example]) -> None:
    """One line: cut subjects found, uncut ones and bare grounds taken for cut."""
    said = np.array([surest(network.logits(one.found)) > 0 for one in made])
    cut, bare = np.array([one.cut for one in made]), np.array([one.bare for one in made])
    shares = (100 * said[which].mean() for which in (cut, ~cut & ~bare, bare))
    found, alarms, alone = (f"{share:5.1f} %" for share in shares)
    print(f"{name:24} found {found}, false alarms {alarms}, bare grounds {alone}", flush=True)


def main() -> None:
    """Fit, write, and report on other seeds."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    made, others = examples(TUNING, count), examples(TUNING + OTHER_SEEDS, count // 4)
    network = fit(made)
    save_file({name: getattr(network, name) for name in Network.__slots__}, WEIGHTS)
    report("the starter's grounds", network, [one for one in others if one.ground not in BACKDROPS])
    report("backdrops", network, [one for one in others if one.ground in BACKDROPS])
    for ground in sorted({one.ground for one in others}):
        unseen = fit([one for one in made if one.ground != ground])
        report(f"never seen: {ground}", unseen, [one for one in others if one.ground == ground])


if __name__ == "__main__":
    main()
