"""Scheduler by short name: the job says how to solve, the checkpoint says which noise it was trained with.

So a checkpoint's ``scheduler_config.json`` contributes its betas, what the network predicts (noise or velocity), zero
terminal SNR and the spacing of time steps; its solver and its solver's options are never used. Imports torch.
"""

from __future__ import annotations

import copy
import inspect
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import diffusers

from specs.errors import LimnerError, UsageError
from specs.samplers import SCHEDULERS

UNABLE = (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError)  # how a diffusers scheduler says no
# True of all three families, whatever the oldest configuration files say (diffusers corrects them likewise): a latent
# is never clipped to the range of pixels, and time steps count from 1. PLMS is PNDM without its Runge-Kutta start.
ALWAYS = {"clip_sample": False, "steps_offset": 1, "skip_prk_steps": True}


def noise_schedule(config: Mapping[str, Any]) -> dict[str, Any]:
    """The noise schedule that schedulers are built with, from a checked ``scheduler_config.json``."""
    return dict(config) | ALWAYS


def build_scheduler(name: str, noise: dict[str, Any]) -> Any:
    """A fresh diffusers scheduler (they keep state between steps, so each batch gets its own).

    Raises UsageError for an unknown name, LimnerError where a solver cannot follow the checkpoint's noise schedule.
    """
    return copy.deepcopy(_prototype(name, json.dumps(noise, sort_keys=True)))


@cache  # some take a quarter of a second to make
def _prototype(name: str, noise_json: str) -> Any:
    noise = json.loads(noise_json)
    entry = SCHEDULERS.get(name)
    if entry is None:
        raise UsageError(f"scheduler: got {name!r}; allowed are {', '.join(SCHEDULERS)}")
    cls = getattr(diffusers, entry.diffusers_class)
    accepted = inspect.signature(cls.__init__).parameters
    if noise.get("rescale_betas_zero_snr") and "rescale_betas_zero_snr" not in accepted:
        able = [short for short in SCHEDULERS if _keeps_zero_snr(short)]
        raise LimnerError(
            f"scheduler: got {name!r}, which cannot start from pure noise as this checkpoint (zero terminal SNR) was "
            f"trained to; allowed for it are {', '.join(able)}"
        )
    options = {key: value for key, value in noise.items() if key in accepted}
    try:
        return cls(**{**options, **dict(entry.settings)})
    except UNABLE as error:
        raise LimnerError(
            f"scheduler: got {name!r}, which cannot follow this checkpoint's scheduler_config.json ({error}); allowed "
            f"are others: ddim follows every schedule that limner reads."
        ) from None


def check_steps(name: str, noise: dict[str, Any], steps: int) -> None:
    """Raise LimnerError where this solver cannot work in so many steps."""
    why = _why_not(name, json.dumps(noise, sort_keys=True), steps)
    if why:
        raise LimnerError(
            f"steps: got {steps} with scheduler {name!r}, which cannot do that: {why}; allowed are 1 to "
            f"{noise.get('num_train_timesteps', 1000)}, for some schedulers fewer. 20 to 40 do for most."
        )


@cache
def _why_not(name: str, noise_json: str, steps: int) -> str:
    scheduler = copy.deepcopy(_prototype(name, noise_json))
    if not 1 <= steps <= scheduler.config.num_train_timesteps:
        return "it is out of range"
    try:
        scheduler.set_timesteps(steps)
    except UNABLE as error:
        return str(error) or type(error).__name__
    return ""


def _keeps_zero_snr(name: str) -> bool:
    cls = getattr(diffusers, SCHEDULERS[name].diffusers_class)
    return "rescale_betas_zero_snr" in inspect.signature(cls.__init__).parameters
