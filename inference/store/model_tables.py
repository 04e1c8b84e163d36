"""Tables of the models' history and of what shadows said."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, String, Table, Text

from inference.store.tables import Sequence, Utc, metadata

model_changes = Table(
    "model_changes",
    metadata,
    Column("seq", Sequence, primary_key=True),
    Column("at", Utc, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("done", Boolean, nullable=False),
    Column("change", Text, nullable=False),
)
"""Who promoted what, when. Append-only; ``change`` is JSON of a ``NewChange``."""

shadow_gradings = Table(
    "shadow_gradings",
    metadata,
    Column("seq", Sequence, primary_key=True),
    Column("capture_id", String(128), nullable=False),
    Column("item_id", String(128), nullable=False),
    Column("model_name", String(80), nullable=False),
    Column("model_version", String(80), nullable=False),
    Column("grade", String(32), nullable=False),
    Column("acting_name", String(80), nullable=False),
    Column("acting_version", String(80), nullable=False),
    Column("acting_grade", String(32), nullable=False),
    Column("acted_at", Utc, nullable=False),
    Column("assessment", Text, nullable=False),
    Index("shadow_gradings_once", "capture_id", "model_name", "model_version", unique=True),
    # All that a comparison asks for: with item_id alone, SQLite would rather take the index below.
    Index(
        "shadow_gradings_by_item",
        "item_id",
        "model_name",
        "model_version",
        "acting_name",
        "acting_version",
        "seq",
    ),
    Index(
        "shadow_gradings_compared",
        "model_name",
        "model_version",
        "acting_name",
        "acting_version",
        "acting_grade",
        "grade",
    ),
)
"""What shadows said, which nothing follows from. Append-only; ``assessment`` is JSON."""
