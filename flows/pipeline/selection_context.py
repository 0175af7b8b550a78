"""Who may be chosen, and by what: candidates judged by the rules, with all that the choice of keepers looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.catalog import Catalog
from catalog.queries.candidate_state import CandidateState, Embeddings
from flows.pipeline.planning import Candidates, present
from flows.pipeline.rendering.scorers import Scorers
from flows.pipeline.resolve import ResolvedSpec
from flows.pipeline.style_references import reference_vectors
from scoring.reasons import TOO_LIKE
from scoring.scorecard import Scorecard
from scoring.selection.select import Choice, Option, select
from scoring.verdict import judge
from specs.expand import AssetPlan
from specs.spec import KeepRules

Vectors = Mapping[str, NDArray[np.float16]]


@dataclass(frozen=True, slots=True)
class Judged:
    """A candidate with its scorecard and the reasons against it (none: it passes)."""

    candidate: CandidateState
    card: Scorecard
    reasons: tuple[str, ...]

    @property
    def by_person(self) -> bool:
        """A person has decided."""
        return self.candidate.by_person

    @property
    def free(self) -> bool:
        """Passes, and no person has decided."""
        return not self.reasons and not self.by_person

    def stands(self, *, anew: bool) -> bool:
        """A keeper that stays one: a person's, or, unless the choice is made anew, a policy's that still passes."""
        return self.candidate.is_keeper and (self.by_person or not (anew or self.reasons))


@dataclass(frozen=True, slots=True, eq=False)
class SelectionContext:
    """What the choice looks at beside scorecards: embeddings and learned taste by picture, the references' vectors."""

    vectors: Vectors
    taste: Mapping[str, float]
    references: NDArray[np.float32] | None


def judged_candidates(candidates: Iterable[CandidateState], keep: KeepRules) -> list[Judged]:
    """Each with what the rules say of its scorecard, whatever its verdicts."""
    cards = [(candidate, candidate.scorecard) for candidate in candidates]
    return [Judged(candidate, card, judge(card, keep)) for candidate, card in cards]


def load_selection_context(
    resolved: ResolvedSpec, catalog: Catalog, load_scorers: Callable[[], Scorers], stored: Embeddings | None = None
) -> SelectionContext:
    """Gather it for a set; the scorers are loaded only for a reference that the CLIP has never seen."""
    clip = resolved.scorers["clip"]
    if clip is None:
        return SelectionContext({}, {}, None)
    clip_id = clip.checkpoint.weights_id
    found = stored or catalog.embeddings(resolved.spec.set_name, clip_id)
    chances = resolved.taste.taste.score(found.vectors).tolist() if resolved.taste and len(found.vectors) else ()
    return SelectionContext(
        vectors=dict(zip(found.image_sha256s, found.vectors, strict=True)),
        taste=dict(zip(found.image_sha256s, chances, strict=True)) if chances else {},
        references=reference_vectors(resolved.references, clip_id, catalog, load_scorers),
    )


def reject_library_duplicates(
    resolved: ResolvedSpec,
    catalog: Catalog,
    judged: Mapping[str, list[Judged]],
    standing: Mapping[str, list[Judged]],
    context: SelectionContext,
) -> dict[str, list[Judged]]:
    """The same, with a reason against each that is too like a keeper of another set of the library.

    The very same picture is no reason: a spec that takes over another's rows asks for it.
    """
    limits = {
        id_: keep.max_likeness
        for id_ in judged
        if (keep := resolved.plans[id_].asset.keep).max_likeness is not None and keep.likeness_to == "library"
    }
    clip = resolved.scorers["clip"]
    elsewhere = catalog.kept_elsewhere(resolved.spec.set_name) if limits and clip else []
    kept = catalog.vectors(elsewhere, clip.checkpoint.weights_id) if clip else {}
    if not kept:
        return dict(judged)
    names, others = list(kept), np.stack(list(kept.values())).astype(np.float32)
    found = dict(judged)
    for id_, limit in limits.items():
        standing_keys = {item.candidate.key for item in standing[id_]}
        asked = [item for item in judged[id_] if item.free and item.candidate.key not in standing_keys]
        like = _likest(asked, context.vectors, names, others, limit)
        found[id_] = [
            replace(item, reasons=(f"{TOO_LIKE}:{like[item.candidate.image_sha256]}",))
            if item.candidate.image_sha256 in like
            else item
            for item in judged[id_]
        ]
    return found


def _likest(
    items: Sequence[Judged], vectors: Vectors, names: Sequence[str], others: NDArray[np.float32], limit: float
) -> dict[str, str]:
    """Picture → the one of ``names`` that it is most like, where that is above the limit."""
    shas = [sha256 for item in items if (sha256 := item.candidate.image_sha256) in vectors]
    if not shas:
        return {}
    cosines = np.stack([vectors[sha256] for sha256 in shas]).astype(np.float32) @ others.T
    cosines[np.array([[sha256 == name for name in names] for sha256 in shas])] = -1.0
    best = cosines.argmax(axis=1)
    return {sha256: names[at] for sha256, at, row in zip(shas, best, cosines, strict=True) if row[at] > limit}


def choose(
    resolved: ResolvedSpec,
    made: Candidates,
    judged: Mapping[str, list[Judged]],
    standing: Mapping[str, list[Judged]],
    context: SelectionContext,
) -> Choice:
    """Fill the free places; keepers that stand, of all assets, are in the choice from the start."""
    return select(**options(resolved, made, judged, standing, context))


def options(
    resolved: ResolvedSpec,
    made: Candidates,
    judged: Mapping[str, list[Judged]],
    standing: Mapping[str, list[Judged]],
    context: SelectionContext,
) -> dict[str, Any]:
    """What ``scoring.selection.select`` and ``scoring.selection.explain`` ask for, by the names of their arguments."""
    found, wanted = [], {}
    for asset_id, plan in resolved.plans.items():
        if asset_id not in judged:
            kept = [candidate for candidate in made.get(asset_id, {}).values() if candidate.is_keeper]
            found += [_option(candidate, candidate.scorecard, context, pinned=True) for candidate in kept]
            wanted[asset_id] = len(kept)
            continue
        wanted[asset_id] = max(places_of(plan, made.get(asset_id, {})), len(standing[asset_id]))
        standing_keys = {item.candidate.key for item in standing[asset_id]}
        for item in judged[asset_id]:
            stands = item.candidate.key in standing_keys
            if stands or item.free:
                found.append(_option(item.candidate, item.card, context, pinned=stands))
    return {
        "options": found,
        "wanted": wanted,
        "weights": resolved.spec.weights,
        "max_likeness": {id_: plan.asset.keep.max_likeness for id_, plan in resolved.plans.items()},
        "references": context.references,
    }


def places_of(plan: AssetPlan, made: Mapping[str, CandidateState]) -> int:
    """How many keepers of the present recipe an asset has places for: a person's of an older one fill theirs."""
    older = {one.key.job_id for one in made.values() if one.by_person and one.is_keeper}
    if older:
        older -= {one.key.job_id for one in present(plan, made).values()}
    return max(0, plan.asset.keep.per_asset - len(older))


def _option(candidate: CandidateState, card: Scorecard, context: SelectionContext, *, pinned: bool) -> Option:
    vector = context.vectors.get(candidate.image_sha256)
    return Option(
        asset_id=candidate.key.asset_id,
        image_sha256=candidate.image_sha256,
        aesthetic=card.aesthetic,
        adherence=card.adherence,
        embedding=vector,
        pinned=pinned,
        taste=context.taste.get(candidate.image_sha256),
    )
