"""What a family of image models is: its parts, how they are put together, what they read of a prompt, what they need.

Data; imports no library. Each family is a file of its own beside this one, listed in ``registry.FAMILIES``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from generator.families.part import Part

PartClasses = Mapping[str, tuple[str, str | None]]  # part → (library, class; None for any scheduler)


@dataclass(frozen=True, slots=True)
class Conditioning:
    """What is read of the text encoders. The arithmetic is in ``prompts/encoding.py``.

    ``encoders``: (tokenizer, text encoder) by part; their states are laid side by side. ``last_layer``: the hidden
    layer that ``clip_skip`` 1 reads, counted from the end (1 = the last). ``normed``: whether it passes the final norm.
    ``pooled``: whether the pooled output of the last encoder is read too. ``zeros_for_empty_negative``: whether an
    empty negative prompt is zeros in a checkpoint whose ``force_zeros_for_empty_prompt`` says so.
    """

    encoders: tuple[tuple[str, str], ...]
    last_layer: int
    normed: bool
    pooled: bool
    zeros_for_empty_negative: bool


@dataclass(frozen=True, slots=True)
class Family:
    """A family of image models, by the name that ``specs.checkpoint.IMAGE_ARCHITECTURES`` gives it.

    ``pipeline``: diffusers' class, built from the parts and ``pipeline_arguments``. ``check_together`` raises
    LimnerError where the parts (networks by part) are not of one model. ``weights_gib`` (16 bits a value, with text
    encoders and VAE) and ``picture_gib`` (for each picture of the native size, beyond the weights) are upper bounds of
    memory: decoding in the VAE is the peak. A wrong one costs a halved batch, not a run.
    """

    name: str
    pipeline: str
    pipeline_arguments: Mapping[str, Any]
    parts: PartClasses
    conditioning: Conditioning
    check_together: Callable[[Mapping[str, Part]], None]
    multiple_px: int
    native_px: int
    weights_gib: float
    picture_gib: float
