"""Writes facts. Blocking; safe to call from several threads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from typing import Self

from sqlalchemy import Connection, Engine, Executable, Table, bindparam, select, text, update

from inference.records import Deletion, OverrideRequest
from inference.store.commands import StoreCommands
from inference.store.derived import (
    add_graded_items,
    count_outcomes,
    note_pictures,
    refresh_items,
)
from inference.store.engine import WRITES, open_engine
from inference.store.model_facts import ModelFacts
from inference.store.owners import require_own
from inference.store.reads import StoreReads
from inference.store.refusals import (
    AnsweredAlreadyError,
    CaptureConflictError,
    OverrideConflictError,
    UnknownItemError,
)
from inference.store.rows import (
    NewGrading,
    grading_row,
    insert,
    insert_into,
    newest,
    outcome_row,
    override_of,
)
from inference.store.tables import (
    deletions,
    gradings,
    heartbeat,
    holds,
    items,
    outcomes,
    overrides,
)
from model.contract import Outcome, Override, Verdict

_APPENDING = 0x5265_6761  # any number that no other advisory lock of the database has


@cache
def _new_gradings(dialect: str) -> Executable:
    return (
        insert_into(dialect, gradings)
        .on_conflict_do_nothing(index_elements=["capture_id"])
        .returning(gradings.c.capture_id, gradings.c.seq)
    )


#: Of each picture that comes, asked for by the thread that would grade it: so it is made once.
_OF_CAPTURE = select(gradings.c.fingerprint, gradings.c.verdict).where(
    gradings.c.capture_id == bindparam("capture_id")
)


class Store(ModelFacts, StoreCommands, StoreReads):
    """Facts about items, models and lines. Each method is one transaction."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._writes = engine.execution_options(**{WRITES: True})

    @classmethod
    def open(cls, url: str) -> Self:
        """Connect and migrate.

        Raises:
            StoreError: The database cannot be used.
        """
        return cls(open_engine(url))

    @property
    def is_postgresql(self) -> bool:
        """Whether writers may run side by side."""
        return self._engine.dialect.name == "postgresql"

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def reading(self) -> AbstractContextManager[Connection]:
        """A transaction that only reads, for who has tables of his own."""
        return self._engine.begin()

    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction that writes, and holds SQLite's write lock from its beginning."""
        return self._writes.begin()

    @contextmanager
    def _adding_to(self, facts: Table) -> Iterator[Connection]:
        """A transaction that appends to one table of facts, one at a time for each table.

        PostgreSQL gives out numbers before it commits, and readers go on from the highest seq they
        saw: numbers must appear in order. It also keeps two that name the same ids apart. The lock
        is of our own kind: a table's own would wait for a vacuum that prevents wraparound.
        """
        with self._writes.begin() as connection:
            if self.is_postgresql:
                connection.execute(
                    text("SELECT pg_advisory_xact_lock(:ours, CAST(:facts AS regclass)::oid::int)"),
                    {"ours": _APPENDING, "facts": facts.name},
                )
            yield connection

    def check_writable(self) -> None:
        """Commit a row; raises SQLAlchemy's error where that fails."""
        with self._writes.begin() as connection:
            connection.execute(update(heartbeat).values(written_at=datetime.now(UTC)))

    def add_gradings(self, new: Sequence[NewGrading]) -> list[Verdict | CaptureConflictError]:
        """Store gradings of different captures together; a repeat adds nothing.

        Returns:
            For each its verdict, of a repeat the one that is stored, or why it could not be stored
            beside what is there.
        """
        with self._adding_to(gradings) as connection:
            added = {
                row.capture_id: row.seq
                for row in connection.execute(
                    _new_gradings(connection.dialect.name),
                    [grading_row(each) for each in new],
                )
            }
            verdicts = [each.verdict for each in new if each.verdict.capture_id in added]
            note_pictures(connection, {added[each.capture_id]: each for each in verdicts})
            add_graded_items(connection, verdicts)
            return [
                each.verdict
                if each.verdict.capture_id in added
                else _stored_or_conflict(connection, each)
                for each in new
            ]

    def verdict_for(self, capture_id: str, fingerprint: str) -> Verdict | None:
        """The verdict that was given for a capture, None where there is none.

        Raises:
            CaptureConflictError: The capture id is taken by another request.
        """
        with self._engine.begin() as connection:
            return _stored_verdict(connection, capture_id, fingerprint)

    def add_override(self, item_id: str, request: OverrideRequest) -> Override:
        """Store an answer; a repeat gives back the one that is stored.

        Raises:
            UnknownItemError: No fact names the item.
            OverrideConflictError: The override id is taken by another answer.
            AnsweredAlreadyError: There is an answer that the sender has not seen.
        """
        with self._adding_to(overrides) as connection:
            known = connection.execute(
                select(overrides).where(overrides.c.override_id == request.override_id)
            ).one_or_none()
            if known is not None:
                return _repeated(override_of(known), item_id, request)
            if not connection.scalar(select(items.c.seq).where(items.c.item_id == item_id)):
                raise UnknownItemError(item_id)
            latest = connection.execute(newest(overrides, item_id)).one_or_none()
            if request.seen_seq is not None and latest and latest.seq > request.seen_seq:
                raise AnsweredAlreadyError(override_of(latest))
            row = connection.execute(
                insert(connection, overrides)
                .values(
                    override_id=request.override_id,
                    item_id=item_id,
                    grade=request.grade,
                    operator=request.operator,
                    note=request.note,
                    created_at=datetime.now(UTC),
                )
                .returning(*overrides.c)
            ).one()
            refresh_items(connection, [item_id])
            return override_of(row)

    def add_outcomes(self, reported: Sequence[Outcome], only_of: str | None = None) -> int:
        """Store the outcomes that are new; returns how many were.

        Args:
            reported: Outcomes.
            only_of: The only line whose ids may be among them; None: any.

        Raises:
            OtherLinesError: An id is another line's.
        """
        once = {outcome.outcome_id: outcome for outcome in reversed(reported)}
        in_order = [once[key] for key in dict.fromkeys(each.outcome_id for each in reported)]
        with self._adding_to(outcomes) as connection:
            require_own(connection, outcomes, outcomes.c.outcome_id, once, only_of)
            added = connection.execute(
                insert(connection, outcomes)
                .values([outcome_row(outcome) for outcome in in_order])
                .on_conflict_do_nothing(index_elements=["outcome_id"])
                .returning(outcomes)
            ).all()
            refresh_items(connection, {row.item_id for row in added} - {None})
            count_outcomes(connection, added)
        return len(added)

    def hold(self, item_id: str, *, held: bool, note: str) -> None:
        """Keep an item's pictures whatever the retention policy says, or no longer.

        Raises:
            UnknownItemError: No fact names the item.
        """
        with self._adding_to(holds) as connection:
            if not connection.scalar(select(items.c.seq).where(items.c.item_id == item_id)):
                raise UnknownItemError(item_id)
            connection.execute(
                insert(connection, holds).values(
                    item_id=item_id, held=held, note=note, created_at=datetime.now(UTC)
                )
            )

    def add_deletions(self, deleted: Sequence[Deletion]) -> None:
        """Note pictures whose files are about to go."""
        with self._adding_to(deletions) as connection:
            connection.execute(insert(connection, deletions), [asdict(each) for each in deleted])


def _stored_or_conflict(connection: Connection, new: NewGrading) -> Verdict | CaptureConflictError:
    capture_id = new.verdict.capture_id
    try:
        stored = _stored_verdict(connection, capture_id, new.fingerprint)
    except CaptureConflictError as error:
        return error
    return CaptureConflictError(capture_id) if stored is None else stored


def _stored_verdict(connection: Connection, capture_id: str, fingerprint: str) -> Verdict | None:
    row = connection.execute(_OF_CAPTURE, {"capture_id": capture_id}).one_or_none()
    if row is None:
        return None
    if row.fingerprint != fingerprint:
        raise CaptureConflictError(capture_id)
    return Verdict.model_validate_json(row.verdict)


def _repeated(known: Override, item_id: str, request: OverrideRequest) -> Override:
    same = (known.item_id, known.grade, known.operator, known.note) == (
        item_id,
        request.grade,
        request.operator,
        request.note,
    )
    if not same:
        raise OverrideConflictError(request.override_id)
    return known
