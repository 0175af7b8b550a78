"""Verdict, and ``judge``: does a scorecard meet the rules? Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verdict:
    """Keep or reject, with named reasons, by a policy or a person. Only ever appended.

    ``decided_by`` is ``policy`` or ``person:<name>``; ``at`` is UTC, ISO 8601 with microseconds and ``Z``;
    ``policy_sha256`` is that of the rules in force, empty for a person.
    """

    image_sha256: str
    keep: bool
    reasons: tuple[str, ...]
    decided_by: str
    policy_sha256: str
    at: str
    note: str = ""
