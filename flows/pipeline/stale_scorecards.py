"""Scorecards that other scorers made than the spec now asks for: bring them up to date, rendering nothing.

Where a head, a second opinion, a forbidden concept or the set's prompts changed, stored embeddings are enough: no
picture is decoded. Torch is loaded only for forbidden words and prompts, which the CLIP's text half reads. A new CLIP,
checker, frame or scorer of others looks at the pictures again. A picture whose pixels were dropped keeps its card, and
its verdict.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from catalog.catalog import Catalog
from catalog.database.scorecards import card_text
from catalog.objects.areas import Area, ImageState
from catalog.provenance import CandidateKey, Embedding
from catalog.queries.candidate_state import CandidateState, Embeddings
from catalog.writes.register import text
from flows.pipeline.planning import Candidates, present
from flows.pipeline.rendering.scorers import Scorers
from flows.pipeline.resolve import LocatedWeights, ResolvedSpec
from generator.pictures.images import read_png
from scoring.aesthetic.heads import Head
from scoring.aesthetic.score import load_aesthetic
from scoring.defects.frames import Identity
from scoring.from_embeddings import Heads, Prompts, rescore, roles_that_need_pixels
from scoring.identity import PROMPTS_ROLE
from scoring.safety.forbidden import load_second
from scoring.scorecard import SafetyState, Scorecard
from specs.errors import UsageError

Item = tuple[CandidateState, Scorecard]
Change = tuple[CandidateState, CandidateState]  # a candidate before and after
AT_ONCE = 4096  # embeddings that are copied: a whole set's are as large as what is stored of it
AREAS = {SafetyState.CLEAR: Area.OBJECTS, SafetyState.FLAGGED: Area.QUARANTINE, SafetyState.UNKNOWN: Area.QUARANTINE}


class NeedsPixelsError(UsageError):
    """Scorers changed that must look at the pictures again, and nobody allowed that."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """``now``: what was measured again, as it is then; ``looked_at``: how many of it by a new look, embedded anew."""

    now: Mapping[CandidateKey, CandidateState]
    looked_at: int


def refresh(
    resolved: ResolvedSpec,
    catalog: Catalog,
    made: Candidates,
    load_scorers: Callable[[], Scorers],
    *,
    decode: bool = True,
    stored: Embeddings | None = None,
) -> Refreshed:
    """Measure again what is stale among the candidates of the present recipe.

    ``stored``: the set's embeddings, where they are at hand.

    Raises NeedsPixelsError, before any card is written, when pictures must be looked at and ``decode`` is false.
    """
    stale = list(_stale(resolved, made))
    by_pixels = [item for item in stale if roles_that_need_pixels(item[1].scorers, _asked(resolved, item[0]))]
    if by_pixels and not decode:
        raise NeedsPixelsError(_what_to_look_at(resolved, by_pixels))
    unseen = {candidate.key for candidate, _ in by_pixels}
    seen = [item for item in stale if item[0].key not in unseen] if unseen else stale
    fresh = _from_embeddings(resolved, catalog, seen, load_scorers, stored)
    looked_at, embeddings = _from_pixels(resolved, catalog, by_pixels, load_scorers) if by_pixels else ([], [])
    fresh += looked_at
    if fresh:
        resolved.require_unchanged_weights()
    _move(catalog, fresh, Area.QUARANTINE)  # first: no crash leaves a flagged picture among the others
    catalog.rescore([now for _, now in fresh], embeddings)
    _move(catalog, fresh, Area.OBJECTS)
    return Refreshed({now.key: now for _, now in fresh}, len(looked_at))


def _move(catalog: Catalog, fresh: Sequence[Change], area: str) -> None:
    moved = [now.image_sha256 for old, now in fresh if now.area == area and old.area != area]
    if moved:
        catalog.relocate(moved, area)


def updated(made: Candidates, fresh: Mapping[CandidateKey, CandidateState]) -> Candidates:
    """What is on record, with these candidates as they are now."""
    return {
        asset_id: {job_id: fresh.get(candidate.key, candidate) for job_id, candidate in jobs.items()}
        for asset_id, jobs in made.items()
    }


def _measured(candidate: CandidateState, before: Scorecard, card: Scorecard) -> Change:
    return candidate, candidate.measured(card, card_text(card, before, candidate.card), AREAS[card.safety.state])


def _asked(resolved: ResolvedSpec, candidate: CandidateState) -> Identity:
    return resolved.identities[candidate.key.asset_id]


def _stale(resolved: ResolvedSpec, made: Candidates) -> Iterable[Item]:
    """Candidates whose card names other scorers, or was ranked against other prompts, than the spec asks for."""
    for asset_id, plan in resolved.plans.items():
        named = f'"scorers":{text(dict(resolved.identities[asset_id]))}}}'  # a card is canonical JSON, and ends so
        for candidate in present(plan, made.get(asset_id, {})).values():
            if candidate.state == ImageState.PRESENT and not candidate.card.endswith(named):
                yield candidate, candidate.scorecard


def _what_to_look_at(resolved: ResolvedSpec, items: Sequence[Item]) -> str:
    roles = Counter(
        role for candidate, card in items for role in roles_that_need_pixels(card.scorers, _asked(resolved, candidate))
    )
    changed = ", ".join(f"{role} ({count})" for role, count in sorted(roles.items()))
    return (
        f"set {resolved.spec.set_name}: got {len(items)} pictures that were measured by others than the spec asks for: "
        f"{changed}; stored embeddings cannot answer for these: allow a new look at the pixels with --decode (the "
        "scorers are loaded, nothing is rendered), or name the scorers from before."
    )


def _from_embeddings(
    resolved: ResolvedSpec,
    catalog: Catalog,
    items: Sequence[Item],
    load_scorers: Callable[[], Scorers],
    stored: Embeddings | None,
) -> list[Change]:
    """New cards for the pictures whose embedding is stored, or, for sets without a CLIP, from nothing."""
    if not items:
        return []
    clip = resolved.scorers["clip"]
    if clip is None:
        vectors, known = np.zeros((1, 0), np.float16), [(0, item) for item in items]
    else:
        found = stored or catalog.embeddings(resolved.spec.set_name, clip.checkpoint.weights_id)
        row = {sha256: index for index, sha256 in enumerate(found.image_sha256s)}
        vectors = found.vectors
        known = [(row[item[0].image_sha256], item) for item in items if item[0].image_sha256 in row]
    heads = _heads(resolved, vectors.shape[1], load_scorers)
    groups: dict[tuple[Identity, bool], list[tuple[int, Item]]] = defaultdict(list)
    for place, item in known:
        asked = _asked(resolved, item[0])
        groups[asked, _ranked_against(item[1].scorers) != _ranked_against(asked)].append((place, item))
    fresh: list[Change] = []
    for (identity, ranked_anew), group in groups.items():
        for start in range(0, len(group), AT_ONCE):
            part = group[start : start + AT_ONCE]
            own = vectors[[place for place, _ in part]]
            prompts = _prompts(load_scorers(), [item[0].key.asset_id for _, item in part]) if ranked_anew else None
            cards = rescore([before for _, (_, before) in part], own, heads, identity, prompts).cards
            fresh += [_measured(*item, card) for (_, item), card in zip(part, cards, strict=True)]
    return fresh


@lru_cache(maxsize=256)  # the cards of a set were measured by few kinds of scorers
def _ranked_against(identity: Identity) -> str:
    return dict(identity).get(PROMPTS_ROLE, "")


def _prompts(scorers: Scorers, asset_ids: Sequence[str]) -> Prompts | None:
    """The set's prompts as the CLIP reads them, and which of them each of these assets has; None without a CLIP."""
    if scorers.clip is None:
        return None
    return Prompts(scorers.texts, [scorers.own[asset_id] for asset_id in asset_ids], scorers.clip.logit_scale)


def _heads(resolved: ResolvedSpec, dim: int, load_scorers: Callable[[], Scorers]) -> Heads:
    """What reads an embedding; the scorers are loaded for the words of forbidden concepts alone."""
    clip = resolved.scorers["clip"]
    if clip is None:
        return Heads()
    files = tuple(file.sha256 for file in clip.checkpoint.files)
    return Heads(
        aesthetic=_head(resolved.scorers["aesthetic"], files, dim, load_aesthetic),
        forbidden=load_scorers().forbidden if resolved.spec.forbid else None,
        second=_head(resolved.scorers["second_opinion"], files, dim, load_second),
    )


def _head(
    weights: LocatedWeights | None, clip_files: tuple[str, ...], dim: int, load: Callable[..., Head]
) -> Head | None:
    if weights is None or weights.folder is None:
        return None
    return load(weights.checkpoint, weights.folder, clip_files, dim)


def _from_pixels(
    resolved: ResolvedSpec, catalog: Catalog, items: Sequence[Item], load_scorers: Callable[[], Scorers]
) -> tuple[list[Change], list[tuple[str, Embedding]]]:
    """New cards and, where there is a CLIP, embeddings from a new look at each picture."""
    scorers, clip = load_scorers(), resolved.scorers["clip"]
    fresh, embeddings = [], []
    for candidate, card in items:
        pixels = read_png(catalog.picture(candidate.image_sha256)).pixels[np.newaxis]
        finite = ["nan_black" not in card.defects]
        measured = scorers.measure(pixels, finite, [candidate.key.asset_id], [candidate.image_sha256])[0]
        fresh.append(_measured(candidate, card, measured.scorecard))
        if clip is not None:
            embeddings.append((candidate.image_sha256, Embedding(clip.checkpoint.weights_id, measured.embedding)))
    return fresh, embeddings
