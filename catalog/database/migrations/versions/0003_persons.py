"""An index of what persons have decided: they are few, policies judge everything again and again."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        op.f("ix_verdicts_candidate_id_image_sha256_number"),
        "verdicts",
        ["candidate_id", "image_sha256", "number"],
        sqlite_where=sa.text("by_person = 1"),
        postgresql_where=sa.text("by_person"),
    )
