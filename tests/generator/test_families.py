"""A family of models is declared whole: what specs know of it and what the generator knows of it agree."""

from __future__ import annotations

import pytest

from generator.families.registry import FAMILIES
from specs.checkpoint import IMAGE_ARCHITECTURES
from specs.registry.folder import PIPELINES


def test_specs_and_generator_know_the_same_families() -> None:
    assert list(FAMILIES) == list(IMAGE_ARCHITECTURES)


@pytest.mark.parametrize("name", FAMILIES)
def test_specs_and_generator_agree_on_its_sizes(name: str) -> None:
    family, known = FAMILIES[name], IMAGE_ARCHITECTURES[name]
    assert (family.name, family.multiple_px, family.native_px) == (known.name, known.multiple_px, known.native_px)


def test_a_folder_of_any_family_is_recognised_by_its_pipeline() -> None:
    assert {family.pipeline for family in FAMILIES.values()} == set(PIPELINES)
    assert all(FAMILIES[name].pipeline == pipeline for pipeline, name in PIPELINES.items())


@pytest.mark.parametrize("name", FAMILIES)
def test_what_its_conditioning_reads_is_among_its_parts(name: str) -> None:
    family = FAMILIES[name]
    assert {part for pair in family.conditioning.encoders for part in pair} <= family.parts.keys()
