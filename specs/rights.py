"""The rights gate: may this checkpoint, for this use, make this set? Decided before a model loads, with reasons."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RightsDecision:
    """The gate's answer, part of every picture's provenance. ``reasons`` are sentences; codes are stable snake_case."""

    checkpoint: str
    weights_id: str
    licence: str
    use: str
    may_render: bool
    may_export_commercially: bool
    codes: tuple[str, ...]
    reasons: tuple[str, ...]
    accepted_reason: str  # the spec author's words, or ""
    policy_sha256: str
