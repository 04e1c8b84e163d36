"""What people told lines to do, what became of it, and what the lines' alarms were."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Row, func, select, text

from inference.records import CommandRecord, CommandRequest
from inference.store.owners import require_own
from inference.store.refusals import CommandConflictError, UnknownCommandError
from inference.store.rows import insert
from inference.store.tables import alarms, command_results, commands
from model.contract import (
    Alarm,
    CommandKind,
    CommandResult,
    CommandStatus,
    LineCommand,
    OpenCommand,
)


class StoreCommands:
    """Each method is one transaction."""

    _engine: Engine
    _writes: Engine

    def add_command(self, line_id: str, request: CommandRequest) -> CommandRecord:
        """Store a command; a repeat gives back the one that is stored, and what became of it.

        Raises:
            CommandConflictError: The command id is taken by another command.
        """
        now = datetime.now(UTC)
        with self._writes.begin() as connection:
            if connection.dialect.name == "postgresql":
                # Lines go on from the highest seq they saw: seqs must appear in order.
                connection.execute(text("LOCK TABLE commands IN SHARE ROW EXCLUSIVE MODE"))
            fields = {"line_id": line_id, **request.model_dump(exclude={"expires_s"})}
            added = connection.execute(
                insert(connection, commands)
                .values(
                    **fields,
                    created_at=now,
                    expires_at=now + timedelta(seconds=request.expires_s),
                )
                .on_conflict_do_nothing(index_elements=["command_id"])
                .returning(commands.c.seq)
            ).one_or_none()
            query = _with_results().where(commands.c.command_id == request.command_id)
            row = connection.execute(query).one()
        if added is None and any(getattr(row, name) != value for name, value in fields.items()):
            raise CommandConflictError(request.command_id)
        return _record(row)

    def open_commands(self, line_id: str, after: int, *, limit: int = 100) -> list[OpenCommand]:
        """Commands without a result that may still act, oldest first.

        A reader that has seen higher numbers than there are has read from another database: it
        gets everything.
        """
        now = datetime.now(UTC)
        with self._engine.begin() as connection:
            newest = connection.scalar(select(func.max(commands.c.seq))) or 0
            query = (
                _with_results()
                .where(
                    commands.c.line_id == line_id,
                    commands.c.seq > (after if after <= newest else 0),
                    commands.c.expires_at > now,
                    command_results.c.status.is_(None),
                )
                .order_by(commands.c.seq)
                .limit(limit)
            )
            rows = connection.execute(query).all()
        found = [_command(row) for row in rows]
        return [OpenCommand(command=each, left_s=_left_s(each, now)) for each in found]

    def newest_commands(
        self, line_id: str, *, limit: int, before: int | None = None
    ) -> list[CommandRecord]:
        """Commands with what became of them, newest first."""
        query = _with_results().where(commands.c.line_id == line_id)
        if before is not None:
            query = query.where(commands.c.seq < before)
        with self._engine.begin() as connection:
            rows = connection.execute(query.order_by(commands.c.seq.desc()).limit(limit)).all()
        return [_record(row) for row in rows]

    def add_results(self, line_id: str, results: Sequence[CommandResult]) -> int:
        """Store the results that are new; returns how many were.

        Raises:
            UnknownCommandError: The line was given no such command.
        """
        wanted = {result.command_id for result in results}
        with self._writes.begin() as connection:
            query = select(commands.c.command_id).where(
                commands.c.line_id == line_id, commands.c.command_id.in_(wanted)
            )
            if unknown := wanted - set(connection.scalars(query)):
                raise UnknownCommandError(min(unknown))
            added = connection.execute(
                insert(connection, command_results)
                .values([result.model_dump() for result in results])
                .on_conflict_do_nothing(index_elements=["command_id"])
                .returning(command_results.c.seq)
            ).all()
        return len(added)

    def add_alarms(self, line_id: str, changes: Sequence[Alarm], only_of: str | None = None) -> int:
        """Store the changes that are new; returns how many were.

        Args:
            line_id: Whose alarms they are.
            changes: Changes of alarms.
            only_of: The only line whose ids may be among them; None: any.

        Raises:
            OtherLinesError: An id is another line's.
        """
        with self._writes.begin() as connection:
            wanted = {each.alarm_id for each in changes}
            require_own(connection, alarms, alarms.c.alarm_id, wanted, only_of)
            added = connection.execute(
                insert(connection, alarms)
                .values(
                    [
                        {
                            "alarm_id": each.alarm_id,
                            "revision": each.revision,
                            "line_id": line_id,
                            "changed_at": each.changed_at,
                            "alarm": each.model_dump_json(),
                        }
                        for each in changes
                    ]
                )
                .on_conflict_do_nothing(index_elements=["alarm_id", "revision"])
                .returning(alarms.c.seq)
            ).all()
        return len(added)

    def newest_alarms(self, line_id: str, *, limit: int) -> list[Alarm]:
        """Changes of alarms in the order that they were stored, newest first."""
        query = select(alarms.c.alarm).where(alarms.c.line_id == line_id)
        with self._engine.begin() as connection:
            found = connection.scalars(query.order_by(alarms.c.seq.desc()).limit(limit)).all()
        return [Alarm.model_validate_json(each) for each in found]


def _with_results() -> Any:
    """Commands, each with the columns of its result or nulls."""
    return select(
        commands, command_results.c.status, command_results.c.reason, command_results.c.at
    ).outerjoin(command_results, commands.c.command_id == command_results.c.command_id)


def _left_s(command: LineCommand, now: datetime) -> float:
    """Seconds left, never more than a command is given: the clock may have been set back."""
    whole_s = (command.expires_at - command.created_at).total_seconds()
    return min((command.expires_at - now).total_seconds(), whole_s)


def _command(row: Row[Any]) -> LineCommand:
    return LineCommand(
        seq=row.seq,
        command_id=row.command_id,
        line_id=row.line_id,
        kind=CommandKind(row.kind),
        lane=row.lane,
        alarm_id=row.alarm_id,
        operator=row.operator,
        note=row.note,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )


def _record(row: Row[Any]) -> CommandRecord:
    result = None
    if row.status is not None:
        result = CommandResult(
            command_id=row.command_id,
            status=CommandStatus(row.status),
            reason=row.reason,
            at=row.at,
        )
    command = _command(row)
    open_ = result is None and command.expires_at > datetime.now(UTC)
    return CommandRecord(command=command, result=result, is_open=open_)
