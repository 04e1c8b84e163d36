"""A key can be of one line alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; keys that are there stay of any line."""
    op.add_column("tokens", sa.Column("line_id", sa.String(128)))


def downgrade() -> None:
    """Drop it: every key opens every line again."""
    op.drop_column("tokens", "line_id")
