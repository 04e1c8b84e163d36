"""The audit log: who did, or tried, what, from where, to what, when, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Row, Select, insert, select

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


class ActEnd(StrEnum):
    """What is known of the end of an act that was begun."""

    ON_RECORD = "on_record"
    """A later row says what came of it."""
    UNDER_WAY = "under_way"
    MISSING = "missing"
    """No row says so, and it is not under way here: the server was stopped, or the database failed."""


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
    act_id: str | None = None
    """The same in both rows of an act that has two."""


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
    act_id: str | None = Field(
        description="The same in both rows of an act that has two; null of others."
    )
    end: ActEnd | None = Field(
        default=None,
        description="Of a row `begun`: whether a later one says what came of it. `missing`: none "
        "does, and it is not under way in this server, which was stopped meanwhile, or lost its "
        "database. null of other rows, and of those that schemas before 0008 took.",
    )


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
            act_id=act.act_id,
        )
    )


def add_alone(store: Store, act: Act) -> None:
    """Put an act on record that changes nothing in the store."""
    with store.writing() as connection:
        add(connection, act)


def newest(store: Store, *, limit: int, before: int | None = None) -> list[AuditEntry]:
    """Acts, newest first; ``before`` is the seq of the last one on the page before."""
    query = select(audit).order_by(audit.c.seq.desc()).limit(limit)
    return _entries(store, query if before is None else query.where(audit.c.seq < before))


def after(store: Store, seq: int, *, limit: int = 1000) -> list[AuditEntry]:
    """Acts with a higher seq, oldest first."""
    query = select(audit).where(audit.c.seq > seq).order_by(audit.c.seq).limit(limit)
    return _entries(store, query)


def _entries(store: Store, query: Select[Any]) -> list[AuditEntry]:
    """Rows, each ``begun`` with what is on record of its end."""
    with store.reading() as connection:
        rows = connection.execute(query).all()
        begun = {row.act_id for row in rows if row.outcome == ActOutcome.BEGUN} - {None}
        ends = select(audit.c.act_id).where(
            audit.c.act_id.in_(begun), audit.c.outcome != ActOutcome.BEGUN
        )
        ended = set(connection.scalars(ends)) if begun else set()
    return [_entry(row, begun, ended) for row in rows]


def _entry(row: Row[Any], begun: set[str], ended: set[str]) -> AuditEntry:
    end = None
    if row.outcome == ActOutcome.BEGUN and row.act_id in begun:
        end = ActEnd.ON_RECORD if row.act_id in ended else ActEnd.MISSING
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
    return AuditEntry.model_validate({**fields, "end": end})


def _line(text: str, limit: int) -> str:
    """One line that every database takes."""
    printable = "".join(each if each.isprintable() else "\ufffd" for each in text[:limit])
    return printable.encode("utf-8", "replace").decode()
