"""The rights gate: may this checkpoint, for this use, make this set? Decided before a model loads, with reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from specs.canonical import Json, value_sha256
from specs.checkpoint import Checkpoint, Status
from specs.spec import RightsClaim

POLICY_KIND = "limner.rights-policy/1"
UNKNOWN = "unknown"
# The policy is data: each code with its rule, the sentence that a decision gives. A change here changes policy_sha256.
POLICY: Mapping[str, str] = MappingProxyType(
    {
        "origin_refused": "{name} is refused: {notes}. Nothing may be made with it; use another checkpoint.",
        "licence_known": "{name} is under {licence} ({status}).",
        "lineage_known": "It was made from {lineage}.",
        "licence_unknown": "The licence of {name} is unknown{held}.",
        "lineage_unknown": "What {name} was made from is not known{held}.",
        "status_unknown": "Nobody has established where {name} comes from{held}.",
        "unknown_accepted": "The spec accepts that, in its author's words: {accepted}",
        "no_commercial_export": "What it makes cannot be exported for commercial use.",
        "noncommercial_licence": "{licence} does not allow commercial use; allowed: use: noncommercial or "
        "use: internal, or another checkpoint.",
        "commercial_terms_unknown": "Whether {licence} allows commercial use is not known; allowed: use: noncommercial "
        "or use: internal, or an entry that says commercial: true with its source.",
        "use_restricted": "{licence} forbids these uses, of the weights and of what they make: {restrictions}.",
        "prompt_near_restriction": "Prompts of this set say {words}; read the restrictions of {licence} before "
        "publishing what they make.",
        "not_commercial": "The use is {use}; commercial export needs a spec that says use: commercial.",
    }
)
REFUSING = frozenset(
    {"origin_refused", "licence_unknown", "lineage_unknown", "status_unknown", "noncommercial_licence"}
    | {"commercial_terms_unknown"}
)
ACCEPTABLE = frozenset({"licence_unknown", "lineage_unknown", "status_unknown"})
WATCHED_WORDS = ("medical advice", "diagnosis", "fake news", "defamatory", "propaganda", "deepfake")
HELD = (
    "; allowed: a checkpoint whose licence and lineage are known, or rights: {accept_unknown: your reason} in the spec"
)


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


def policy_sha256() -> str:
    """64 hex: the hash of the policy's own content, so that a decision names the rules that it was made by."""
    content: Json = {
        "policy": dict(POLICY),
        "refusing": sorted(REFUSING),
        "acceptable": sorted(ACCEPTABLE),
        "watched_words": list(WATCHED_WORDS),
        "held": HELD,
    }
    return value_sha256(POLICY_KIND, content)


def decide(checkpoint: Checkpoint, use: str, claim: RightsClaim, prompts: Sequence[str] = ()) -> RightsDecision:
    """The decision for one checkpoint and one use. Pure: the same arguments give the same decision.

    ``use`` is commercial, noncommercial or internal. Unknown licence or lineage renders only with the claim's reason,
    and is then never exported commercially. A refused origin never renders.
    """
    codes = _codes(checkpoint, use, prompts)
    unknown = [code for code in codes if code in ACCEPTABLE]
    refused = [code for code in codes if code in REFUSING]
    accepted = claim.accept_unknown.strip() if unknown and "origin_refused" not in codes else ""
    if accepted:
        refused = [code for code in refused if code not in ACCEPTABLE]
        codes = list(dict.fromkeys([*codes, "unknown_accepted", "no_commercial_export"]))
    may_render = not refused
    sentences = _sentences(checkpoint, use, accepted, prompts)
    return RightsDecision(
        checkpoint=checkpoint.name,
        weights_id=checkpoint.weights_id if checkpoint.files else "",
        licence=checkpoint.licence,
        use=use,
        may_render=may_render,
        may_export_commercially=may_render and use == "commercial" and not unknown and checkpoint.commercial is True,
        codes=tuple(codes),
        reasons=tuple(POLICY[code].format_map(sentences) for code in codes),
        accepted_reason=accepted,
        policy_sha256=policy_sha256(),
    )


def _codes(checkpoint: Checkpoint, use: str, prompts: Sequence[str]) -> list[str]:
    if checkpoint.status is Status.REFUSED:
        return ["origin_refused"]
    codes = ["licence_unknown" if checkpoint.licence == UNKNOWN else "licence_known"]
    if checkpoint.status is Status.UNKNOWN:
        codes.append("status_unknown")
    codes.append("lineage_known" if checkpoint.lineage_known else "lineage_unknown")
    if checkpoint.licence != UNKNOWN and checkpoint.commercial is not True:
        if use == "commercial":
            codes.append("commercial_terms_unknown" if checkpoint.commercial is None else "noncommercial_licence")
        else:
            codes.append("no_commercial_export")
    if checkpoint.use_restrictions:
        codes.append("use_restricted")
        if _watched(prompts):
            codes.append("prompt_near_restriction")
    if use != "commercial":
        codes.append("not_commercial")
    return codes


def _watched(prompts: Sequence[str]) -> list[str]:
    text = "\n".join(prompts).casefold()
    return [word for word in WATCHED_WORDS if word in text]


def _sentences(checkpoint: Checkpoint, use: str, accepted: str, prompts: Sequence[str]) -> dict[str, str]:
    made_from = [*checkpoint.parents, *checkpoint.training_data]
    return {
        "name": checkpoint.name,
        "licence": checkpoint.licence,
        "status": checkpoint.status.value,
        "notes": checkpoint.notes or "its origin is not lawful",
        "lineage": "; ".join(made_from) or "nothing else, its registry entry says",
        "restrictions": "; ".join(checkpoint.use_restrictions),
        "words": ", ".join(_watched(prompts)),
        "accepted": accepted,
        "held": "" if accepted else HELD,
        "use": use,
    }
