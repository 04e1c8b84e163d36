"""Facts that the database itself keeps from being changed; holds, and what retention deleted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from inference.store.migrations.guards import guards

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_TIME = sa.DateTime(timezone=True)
_FACTS = ("gradings", "overrides", "outcomes", "holds", "deletions")

_IMAGES = {
    "sqlite": "SELECT DISTINCT value, seq FROM gradings, json_each(verdict, '$.images')",
    "postgresql": "SELECT DISTINCT value, seq FROM gradings, "
    "jsonb_array_elements_text(CAST(verdict AS jsonb) -> 'images') AS value",
}


def upgrade() -> None:
    """Make the tables, list the pictures of what was graded, and guard the facts."""
    op.create_table(
        "grading_pictures",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("grading_seq", sa.BigInteger, primary_key=True),
    )
    dialect = op.get_bind().dialect.name
    op.execute(f"INSERT INTO grading_pictures (sha256, grading_seq) {_IMAGES[dialect]}")
    op.create_table(
        "holds",
        sa.Column("seq", _SEQUENCE, primary_key=True),
        sa.Column("item_id", sa.String(128), nullable=False),
        sa.Column("held", sa.Boolean, nullable=False),
        sa.Column("note", sa.String(500), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
    )
    op.create_index("holds_by_item", "holds", ["item_id", "seq"])
    op.create_table(
        "deletions",
        sa.Column("seq", _SEQUENCE, primary_key=True),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("deleted_at", _TIME, nullable=False),
    )
    op.create_index("deletions_by_picture", "deletions", ["sha256", "seq"])
    heartbeat = op.create_table(
        "heartbeat",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("written_at", _TIME),
    )
    op.bulk_insert(heartbeat, [{"id": 1, "written_at": None}])
    if dialect == "postgresql":
        op.execute(
            "CREATE FUNCTION regrade_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
        )
    for table in _FACTS:
        for statement in guards(dialect, table):
            op.execute(statement)


def downgrade() -> None:
    """Drop the tables, and the holds and deletions with them."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION regrade_append_only() CASCADE")
    else:
        for table in ("gradings", "overrides", "outcomes"):
            for verb in ("update", "delete"):
                op.execute(f"DROP TRIGGER {table}_no_{verb}")
    for table in ("heartbeat", "deletions", "holds", "grading_pictures"):
        op.drop_table(table)
