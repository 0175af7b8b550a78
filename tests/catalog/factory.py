"""Real values and real PNGs for tests of whatever stands on the catalog; no torch, no model, no network.

with library(tmp_path) as catalog:
    world = World(assets=3)
    world.register(catalog)
    catalog.record(world.records(8))
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from catalog.catalog import Catalog
from catalog.provenance import CandidateKey, Embedding, GitState, Record
from catalog.queries.candidate_state import CandidateState
from generator.candidate import Candidate, Execution
from generator.pictures.images import pixels_sha256
from scoring.scorecard import Safety, SafetyState, Scorecard
from scoring.verdict import Verdict
from specs.canonical import canonical_json, sha256_hex
from specs.checkpoint import Checkpoint, Source, Status, WeightFile
from specs.expand import AssetPlan, expand
from specs.registry.rights import RightsDecision
from specs.spec import Asset, Candidates, KeepRules, Picture, Place, RightsClaim, Scoring, SelectionWeights, Spec

AT = "2026-01-02T03:04:05.000006Z"
CLIP = "clip-tiny"
SCORERS = (("aesthetic", "sha256:" + "a" * 64), ("clip", CLIP), ("safety", "sha256:" + "c" * 64))
POLICY = "d" * 64
GIT = GitState("f" * 40, False)


def checkpoint(name: str = "tiny", architecture: str = "sd1") -> Checkpoint:
    """A pinned checkpoint with two files."""
    files = (WeightFile("model_index.json", sha256_hex(name.encode())), WeightFile("unet/x.safetensors", "b" * 64))
    return Checkpoint(
        name, architecture, Source(folder="/models/" + name), files, "CC0-1.0", Status.DECLARED, True, parents=("none",)
    )


def png(seed: int, side_px: int = 16) -> tuple[bytes, np.ndarray]:
    """A small PNG of noise that no other seed gives, and its pixels (H, W, 3) uint8."""
    pixels = np.random.default_rng(seed).integers(0, 256, (side_px, side_px, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue(), pixels


@dataclass(frozen=True)
class World:
    """A set with some assets, each with ``each`` candidates, and everything that recording one needs."""

    set_name: str = "tavern-items"
    assets: int = 3
    each: int = 8
    seed: int = 1
    side_px: int = 16
    git: GitState | None = GIT

    @cached_property
    def checkpoint(self) -> Checkpoint:
        return checkpoint()

    @cached_property
    def scorers(self) -> dict[str, Checkpoint]:
        return {"clip": checkpoint("tiny-clip", "open-clip"), "aesthetic": checkpoint("tiny-head", "aesthetic-head")}

    @cached_property
    def rights(self) -> RightsDecision:
        return RightsDecision(
            "tiny",
            self.checkpoint.weights_id,
            "CC0-1.0",
            "commercial",
            True,
            True,
            ("ok",),
            ("It is free.",),
            "",
            POLICY,
        )

    @cached_property
    def spec(self) -> Spec:
        picture = Picture(self.side_px, self.side_px, None, 4, 4.0, "euler")
        assets = tuple(self._asset(f"item-{n:03d}", picture, n) for n in range(self.assets))
        text = f"set: {self.set_name}\nseed: {self.seed}\nassets: {self.assets}\n"
        return Spec(
            set_name=self.set_name,
            title="Items",
            use="commercial",
            checkpoint="tiny",
            seed=self.seed,
            assets=assets,
            keep=KeepRules(),
            schedule=None,
            rights=RightsClaim(),
            scoring=Scoring(),
            weights=SelectionWeights(),
            forbid=(),
            reject_pixels="keep",
            path="specs/items.yaml",
            text=text,
            spec_sha256=sha256_hex(text.encode()),
            sources=(("cards.csv", "e" * 64),),
        )

    def _asset(self, asset_id: str, picture: Picture, line: int) -> Asset:
        prompt = f"a {asset_id} on a table, {self.set_name}"
        candidates = Candidates(self.each, self.each)
        place = Place("specs/items.yaml", line + 4, 3)
        return Asset(
            asset_id, asset_id.title(), (("subject", asset_id),), prompt, "blurry", picture, KeepRules(), candidates,
            None, place,
        )  # fmt: skip

    @cached_property
    def plans(self) -> tuple[AssetPlan, ...]:
        return expand(self.spec, self.checkpoint)

    @cached_property
    def execution(self) -> Execution:
        return Execution("cpu", "a tested CPU", "float32", 4, False, 2, (("diffusers", "0.42.1"), ("torch", "2.14.1")))

    def register(self, catalog: Catalog) -> None:
        """Register the set."""
        catalog.register(self.spec, self.checkpoint, self.scorers, self.plans, self.rights, self.git)

    def record(self, number: int) -> Record:
        """Candidate ``number`` of the whole set: the assets take turns. Its pixels depend on its job alone."""
        plan, turn = self.plans[number % self.assets], number // self.assets
        job = plan.job(turn)
        data, pixels = png(int(job.job_id[7:15], 16), self.side_px)
        sha256 = sha256_hex(data)
        vector = np.random.default_rng(number).standard_normal(8).astype(np.float16)
        made = Candidate(job, sha256, pixels_sha256(pixels), self.side_px, self.side_px, self.execution, 0.25)
        verdict = Verdict(sha256, turn == 0, () if turn == 0 else ("below_min_aesthetic",), "policy", POLICY, AT)
        return Record(
            self.set_name, plan.asset.asset_id, turn, made, card(sha256, 5.0 + turn / 10), Embedding(CLIP, vector),
            f"{number:016x}", self.spec.spec_sha256, "objects", data, verdict, AT,
        )  # fmt: skip

    def records(self, count: int, start: int = 0) -> list[Record]:
        """Candidates ``start`` … ``start + count - 1``."""
        return [self.record(number) for number in range(start, start + count)]

    def key(self, number: int) -> CandidateKey:
        """The key of candidate ``number``."""
        return self.record(number).key


def card(image_sha256: str, aesthetic: float = 5.0, state: SafetyState = SafetyState.CLEAR) -> Scorecard:
    """A scorecard with every field in use."""
    safety = Safety(state, (), "no sexual content detected", (("nudity", -0.1), ("special", 0.02)), "")
    return Scorecard(
        image_sha256, aesthetic, 0.25, 1, 0.5, safety, (), SCORERS, (("taste", 0.5),)
    )  # fmt: skip


def measure_again(catalog: Catalog, key: CandidateKey, card: Scorecard) -> None:
    """Put a candidate's next scorecard on record."""
    made = catalog.candidates(key.set_name)[key.asset_id][key.job_id]
    catalog.rescore([made.measured(card, canonical_json(card.value()).decode(), made.area)])


def quarantined(record: Record, state: SafetyState = SafetyState.FLAGGED) -> Record:
    """The same candidate, not measured clear."""
    return replace(record, area="quarantine", scorecard=card(record.candidate.image_sha256, state=state))


def by_person(record: Record, keep: bool, *reasons: str, note: str = "", at: str = AT) -> Verdict:
    """A person's verdict on a candidate."""
    return Verdict(record.candidate.image_sha256, keep, reasons, "person:ada", "", at, note)


def by_policy(record: Record, keep: bool, *reasons: str, policy: str = POLICY, at: str = AT) -> Verdict:
    """A policy's verdict on a candidate."""
    return Verdict(record.candidate.image_sha256, keep, reasons, "policy", policy, at)


def candidates(catalog: Catalog, set_name: str = World.set_name) -> list[CandidateState]:
    """All that is made of a set."""
    return [one for jobs in catalog.candidates(set_name).values() for one in jobs.values()]


def library(folder: Path) -> Catalog:
    """A library in ``folder``, created where there is none."""
    return Catalog.open(folder / "library", create=True)
