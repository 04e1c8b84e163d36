"""The history of models, and what shadows said."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "model_changes",
        sa.Column("seq", _SEQUENCE, primary_key=True),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("done", sa.Boolean, nullable=False),
        sa.Column("change", sa.Text, nullable=False),
    )
    op.create_table(
        "shadow_gradings",
        sa.Column("seq", _SEQUENCE, primary_key=True),
        sa.Column("capture_id", sa.String(128), nullable=False),
        sa.Column("item_id", sa.String(128), nullable=False),
        sa.Column("model_name", sa.String(80), nullable=False),
        sa.Column("model_version", sa.String(80), nullable=False),
        sa.Column("grade", sa.String(32), nullable=False),
        sa.Column("acting_name", sa.String(80), nullable=False),
        sa.Column("acting_version", sa.String(80), nullable=False),
        sa.Column("acting_grade", sa.String(32), nullable=False),
        sa.Column("acted_at", _TIME, nullable=False),
        sa.Column("assessment", sa.Text, nullable=False),
    )
    op.create_index(
        "shadow_gradings_once",
        "shadow_gradings",
        ["capture_id", "model_name", "model_version"],
        unique=True,
    )
    op.create_index(
        "shadow_gradings_by_item",
        "shadow_gradings",
        ["item_id", "model_name", "model_version", "acting_name", "acting_version", "seq"],
    )
    op.create_index(
        "shadow_gradings_compared",
        "shadow_gradings",
        [
            "model_name",
            "model_version",
            "acting_name",
            "acting_version",
            "acting_grade",
            "grade",
        ],
    )


def downgrade() -> None:
    """Drop the tables, and the history with them."""
    op.drop_table("shadow_gradings")
    op.drop_table("model_changes")
