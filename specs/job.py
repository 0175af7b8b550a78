"""Job: everything that shapes the pixels of one picture, and nothing else.

The id of a job is the hash of its recipe. What does not change a pixel (asset, set, title, keep rules, trim box,
licence, the checkpoint's name) is not in it; what does (every weight file's hash, through ``weights_id``) is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from specs.canonical import Flat, flat_json, floatless_json, sha256_hex

KIND = "limner.job/1"
SEED_LIMIT = 2**32  # AUTOMATIC1111's range, so that a seed can be typed into the tools people know


@dataclass(frozen=True, slots=True)
class Job:
    """One picture's recipe. Sizes in pixels; guidance is the classifier-free guidance scale (1.0 = none)."""

    prompt: str
    negative_prompt: str
    weights_id: str
    scheduler: str
    steps: int
    guidance: float
    width_px: int
    height_px: int
    seed: int
    clip_skip: int = 1
    adapters: tuple[str, ...] = ()

    def recipe(self) -> dict[str, Flat]:
        """The canonical value that is hashed. Fields added later appear only when they are not the default."""
        recipe: dict[str, Flat] = {}
        for name, default in _defaults():
            value = getattr(self, name)
            if value != default:
                recipe[name] = list(value) if isinstance(value, tuple) else value
        return recipe

    @classmethod
    def from_recipe(cls, recipe: Mapping[str, Any]) -> Job:
        """The inverse of ``recipe``."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in recipe.items()
        }
        return cls(**values)

    @property
    def job_id(self) -> str:
        """``sha256:<64 hex>`` of the recipe."""
        return id_of_recipe(self.recipe())


def id_of_recipe(recipe: Mapping[str, Flat]) -> str:
    """The ``job_id`` of the job with this recipe."""
    return "sha256:" + sha256_hex(flat_json((KIND, recipe)))


@cache
def _defaults() -> tuple[tuple[str, object], ...]:
    """(name, default) of each field of a Job: asked for once, because a set may have a million jobs."""
    return tuple((field.name, field.default) for field in fields(Job))


def derive_seed(set_seed: int, asset_id: str, number: int) -> int:
    """Seed of candidate ``number`` (from 0) of an asset: 0 ≤ seed < 2**32.

    It depends on nothing but these three, so that inserting, deleting or reordering rows changes no other seed.
    """
    digest = hashlib.sha256(floatless_json(("limner.seed/1", set_seed, asset_id, number))).digest()
    return int.from_bytes(digest[:4], "big")
