"""Scorecards that other scorers made than the spec now asks for: bring them up to date, rendering nothing.

Where only the aesthetic head changed, stored embeddings are enough: no picture is decoded, torch is not loaded. A new
CLIP, checker, forbidden concept or scorer of others looks at the pictures again. A picture whose pixels were dropped
keeps its card, and its verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from catalog.made import MadeCandidate
from catalog.store import Catalog
from flows.planning import Made, present
from flows.recording import Scorers
from flows.work import Work
from generator.images import read_png
from scoring.aesthetic import load_aesthetic
from scoring.rescore import rescore, roles_that_need_pixels
from scoring.scorecard import SafetyState, Scorecard


def refresh(work: Work, catalog: Catalog, made: Made, load_scorers: Callable[[], Scorers]) -> int:
    """Measure again what is stale among the candidates of the present recipe; returns how many cards are new."""
    stale = [item for item in _stale(work, made) if item[0].state == "present"]
    asked = work.scorer_ids
    by_pixels = [item for item in stale if roles_that_need_pixels(item[1].scorers, asked)]
    by_embedding = [item for item in stale if not roles_that_need_pixels(item[1].scorers, asked)]
    fresh = _from_embeddings(work, catalog, by_embedding) if by_embedding else []
    if by_pixels:
        fresh += _from_pixels(catalog, by_pixels, load_scorers())
    catalog.rescore([(candidate.key, card) for candidate, card in fresh])
    for area, states in (("objects", {SafetyState.CLEAR}), ("quarantine", {SafetyState.FLAGGED, SafetyState.UNKNOWN})):
        moved = [old.image_sha256 for old, card in fresh if card.safety.state in states and old.area != area]
        if moved:
            catalog.relocate(moved, area)
    return len(fresh)


def _stale(work: Work, made: Made) -> Iterable[tuple[MadeCandidate, Scorecard]]:
    """Candidates that the policy in force (it names the scorers) has not judged, and whose card names others."""
    for asset_id, plan in work.plans.items():
        for candidate in present(plan, made.get(asset_id, {})).values():
            if not candidate.judged_by(work.policies[asset_id]):
                card = candidate.scorecard
                if tuple(sorted(card.scorers)) != work.scorer_ids:
                    yield candidate, card


def _from_embeddings(
    work: Work, catalog: Catalog, items: Sequence[tuple[MadeCandidate, Scorecard]]
) -> list[tuple[MadeCandidate, Scorecard]]:
    clip, aesthetic = work.scorers["clip"], work.scorers["aesthetic"]
    assert clip is not None, "without a CLIP only a look at the pixels scores, and that is the other case"
    found = catalog.embeddings(work.spec.set_name, clip.checkpoint.weights_id)
    row = {sha256: index for index, sha256 in enumerate(found.image_sha256s)}
    known = [item for item in items if item[0].image_sha256 in row]
    vectors = found.vectors[[row[made.image_sha256] for made, _ in known]]
    head = None
    if aesthetic is not None and aesthetic.folder is not None:
        clip_files = tuple(file.sha256 for file in clip.checkpoint.files)
        head = load_aesthetic(aesthetic.checkpoint, aesthetic.folder, clip_files, vectors.shape[1])
    cards = rescore([card for _, card in known], vectors, head, work.scorer_ids).cards
    return [(made, card) for (made, _), card in zip(known, cards, strict=True)]


def _from_pixels(
    catalog: Catalog, items: Sequence[tuple[MadeCandidate, Scorecard]], scorers: Scorers
) -> list[tuple[MadeCandidate, Scorecard]]:
    fresh = []
    for made, card in items:
        pixels = read_png(catalog.picture(made.image_sha256)).pixels[np.newaxis]
        finite = ["nan_black" not in card.defects]
        measured = scorers.measure(pixels, finite, [made.key.asset_id], [made.image_sha256])
        fresh.append((made, measured[0].scorecard))
    return fresh
