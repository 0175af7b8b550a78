"""Scorecards that other scorers made than the spec now asks for: bring them up to date, rendering nothing.

Where a head, a second opinion or a forbidden concept changed, stored embeddings are enough: no picture is decoded.
Torch is loaded only for forbidden words, which the CLIP's text half reads. A new CLIP, checker, frame or scorer of
others looks at the pictures again. A picture whose pixels were dropped keeps its card, and its verdict.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from catalog.made import MadeCandidate
from catalog.provenance import CandidateKey, Embedding
from catalog.register import text
from catalog.store import Catalog
from flows.planning import Made, present
from flows.recording import Scorers
from flows.work import Weights, Work
from generator.images import read_png
from scoring.aesthetic import load_aesthetic
from scoring.forbid import load_second
from scoring.frames import Identity
from scoring.heads import Head
from scoring.rescore import Heads, rescore, roles_that_need_pixels
from scoring.scorecard import SafetyState, Scorecard
from specs.errors import UsageError

Item = tuple[MadeCandidate, Scorecard]
AREAS = {SafetyState.CLEAR: "objects", SafetyState.FLAGGED: "quarantine", SafetyState.UNKNOWN: "quarantine"}


class NeedsPixelsError(UsageError):
    """Scorers changed that must look at the pictures again, and nobody allowed that."""


def refresh(
    work: Work, catalog: Catalog, made: Made, load_scorers: Callable[[], Scorers], *, decode: bool = True
) -> dict[CandidateKey, MadeCandidate]:
    """Measure again what is stale among the candidates of the present recipe; returns those as they are then.

    Raises NeedsPixelsError, before any card is written, when pictures must be looked at and ``decode`` is false.
    """
    stale = list(_stale(work, made))
    by_pixels = [item for item in stale if roles_that_need_pixels(item[1].scorers, _asked(work, item[0]))]
    if by_pixels and not decode:
        raise NeedsPixelsError(_what_to_look_at(work, by_pixels))
    unseen = {candidate.key for candidate, _ in by_pixels}
    fresh = _from_embeddings(work, catalog, [item for item in stale if item[0].key not in unseen], load_scorers)
    looked_at, embeddings = _from_pixels(work, catalog, by_pixels, load_scorers) if by_pixels else ([], [])
    fresh += looked_at
    now = {candidate.key: _as_measured(candidate, card) for candidate, card in fresh}
    cards = [(candidate.key, card) for candidate, card in fresh]
    _move(catalog, fresh, now, "quarantine")  # first: no crash leaves a flagged picture among the others
    catalog.rescore(cards, embeddings, [candidate.card for candidate in now.values()])
    _move(catalog, fresh, now, "objects")
    return now


def _move(catalog: Catalog, fresh: Sequence[Item], now: Mapping[CandidateKey, MadeCandidate], area: str) -> None:
    moved = [old.image_sha256 for old, _ in fresh if now[old.key].area == area and old.area != area]
    if moved:
        catalog.relocate(moved, area)


def updated(made: Made, fresh: Mapping[CandidateKey, MadeCandidate]) -> Made:
    """What is on record, with these candidates as they are now."""
    return {
        asset_id: {job_id: fresh.get(candidate.key, candidate) for job_id, candidate in jobs.items()}
        for asset_id, jobs in made.items()
    }


def _as_measured(candidate: MadeCandidate, card: Scorecard) -> MadeCandidate:
    state = card.safety.state
    return replace(candidate, card=text(card.value()), parsed=card, safety=state, area=AREAS[state])


def _asked(work: Work, candidate: MadeCandidate) -> Identity:
    return work.identities[candidate.key.asset_id]


def _stale(work: Work, made: Made) -> Iterable[Item]:
    """Candidates that the policy in force (it names the scorers) has not judged, and whose card names others."""
    for asset_id, plan in work.plans.items():
        named = f'"scorers":{text(dict(work.identities[asset_id]))}'  # a card is canonical JSON
        for candidate in present(plan, made.get(asset_id, {})).values():
            unjudged = candidate.state == "present" and not candidate.judged_by(work.policies[asset_id])
            if unjudged and named not in candidate.card:
                yield candidate, candidate.scorecard


def _what_to_look_at(work: Work, items: Sequence[Item]) -> str:
    roles = Counter(
        role for candidate, card in items for role in roles_that_need_pixels(card.scorers, _asked(work, candidate))
    )
    changed = ", ".join(f"{role} ({count})" for role, count in sorted(roles.items()))
    return (
        f"set {work.spec.set_name}: got {len(items)} pictures that were measured by others than the spec asks for: "
        f"{changed}; stored embeddings cannot answer for these: allow a new look at the pixels with --decode (the "
        "scorers are loaded, nothing is rendered), or name the scorers from before."
    )


def _from_embeddings(
    work: Work, catalog: Catalog, items: Sequence[Item], load_scorers: Callable[[], Scorers]
) -> list[Item]:
    """New cards for the pictures whose embedding is stored, or, for sets without a CLIP, from nothing."""
    if not items:
        return []
    clip = work.scorers["clip"]
    known: Sequence[Item] = items
    if clip is None:
        vectors = np.zeros((len(items), 0), np.float16)
    else:
        found = catalog.embeddings(work.spec.set_name, clip.checkpoint.weights_id)
        row = {sha256: index for index, sha256 in enumerate(found.image_sha256s)}
        known = [item for item in items if item[0].image_sha256 in row]
        vectors = found.vectors[[row[made.image_sha256] for made, _ in known]]
    heads = _heads(work, vectors.shape[1], load_scorers)
    groups: dict[Identity, list[int]] = defaultdict(list)
    for number, (candidate, _) in enumerate(known):
        groups[_asked(work, candidate)].append(number)
    fresh: list[Item] = []
    for identity, numbers in groups.items():
        cards = rescore([known[number][1] for number in numbers], vectors[numbers], heads, identity).cards
        fresh += [(known[number][0], card) for number, card in zip(numbers, cards, strict=True)]
    return fresh


def _heads(work: Work, dim: int, load_scorers: Callable[[], Scorers]) -> Heads:
    """What reads an embedding; the scorers are loaded for the words of forbidden concepts alone."""
    clip = work.scorers["clip"]
    if clip is None:
        return Heads()
    files = tuple(file.sha256 for file in clip.checkpoint.files)
    return Heads(
        aesthetic=_head(work.scorers["aesthetic"], files, dim, load_aesthetic),
        forbidden=load_scorers().forbidden if work.spec.forbid else None,
        second=_head(work.scorers["second_opinion"], files, dim, load_second),
    )


def _head(weights: Weights | None, clip_files: tuple[str, ...], dim: int, load: Callable[..., Head]) -> Head | None:
    if weights is None or weights.folder is None:
        return None
    return load(weights.checkpoint, weights.folder, clip_files, dim)


def _from_pixels(
    work: Work, catalog: Catalog, items: Sequence[Item], load_scorers: Callable[[], Scorers]
) -> tuple[list[Item], list[tuple[str, Embedding]]]:
    """New cards and, where there is a CLIP, embeddings from a new look at each picture."""
    scorers, clip = load_scorers(), work.scorers["clip"]
    fresh, embeddings = [], []
    for made, card in items:
        pixels = read_png(catalog.picture(made.image_sha256)).pixels[np.newaxis]
        finite = ["nan_black" not in card.defects]
        measured = scorers.measure(pixels, finite, [made.key.asset_id], [made.image_sha256])[0]
        fresh.append((made, measured.scorecard))
        if clip is not None:
            embeddings.append((made.image_sha256, Embedding(clip.checkpoint.weights_id, measured.embedding)))
    return fresh, embeddings
