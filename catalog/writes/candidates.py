"""Put finished candidates on record, in one transaction: the picture's facts, the candidate, its scores, its verdict.

The files are on disk before this begins (see ``store.py``). Idempotent on (set, asset, job): a candidate that is there
stays as it is, unless its picture was lost; then the new picture takes its place, and verdicts on the old one, which
name it, stay on record but no longer count.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from sqlalchemy import Connection, and_, delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased

from catalog.database.rows import Row, add, add_absent, among, each_of, fetch, fetch_newest, linked, replace
from catalog.database.schema import (
    AssetRow,
    CandidateRow,
    ClaimRow,
    EmbeddingRow,
    ExecutionRow,
    ImageRow,
    JobRow,
    Registration,
    ScorecardRow,
    SetRow,
    VerdictRow,
)
from catalog.database.scorecards import scorecard_of
from catalog.errors import CatalogError, NotFoundError
from catalog.objects.areas import ImageState
from catalog.provenance import CandidateKey, Embedding, Record, Reuse, provenance_sha256
from catalog.queries.candidate_state import CandidateState, Recorded, is_person
from catalog.writes.register import text
from generator.candidate import Execution
from scoring.scorecard import Scorecard
from scoring.verdict import Verdict
from specs.errors import LimnerError
from specs.job import Job

Item = TypeVar("Item", Record, Reuse)


@dataclass(frozen=True, slots=True)
class Context:
    """What the registrations say of a batch: set → its registration, (set, asset) → its row's hash."""

    registrations: dict[str, str]
    assets: dict[tuple[str, str], str]


def put_records(connection: Connection, records: Sequence[Record]) -> Recorded:
    """Write a batch. Raises NotFoundError when a set, as the spec has it now, is not registered."""
    records = _distinct(records)
    context = _context(connection, records)
    found = {row["candidate_id"]: row for row in fetch(connection, CandidateRow, "candidate_id", map(_id, records))}
    images = {row["image_sha256"]: row for row in _images(connection, records, found.values())}
    fresh = [record for record in records if _is_wanted(found.get(_id(record)), images)]
    add_absent(connection, JobRow, [_job_row(record.candidate.job) for record in fresh])
    add_absent(connection, ExecutionRow, [_execution_row(record.candidate.execution) for record in fresh])
    pictures = {record.candidate.image_sha256: _settle_image(connection, record, images) for record in fresh}
    rows = [_candidate_row(record, context, record.candidate.execution.stack_sha256, pictures) for record in fresh]
    add(connection, CandidateRow, [row for row in rows if row["candidate_id"] not in found])
    replace(connection, CandidateRow, [row for row in rows if row["candidate_id"] in found])
    add_absent(connection, EmbeddingRow, _embedding_rows(fresh))
    put_scorecards(connection, [(record.key, record.scorecard) for record in fresh])
    append_verdicts(connection, [(record.key, record.verdict) for record in fresh if record.verdict])
    _release(connection, [record.candidate.job.job_id for record in records])
    added = tuple(record.key for record in fresh)
    return Recorded(added, tuple(record.key for record in records if record.key not in added))


def put_reused(connection: Connection, items: Sequence[Reuse]) -> Recorded:
    """Give pictures that are there to further assets. Raises NotFoundError for a job that has no picture."""
    items = _distinct(items)
    context = _context(connection, items)
    known = {row["candidate_id"] for row in fetch(connection, CandidateRow, "candidate_id", map(_id, items))}
    fresh = [item for item in items if _id(item) not in known]
    sources = _source_candidates(connection, [item.job_id for item in fresh])
    shas = [source["image_sha256"] for source in sources.values()]
    images = {row["image_sha256"]: row for row in fetch(connection, ImageRow, "image_sha256", shas)}
    rows: list[Row] = []
    cards: list[tuple[CandidateKey, Scorecard]] = []
    for item in fresh:
        source = sources[item.job_id]
        row = {"job_id": item.job_id, "image_sha256": source["image_sha256"], "seconds": 0.0}
        rows.append(_rooted(item, row, context, source["stack_sha256"], images[source["image_sha256"]]))
        cards.append((item.key, item.scorecard or _newest_card(connection, source["candidate_id"])))
    add(connection, CandidateRow, rows)
    put_scorecards(connection, cards)
    append_verdicts(connection, [(item.key, item.verdict) for item in fresh if item.verdict])
    added = tuple(item.key for item in fresh)
    return Recorded(added, tuple(item.key for item in items if item.key not in added))


def put_scorecards(connection: Connection, cards: Sequence[tuple[CandidateKey, Scorecard]]) -> None:
    """Append scorecards where they differ from the newest ones."""
    ids = [key.candidate_id for key, _ in cards]
    newest = fetch_newest(connection, ScorecardRow, ids, ("number", "card"))
    rows: list[Row] = []
    for candidate_id, (_, card) in zip(ids, cards, strict=True):
        before, whole = newest.get(candidate_id), text(card.value())
        if before is None or before["card"] != whole:
            number = before["number"] + 1 if before else 1
            rows.append(_scorecard_row(candidate_id, number, card, whole))
    add(connection, ScorecardRow, rows)


def follow_scorecards(connection: Connection, measured: Iterable[CandidateState]) -> None:
    """Append the scorecards of candidates as they are now; their numbers are the next ones, and nothing is looked up.

    Raises CatalogError where a scorecard has that number already: the one that was read before was not the newest.
    """
    rows = [_scorecard_row(one.key.candidate_id, one.card_number, one.scorecard, one.card) for one in measured]
    try:
        add(connection, ScorecardRow, rows)
    except IntegrityError as error:
        raise CatalogError(
            f"scorecards: got {len(rows)} to follow those that were read, but another program has measured some of "
            "these pictures meanwhile; nothing was written; run this again."
        ) from error


def put_embeddings(connection: Connection, embeddings: Sequence[tuple[str, Embedding]]) -> None:
    """Write embeddings of pictures that are on record, where the CLIP has not embedded them yet."""
    add_absent(connection, EmbeddingRow, [_embedding_row(sha256, embedding) for sha256, embedding in embeddings])


def append_verdicts(connection: Connection, entries: Sequence[tuple[CandidateKey, Verdict]]) -> int:
    """Append verdicts to their candidates' chains, in order; one that equals the newest is not repeated.

    Returns how many were appended. Raises NotFoundError for a candidate that is not on record, CatalogError for a
    verdict on another picture than the candidate's.
    """
    ids = [key.candidate_id for key, _ in entries]
    pictures, newest = _ends(connection, dict.fromkeys(ids))
    again = [
        id_ for id_, (_, verdict) in zip(ids, entries, strict=True) if id_ in newest and newest[id_]["at"] == verdict.at
    ]
    newest |= fetch_newest(connection, VerdictRow, again) if again else {}  # few: these may be the same, word for word
    rows: list[Row] = []
    for candidate_id, (key, verdict) in zip(ids, entries, strict=True):
        if pictures.get(candidate_id) != verdict.image_sha256:
            raise _no_place(key, verdict, pictures.get(candidate_id))
        before = newest.get(candidate_id)
        row = _verdict_row(candidate_id, verdict)
        if before is None or before["at"] != verdict.at or any(before[name] != row[name] for name in row):
            newest[candidate_id] = row = linked(VerdictRow, row, before)
            rows.append(row)
    add(connection, VerdictRow, rows)
    return len(rows)


def _ends(connection: Connection, ids: Iterable[str]) -> tuple[dict[str, str], dict[str, Row]]:
    """Candidate id → its present picture; candidate id → what its next verdict follows, where there is one."""
    wanted, other = each_of(ids), aliased(VerdictRow)
    last = select(func.max(other.number)).where(other.candidate_id == CandidateRow.candidate_id).scalar_subquery()
    is_last = and_(VerdictRow.candidate_id == CandidateRow.candidate_id, VerdictRow.number == last)
    query = (
        select(
            CandidateRow.candidate_id,
            CandidateRow.image_sha256,
            VerdictRow.number,
            VerdictRow.at,
            VerdictRow.row_sha256,
        )
        .select_from(wanted)
        .join(CandidateRow, CandidateRow.candidate_id == wanted.c.value)
        .outerjoin(VerdictRow, is_last)
    )
    pictures, newest = {}, {}
    for id_, picture, number, at, row_sha256 in connection.execute(query).all():
        pictures[id_] = picture
        if number is not None:
            newest[id_] = {"number": number, "at": at, "row_sha256": row_sha256}
    return pictures, newest


def _no_place(key: CandidateKey, verdict: Verdict, picture: str | None) -> LimnerError:
    """What to raise for a verdict on another picture than the candidate's, or on no candidate."""
    where = f"{key.set_name}/{key.asset_id} {key.job_id[:19]}"
    if picture is None:
        return NotFoundError(
            f"{where}: got a verdict, but no such candidate is on record; allowed: candidates on record."
        )
    return CatalogError(
        f"{where}: got a verdict on picture {verdict.image_sha256[:12]}, but the candidate's picture is "
        f"{picture[:12]}: it was made again meanwhile; look at it and decide anew."
    )


def _verdict_row(candidate_id: str, verdict: Verdict) -> Row:
    return {
        "candidate_id": candidate_id,
        "image_sha256": verdict.image_sha256,
        "keep": verdict.keep,
        "by_person": is_person(verdict),
        "reasons": _reasons(verdict.reasons),
        "decided_by": verdict.decided_by,
        "policy_sha256": verdict.policy_sha256,
        "note": verdict.note,
        "at": verdict.at,
    }


@lru_cache(maxsize=4096)  # thousands of pictures are rejected by a few reasons
def _reasons(reasons: tuple[str, ...]) -> str:
    return text(list(reasons))


def _scorecard_row(candidate_id: str, number: int, card: Scorecard, whole: str) -> Row:
    return {
        "candidate_id": candidate_id,
        "number": number,
        "aesthetic": card.aesthetic,
        "adherence": card.adherence,
        "rank": card.rank,
        "margin": card.margin,
        "safety": card.safety.state.value,
        "card": whole,
    }


def _settle_image(connection: Connection, record: Record, images: dict[str, Row]) -> Row:
    """The image's row: new, or the one that is there; a lost one is present again. Quarantine is never left here."""
    made = record.candidate
    before = images.get(made.image_sha256)
    state = ImageState.PRESENT if record.keep_pixels else ImageState.DROPPED
    if before is None:
        row: Row = {
            "image_sha256": made.image_sha256,
            "pixels_sha256": made.pixels_sha256,
            "width_px": made.width_px,
            "height_px": made.height_px,
            "bytes": len(record.png),
            "phash": record.phash,
            "area": record.area,
            "state": state,
        }
        add(connection, ImageRow, [row])
    elif before["state"] != ImageState.PRESENT and state == ImageState.PRESENT:
        row = {**before, "state": ImageState.PRESENT}
        replace(connection, ImageRow, [row])
    else:
        row = before
    images[made.image_sha256] = row
    return row


def _candidate_row(record: Record, context: Context, stack_sha256: str, images: dict[str, Row]) -> Row:
    made = record.candidate
    row = {"job_id": made.job.job_id, "image_sha256": made.image_sha256, "seconds": float(made.seconds)}
    return _rooted(record, row, context, stack_sha256, images[made.image_sha256])


def _rooted(item: Record | Reuse, row: Row, context: Context, stack_sha256: str, image: Row) -> Row:
    """A whole row of ``candidates``, its provenance hash included."""
    row = {
        "candidate_id": _id(item),
        "set_name": item.set_name,
        "asset_id": item.asset_id,
        "number": item.number,
        "asset_sha256": context.assets[item.set_name, item.asset_id],
        "registration_sha256": context.registrations[item.set_name],
        "stack_sha256": stack_sha256,
        "made_at": item.made_at,
        **row,
    }
    return {**row, "provenance_sha256": provenance_sha256(row, image)}


def _context(connection: Connection, items: Sequence[Record] | Sequence[Reuse]) -> Context:
    names = sorted({item.set_name for item in items})
    sets = {row["set_name"]: row["registration_sha256"] for row in fetch(connection, SetRow, "set_name", names)}
    registered = fetch(connection, Registration, "registration_sha256", sets.values())
    specs = {row["set_name"]: row["spec_sha256"] for row in registered}
    ids = sorted({item.asset_id for item in items})
    rows = fetch(connection, AssetRow, "asset_id", ids)
    assets = {(row["set_name"], row["asset_id"]): row["asset_sha256"] for row in rows}
    for item in items:
        if specs.get(item.set_name) != item.spec_sha256 or (item.set_name, item.asset_id) not in assets:
            raise NotFoundError(
                f"{item.set_name}/{item.asset_id}: got a picture of spec {item.spec_sha256[:12]}; allowed: pictures of "
                f"the set as it is registered (spec {specs.get(item.set_name, 'none')[:12]}); run produce again."
            )
    return Context(sets, assets)


def _is_wanted(row: Row | None, images: dict[str, Row]) -> bool:
    return row is None or images[row["image_sha256"]]["state"] == ImageState.LOST


def _images(connection: Connection, records: Sequence[Record], found: Iterable[Row]) -> list[Row]:
    wanted = {record.candidate.image_sha256 for record in records} | {row["image_sha256"] for row in found}
    return fetch(connection, ImageRow, "image_sha256", sorted(wanted))


def _source_candidates(connection: Connection, job_ids: Sequence[str]) -> dict[str, Row]:
    """The first candidate of each job whose picture is not lost."""
    rows = fetch(connection, CandidateRow, "job_id", job_ids)
    images = fetch(connection, ImageRow, "image_sha256", [row["image_sha256"] for row in rows])
    lost = {row["image_sha256"] for row in images if row["state"] == ImageState.LOST}
    sources: dict[str, Row] = {}
    for row in sorted(rows, key=lambda row: (row["made_at"], row["candidate_id"])):
        if row["image_sha256"] not in lost:
            sources.setdefault(row["job_id"], row)
    for job_id in job_ids:
        if job_id not in sources:
            raise NotFoundError(f"{job_id[:19]}: got a request to reuse its picture, but it has none on record.")
    return sources


def _newest_card(connection: Connection, candidate_id: str) -> Scorecard:
    return scorecard_of(fetch_newest(connection, ScorecardRow, [candidate_id])[candidate_id]["card"])


def _embedding_rows(records: Sequence[Record]) -> list[Row]:
    found = [(record.candidate.image_sha256, record.embedding) for record in records]
    return [_embedding_row(sha256, embedding) for sha256, embedding in found if embedding is not None]


def _embedding_row(image_sha256: str, embedding: Embedding) -> Row:
    vector = embedding.vector.astype("<f2")
    return {
        "image_sha256": image_sha256,
        "clip_id": embedding.clip_id,
        "dim": int(vector.shape[0]),
        "vector": vector.tobytes(),
    }


def _job_row(job: Job) -> Row:
    return {
        "job_id": job.job_id,
        "recipe": text(job.recipe()),
        "weights_id": job.weights_id,
        "prompt": job.prompt,
        "seed": job.seed,
    }


def _execution_row(execution: Execution) -> Row:
    return {"stack_sha256": execution.stack_sha256, "value": text(execution.value())}


def _release(connection: Connection, job_ids: Sequence[str]) -> None:
    connection.execute(delete(ClaimRow).where(among(ClaimRow.job_id, job_ids)))


def _distinct(items: Sequence[Item]) -> list[Item]:
    seen: dict[str, Item] = {}
    for item in items:
        seen.setdefault(_id(item), item)
    return list(seen.values())


def _id(item: Record | Reuse) -> str:
    return item.key.candidate_id
