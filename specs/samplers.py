"""The one table of samplers: short name → AUTOMATIC1111's two names → diffusers' class and its settings.

Plain data, no torch: specs check names against it, generator builds the class, images write A1111's names.
``diffusers_class`` is the class's name in diffusers 0.42; ``settings`` are keyword arguments for its ``from_config``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

TIMESTEP_SAMPLERS = ("DDIM", "DDPM", "PLMS", "UniPC", "LCM", "TCD")  # A1111 has no schedule types for these
Settings = dict[str, bool | float | int | str]


@dataclass(frozen=True, slots=True)
class Scheduler:
    """One sampler. A1111's "Automatic" means another schedule for each sampler, so "Uniform" says what is meant."""

    name: str
    a1111_sampler: str
    a1111_schedule: str
    diffusers_class: str
    settings: tuple[tuple[str, bool | float | int | str], ...] = ()


@dataclass(frozen=True, slots=True)
class SamplerFamily:
    """A sampler and the schedule types that its diffusers class knows beside the plain one."""

    short: str
    sampler: str
    diffusers_class: str
    settings: Settings
    schedules: tuple[str, ...]


SCHEDULES: Mapping[str, tuple[str, Settings]] = MappingProxyType(
    {
        "karras": ("Karras", {"use_karras_sigmas": True}),
        "exponential": ("Exponential", {"use_exponential_sigmas": True}),
        "beta": ("Beta", {"use_beta_sigmas": True}),
        "sgm-uniform": ("SGM Uniform", {"timestep_spacing": "trailing"}),
    }
)
ALL = tuple(SCHEDULES)
SIGMAS = ("karras", "exponential", "beta")
SDE: Settings = {"algorithm_type": "sde-dpmsolver++"}
MULTI, SINGLE = "DPMSolverMultistepScheduler", "DPMSolverSinglestepScheduler"
FAMILIES: tuple[SamplerFamily, ...] = (
    SamplerFamily("euler", "Euler", "EulerDiscreteScheduler", {}, ALL),
    SamplerFamily("euler-a", "Euler a", "EulerAncestralDiscreteScheduler", {}, ("sgm-uniform",)),
    SamplerFamily("heun", "Heun", "HeunDiscreteScheduler", {}, ALL),
    SamplerFamily("lms", "LMS", "LMSDiscreteScheduler", {}, SIGMAS),
    SamplerFamily("dpm2", "DPM2", "KDPM2DiscreteScheduler", {}, SIGMAS),
    SamplerFamily("dpm2-a", "DPM2 a", "KDPM2AncestralDiscreteScheduler", {}, SIGMAS),
    SamplerFamily("dpmpp-2m", "DPM++ 2M", MULTI, {}, ALL),
    SamplerFamily("dpmpp-2m-sde", "DPM++ 2M SDE", MULTI, SDE, ALL),
    SamplerFamily("dpmpp-2m-sde-heun", "DPM++ 2M SDE Heun", MULTI, {**SDE, "solver_type": "heun"}, ALL),
    SamplerFamily("dpmpp-3m", "DPM++ 3M", MULTI, {"solver_order": 3}, ("karras",)),
    SamplerFamily("dpmpp-3m-sde", "DPM++ 3M SDE", MULTI, {**SDE, "solver_order": 3}, ALL),
    SamplerFamily("dpmpp-sde", "DPM++ SDE", SINGLE, {**SDE, "lower_order_final": True}, SIGMAS),
    SamplerFamily("dpmpp-2s", "DPM++ 2S", SINGLE, {"lower_order_final": True}, SIGMAS),
    SamplerFamily("deis", "DEIS", "DEISMultistepScheduler", {}, ("karras",)),
    SamplerFamily("unipc", "UniPC", "UniPCMultistepScheduler", {}, SIGMAS),
    SamplerFamily("ddim", "DDIM", "DDIMScheduler", {}, ("sgm-uniform",)),
    SamplerFamily("ddpm", "DDPM", "DDPMScheduler", {}, ()),
    SamplerFamily("pndm", "PLMS", "PNDMScheduler", {}, ()),
    SamplerFamily("lcm", "LCM", "LCMScheduler", {}, ()),
    SamplerFamily("tcd", "TCD", "TCDScheduler", {}, ()),
)
FAMILY_NAMES = tuple(family.short for family in FAMILIES)
# What A1111 1.9 and later take for "Automatic" where it is not the plain schedule.
AUTOMATIC: Mapping[str, str] = MappingProxyType(
    {
        "DPM++ 2M": "Karras",
        "DPM++ SDE": "Karras",
        "DPM2": "Karras",
        "DPM2 a": "Karras",
        "DPM++ 2M SDE": "Exponential",
        "DPM++ 2M SDE Heun": "Exponential",
        "DPM++ 3M SDE": "Exponential",
    }
)


def _table() -> Mapping[str, Scheduler]:
    table: dict[str, Scheduler] = {}
    for family in FAMILIES:
        plain = "Automatic" if family.sampler in TIMESTEP_SAMPLERS else "Uniform"
        forms: list[tuple[str, str, Settings]] = [(family.short, plain, {})]
        forms += [(f"{family.short}-{schedule}", *SCHEDULES[schedule]) for schedule in family.schedules]
        for name, schedule, extra in forms:
            settings = tuple(sorted({**family.settings, **extra}.items()))
            table[name] = Scheduler(name, family.sampler, schedule, family.diffusers_class, settings)
    return MappingProxyType(table)


SCHEDULERS: Mapping[str, Scheduler] = _table()


def by_a1111(sampler: str, schedule: str = "Automatic") -> Scheduler | None:
    """The entry for AUTOMATIC1111's names, or None where diffusers has no equal.

    Older infotexts write both in one ("DPM++ 2M Karras"); "Automatic" is read as A1111 takes it.
    """
    plain = {"Automatic": AUTOMATIC.get(sampler, "Uniform")}.get(schedule, schedule)
    for entry in SCHEDULERS.values():
        if entry.a1111_sampler == sampler and entry.a1111_schedule in (plain, schedule):
            return entry
        if schedule == "Automatic" and f"{entry.a1111_sampler} {entry.a1111_schedule}" == sampler:
            return entry
    return None


def meant_by(text: str) -> str:
    """The short name that a text in another tool's spelling means ("DPM++ 2M Karras", "dpmpp_2m"), or ""."""
    entry = by_a1111(text)
    if entry is not None:
        return entry.name
    plain = re.sub(r"[^a-z0-9]", "", text.casefold().replace("++", "pp"))
    return next((name for name in SCHEDULERS if name.replace("-", "") == plain), "")
