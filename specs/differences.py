"""What differs between two recipes of an asset, in a few words for people: "ground: stone → forest". Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST = 60  # letters of one side; a longer text is cut in its middle
NOT_TOLD = ("prompt", "negative_prompt", "weights_id", "width_px", "height_px", "seed")
DEFAULTS = {"clip_skip": 1, "adapters": ()}


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an asset's pictures are made: ``job`` is a job's recipe (its seed does not count), ``row`` the asset's row,
    ``checkpoint`` a name, ``seeds`` the set's seed or the listed ones."""

    job: Mapping[str, Any]
    row: Mapping[str, str]
    checkpoint: str
    seeds: int | tuple[int, ...]


def differences(before: Recipe, after: Recipe) -> tuple[str, ...]:
    """What changed from one recipe to the other; the row's columns where they explain a prompt, else the prompt.

    Empty when both make the same pictures.
    """
    old, new = before.job, after.job
    found: list[str] = []
    for name in ("prompt", "negative_prompt"):
        if old.get(name) != new.get(name):
            found += _of_prompt(name, str(old.get(name, "")), str(new.get(name, "")), before.row, after.row)
    if old.get("weights_id") != new.get("weights_id"):
        same = before.checkpoint == after.checkpoint
        found.append(
            f"checkpoint: other weights of {after.checkpoint}"
            if same
            else f"checkpoint: {before.checkpoint} → {after.checkpoint}"
        )
    sizes = [f"{job.get('width_px')}×{job.get('height_px')}" for job in (old, new)]
    if sizes[0] != sizes[1]:
        found.append(f"size: {sizes[0]} → {sizes[1]} px")
    for name in sorted({*old, *new} - set(NOT_TOLD)):
        one, other = (job.get(name, DEFAULTS.get(name)) for job in (old, new))
        if one != other:
            found.append(f"{name}: {_value(one)} → {_value(other)}")
    if before.seeds != after.seeds:
        found.append(_of_seeds(before.seeds, after.seeds))
    return tuple(dict.fromkeys(found))


def _of_prompt(name: str, old: str, new: str, old_row: Mapping[str, str], new_row: Mapping[str, str]) -> list[str]:
    """The columns that were changed and stand in the prompt; the prompt itself where they do not explain all of it."""
    found, explained = [], old
    for column in dict.fromkeys((*old_row, *new_row)):
        one, other = str(old_row.get(column, "")), str(new_row.get(column, ""))
        if one == other or (one not in old and other not in new):
            continue
        found.append(f"{column}: {_value(one)} → {_value(other)}")
        explained = explained.replace(one, other) if one else explained
    if not found or explained != new:
        found.append(f"{name.replace('_prompt', '')}: {' → '.join(_apart(old, new))}")
    return found


def _apart(old: str, new: str) -> tuple[str, str]:
    """Two texts without the words that they begin and end with alike."""
    one, other = old.split(), new.split()
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    end = 0
    while end < min(len(one), len(other)) - start and one[-1 - end] == other[-1 - end]:
        end += 1
    parts = (words[start : len(words) - end] for words in (one, other))
    first, second = (_value(" ".join(["…"] * (start > 0) + part + ["…"] * (end > 0))) for part in parts)
    return first, second


def _of_seeds(old: int | tuple[int, ...], new: int | tuple[int, ...]) -> str:
    if isinstance(old, int) and isinstance(new, int):
        return f"seed: {old} → {new}"
    return f"seeds: {_value(old)} → {_value(new)}"


def _value(value: object) -> str:
    """A value in a few letters."""
    if isinstance(value, tuple | list):
        value = ", ".join(map(str, value))
    text = "nothing" if value in ("", None) else f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= MOST else f"{text[: MOST // 2]} … {text[-(MOST // 2 - 3) :]}"
