"""Gradings, overrides and outcomes, with the items and totals derived from them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "gradings",
        sa.Column("seq", _SEQUENCE, primary_key=True),
        sa.Column("verdict_id", sa.String(128), nullable=False, unique=True),
        sa.Column("capture_id", sa.String(128), nullable=False, unique=True),
        sa.Column("item_id", sa.String(128), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("graded_at", _TIME, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
    )
    op.create_index("gradings_by_item", "gradings", ["item_id", "seq"])
    op.create_table(
        "overrides",
        sa.Column("seq", _SEQUENCE, primary_key=True),
        sa.Column("override_id", sa.String(128), nullable=False, unique=True),
        sa.Column("item_id", sa.String(128), nullable=False),
        sa.Column("grade", sa.String(32)),
        sa.Column("operator", sa.String(80), nullable=False),
        sa.Column("note", sa.String(500), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
    )
    op.create_index("overrides_by_item", "overrides", ["item_id", "seq"])
    op.create_table(
        "outcomes",
        sa.Column("seq", _SEQUENCE, primary_key=True),
        sa.Column("outcome_id", sa.String(128), nullable=False, unique=True),
        sa.Column("line_id", sa.String(128), nullable=False),
        sa.Column("item_id", sa.String(128)),
        sa.Column("lane", sa.String(200)),
        sa.Column("ending", sa.String(32), nullable=False),
        sa.Column("rule", sa.String(200), nullable=False),
        sa.Column("ended_at", _TIME, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
    )
    op.create_index("outcomes_by_item", "outcomes", ["item_id", "seq"])
    op.create_index("outcomes_by_line", "outcomes", ["line_id", "seq"])
    op.create_table(
        "items",
        sa.Column("seq", _SEQUENCE, primary_key=True),
        sa.Column("item_id", sa.String(128), nullable=False, unique=True),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("grade", sa.String(32)),
        sa.Column("lane", sa.String(200)),
        sa.Column("ending", sa.String(32)),
    )
    op.create_index("items_by_status", "items", ["status", "seq"])
    op.create_table(
        "totals",
        sa.Column("line_id", sa.String(128), primary_key=True),
        sa.Column("lane", sa.String(200), primary_key=True),
        sa.Column("ending", sa.String(32), primary_key=True),
        sa.Column("rule", sa.String(200), primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Drop the tables, and every fact with them."""
    for table in ("totals", "items", "outcomes", "overrides", "gradings"):
        op.drop_table(table)
