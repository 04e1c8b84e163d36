"""What the database itself guards: facts that never change, and writers that end."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, Table, create_engine, text
from sqlalchemy.exc import DatabaseError

from inference.records import ItemStatus
from inference.store import NewGrading, Store
from inference.upkeep.facts import FACTS
from tests.inference.inference_factories import NOON, facts, outcome, verdict


def grading(item_id: str, capture_id: str | None = None) -> NewGrading:
    return NewGrading(verdict(item_id, capture_id), facts(item_id), "print")


def any_row(table: Table) -> dict[str, object]:
    """A value of each column's type."""
    values: dict[type, object] = {int: 1, str: "x", bool: True, object: NOON}  # Utc names no type
    return {column.name: values[column.type.python_type] for column in table.columns}


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("change", ["UPDATE {} SET seq = seq + 1", "DELETE FROM {}"])
def test_the_database_refuses_to_change_a_fact(store_url: str, change: str) -> None:
    engine = create_engine(store_url)
    for table in FACTS:
        with engine.begin() as connection:
            connection.execute(table.insert().values(any_row(table)))
        with (
            pytest.raises(DatabaseError, match=f"{table} is append-only"),
            engine.begin() as connection,
        ):
            connection.execute(text(change.format(table)))
    engine.dispose()


def test_postgresql_does_not_empty_a_table_of_facts(fresh_postgres: str) -> None:
    Store.open(fresh_postgres).close()
    engine = create_engine(fresh_postgres)
    with (
        pytest.raises(DatabaseError, match="gradings is append-only"),
        engine.begin() as connection,
    ):
        connection.execute(text("TRUNCATE gradings"))
    engine.dispose()


def until_waiting(engine: Engine, number: int) -> None:
    """So many of the test's transactions wait for a lock that another one has."""
    query = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
        "AND application_name = 'regrade-lock-order'"
    )
    limit = time.monotonic() + 20
    while True:
        with engine.begin() as connection:
            if connection.scalar(query) == number:
                return
        assert time.monotonic() < limit, "no transaction came to wait"


def test_gradings_and_outcomes_take_items_in_one_order(fresh_postgres: str) -> None:
    """An outcome of B and C waits for B, a grading of B and C must not have C meanwhile."""
    store = Store.open(f"{fresh_postgres}&application_name=regrade-lock-order")
    store.add_gradings([grading("B")])
    watching = create_engine(fresh_postgres)
    with ThreadPoolExecutor(2) as pool:
        with watching.begin() as holding:
            holding.execute(text("SELECT seq FROM items WHERE item_id = 'B' FOR UPDATE"))
            ended = pool.submit(store.add_outcomes, [outcome("B", 1), outcome("C", 2)])
            until_waiting(watching, 1)
            graded = pool.submit(store.add_gradings, [grading("B", "again"), grading("C")])
            until_waiting(watching, 2)
        assert ended.result() == 2
        assert len(graded.result()) == 2
    current = store.item("C").current
    assert (current.status, current.lane) == (ItemStatus.GRADED, "open-box")
    watching.dispose()
    store.close()


def test_the_same_outcomes_in_two_orders_at_once_are_stored_once(store: Store) -> None:
    batch = [outcome(f"R-{tid}", tid) for tid in range(40)]
    with ThreadPoolExecutor(4) as pool:
        added = pool.map(store.add_outcomes, [batch, batch[::-1]] * 4)
    assert sum(added) == 40
    assert store.summary(None).outcomes == 40


def test_seqs_of_gradings_appear_in_order(store: Store) -> None:
    """Whoever goes on from the highest seq it saw must not miss one that commits late."""
    with ThreadPoolExecutor(4) as pool:
        writing = [
            pool.submit(store.add_gradings, [grading(f"R-{number}-{each}") for each in range(5)])
            for number in range(8)
        ]
        seen: set[str] = set()
        highest = 0
        while True:
            done = all(each.done() for each in writing)
            with store._engine.begin() as connection:
                rows = connection.execute(
                    text("SELECT seq, item_id FROM gradings WHERE seq > :after ORDER BY seq"),
                    {"after": highest},
                ).all()
            seen |= {row.item_id for row in rows}
            highest = rows[-1].seq if rows else highest
            if done:
                break
    assert len(seen) == 40
