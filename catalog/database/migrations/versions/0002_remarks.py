"""Tags and notes on candidates, and saved searches."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tags",
        sa.Column("candidate_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("image_sha256", sa.String(length=64), nullable=False),
        sa.Column("tag", sa.String(length=200), nullable=False),
        sa.Column("added", sa.Boolean(), nullable=False),
        sa.Column("author", sa.String(length=200), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("previous_sha256", sa.String(length=64), nullable=False),
        sa.Column("row_sha256", sa.String(length=64), nullable=False),
        sa.CheckConstraint("number >= 1", name=op.f("ck_tags_number")),
        sa.ForeignKeyConstraint(["candidate_id"], ["candidates.candidate_id"], name=op.f("fk_tags_candidate_id")),
        sa.ForeignKeyConstraint(["image_sha256"], ["images.image_sha256"], name=op.f("fk_tags_image_sha256")),
        sa.PrimaryKeyConstraint("candidate_id", "number", name=op.f("pk_tags")),
    )
    op.create_index(op.f("ix_tags_tag"), "tags", ["tag"], unique=False)
    op.create_table(
        "notes",
        sa.Column("candidate_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("image_sha256", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("author", sa.String(length=200), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("previous_sha256", sa.String(length=64), nullable=False),
        sa.Column("row_sha256", sa.String(length=64), nullable=False),
        sa.CheckConstraint("number >= 1", name=op.f("ck_notes_number")),
        sa.ForeignKeyConstraint(["candidate_id"], ["candidates.candidate_id"], name=op.f("fk_notes_candidate_id")),
        sa.ForeignKeyConstraint(["image_sha256"], ["images.image_sha256"], name=op.f("fk_notes_image_sha256")),
        sa.PrimaryKeyConstraint("candidate_id", "number", name=op.f("pk_notes")),
    )
    op.create_table(
        "searches",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("filter", sa.Text(), nullable=True),
        sa.Column("author", sa.String(length=200), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("previous_sha256", sa.String(length=64), nullable=False),
        sa.Column("row_sha256", sa.String(length=64), nullable=False),
        sa.CheckConstraint("number >= 1", name=op.f("ck_searches_number")),
        sa.PrimaryKeyConstraint("name", "number", name=op.f("pk_searches")),
    )
    for table in ("tags", "notes", "searches"):
        _append_only(table)


def _append_only(table: str) -> None:
    """What was said is never rewritten, whoever holds the pen. SQLite's spelling."""
    if op.get_bind().dialect.name != "sqlite":
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_refuse_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} are only ever appended'); END"
        )
