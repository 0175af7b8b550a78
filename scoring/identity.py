"""Which scorers were asked, as ids that a scorecard carries: a change of any makes the card stale. Torch-free.

``limner plan`` compares these with what the catalog holds, without loading a model.
"""

from __future__ import annotations

from collections.abc import Sequence

from specs.canonical import content_id
from specs.checkpoint import Checkpoint
from specs.errors import LimnerError

NONE = "none"
MEASURES = "limner.measures/4"  # raise when what defects, likeness, identification or safety compute changes
PROMPTS_ROLE = "prompts"  # on a card alone: what decides between keep and reject names it not (``without_prompts``)
PROMPTS_KIND = "limner.prompts/1"
FORBID_KIND = "limner.forbid/4"


def scorer_identity(
    clip: Checkpoint | None,
    aesthetic: Checkpoint | None,
    safety: Checkpoint | None,
    forbid: Sequence[str] = (),
    others: Sequence[tuple[str, str]] = (),
    second_opinion: Checkpoint | None = None,
    windows: str = "",
    prompts: Sequence[str] = (),
) -> tuple[tuple[str, str], ...]:
    """(role, identity) sorted by role; identity is the ``weights_id`` of the checkpoint, or ``none``.

    Roles: aesthetic, clip, measures (the code's own version), safety; ``forbid`` when the spec forbids concepts;
    ``safety-second`` for a second opinion; ``windows`` where a prompt of the set is longer than the CLIP reads at once
    (``prompt_windows.windows_identity``; cards of other sets stay as they are); ``prompts`` for the different prompts
    that pictures are ranked against, with a CLIP; ``other:<name>`` for each scorer of others. A checkpoint whose files
    are not hashed yet raises LimnerError.
    """
    roles = {
        "aesthetic": _id(aesthetic),
        "clip": _id(clip),
        "measures": MEASURES,
        "safety": _id(safety),
    }
    if second_opinion is not None:
        roles["safety-second"] = _id(second_opinion)
    if forbid:
        roles["forbid"] = content_id(FORBID_KIND, sorted(set(forbid)))
    if prompts and clip is not None:
        roles[PROMPTS_ROLE] = content_id(PROMPTS_KIND, sorted(set(prompts)))
    if windows:
        roles["windows"] = windows
    roles.update({f"other:{name}": identity for name, identity in others})
    return tuple(sorted(roles.items()))


def without_prompts(identity: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The scorers that decide: a further row of the set changes what pictures are ranked against, not the rules."""
    return tuple(one for one in identity if one[0] != PROMPTS_ROLE)


def _id(checkpoint: Checkpoint | None) -> str:
    if checkpoint is None:
        return NONE
    if not checkpoint.files:
        raise LimnerError(
            f"scorer {checkpoint.name!r}: its files have no hashes yet, so it has no identity; "
            "hash its folder first (limner does so when it locates the weights)"
        )
    return checkpoint.weights_id
