"""All scorers of a set, loaded once: pixels in, scorecards out, with one CLIP pass a picture.

Imports torch.

Scores read the embedding as it is stored (float16), so that scoring a picture and rescoring its stored embedding
give the same numbers. Safety alone reads it as computed (float32): it must decide exactly as the checker does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scoring.adherence import Adherence, measure_adherence
from scoring.aesthetic.heads import Head
from scoring.aesthetic.score import load_aesthetic
from scoring.clip.embedding import Clip, DeviceSetting, Pixels, check_pixels, load_clip
from scoring.clip.prompt_windows import windows_identity
from scoring.defects.find import Frame, find_defects
from scoring.defects.frames import with_frame
from scoring.errors import ScorerError
from scoring.identity import scorer_identity
from scoring.likeness.hashes import phash
from scoring.plugins import Scorer, load_others, measure_others, other_identities
from scoring.safety.checker import Checker, load_checker
from scoring.safety.concepts import unknown
from scoring.safety.forbidden import (
    Forbidden,
    load_second,
    make_forbidden,
    second_opinions,
    with_forbidden,
    with_second_opinion,
)
from scoring.scorecard import Safety, Scorecard
from scoring.threads import one_thread
from specs.checkpoint import Checkpoint

Loaded = tuple[Checkpoint, Path] | None
NO_CHECKER = "the spec says to do without a safety checker"


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What is stored of one candidate: ``embedding`` (D,) float16 (zeros when none), ``phash`` 16 hex digits."""

    embedding: NDArray[np.float16]
    phash: str
    scorecard: Scorecard


@dataclass(eq=False)
class LoadedScorers:
    """``texts`` (T, D): each different prompt of the set once; ``own[asset]`` is its row.

    ``failures``: what went wrong with scorers of others, by their names, in words (see ``scoring.plugins``).
    """

    clip: Clip | None
    head: Head | None
    checker: Checker | None
    texts: NDArray[np.float32]
    own: Mapping[str, int]
    frames: Mapping[str, Frame]
    identity: tuple[tuple[str, str], ...]
    prompts: Mapping[str, str] = field(default_factory=dict)
    forbidden: Forbidden | None = None
    second: Head | None = None
    others: Mapping[str, Scorer] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    @one_thread()
    def embed(self, pixels: Pixels) -> NDArray[np.float32]:
        """(B, H, W, 3) uint8 → (B, D), L2-normalised; raises ScorerError when the set does without a CLIP."""
        if self.clip is None:
            raise ScorerError("style.references: a look is compared by a CLIP; name one in scoring.clip")
        return self.clip.embed(pixels)

    @one_thread()
    def measure(
        self, pixels: Pixels, finite: Sequence[bool], asset_ids: Sequence[str], image_sha256s: Sequence[str]
    ) -> list[Measured]:
        """Score (B, H, W, 3) uint8 pictures of these assets; one Measured each, in order."""
        check_pixels(pixels)
        counts = {len(pixels), len(finite), len(asset_ids), len(image_sha256s)}
        if len(counts) != 1:
            raise ValueError(f"pixels, finite, asset_ids and image_sha256s must be of one length; got {sorted(counts)}")
        if not len(pixels):
            return []
        exact = self.clip.embed(pixels) if self.clip else np.zeros((len(pixels), 0), np.float32)
        stored = exact.astype(np.float16)
        aesthetic = self.head.score(stored) if self.head else np.full(len(pixels), np.nan)
        adherence = self._adherence(stored, asset_ids)
        safety = self._safety(pixels, exact, stored, finite)
        extra = measure_others(self.others, pixels, [self.prompts[asset] for asset in asset_ids], self.failures)
        return [
            Measured(
                embedding=np.nan_to_num(stored[row]),
                phash=phash(pixels[row]),
                scorecard=_card(
                    image_sha256s[row],
                    float(aesthetic[row]),
                    adherence[row],
                    safety[row],
                    find_defects(pixels[row], self.frames.get(asset_ids[row]), finite[row]),
                    with_frame(self.identity, self.frames.get(asset_ids[row])),
                    extra[row],
                ),
            )
            for row in range(len(pixels))
        ]

    def _adherence(self, stored: NDArray[np.float16], asset_ids: Sequence[str]) -> list[Adherence | None]:
        if self.clip is None:
            return [None] * len(stored)
        return measure_adherence(stored, self.texts, [self.own[asset] for asset in asset_ids], self.clip.logit_scale)

    def _safety(
        self, pixels: Pixels, exact: NDArray[np.float32], stored: NDArray[np.float16], finite: Sequence[bool]
    ) -> list[Safety]:
        if self.checker is None:
            return [unknown(NO_CHECKER)] * len(pixels)
        found = self.checker.measure(pixels, exact)
        if self.forbidden:
            scores = self.forbidden.measure(stored)
            found = [with_forbidden(safety, row) for safety, row in zip(found, scores, strict=True)]
        if self.second:
            chances = second_opinions(self.second, stored)
            found = [with_second_opinion(safety, chance) for safety, chance in zip(found, chances, strict=True)]
        why = "the picture is not finite (NaN), so there is nothing to check"
        return [safety if good else unknown(why, safety.covers) for safety, good in zip(found, finite, strict=True)]


def _card(
    image_sha256: str,
    aesthetic: float,
    adherence: Adherence | None,
    safety: Safety,
    defects: tuple[str, ...],
    identity: tuple[tuple[str, str], ...],
    extra: tuple[tuple[str, float], ...],
) -> Scorecard:
    return Scorecard(
        image_sha256=image_sha256,
        aesthetic=aesthetic if np.isfinite(aesthetic) else None,
        adherence=adherence.cosine if adherence else None,
        rank=adherence.rank if adherence else None,
        margin=adherence.margin if adherence else None,
        safety=safety,
        defects=defects,
        scorers=identity,
        extra=extra,
    )


@one_thread()
def load_scorers(
    clip: Loaded,
    aesthetic: Loaded,
    safety: Loaded,
    prompts: Mapping[str, str],
    setting: DeviceSetting,
    forbid: Sequence[str] = (),
    batch_size: int = 8,
    frames: Mapping[str, Frame] | None = None,
    second_opinion: Loaded = None,
    others: Sequence[str] = (),
) -> LoadedScorers:
    """Load what a set needs; None = the spec does without it (safety: every picture is then unknown).

    ``prompts`` is each asset's expanded prompt, of the whole set: identification ranks among all of them. ``frames``:
    what each asset's picture is for (trim box, dpi, tiling). ``forbid``: concepts that the spec forbids, which need a
    CLIP. ``others``: names of scorers of others (see ``scoring.plugins``).
    Raises ScorerError (missing, damaged, random) or ScorerMismatchError (a head of another CLIP), before any picture.
    """
    loaded = load_clip(*clip, setting, batch_size) if clip else None
    head = load_aesthetic(*aesthetic, loaded.weights_sha256s, loaded.dim) if aesthetic and loaded else None
    checker = load_checker(*safety, loaded, setting, batch_size) if safety else None
    if forbid and loaded is None:
        raise ScorerError(f"content.forbid: got {', '.join(forbid)} without a CLIP; name one in scoring.clip")
    if second_opinion and loaded is None:
        name = second_opinion[0].name
        raise ScorerError(f"scoring.second_opinion: got {name} without a CLIP; name one in scoring.clip")
    second = load_second(*second_opinion, loaded.weights_sha256s, loaded.dim) if second_opinion and loaded else None
    checkpoints = [pair[0] if pair else None for pair in (clip, aesthetic, safety, second_opinion)]
    distinct = list(dict.fromkeys(prompts.values()))
    rows = {text: row for row, text in enumerate(distinct)}
    return LoadedScorers(
        clip=loaded,
        head=head,
        checker=checker,
        texts=loaded.embed_texts(distinct) if loaded else np.zeros((0, 0), np.float32),
        own={asset: rows[text] for asset, text in prompts.items()},
        frames=frames or {},
        identity=scorer_identity(
            checkpoints[0],
            checkpoints[1],
            checkpoints[2],
            forbid,
            other_identities(others),
            checkpoints[3],
            windows_identity(clip[1] if clip else None, distinct),
            distinct,
        ),
        prompts=dict(prompts),
        forbidden=make_forbidden(forbid, distinct, loaded.embed_texts, loaded.logit_scale) if loaded else None,
        second=second,
        others=load_others(others, setting.device),
    )
