"""Tables of people, tokens, sessions and acts. Migrations make them; these are for queries."""

from __future__ import annotations

from sqlalchemy import Column, Index, String, Table, Text

from inference.store.tables import Sequence, Utc, metadata

users = Table(
    "users",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("password", String(200), nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("disabled_at", Utc),
)
"""People; ``password`` is an Argon2 hash with its parameters."""

tokens = Table(
    "tokens",
    metadata,
    Column("token_id", String(16), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("name", String(80), nullable=False),
    Column("role", String(16)),
    Column("digest", String(64), nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("revoked_at", Utc),
    Column("line_id", String(128)),
)
"""Keys of machines, by name and with a role, and badges of people, by the name of the user.

``line_id`` is the only line that a key is good for; null: any.
"""

sessions = Table(
    "sessions",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("user_name", String(80), nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("seen_at", Utc, nullable=False),
)
"""Log-ins that have not ended; a row is deleted when it ends."""

audit = Table(
    "audit",
    metadata,
    Column("seq", Sequence, primary_key=True),
    Column("at", Utc, nullable=False),
    Column("actor", String(80), nullable=False),
    Column("role", String(16)),
    Column("origin", String(80), nullable=False),
    Column("act", String(100), nullable=False),
    Column("target", String(300), nullable=False),
    Column("detail", Text, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("act_id", String(32)),
    Index("audit_by_actor", "actor", "seq"),
    Index("audit_by_act", "act_id"),
)
"""Who did, or tried, what. Append-only.

``act_id`` is the same in both rows of an act that has two: when it began, and what came of it.
"""
