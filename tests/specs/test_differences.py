"""What changed between two recipes, in a few words."""

from __future__ import annotations

from typing import Any

import pytest

from specs.differences import MOST, Recipe, differences

JOB: dict[str, Any] = {
    "prompt": "a silver sword on a stone background", "negative_prompt": "blurry", "weights_id": "sha256:aa",
    "scheduler": "ddim", "steps": 20, "guidance": 4.0, "width_px": 64, "height_px": 64, "seed": 1,
}  # fmt: skip
ROW = {"subject": "sword", "ground": "stone", "colour": "silver", "rules": "draw two"}


def recipe(row: dict[str, str] | None = None, checkpoint: str = "tiny", seeds: Any = 7, **job: Any) -> Recipe:
    return Recipe({**JOB, **job}, {**ROW, **(row or {})}, checkpoint, seeds)


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (recipe(), ()),
        (recipe({"rules": "draw three"}), ()),
        (
            recipe({"ground": "forest"}, prompt="a silver sword on a forest background", steps=30),
            ("ground: stone → forest", "steps: 20 → 30"),
        ),
        (recipe(prompt="a silver sword on a stone table"), ("prompt: … background → … table",)),
        (
            recipe({"ground": "forest"}, prompt="one silver sword on a forest background"),
            ("ground: stone → forest", "prompt: a silver sword on a stone … → one silver sword on a forest …"),
        ),
        (recipe(negative_prompt=""), ("negative: blurry → nothing",)),
        (recipe(weights_id="sha256:bb", checkpoint="other"), ("checkpoint: tiny → other",)),
        (recipe(weights_id="sha256:bb"), ("checkpoint: other weights of tiny",)),
        (recipe(width_px=128), ("size: 64×64 → 128×64 px",)),
        (recipe(clip_skip=2, guidance=5.5), ("clip_skip: 1 → 2", "guidance: 4 → 5.5")),
        (recipe(seeds=8), ("seed: 7 → 8",)),
        (recipe(seeds=(1, 2)), ("seeds: 7 → 1, 2",)),
    ],
    ids=lambda value: "; ".join(value) if isinstance(value, tuple) else "",
)
def test_each_change_is_named_once(after: Recipe, words: tuple[str, ...]) -> None:
    assert differences(recipe(), after) == words
    assert bool(differences(after, recipe())) == bool(words)


def test_a_long_prompt_is_cut() -> None:
    (words,) = differences(recipe(), recipe(prompt=" ".join(f"word-{n}" for n in range(200))))
    assert len(words) < 2 * MOST + 20
