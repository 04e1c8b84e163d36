"""Keeps what follows from the facts, in the transaction that adds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Executable, Row, select, update

from inference.records import ItemStatus, derive
from inference.store.rows import insert, insert_into, newest, outcome_of, override_of, verdict_of
from inference.store.tables import grading_pictures, gradings, items, outcomes, overrides, totals
from model.contract import Verdict

_NEW_PICTURES = grading_pictures.insert()


@cache
def _make_or_lock(dialect: str) -> Executable:
    return (
        insert_into(dialect, items)
        .on_conflict_do_update(index_elements=["item_id"], set_={"status": items.c.status})
        .returning(items.c.item_id, items.c.status, items.c.grade, items.c.lane, items.c.ending)
    )


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
    """Derive the items of new gradings. One that had no fact before follows from its grading alone.

    One statement makes or locks every row, in the order in which ``refresh_items`` locks them: two
    transactions over the same items never wait for each other.
    """
    first = {verdict.item_id: verdict for verdict in verdicts}
    if not first:
        return
    alone = {
        item_id: {
            "item_id": item_id,
            "status": current.status,
            "grade": current.grade,
            "lane": None,
            "ending": None,
        }
        for item_id, verdict in sorted(first.items())
        for current in [derive(verdict, None, None)]
    }
    kept = connection.execute(
        _make_or_lock(connection.dialect.name),
        list(alone.values()),
    )
    other = {row.item_id for row in kept.mappings() if dict(row) != alone[row.item_id]}
    graded_once = len(first) == len(verdicts)
    refresh_items(connection, other if graded_once else first.keys())


def note_pictures(connection: Connection, verdicts: Mapping[int, Verdict]) -> None:
    """List the pictures of new gradings, by their seq."""
    rows = [
        {"sha256": sha256, "grading_seq": seq}
        for seq, verdict in verdicts.items()
        for sha256 in dict.fromkeys(verdict.images)
    ]
    if rows:
        connection.execute(_NEW_PICTURES, rows)


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
