"""A library of many candidates, quickly: rows by the catalog's own functions, pictures named but not on disk.

What the review page does at the server depends on rows alone; a view's thumbnails are requests of their own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from catalog.catalog import Catalog
from catalog.database import seal
from catalog.provenance import Embedding, Record
from catalog.writes import candidates as record
from generator.candidate import Candidate
from scoring.verdict import Verdict
from specs.checkpoint import Checkpoint
from tests.catalog.factory import AT, POLICY, World, by_person, card

EACH = 8  # candidates an asset
DIM = 768  # of ViT-L/14, the CLIP that most aesthetic heads stand on
AT_ONCE = 2000
DECIDED = 5  # one candidate in so many has a person's verdict


def fill(library: Path, candidates: int, clip: Checkpoint, dim: int = DIM) -> World:
    """One set of ``candidates`` pictures, eight an asset, the best of each kept; returns it.

    ``clip`` is the CLIP that their embeddings (random unit vectors, (dim,)) are said to be of.
    """
    world = World(set_name="large-deck", assets=-(-candidates // EACH), each=EACH)
    world.scorers["clip"] = clip
    with Catalog.open(library, create=True) as catalog:
        world.register(catalog)
        for start in range(0, candidates, AT_ONCE):
            part = list(_records(world, start, min(start + AT_ONCE, candidates), clip.weights_id, dim))
            with seal.write_transaction(catalog.engine) as connection:
                record.put_records(connection, part)
                decided = [one for number, one in enumerate(part) if number % DECIDED == 0]
                said = [by_person(one, one.number == 0, "other", note="seen") for one in decided]
                record.append_verdicts(connection, [(one.key, v) for one, v in zip(decided, said, strict=True)])
    return world


def _records(world: World, start: int, stop: int, clip_id: str, dim: int) -> Iterator[Record]:
    rng = np.random.default_rng(start)
    for number in range(start, stop):
        plan, turn = world.plans[number // EACH], number % EACH
        sha256 = hashlib.sha256(b"picture %d" % number).hexdigest()
        made = Candidate(plan.job(turn), sha256, sha256, 1024, 1024, world.execution, 0.25)
        vector = rng.standard_normal(dim)
        embedding = Embedding(clip_id, (vector / np.linalg.norm(vector)).astype(np.float16))
        scored = replace(card(sha256, float(rng.uniform(3, 8))), adherence=float(rng.uniform(0.1, 0.4)))
        why = ("chosen",) if turn == 0 else ("below_min_aesthetic",)
        verdict = Verdict(sha256, turn == 0, why, "policy", POLICY, AT)
        at = f"2026-01-02T03:{number // 60000 % 60:02d}:{number // 1000 % 60:02d}.{number % 1000:03d}000Z"
        yield Record(
            world.set_name, plan.asset.asset_id, turn, made, scored, embedding, sha256[:16], world.spec.spec_sha256,
            "objects", b"x", verdict, at,
        )  # fmt: skip
