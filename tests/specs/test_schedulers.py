"""The table of samplers."""

from __future__ import annotations

import pytest

from specs.samplers import SCHEDULERS, by_a1111, meant_by

ISSUE = ["dpmpp-2m", "dpmpp-2m-karras", "dpmpp-sde", "euler", "euler-a", "ddim", "unipc", "lcm"]


def test_has_the_names_that_people_ask_for() -> None:
    assert set(ISSUE) <= SCHEDULERS.keys()
    assert all(entry.name == name for name, entry in SCHEDULERS.items())


def test_finds_every_entry_again_by_a1111s_two_names() -> None:
    lost = [e.name for e in SCHEDULERS.values() if by_a1111(e.a1111_sampler, e.a1111_schedule) != e]
    assert lost == []


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (("DPM++ 2M", "Karras"), "dpmpp-2m-karras"),
        (("DPM++ 2M Karras",), "dpmpp-2m-karras"),
        (("DPM++ 2M", "Automatic"), "dpmpp-2m-karras"),  # what A1111 1.9 and later take for Automatic
        (("DPM++ 2M SDE", "Automatic"), "dpmpp-2m-sde-exponential"),
        (("DPM++ 2M", "Uniform"), "dpmpp-2m"),
        (("Euler a", "Automatic"), "euler-a"),
        (("PLMS", "Automatic"), "pndm"),
    ],
)
def test_reads_a1111s_names_as_a1111_means_them(names: tuple[str, ...], short: str) -> None:
    entry = by_a1111(*names)
    assert entry is not None
    assert entry.name == short


def test_says_none_for_samplers_that_diffusers_has_no_equal_of() -> None:
    assert by_a1111("DPM adaptive") is None
    assert by_a1111("DPM++ 2S a", "Karras") is None
    assert meant_by("Restart") == ""


def test_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        SCHEDULERS["mine"] = SCHEDULERS["euler"]  # type: ignore[index]


def test_gives_each_name_settings_of_its_own() -> None:
    recipes = [(e.diffusers_class, e.settings) for e in SCHEDULERS.values()]
    assert len(set(recipes)) == len(recipes)
