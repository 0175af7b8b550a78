"""The rights gate: may this checkpoint, for this use, make this set? Decided before a model loads, with reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from specs.canonical import Json, value_sha256
from specs.checkpoint import Checkpoint, Status
from specs.spec import RightsClaim

POLICY_KIND = "limner.rights-policy/1"
UNKNOWN = "unknown"
NO_NOTES = "its origin is not lawful"
# The policy is data: each code with its rule, the sentence that a decision gives. A change here changes policy_sha256.
POLICY: Mapping[str, str] = MappingProxyType(
    {
        "origin_refused": "{name} is refused: {notes}. Nothing may be made with it; use another checkpoint.",
        "parent_refused": "{name} was made from {refused}. Nothing may be made with it; use another checkpoint.",
        "licence_known": "{name} is under {licence} ({status}).",
        "lineage_known": "It was made from {lineage}.",
        "licence_unknown": "The licence of {name} is unknown{held}.",
        "lineage_unknown": "What {name} was made from is not known{held}.",
        "status_unknown": "Nobody has established where {name} comes from{held}.",
        "parent_unknown": "It was made from {unsure}, whose licence or origin is unknown{held}.",
        "unknown_accepted": "The spec accepts that, in its author's words: {accepted}",
        "no_commercial_export": "What it makes cannot be exported for commercial use.",
        "noncommercial_licence": "{limiting} does not allow commercial use; allowed: use: noncommercial or "
        "use: internal, or another checkpoint.",
        "commercial_terms_unknown": "Whether {limiting} allows commercial use is not known; allowed: use: "
        "noncommercial or use: internal, or an entry that says commercial: true with its source.",
        "use_restricted": "{restricting} forbids these uses, of the weights and of what they make: {restrictions}.",
        "prompt_near_restriction": "Prompts of this set say {words}; read the restrictions of {restricting} before "
        "publishing what they make.",
        "not_commercial": "The use is {use}; commercial export needs a spec that says use: commercial.",
    }
)
REFUSING = frozenset(
    {"origin_refused", "parent_refused", "licence_unknown", "lineage_unknown", "status_unknown", "parent_unknown"}
    | {"noncommercial_licence", "commercial_terms_unknown"}
)
ACCEPTABLE = frozenset({"licence_unknown", "lineage_unknown", "status_unknown", "parent_unknown"})
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


def decide(
    checkpoint: Checkpoint,
    use: str,
    claim: RightsClaim,
    prompts: Sequence[str] = (),
    ancestors: Sequence[Checkpoint] = (),
) -> RightsDecision:
    """The decision for one checkpoint and one use. Pure: the same arguments give the same decision.

    ``use`` is commercial, noncommercial or internal. Unknown licence or lineage renders only with the claim's reason,
    and is then never exported commercially. A refused origin never renders. No checkpoint is better than any of its
    ``ancestors``: what they are refused, unknown or restricted for counts for it.
    """
    family = _Family(checkpoint, tuple(ancestors))
    codes = _codes(family, use, prompts)
    unknown = [code for code in codes if code in ACCEPTABLE]
    refused = [code for code in codes if code in REFUSING]
    accepted = claim.accept_unknown.strip() if unknown else ""
    if accepted:
        refused = [code for code in refused if code not in ACCEPTABLE]
        codes = list(dict.fromkeys([*codes, "unknown_accepted", "no_commercial_export"]))
    may_render = not refused
    sentences = _sentences(family, use, accepted, prompts)
    commercial = use == "commercial" and not unknown and all(one.commercial is True for one in family.all)
    return RightsDecision(
        checkpoint=checkpoint.name,
        weights_id=checkpoint.weights_id if checkpoint.files else "",
        licence=checkpoint.licence,
        use=use,
        may_render=may_render,
        may_export_commercially=may_render and commercial,
        codes=tuple(codes),
        reasons=tuple(POLICY[code].format_map(sentences) for code in codes),
        accepted_reason=accepted,
        policy_sha256=policy_sha256(),
    )


@dataclass(frozen=True, slots=True)
class _Family:
    """A checkpoint with all that it was made from."""

    checkpoint: Checkpoint
    ancestors: tuple[Checkpoint, ...]

    @property
    def all(self) -> tuple[Checkpoint, ...]:
        return (self.checkpoint, *self.ancestors)

    @property
    def refused(self) -> list[Checkpoint]:
        return [one for one in self.ancestors if one.status is Status.REFUSED]

    @property
    def unsure(self) -> list[Checkpoint]:
        return [
            one
            for one in self.ancestors
            if one.licence == UNKNOWN or one.status is Status.UNKNOWN or not one.lineage_known
        ]

    def limiting(self, commercial: bool | None) -> list[Checkpoint]:
        """Those whose known licence says this of commercial use."""
        return [one for one in self.all if one.licence != UNKNOWN and one.commercial is commercial]

    @property
    def restricting(self) -> list[Checkpoint]:
        return [one for one in self.all if one.use_restrictions]


def _codes(family: _Family, use: str, prompts: Sequence[str]) -> list[str]:
    checkpoint = family.checkpoint
    if checkpoint.status is Status.REFUSED:
        return ["origin_refused"]
    if family.refused:
        return ["parent_refused"]
    codes = ["licence_unknown" if checkpoint.licence == UNKNOWN else "licence_known"]
    if checkpoint.status is Status.UNKNOWN:
        codes.append("status_unknown")
    codes.append("lineage_known" if checkpoint.lineage_known else "lineage_unknown")
    if family.unsure:
        codes.append("parent_unknown")
    if family.limiting(False) or family.limiting(None):
        if use == "commercial":
            codes.append("noncommercial_licence" if family.limiting(False) else "commercial_terms_unknown")
        else:
            codes.append("no_commercial_export")
    if family.restricting:
        codes.append("use_restricted")
        if _watched(prompts):
            codes.append("prompt_near_restriction")
    if use != "commercial":
        codes.append("not_commercial")
    return codes


def _watched(prompts: Sequence[str]) -> list[str]:
    text = "\n".join(prompts).casefold()
    return [word for word in WATCHED_WORDS if word in text]


def _sentences(family: _Family, use: str, accepted: str, prompts: Sequence[str]) -> dict[str, str]:
    checkpoint = family.checkpoint
    made_from = [*checkpoint.parents, *checkpoint.training_data]
    limiting = family.limiting(False) or family.limiting(None)
    return {
        "name": checkpoint.name,
        "licence": checkpoint.licence,
        "status": checkpoint.status.value,
        "notes": checkpoint.notes or NO_NOTES,
        "refused": "; ".join(f"{one.name}, which is refused: {one.notes or NO_NOTES}" for one in family.refused),
        "unsure": ", ".join(one.name for one in family.unsure),
        "lineage": "; ".join(made_from) or "nothing else, its registry entry says",
        "limiting": _joined(f"{one.licence} of {one.name}" for one in limiting),
        "restricting": _joined(one.licence for one in family.restricting),
        "restrictions": "; ".join(dict.fromkeys(text for one in family.all for text in one.use_restrictions)),
        "words": ", ".join(_watched(prompts)),
        "accepted": accepted,
        "held": "" if accepted else HELD,
        "use": use,
    }


def _joined(names: Iterable[str]) -> str:
    return " and ".join(dict.fromkeys(names))
