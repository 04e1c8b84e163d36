"""Between rows of the database and the values that they hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, Select, Table, select
from sqlalchemy.dialects import sqlite

from model.contract import Grade, ItemFacts, Outcome, Override, Verdict

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

    Insert = postgresql.Insert | sqlite.Insert


@dataclass(frozen=True, slots=True)
class NewGrading:
    """A verdict with what it was given for."""

    verdict: Verdict
    facts: ItemFacts
    fingerprint: str
    """Hex SHA-256 of facts and pictures: tells a repeat from another request."""


def insert(connection: Connection, table: Table) -> Insert:
    """An INSERT that can say what happens on a conflict: each database has its own."""
    return insert_into(connection.dialect.name, table)


def insert_into(dialect: str, table: Table) -> Insert:
    """The same by the database's name, for statements that are made once."""
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - with SQLite it is never needed

        return postgresql.insert(table)
    return sqlite.insert(table)


def grading_row(new: NewGrading) -> dict[str, object]:
    """Columns of ``gradings``."""
    verdict = new.verdict
    return {
        "verdict_id": verdict.verdict_id,
        "capture_id": verdict.capture_id,
        "item_id": verdict.item_id,
        "fingerprint": new.fingerprint,
        "graded_at": verdict.graded_at,
        "facts": new.facts.model_dump_json(exclude_defaults=True),
        "verdict": verdict.model_dump_json(),
    }


def outcome_row(outcome: Outcome) -> dict[str, object]:
    """Columns of ``outcomes``."""
    return {
        "outcome_id": outcome.outcome_id,
        "line_id": outcome.line_id,
        "item_id": outcome.item_id,
        "lane": outcome.lane,
        "ending": outcome.ending,
        "rule": outcome.rule,
        "ended_at": outcome.ended_at,
        "outcome": outcome.model_dump_json(),
    }


def history(table: Table, item_id: str) -> Select[Any]:
    """An item's rows, newest first."""
    return select(table).where(table.c.item_id == item_id).order_by(table.c.seq.desc())


def newest(table: Table, item_id: str) -> Select[Any]:
    """An item's newest row."""
    return history(table, item_id).limit(1)


def verdict_of(row: Row[Any]) -> Verdict:
    """From a row of ``gradings``."""
    return Verdict.model_validate_json(row.verdict)


def grade_given(verdict: str) -> Grade:
    """Of a verdict in JSON."""
    return Verdict.model_validate_json(verdict).grade


def outcome_of(row: Row[Any]) -> Outcome:
    """From a row of ``outcomes``."""
    return Outcome.model_validate_json(row.outcome)


def override_of(row: Row[Any]) -> Override:
    """From a row of ``overrides``."""
    return Override(
        seq=row.seq,
        override_id=row.override_id,
        item_id=row.item_id,
        grade=Grade(row.grade) if row.grade else None,
        operator=row.operator,
        note=row.note,
        created_at=row.created_at,
    )
