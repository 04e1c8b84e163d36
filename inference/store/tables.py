"""Tables of the store. Migrations make them; these definitions are for queries."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

metadata = MetaData()

#: SQLite numbers rows by itself only where the key is exactly INTEGER.
Sequence = BigInteger().with_variant(Integer, "sqlite")


class Utc(TypeDecorator[datetime]):
    """Aware UTC times; SQLite keeps no zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """To the database."""
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """From the database."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


gradings = Table(
    "gradings",
    metadata,
    Column("seq", Sequence, primary_key=True),
    Column("verdict_id", String(128), nullable=False, unique=True),
    Column("capture_id", String(128), nullable=False, unique=True),
    Column("item_id", String(128), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("graded_at", Utc, nullable=False),
    Column("facts", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Index("gradings_by_item", "item_id", "seq"),
)
"""What the model said. Append-only; ``facts`` and ``verdict`` are JSON of the contract's types."""

overrides = Table(
    "overrides",
    metadata,
    Column("seq", Sequence, primary_key=True),
    Column("override_id", String(128), nullable=False, unique=True),
    Column("item_id", String(128), nullable=False),
    Column("grade", String(32)),
    Column("operator", String(80), nullable=False),
    Column("note", String(500), nullable=False),
    Column("created_at", Utc, nullable=False),
    Index("overrides_by_item", "item_id", "seq"),
)
"""What people said. Append-only."""

outcomes = Table(
    "outcomes",
    metadata,
    Column("seq", Sequence, primary_key=True),
    Column("outcome_id", String(128), nullable=False, unique=True),
    Column("line_id", String(128), nullable=False),
    Column("item_id", String(128)),
    Column("lane", String(200)),
    Column("ending", String(32), nullable=False),
    Column("rule", String(200), nullable=False),
    Column("ended_at", Utc, nullable=False),
    Column("outcome", Text, nullable=False),
    Index("outcomes_by_item", "item_id", "seq"),
    Index("outcomes_by_line", "line_id", "seq"),
)
"""Where items went. Append-only."""

items = Table(
    "items",
    metadata,
    Column("seq", Sequence, primary_key=True),
    Column("item_id", String(128), nullable=False, unique=True),
    Column("status", String(32), nullable=False),
    Column("grade", String(32)),
    Column("lane", String(200)),
    Column("ending", String(32)),
    Index("items_by_status", "status", "seq"),
)
"""Derived: ``records.derive`` over each item's newest facts, kept in the same transaction."""

totals = Table(
    "totals",
    metadata,
    Column("line_id", String(128), primary_key=True),
    Column("lane", String(200), primary_key=True),
    Column("ending", String(32), primary_key=True),
    Column("rule", String(200), primary_key=True),
    Column("number", BigInteger, nullable=False),
)
"""Derived: outcomes counted, so that a summary costs the same at a million rows. No lane: ''."""

commands = Table(
    "commands",
    metadata,
    Column("seq", Sequence, primary_key=True),
    Column("command_id", String(128), nullable=False, unique=True),
    Column("line_id", String(128), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("lane", Integer),
    Column("alarm_id", String(128)),
    Column("operator", String(80), nullable=False),
    Column("note", String(500), nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("expires_at", Utc, nullable=False),
    Index("commands_by_line", "line_id", "seq"),
)
"""What people told lines to do. Append-only."""

command_results = Table(
    "command_results",
    metadata,
    Column("seq", Sequence, primary_key=True),
    Column("command_id", String(128), nullable=False, unique=True),
    Column("status", String(32), nullable=False),
    Column("reason", String(500), nullable=False),
    Column("at", Utc, nullable=False),
)
"""What became of it. Append-only; a command has one result, or none yet."""

alarms = Table(
    "alarms",
    metadata,
    Column("seq", Sequence, primary_key=True),
    Column("alarm_id", String(128), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("line_id", String(128), nullable=False),
    Column("changed_at", Utc, nullable=False),
    Column("alarm", Text, nullable=False),
    UniqueConstraint("alarm_id", "revision", name="alarms_once"),
    Index("alarms_by_line", "line_id", "seq"),
)
"""Each change of each alarm. Append-only; ``alarm`` is JSON of the contract's type."""

grading_pictures = Table(
    "grading_pictures",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("grading_seq", BigInteger, primary_key=True),
)
"""Derived: which gradings name a picture. One picture may be of several."""

holds = Table(
    "holds",
    metadata,
    Column("seq", Sequence, primary_key=True),
    Column("item_id", String(128), nullable=False),
    Column("held", Boolean, nullable=False),
    Column("note", String(500), nullable=False),
    Column("created_at", Utc, nullable=False),
    Index("holds_by_item", "item_id", "seq"),
)
"""Whose pictures are kept whatever the policy says, and from when on no more. Append-only."""

deletions = Table(
    "deletions",
    metadata,
    Column("seq", Sequence, primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("reason", String(200), nullable=False),
    Column("deleted_at", Utc, nullable=False),
    Index("deletions_by_picture", "sha256", "seq"),
)
"""Pictures that retention deleted. Append-only, and written before the file goes."""

heartbeat = Table(
    "heartbeat",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("written_at", Utc),
)
"""One row that readiness writes: proof that a transaction reaches the disk."""
