"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "asset_versions",
        sa.Column("asset_sha256", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("row_sha256", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("asset_sha256", name=op.f("pk_asset_versions")),
    )
    op.create_table(
        "checkpoints",
        sa.Column("checkpoint_sha256", sa.String(length=64), nullable=False),
        sa.Column("weights_id", sa.String(length=71), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("row_sha256", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("checkpoint_sha256", name=op.f("pk_checkpoints")),
    )
    op.create_index(op.f("ix_checkpoints_weights_id"), "checkpoints", ["weights_id"], unique=False)
    op.create_table(
        "executions",
        sa.Column("stack_sha256", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("row_sha256", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("stack_sha256", name=op.f("pk_executions")),
    )
    op.create_table(
        "images",
        sa.Column("image_sha256", sa.String(length=64), nullable=False),
        sa.Column("pixels_sha256", sa.String(length=64), nullable=False),
        sa.Column("width_px", sa.Integer(), nullable=False),
        sa.Column("height_px", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("phash", sa.String(length=16), nullable=False),
        sa.Column("area", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=7), nullable=False),
        sa.Column("row_sha256", sa.String(length=64), nullable=False),
        sa.CheckConstraint("area IN ('objects', 'quarantine')", name=op.f("ck_images_area")),
        sa.CheckConstraint("state IN ('present', 'dropped', 'lost')", name=op.f("ck_images_state")),
        sa.CheckConstraint("width_px > 0 AND height_px > 0 AND bytes > 0", name=op.f("ck_images_size")),
        sa.PrimaryKeyConstraint("image_sha256", name=op.f("pk_images")),
    )
    op.create_table(
        "jobs",
        sa.Column("job_id", sa.String(length=71), nullable=False),
        sa.Column("recipe", sa.Text(), nullable=False),
        sa.Column("weights_id", sa.String(length=71), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("row_sha256", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_jobs")),
    )
    op.create_table(
        "library",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("made_at", sa.String(length=27), nullable=False),
        sa.Column("writes", sa.BigInteger(), nullable=False),
        sa.Column("row_sha256", sa.String(length=64), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_library_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_library")),
    )
    op.create_table(
        "rights_decisions",
        sa.Column("rights_sha256", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("row_sha256", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("rights_sha256", name=op.f("pk_rights_decisions")),
    )
    op.create_table(
        "runs",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("set_name", sa.String(length=200), nullable=False),
        sa.Column("spec_sha256", sa.String(length=64), nullable=False),
        sa.Column("started_at", sa.String(length=27), nullable=False),
        sa.Column("finished_at", sa.String(length=27), nullable=True),
        sa.Column("outcome", sa.String(length=40), nullable=True),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("row_sha256", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_runs")),
    )
    op.create_index(op.f("ix_runs_set_name"), "runs", ["set_name"], unique=False)
    op.create_table(
        "specs",
        sa.Column("spec_sha256", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("sources", sa.Text(), nullable=False),
        sa.Column("row_sha256", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("spec_sha256", name=op.f("pk_specs")),
    )
    op.create_table(
        "claims",
        sa.Column("job_id", sa.String(length=71), nullable=False),
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("row_sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], name=op.f("fk_claims_run_id")),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_claims")),
    )
    op.create_table(
        "embeddings",
        sa.Column("image_sha256", sa.String(length=64), nullable=False),
        sa.Column("clip_id", sa.String(length=200), nullable=False),
        sa.Column("dim", sa.Integer(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.Column("row_sha256", sa.String(length=64), nullable=False),
        sa.CheckConstraint("dim > 0 AND length(vector) = 2 * dim", name=op.f("ck_embeddings_dim")),
        sa.ForeignKeyConstraint(["image_sha256"], ["images.image_sha256"], name=op.f("fk_embeddings_image_sha256")),
        sa.PrimaryKeyConstraint("image_sha256", "clip_id", name=op.f("pk_embeddings")),
    )
    op.create_table(
        "registrations",
        sa.Column("registration_sha256", sa.String(length=64), nullable=False),
        sa.Column("set_name", sa.String(length=200), nullable=False),
        sa.Column("spec_sha256", sa.String(length=64), nullable=False),
        sa.Column("checkpoint_sha256", sa.String(length=64), nullable=False),
        sa.Column("rights_sha256", sa.String(length=64), nullable=False),
        sa.Column("scorers", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("git_commit", sa.String(length=64), nullable=True),
        sa.Column("git_dirty", sa.Boolean(), nullable=True),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("row_sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["checkpoint_sha256"], ["checkpoints.checkpoint_sha256"], name=op.f("fk_registrations_checkpoint_sha256")
        ),
        sa.ForeignKeyConstraint(
            ["rights_sha256"], ["rights_decisions.rights_sha256"], name=op.f("fk_registrations_rights_sha256")
        ),
        sa.ForeignKeyConstraint(["spec_sha256"], ["specs.spec_sha256"], name=op.f("fk_registrations_spec_sha256")),
        sa.PrimaryKeyConstraint("registration_sha256", name=op.f("pk_registrations")),
    )
    op.create_table(
        "sets",
        sa.Column("set_name", sa.String(length=200), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("use", sa.String(length=16), nullable=False),
        sa.Column("registration_sha256", sa.String(length=64), nullable=False),
        sa.Column("row_sha256", sa.String(length=64), nullable=False),
        sa.CheckConstraint("use IN ('commercial', 'noncommercial', 'internal')", name=op.f("ck_sets_use")),
        sa.ForeignKeyConstraint(
            ["registration_sha256"], ["registrations.registration_sha256"], name=op.f("fk_sets_registration_sha256")
        ),
        sa.PrimaryKeyConstraint("set_name", name=op.f("pk_sets")),
    )
    op.create_table(
        "assets",
        sa.Column("set_name", sa.String(length=200), nullable=False),
        sa.Column("asset_id", sa.String(length=200), nullable=False),
        sa.Column("asset_sha256", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("in_spec", sa.Boolean(), nullable=False),
        sa.Column("row_sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["asset_sha256"], ["asset_versions.asset_sha256"], name=op.f("fk_assets_asset_sha256")),
        sa.ForeignKeyConstraint(["set_name"], ["sets.set_name"], name=op.f("fk_assets_set_name")),
        sa.PrimaryKeyConstraint("set_name", "asset_id", name=op.f("pk_assets")),
    )
    op.create_table(
        "candidates",
        sa.Column("candidate_id", sa.String(length=32), nullable=False),
        sa.Column("set_name", sa.String(length=200), nullable=False),
        sa.Column("asset_id", sa.String(length=200), nullable=False),
        sa.Column("job_id", sa.String(length=71), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("image_sha256", sa.String(length=64), nullable=False),
        sa.Column("asset_sha256", sa.String(length=64), nullable=False),
        sa.Column("registration_sha256", sa.String(length=64), nullable=False),
        sa.Column("stack_sha256", sa.String(length=64), nullable=False),
        sa.Column("provenance_sha256", sa.String(length=64), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("made_at", sa.String(length=27), nullable=False),
        sa.Column("row_sha256", sa.String(length=64), nullable=False),
        sa.CheckConstraint("number >= 0", name=op.f("ck_candidates_number")),
        sa.ForeignKeyConstraint(
            ["asset_sha256"], ["asset_versions.asset_sha256"], name=op.f("fk_candidates_asset_sha256")
        ),
        sa.ForeignKeyConstraint(["image_sha256"], ["images.image_sha256"], name=op.f("fk_candidates_image_sha256")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.job_id"], name=op.f("fk_candidates_job_id")),
        sa.ForeignKeyConstraint(
            ["registration_sha256"],
            ["registrations.registration_sha256"],
            name=op.f("fk_candidates_registration_sha256"),
        ),
        sa.ForeignKeyConstraint(
            ["set_name", "asset_id"],
            ["assets.set_name", "assets.asset_id"],
            name=op.f("fk_candidates_set_name_asset_id"),
        ),
        sa.ForeignKeyConstraint(["stack_sha256"], ["executions.stack_sha256"], name=op.f("fk_candidates_stack_sha256")),
        sa.PrimaryKeyConstraint("candidate_id", name=op.f("pk_candidates")),
        sa.UniqueConstraint("set_name", "asset_id", "job_id", name=op.f("uq_candidates_set_name_asset_id_job_id")),
    )
    op.create_index(op.f("ix_candidates_image_sha256"), "candidates", ["image_sha256"], unique=False)
    op.create_index(op.f("ix_candidates_job_id"), "candidates", ["job_id"], unique=False)
    op.create_table(
        "scorecards",
        sa.Column("candidate_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("aesthetic", sa.Double(), nullable=True),
        sa.Column("adherence", sa.Double(), nullable=True),
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.Column("margin", sa.Double(), nullable=True),
        sa.Column("safety", sa.String(length=7), nullable=False),
        sa.Column("card", sa.Text(), nullable=False),
        sa.Column("row_sha256", sa.String(length=64), nullable=False),
        sa.CheckConstraint("safety IN ('clear', 'flagged', 'unknown')", name=op.f("ck_scorecards_safety")),
        sa.CheckConstraint("number >= 1", name=op.f("ck_scorecards_number")),
        sa.ForeignKeyConstraint(["candidate_id"], ["candidates.candidate_id"], name=op.f("fk_scorecards_candidate_id")),
        sa.PrimaryKeyConstraint("candidate_id", "number", name=op.f("pk_scorecards")),
    )
    op.create_table(
        "verdicts",
        sa.Column("candidate_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("image_sha256", sa.String(length=64), nullable=False),
        sa.Column("keep", sa.Boolean(), nullable=False),
        sa.Column("by_person", sa.Boolean(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.String(length=200), nullable=False),
        sa.Column("policy_sha256", sa.String(length=64), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("previous_sha256", sa.String(length=64), nullable=False),
        sa.Column("row_sha256", sa.String(length=64), nullable=False),
        sa.CheckConstraint("number >= 1", name=op.f("ck_verdicts_number")),
        sa.ForeignKeyConstraint(["candidate_id"], ["candidates.candidate_id"], name=op.f("fk_verdicts_candidate_id")),
        sa.ForeignKeyConstraint(["image_sha256"], ["images.image_sha256"], name=op.f("fk_verdicts_image_sha256")),
        sa.PrimaryKeyConstraint("candidate_id", "number", name=op.f("pk_verdicts")),
    )
    _append_only("verdicts")
    _append_only("scorecards")


def _append_only(table: str) -> None:
    """What was decided or measured is never rewritten, whoever holds the pen. SQLite's spelling."""
    if op.get_bind().dialect.name != "sqlite":
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_refuse_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} are only ever appended'); END"
        )
