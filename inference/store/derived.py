"""Keeps what follows from the facts, in the transaction that adds them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select, update

from inference.records import ItemStatus, derive
from inference.store.rows import insert, newest, outcome_of, override_of, verdict_of
from inference.store.tables import gradings, items, outcomes, overrides, totals
from model.contract import Verdict


def refresh_items(connection: Connection, item_ids: Iterable[str]) -> None:
    """Derive the items anew. Their rows are locked, in one order, before the facts are read."""
    for item_id in sorted(item_ids):
        connection.execute(
            insert(connection, items)
            .values(item_id=item_id, status=ItemStatus.UNGRADED)
            .on_conflict_do_nothing(index_elements=["item_id"])
        )
        connection.execute(select(items.c.seq).where(items.c.item_id == item_id).with_for_update())
        grading = connection.execute(newest(gradings, item_id)).one_or_none()
        override = connection.execute(newest(overrides, item_id)).one_or_none()
        outcome = connection.execute(newest(outcomes, item_id)).one_or_none()
        current = derive(
            verdict_of(grading) if grading else None,
            override_of(override) if override else None,
            outcome_of(outcome) if outcome else None,
        )
        connection.execute(
            update(items)
            .where(items.c.item_id == item_id)
            .values(
                status=current.status,
                grade=current.grade,
                lane=current.lane,
                ending=current.ending,
            )
        )


def add_graded_items(connection: Connection, verdicts: Sequence[Verdict]) -> None:
    """Derive the items of new gradings. One that had no fact before follows from its grading alone."""
    first = {verdict.item_id: verdict for verdict in verdicts}
    if not first:
        return
    current = {item_id: derive(verdict, None, None) for item_id, verdict in first.items()}
    new = set(
        connection.scalars(
            insert(connection, items)
            .on_conflict_do_nothing(index_elements=["item_id"])
            .returning(items.c.item_id),
            [
                {"item_id": item_id, "status": each.status, "grade": each.grade}
                for item_id, each in sorted(current.items())
            ],
        )
    )
    graded_once = len(first) == len(verdicts)
    refresh_items(connection, first.keys() - new if graded_once else first.keys())


def count_outcomes(connection: Connection, added: Sequence[Row[Any]]) -> None:
    """Add new rows of ``outcomes`` to the totals."""
    tally: dict[tuple[str, str, str, str], int] = {}
    for row in added:
        key = (row.line_id, row.lane or "", row.ending, row.rule)
        tally[key] = tally.get(key, 0) + 1
    for (line_id, lane, ending, rule), count in sorted(tally.items()):
        adding = insert(connection, totals).values(
            line_id=line_id, lane=lane, ending=ending, rule=rule, number=count
        )
        connection.execute(
            adding.on_conflict_do_update(
                index_elements=["line_id", "lane", "ending", "rule"],
                set_={"number": totals.c.number + count},
            )
        )
