"""Commands of people to lines, what became of them, and the alarms of lines."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "commands",
        sa.Column("seq", _SEQUENCE, primary_key=True),
        sa.Column("command_id", sa.String(128), nullable=False, unique=True),
        sa.Column("line_id", sa.String(128), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("lane", sa.Integer),
        sa.Column("alarm_id", sa.String(128)),
        sa.Column("operator", sa.String(80), nullable=False),
        sa.Column("note", sa.String(500), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
    )
    op.create_index("commands_by_line", "commands", ["line_id", "seq"])
    op.create_table(
        "command_results",
        sa.Column("seq", _SEQUENCE, primary_key=True),
        sa.Column("command_id", sa.String(128), nullable=False, unique=True),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("at", _TIME, nullable=False),
    )
    op.create_table(
        "alarms",
        sa.Column("seq", _SEQUENCE, primary_key=True),
        sa.Column("alarm_id", sa.String(128), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("line_id", sa.String(128), nullable=False),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.Column("alarm", sa.Text, nullable=False),
        sa.UniqueConstraint("alarm_id", "revision", name="alarms_once"),
    )
    op.create_index("alarms_by_line", "alarms", ["line_id", "seq"])


def downgrade() -> None:
    """Drop the tables, and every fact with them."""
    for table in ("alarms", "command_results", "commands"):
        op.drop_table(table)
