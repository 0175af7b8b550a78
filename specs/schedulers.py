"""The one table of samplers: short name → AUTOMATIC1111's two names → diffusers' class and its settings.

Plain data, no torch: specs check names against it, generator builds the class, images write A1111's names.
``diffusers_class`` is the class's name in diffusers 0.42; ``settings`` are keyword arguments for its ``from_config``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Scheduler:
    """One sampler. ``a1111_schedule`` is "Automatic" where A1111 has no choice or takes its own default."""

    name: str
    a1111_sampler: str
    a1111_schedule: str
    diffusers_class: str
    settings: tuple[tuple[str, bool | float | int | str], ...] = ()


Settings = dict[str, bool | float | int | str]
SDE: Settings = {"algorithm_type": "sde-dpmsolver++"}
SCHEDULES: Mapping[str, tuple[str, Settings]] = {
    "karras": ("Karras", {"use_karras_sigmas": True}),
    "exponential": ("Exponential", {"use_exponential_sigmas": True}),
    "beta": ("Beta", {"use_beta_sigmas": True}),
    "sgm-uniform": ("SGM Uniform", {"timestep_spacing": "trailing"}),
}
ALL_SCHEDULES = tuple(SCHEDULES)
# (short name, A1111's name, A1111's schedule type, diffusers' class, settings, which schedule types exist beside it)
FAMILIES: tuple[tuple[str, str, str, str, Settings, tuple[str, ...]], ...] = (
    ("euler", "Euler", "Automatic", "EulerDiscreteScheduler", {}, ALL_SCHEDULES),
    ("euler-a", "Euler a", "Automatic", "EulerAncestralDiscreteScheduler", {}, ("sgm-uniform",)),
    ("heun", "Heun", "Automatic", "HeunDiscreteScheduler", {}, ALL_SCHEDULES),
    ("lms", "LMS", "Automatic", "LMSDiscreteScheduler", {}, ("karras", "exponential", "beta")),
    ("dpm2", "DPM2", "Automatic", "KDPM2DiscreteScheduler", {}, ("karras", "exponential", "beta")),
    ("dpm2-a", "DPM2 a", "Automatic", "KDPM2AncestralDiscreteScheduler", {}, ("karras", "exponential", "beta")),
    ("dpmpp-2m", "DPM++ 2M", "Automatic", "DPMSolverMultistepScheduler", {}, ALL_SCHEDULES),
    ("dpmpp-2m-sde", "DPM++ 2M SDE", "Automatic", "DPMSolverMultistepScheduler", SDE, ALL_SCHEDULES),
    (
        "dpmpp-3m",
        "DPM++ 3M",
        "Automatic",
        "DPMSolverMultistepScheduler",
        {"solver_order": 3},
        ("karras",),
    ),
    (
        "dpmpp-3m-sde",
        "DPM++ 3M SDE",
        "Automatic",
        "DPMSolverMultistepScheduler",
        {"solver_order": 3, **SDE},
        ALL_SCHEDULES,
    ),
    ("dpmpp-sde", "DPM++ SDE", "Automatic", "DPMSolverSinglestepScheduler", SDE, ("karras", "exponential", "beta")),
    ("dpmpp-2s", "DPM++ 2S", "Automatic", "DPMSolverSinglestepScheduler", {}, ("karras", "exponential", "beta")),
    ("deis", "DEIS", "Automatic", "DEISMultistepScheduler", {}, ("karras",)),
    ("unipc", "UniPC", "Automatic", "UniPCMultistepScheduler", {}, ("karras", "exponential", "beta")),
    ("ddim", "DDIM", "Automatic", "DDIMScheduler", {}, ("sgm-uniform",)),
    ("ddpm", "DDPM", "Automatic", "DDPMScheduler", {}, ()),
    ("pndm", "PLMS", "Automatic", "PNDMScheduler", {}, ()),
    ("lcm", "LCM", "Automatic", "LCMScheduler", {}, ()),
    ("tcd", "TCD", "Automatic", "TCDScheduler", {}, ()),
)

FAMILY_NAMES = tuple(family[0] for family in FAMILIES)


def _table() -> Mapping[str, Scheduler]:
    table: dict[str, Scheduler] = {}
    for short, sampler, plain, class_name, settings, schedules in FAMILIES:
        table[short] = Scheduler(short, sampler, plain, class_name, tuple(sorted(settings.items())))
        for schedule in schedules:
            shown, extra = SCHEDULES[schedule]
            name = f"{short}-{schedule}"
            table[name] = Scheduler(name, sampler, shown, class_name, tuple(sorted({**settings, **extra}.items())))
    return MappingProxyType(table)


SCHEDULERS: Mapping[str, Scheduler] = _table()


def by_a1111(sampler: str, schedule: str = "Automatic") -> Scheduler | None:
    """The entry for AUTOMATIC1111's names, or None; older infotexts write both in one ("DPM++ 2M Karras")."""
    for entry in SCHEDULERS.values():
        if entry.a1111_sampler == sampler and entry.a1111_schedule == schedule:
            return entry
        if schedule == "Automatic" and f"{entry.a1111_sampler} {entry.a1111_schedule}" == sampler:
            return entry
    return None
