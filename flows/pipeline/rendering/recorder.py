"""From pixels to rows: encode and score at the same time, judge, then hand the batch to the catalog in one go."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from catalog.catalog import Catalog
from catalog.database.rows import now
from catalog.objects.areas import Area, ImageState
from catalog.provenance import Embedding, Record, Reuse
from catalog.queries.candidate_state import Claim, MadeImage
from catalog.writes.runs import Run
from flows.pipeline.planning import PlannedCandidate
from flows.pipeline.rendering.renderer import RenderedBatch
from flows.pipeline.rendering.scorers import Pixels, Scorers
from flows.pipeline.resolve import ResolvedSpec
from flows.progress import ProgressBar
from generator.candidate import Candidate, Execution
from generator.pictures.images import Embedded, encode_png, pixels_sha256, read_png
from scoring.deciders import Decider
from scoring.reasons import DROPPED
from scoring.scorecard import SafetyState, Scorecard
from scoring.verdict import Verdict, judge
from specs.canonical import sha256_hex
from specs.job import Job

if TYPE_CHECKING:
    from scoring.scorers import Measured


class Recorder:
    """Used by the line's threads: ``claim`` and ``reuse`` by the painting one, ``load`` and ``record`` by the other."""

    def __init__(
        self, resolved: ResolvedSpec, catalog: Catalog, run: Run, load_scorers: Callable[[], Scorers], bar: ProgressBar
    ) -> None:
        self._resolved, self._catalog, self._run, self._bar = resolved, catalog, run, bar
        self._load_scorers = load_scorers
        self._scorers: Scorers | None = None
        self._loading = threading.Lock()
        self._checked = False

    def load(self) -> Scorers:
        """The scorers, loaded at the first call, which takes a second or more."""
        with self._loading:
            if self._scorers is None:
                self._scorers = self._load_scorers()
            return self._scorers

    @property
    def warnings(self) -> list[str]:
        """What the scorers that are loaded have to say."""
        return list(self._scorers.failures.values()) if self._scorers else []

    def claim(self, job_ids: Sequence[str]) -> Claim:
        """Which of the jobs this run is to make."""
        return self._catalog.claim(job_ids, self._run)

    def record(self, rendered: RenderedBatch, entries: Mapping[str, Sequence[PlannedCandidate]], pool: Executor) -> int:
        """Encode, score, judge and store a batch; returns how many candidates are new."""
        encoded = list(pool.map(partial(self._encode, rendered.execution), rendered.jobs, rendered.pixels))
        rows = [
            (index, entry) for index, job in enumerate(rendered.jobs) for entry in entries[job.job_id]
        ]  # one picture may serve several assets
        measured = self._measure(rendered, [index for index, _ in rows], [entry for _, entry in rows], encoded)
        seconds = rendered.seconds / len(rendered.jobs)
        records = [
            self._record(entry, rendered.pixels[index], encoded[index], rendered.execution, seconds, found)
            for (index, entry), found in zip(rows, measured, strict=True)
        ]
        self._check_weights()
        self._catalog.record(records)
        self._bar.add(len(records), sum(record.verdict is None for record in records))
        return len(records)

    def reuse(self, picture: MadeImage, entries: Sequence[PlannedCandidate]) -> int:
        """Give a picture that is in the library to further assets: measured against their prompts, not rendered.

        One whose pixels were dropped keeps the scores that it was dropped for, and is rejected.
        """
        dropped = picture.state != ImageState.PRESENT
        cards = [None] * len(entries) if dropped else self._measure_again(picture, entries)
        reused = [self._reuse(picture, entry, card) for entry, card in zip(entries, cards, strict=True)]
        self._check_weights()
        self._catalog.reuse(reused)
        self._bar.add(len(reused), sum(item.verdict is None for item in reused))
        return len(reused)

    def _check_weights(self) -> None:
        """Before the first record that all weights are loaded for: none was replaced since it was hashed."""
        if not self._checked:
            self._resolved.require_unchanged_weights()
            self._checked = self._scorers is not None

    def _measure_again(self, picture: MadeImage, entries: Sequence[PlannedCandidate]) -> list[Scorecard | None]:
        data = self._catalog.picture(picture.image_sha256)
        pixels = np.stack([read_png(data).pixels] * len(entries))
        ids, hashes = [entry.asset_id for entry in entries], [picture.image_sha256] * len(entries)
        return [found.scorecard for found in self.load().measure(pixels, [True] * len(entries), ids, hashes)]

    def _reuse(self, picture: MadeImage, entry: PlannedCandidate, card: Scorecard | None) -> Reuse:
        policy = self._resolved.policies[entry.asset_id]
        gone = Verdict(picture.image_sha256, False, (DROPPED,), Decider.POLICY, policy, now())
        return Reuse(
            set_name=self._resolved.spec.set_name,
            asset_id=entry.asset_id,
            number=entry.number,
            job_id=entry.job.job_id,
            spec_sha256=self._resolved.spec.spec_sha256,
            scorecard=card,
            verdict=gone if card is None else self._verdict(entry.asset_id, card),
            made_at=now(),
        )

    def _encode(self, execution: Execution, job: Job, pixels: Pixels) -> bytes:
        return encode_png(pixels, Embedded(job, self._resolved.image.checkpoint, execution))

    def _measure(
        self,
        rendered: RenderedBatch,
        indices: Sequence[int],
        entries: Sequence[PlannedCandidate],
        encoded: Sequence[bytes],
    ) -> list[Measured]:
        hashes = [sha256_hex(data) for data in encoded]
        return self.load().measure(
            rendered.pixels[list(indices)],
            [rendered.finite[index] for index in indices],
            [entry.asset_id for entry in entries],
            [hashes[index] for index in indices],
        )

    def _record(
        self,
        entry: PlannedCandidate,
        pixels: Pixels,
        data: bytes,
        execution: Execution,
        seconds: float,
        found: Measured,
    ) -> Record:
        card = found.scorecard
        verdict = self._verdict(entry.asset_id, card)
        clear = card.safety.state is SafetyState.CLEAR
        candidate = Candidate(
            job=entry.job,
            image_sha256=card.image_sha256,
            pixels_sha256=pixels_sha256(pixels),
            width_px=int(pixels.shape[1]),
            height_px=int(pixels.shape[0]),
            execution=execution,
            seconds=seconds,
        )
        clip = self._resolved.scorers["clip"]
        embedding = Embedding(clip.checkpoint.weights_id, found.embedding) if clip else None
        return Record(
            set_name=self._resolved.spec.set_name,
            asset_id=entry.asset_id,
            number=entry.number,
            candidate=candidate,
            scorecard=card,
            embedding=embedding,
            phash=found.phash,
            spec_sha256=self._resolved.spec.spec_sha256,
            area=Area.OBJECTS if clear else Area.QUARANTINE,
            png=data,
            verdict=verdict,
            made_at=now(),
            keep_pixels=verdict is None or not clear or self._resolved.spec.reject_pixels == "keep",
        )

    def _verdict(self, asset_id: str, card: Scorecard) -> Verdict | None:
        """A rejection where a rule is not met; None leaves the choice to ``settle``."""
        reasons = judge(card, self._resolved.plans[asset_id].asset.keep)
        if not reasons:
            return None
        return Verdict(card.image_sha256, False, reasons, Decider.POLICY, self._resolved.policies[asset_id], now())
