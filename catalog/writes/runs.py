"""Runs and their claims: who renders what now. A claim counts while its run's process lives, not a moment longer."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, delete, select

from catalog.database.locks import Lock, is_alive, run_lock
from catalog.database.rows import add, among, fetch, now, replace
from catalog.database.schema import CandidateRow, ClaimRow, ImageRow, RunRow
from catalog.objects.areas import ImageState
from catalog.queries.candidate_state import Claim, MadeImage
from catalog.writes.register import text
from specs.canonical import Json


@dataclass(frozen=True, slots=True)
class Run:
    """A run that this process has begun; ``lock`` is held until it is finished or the process ends."""

    run_id: str
    set_name: str
    spec_sha256: str
    lock: Lock


def begin(library: Path, set_name: str, spec_sha256: str) -> Run:
    """Take a new run's lock. No row yet."""
    run_id = uuid.uuid4().hex
    lock = run_lock(library, run_id)
    lock.take()
    lock.sign()
    return Run(run_id, set_name, spec_sha256, lock)


def put_begun(connection: Connection, run: Run) -> None:
    """Write the run's row."""
    row = {"run_id": run.run_id, "set_name": run.set_name, "spec_sha256": run.spec_sha256, "started_at": now()}
    add(connection, RunRow, [{**row, "finished_at": None, "outcome": None, "counts": "{}"}])


def put_finished(connection: Connection, run: Run, outcome: str, counts: Mapping[str, Json]) -> None:
    """Write how it ended, and give up its claims."""
    connection.execute(delete(ClaimRow).where(ClaimRow.run_id == run.run_id))
    row = fetch(connection, RunRow, "run_id", [run.run_id])[0]
    replace(connection, RunRow, [{**row, "finished_at": now(), "outcome": outcome, "counts": text(counts)}])


def claim(connection: Connection, library: Path, job_ids: Sequence[str], run: Run) -> Claim:
    """Sort the jobs into three and claim what is free, or was claimed by a run that is dead."""
    made = made_images(connection, job_ids)
    wanted = [job_id for job_id in dict.fromkeys(job_ids) if job_id not in made]
    claims = {row["job_id"]: row["run_id"] for row in fetch(connection, ClaimRow, "job_id", wanted)}
    alive = {run_id: run_id == run.run_id or is_alive(library, run_id) for run_id in set(claims.values())}
    others = {job_id: by for job_id, by in claims.items() if by != run.run_id and alive[by]}
    mine = tuple(job_id for job_id in wanted if job_id not in others)
    row = {"run_id": run.run_id, "at": now()}
    add(connection, ClaimRow, [{"job_id": job_id, **row} for job_id in mine if job_id not in claims])
    stale = [job_id for job_id in mine if claims.get(job_id, run.run_id) != run.run_id]
    replace(connection, ClaimRow, [{"job_id": job_id, **row} for job_id in stale])
    return Claim(mine, made, others)


def made_images(connection: Connection, job_ids: Sequence[str]) -> dict[str, MadeImage]:
    """Job id → its picture, for the jobs that have one which is not lost; the picture made first."""
    found: dict[str, MadeImage] = {}
    query = (
        select(CandidateRow.job_id, ImageRow.image_sha256, ImageRow.area, ImageRow.state)
        .join(ImageRow, ImageRow.image_sha256 == CandidateRow.image_sha256)
        .where(among(CandidateRow.job_id, job_ids), ImageRow.state != ImageState.LOST)
        .order_by(CandidateRow.made_at, CandidateRow.candidate_id)
    )
    for row in connection.execute(query):
        found.setdefault(row.job_id, MadeImage(row.image_sha256, row.area, row.state))
    return found
