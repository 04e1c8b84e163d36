"""The database keeps what was said of models and lines, and who did what, as it keeps other facts."""

from __future__ import annotations

from alembic import op

from inference.store.migrations.guards import guards

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_FACTS = ("model_changes", "shadow_gradings", "commands", "command_results", "alarms", "audit")


def upgrade() -> None:
    """Guard them."""
    dialect = op.get_bind().dialect.name
    for table in _FACTS:
        for statement in guards(dialect, table):
            op.execute(statement)


def downgrade() -> None:
    """Let them go again."""
    for table in _FACTS:
        if op.get_bind().dialect.name == "postgresql":
            op.execute(f"DROP TRIGGER {table}_append_only ON {table}")
        else:
            for verb in ("update", "delete"):
                op.execute(f"DROP TRIGGER {table}_no_{verb}")
