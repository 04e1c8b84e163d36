"""The two rows of a privileged act name each other, so that one whose end is missing is found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; of acts that are there nobody can say which rows belong together."""
    op.add_column("audit", sa.Column("act_id", sa.String(32)))
    op.create_index("audit_by_act", "audit", ["act_id"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index("audit_by_act", "audit")
    op.drop_column("audit", "act_id")
