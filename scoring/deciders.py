"""Who decides: a policy, or a person by name. As text ``policy`` or ``person:<name>``."""

from __future__ import annotations

from enum import StrEnum


class Decider(StrEnum):
    """The kinds of those who decide."""

    POLICY = "policy"
    PERSON = "person"


def as_person(name: str) -> str:
    """A person as a verdict, a tag or a note has them."""
    return f"{Decider.PERSON}:{name}"


def is_by_person(decided_by: str) -> bool:
    """Did a person decide?"""
    return decided_by.startswith(f"{Decider.PERSON}:")
