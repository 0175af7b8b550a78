"""The tables. Portable SQL: what only SQLite knows is in ``engine.py`` and in the marked places of ``rows.py``.

Every row carries ``row_sha256``, the hash of its other columns (see ``rows.py``): a changed value anywhere is found by
``verify``. JSON values are stored as canonical text, so that what was hashed is what is read back. Hashes are 64 hex;
``job_id`` and ``weights_id`` are ``sha256:<64 hex>``. Times are UTC, ISO 8601, microseconds, ``Z``.

Three kinds of rows: facts that never change (specs, checkpoints, rights, registrations, asset versions, jobs,
executions, embeddings, scorecards, verdicts, tags, notes, searches), the present state (sets, assets, images,
candidates, runs, library), and claims, which last as long as a run.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

Hex = Annotated[str, mapped_column(String(64))]
Tagged = Annotated[str, mapped_column(String(71))]
Name = Annotated[str, mapped_column(String(200))]
Long = Annotated[str, mapped_column(Text)]
Moment = Annotated[str, mapped_column(String(27))]


class Base(DeclarativeBase):
    """Names of constraints are fixed, so that a migration can speak of them on every database."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {float: Double()}  # SQLAlchemy 2.0 would take a Float

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    row_sha256: Mapped[Hex] = mapped_column(sort_order=999)


class Library(Base):
    """One row: ``writes`` counts the transactions that wrote, and names the state that ``catalog.seal`` vouches for."""

    __tablename__ = "library"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    made_at: Mapped[Moment]
    writes: Mapped[int] = mapped_column(BigInteger)


class SpecText(Base):
    """A spec as it was read: the text, and (path, sha256) of every row file."""

    __tablename__ = "specs"

    spec_sha256: Mapped[Hex] = mapped_column(primary_key=True)
    text: Mapped[Long]
    sources: Mapped[Long]


class CheckpointRow(Base):
    """The full record of a checkpoint, scorers included; ``checkpoint_sha256`` hashes ``value``."""

    __tablename__ = "checkpoints"
    __table_args__ = (Index(None, "weights_id"),)

    checkpoint_sha256: Mapped[Hex] = mapped_column(primary_key=True)
    weights_id: Mapped[Tagged]
    name: Mapped[Name]
    value: Mapped[Long]


class RightsRow(Base):
    """A decision of the rights gate; ``rights_sha256`` hashes ``value``."""

    __tablename__ = "rights_decisions"

    rights_sha256: Mapped[Hex] = mapped_column(primary_key=True)
    value: Mapped[Long]


class Registration(Base):
    """What a set was made from at a time: spec, weights, rights, scorers, git state of the spec's repository."""

    __tablename__ = "registrations"

    registration_sha256: Mapped[Hex] = mapped_column(primary_key=True)
    set_name: Mapped[Name]
    spec_sha256: Mapped[Hex] = mapped_column(ForeignKey("specs.spec_sha256"))
    checkpoint_sha256: Mapped[Hex] = mapped_column(ForeignKey("checkpoints.checkpoint_sha256"))
    rights_sha256: Mapped[Hex] = mapped_column(ForeignKey("rights_decisions.rights_sha256"))
    scorers: Mapped[Long]  # {role: checkpoint_sha256}
    path: Mapped[Long]
    git_commit: Mapped[str | None] = mapped_column(String(64))
    git_dirty: Mapped[bool | None]
    at: Mapped[Moment]


class SetRow(Base):
    """A set and the registration in force."""

    __tablename__ = "sets"
    __table_args__ = (CheckConstraint("use IN ('commercial', 'noncommercial', 'internal')", name="use"),)

    set_name: Mapped[Name] = mapped_column(primary_key=True)
    title: Mapped[Long]
    use: Mapped[str] = mapped_column(String(16))
    registration_sha256: Mapped[Hex] = mapped_column(ForeignKey("registrations.registration_sha256"))


class AssetVersion(Base):
    """A row of a set as a spec once had it, with its layout; ``asset_sha256`` hashes ``value``."""

    __tablename__ = "asset_versions"

    asset_sha256: Mapped[Hex] = mapped_column(primary_key=True)
    value: Mapped[Long]


class AssetRow(Base):
    """The row in force. ``in_spec`` is false once the spec no longer has it; what was made of it stays."""

    __tablename__ = "assets"

    set_name: Mapped[Name] = mapped_column(ForeignKey("sets.set_name"), primary_key=True)
    asset_id: Mapped[Name] = mapped_column(primary_key=True)
    asset_sha256: Mapped[Hex] = mapped_column(ForeignKey("asset_versions.asset_sha256"))
    position: Mapped[int]
    in_spec: Mapped[bool]


class JobRow(Base):
    """A recipe; ``job_id`` is its hash. The other columns repeat parts of it, for searching."""

    __tablename__ = "jobs"

    job_id: Mapped[Tagged] = mapped_column(primary_key=True)
    recipe: Mapped[Long]
    weights_id: Mapped[Tagged]
    prompt: Mapped[Long]
    seed: Mapped[int] = mapped_column(BigInteger)


class ExecutionRow(Base):
    """A stack that pictures were rendered on; ``stack_sha256`` hashes ``value``."""

    __tablename__ = "executions"

    stack_sha256: Mapped[Hex] = mapped_column(primary_key=True)
    value: Mapped[Long]


class ImageRow(Base):
    """A picture's file. ``state``: present on disk, dropped on purpose, or lost (found missing or broken)."""

    __tablename__ = "images"
    __table_args__ = (
        CheckConstraint("area IN ('objects', 'quarantine')", name="area"),
        CheckConstraint("state IN ('present', 'dropped', 'lost')", name="state"),
        CheckConstraint("width_px > 0 AND height_px > 0 AND bytes > 0", name="size"),
    )

    image_sha256: Mapped[Hex] = mapped_column(primary_key=True)
    pixels_sha256: Mapped[Hex]
    width_px: Mapped[int]
    height_px: Mapped[int]
    bytes: Mapped[int] = mapped_column(BigInteger)
    phash: Mapped[str] = mapped_column(String(16))
    area: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(7))


class CandidateRow(Base):
    """A picture made for an asset. ``candidate_id`` is derived from (set, asset, job), which is unique."""

    __tablename__ = "candidates"
    __table_args__ = (
        UniqueConstraint("set_name", "asset_id", "job_id"),
        ForeignKeyConstraint(["set_name", "asset_id"], ["assets.set_name", "assets.asset_id"]),
        CheckConstraint("number >= 0", name="number"),
        Index(None, "job_id"),
        Index(None, "image_sha256"),
    )

    candidate_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    set_name: Mapped[Name]
    asset_id: Mapped[Name]
    job_id: Mapped[Tagged] = mapped_column(ForeignKey("jobs.job_id"))
    number: Mapped[int]
    image_sha256: Mapped[Hex] = mapped_column(ForeignKey("images.image_sha256"))
    asset_sha256: Mapped[Hex] = mapped_column(ForeignKey("asset_versions.asset_sha256"))
    registration_sha256: Mapped[Hex] = mapped_column(ForeignKey("registrations.registration_sha256"))
    stack_sha256: Mapped[Hex] = mapped_column(ForeignKey("executions.stack_sha256"))
    provenance_sha256: Mapped[Hex]
    seconds: Mapped[float]
    made_at: Mapped[Moment]


class EmbeddingRow(Base):
    """A picture's CLIP embedding: little-endian float16, ``dim`` values, L2-normalised before rounding."""

    __tablename__ = "embeddings"
    __table_args__ = (CheckConstraint("dim > 0 AND length(vector) = 2 * dim", name="dim"),)

    image_sha256: Mapped[Hex] = mapped_column(ForeignKey("images.image_sha256"), primary_key=True)
    clip_id: Mapped[Name] = mapped_column(primary_key=True)
    dim: Mapped[int]
    vector: Mapped[bytes] = mapped_column(LargeBinary)


class ScorecardRow(Base):
    """What the scorers measured; the newest has the highest ``number`` (from 1). Old ones explain old verdicts."""

    __tablename__ = "scorecards"
    __table_args__ = (
        CheckConstraint("number >= 1", name="number"),
        CheckConstraint("safety IN ('clear', 'flagged', 'unknown')", name="safety"),
    )

    candidate_id: Mapped[str] = mapped_column(String(32), ForeignKey("candidates.candidate_id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    aesthetic: Mapped[float | None]
    adherence: Mapped[float | None]
    rank: Mapped[int | None]
    margin: Mapped[float | None]
    safety: Mapped[str] = mapped_column(String(7))
    card: Mapped[Long]  # the whole scorecard


class VerdictRow(Base):
    """Keep or reject, ``number`` from 1 a candidate. A chain: each row names the hash of the one before."""

    __tablename__ = "verdicts"
    __table_args__ = (
        CheckConstraint("number >= 1", name="number"),
        Index(  # a person's verdicts: few, and asked for with every candidate
            None,
            "candidate_id",
            "image_sha256",
            "number",
            sqlite_where=text("by_person = 1"),
            postgresql_where=text("by_person"),
        ),
    )

    candidate_id: Mapped[str] = mapped_column(String(32), ForeignKey("candidates.candidate_id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    image_sha256: Mapped[Hex] = mapped_column(ForeignKey("images.image_sha256"))
    keep: Mapped[bool]
    by_person: Mapped[bool]
    reasons: Mapped[Long]
    decided_by: Mapped[Name]
    policy_sha256: Mapped[Hex]
    note: Mapped[Long]
    at: Mapped[Moment]
    previous_sha256: Mapped[Hex]


class TagRow(Base):
    """A tag put on a candidate (``added``) or taken off it, ``number`` from 1 a candidate; a chain, as verdicts are."""

    __tablename__ = "tags"
    __table_args__ = (CheckConstraint("number >= 1", name="number"), Index(None, "tag"))

    candidate_id: Mapped[str] = mapped_column(String(32), ForeignKey("candidates.candidate_id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    image_sha256: Mapped[Hex] = mapped_column(ForeignKey("images.image_sha256"))
    tag: Mapped[Name]
    added: Mapped[bool]
    author: Mapped[Name]
    at: Mapped[Moment]
    previous_sha256: Mapped[Hex]


class NoteRow(Base):
    """What somebody wrote about a candidate, ``number`` from 1 a candidate; a chain, as verdicts are."""

    __tablename__ = "notes"
    __table_args__ = (CheckConstraint("number >= 1", name="number"),)

    candidate_id: Mapped[str] = mapped_column(String(32), ForeignKey("candidates.candidate_id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    image_sha256: Mapped[Hex] = mapped_column(ForeignKey("images.image_sha256"))
    text: Mapped[Long]
    author: Mapped[Name]
    at: Mapped[Moment]
    previous_sha256: Mapped[Hex]


class SearchRow(Base):
    """A saved search: the newest ``number`` of a name counts; ``filter`` (JSON) is null where it was deleted."""

    __tablename__ = "searches"
    __table_args__ = (CheckConstraint("number >= 1", name="number"),)

    name: Mapped[Name] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    filter: Mapped[str | None] = mapped_column(Text)
    author: Mapped[Name]
    at: Mapped[Moment]
    previous_sha256: Mapped[Hex]


class RunRow(Base):
    """One run of a set; ``outcome`` is null while it runs, or for ever when it was killed."""

    __tablename__ = "runs"
    __table_args__ = (Index(None, "set_name"),)

    run_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    set_name: Mapped[Name]
    spec_sha256: Mapped[Hex]
    started_at: Mapped[Moment]
    finished_at: Mapped[str | None] = mapped_column(String(27))
    outcome: Mapped[str | None] = mapped_column(String(40))
    counts: Mapped[Long]


class ClaimRow(Base):
    """A job that a run is rendering now."""

    __tablename__ = "claims"

    job_id: Mapped[Tagged] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(String(32), ForeignKey("runs.run_id"))
    at: Mapped[Moment]


MODELS: tuple[type[Base], ...] = (
    Library,
    SpecText,
    CheckpointRow,
    RightsRow,
    Registration,
    SetRow,
    AssetVersion,
    AssetRow,
    JobRow,
    ExecutionRow,
    ImageRow,
    CandidateRow,
    EmbeddingRow,
    ScorecardRow,
    VerdictRow,
    TagRow,
    NoteRow,
    SearchRow,
    RunRow,
    ClaimRow,
)
