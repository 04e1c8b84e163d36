"""The audit log: who did, or tried, what, from where, to what, when, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Row, insert, select

from inference.access.roles import Role
from inference.access.tables import audit
from inference.store import Store


class ActOutcome(StrEnum):
    """What came of an act."""

    BEGUN = "begun"
    """It is about to be done; a later row says what came of it, unless the server ended meanwhile."""
    DONE = "done"
    REFUSED = "refused"
    """The caller may not, or could not show who it is."""
    FAILED = "failed"
    """It may, and it did not work."""


@dataclass(frozen=True, slots=True)
class Act:
    """A row to add. Text that is too long is cut, so that nothing keeps an act off the record."""

    actor: str
    origin: str
    """Address of the caller, or ``command line``."""
    act: str
    target: str
    outcome: ActOutcome = ActOutcome.DONE
    role: Role | None = None
    detail: str = ""


class AuditEntry(BaseModel):
    """One act on record."""

    model_config = ConfigDict(frozen=True)

    seq: int
    at: AwareDatetime
    actor: str = Field(
        description="Name of the person or key; of a failed log-in, `badge`, the name if somebody has it, else `unknown`."
    )
    role: Role | None = Field(description="null: not known, or the command line.")
    origin: str = Field(description="Address that it came from, or `command line`.")
    act: str = Field(description="e.g. `log in`, `add key`, `POST /v2/repository/...`.")
    target: str
    detail: str
    outcome: ActOutcome


class AuditPage(BaseModel):
    """Acts, newest first."""

    model_config = ConfigDict(frozen=True)

    entries: tuple[AuditEntry, ...]
    next_before: int | None = Field(description="`before` of the next page; null on the last one.")


def add(connection: Connection, act: Act) -> None:
    """Put an act on record, in the transaction of what it changes."""
    connection.execute(
        insert(audit).values(
            at=datetime.now(UTC),
            actor=_line(act.actor, 80),
            role=act.role,
            origin=_line(act.origin, 80),
            act=_line(act.act, 100),
            target=_line(act.target, 300),
            detail=_line(act.detail, 2000),
            outcome=act.outcome,
        )
    )


def add_alone(store: Store, act: Act) -> None:
    """Put an act on record that changes nothing in the store."""
    with store.writing() as connection:
        add(connection, act)


def newest(store: Store, *, limit: int, before: int | None = None) -> list[AuditEntry]:
    """Acts, newest first; ``before`` is the seq of the last one on the page before."""
    query = select(audit).order_by(audit.c.seq.desc()).limit(limit)
    if before is not None:
        query = query.where(audit.c.seq < before)
    with store.reading() as connection:
        return [_entry(row) for row in connection.execute(query)]


def after(store: Store, seq: int, *, limit: int = 1000) -> list[AuditEntry]:
    """Acts with a higher seq, oldest first."""
    query = select(audit).where(audit.c.seq > seq).order_by(audit.c.seq).limit(limit)
    with store.reading() as connection:
        return [_entry(row) for row in connection.execute(query)]


def _entry(row: Row[Any]) -> AuditEntry:
    return AuditEntry.model_validate(dict(row._mapping))  # noqa: SLF001 - SQLAlchemy's public name


def _line(text: str, limit: int) -> str:
    """One line that every database takes."""
    printable = "".join(each if each.isprintable() else "\ufffd" for each in text[:limit])
    return printable.encode("utf-8", "replace").decode()
