"""Keeps the reports of lines apart."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Column, Connection, Table, select

from inference.store.refusals import OtherLinesError


def require_own(
    connection: Connection,
    table: Table,
    ids: Column[str],
    wanted: Iterable[str],
    line_id: str | None,
) -> None:
    """Let a line use no id that is another one's on record.

    Args:
        connection: Of the transaction that stores the reports.
        table: Where they are stored, with ``line_id``.
        ids: The column of their ids.
        wanted: The ids.
        line_id: Whose they must be; None: anybody's.

    Raises:
        OtherLinesError: One is another line's.
    """
    if line_id is None:
        return
    query = select(ids, table.c.line_id).where(ids.in_(wanted), table.c.line_id != line_id)
    found = connection.execute(query.limit(1)).one_or_none()
    if found is not None:
        raise OtherLinesError(*found)
