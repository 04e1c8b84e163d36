"""Values for the tests of sorting."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import structlog

from model.contract import (
    GRADES,
    Grade,
    ItemFacts,
    Override,
    Verdict,
)
from sorter_control.controller.commands import RequestGrade
from sorter_control.controller.journal import Journal
from sorter_control.controller.values import Failure, Settings
from sorter_control.policy import load_policy
from sorter_control.routing import FailSafe
from sorter_control.sim.feed import FeedRow
from sorter_control.sim.geometry import Belt, load_belt
from sorter_control.sim.rehearsal import Rehearsal
from sorter_control.sim.verdicts import verdict

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LANES = {1: "restock", 2: "open-box", 3: "repair", 4: "salvage", 5: "manual"}
SETTINGS = Settings("line-1", load_policy())


def make_verdict(
    item_id: str = "RET-1",
    grade: Grade = Grade.NEW,
    *,
    needs_review: bool = False,
    capture_id: str = "line-1:1:1",
) -> Verdict:
    """A verdict that is sure of its grade."""
    return verdict(item_id, grade, capture_id, doubtful=needs_review)


def make_override(item_id: str, grade: Grade | None, seq: int = 1) -> Override:
    """A person's answer."""
    return Override(
        seq=seq,
        override_id=f"o-{seq}",
        item_id=item_id,
        grade=grade,
        operator="Ada",
        created_at=NOW,
    )


def make_rows(
    count: int, *, length_mm: int = 300, gap_mm: int = 400, no_plate: frozenset[int] = frozenset()
) -> list[FeedRow]:
    """Items RET-0, RET-1, ... for the belt; those in ``no_plate`` cannot be read."""
    return [
        FeedRow(
            item_id=None if number in no_plate else f"RET-{number}",
            pictures=(Path("unused.jpg"),),
            length_mm=length_mm,
            gap_mm=gap_mm,
        )
        for number in range(count)
    ]


def by_number(row: FeedRow, request: RequestGrade) -> tuple[float, Verdict | Failure]:
    """A server that answers in 0.2 s and grades RET-n by n modulo 4."""
    assert row.item_id is not None
    grade = GRADES[int(row.item_id.removeprefix("RET-")) % 4]
    return 0.2, make_verdict(row.item_id, grade, capture_id=request.capture_id)


def gone(_row: FeedRow, _request: RequestGrade) -> tuple[float, Verdict | Failure]:
    """A server that is not there."""
    return 0.01, Failure(FailSafe.NO_VERDICT, "The grading server did not answer")


def make_rehearsal(
    rows: list[FeedRow],
    answer: Callable[[FeedRow, RequestGrade], tuple[float, Verdict | Failure]] = by_number,
    *,
    belt: Belt | None = None,
    facts: dict[str, ItemFacts] | None = None,
    poll_scans: int = 5,
) -> Rehearsal:
    """A line in virtual time whose facts know every row, unless others are given."""
    known = {row.item_id: ItemFacts(item_id=row.item_id) for row in rows if row.item_id}
    journal = Journal(":memory:")
    facts = known | (facts or {})
    return Rehearsal(belt or load_belt(), rows, SETTINGS, journal, facts, answer, poll_scans)


@contextmanager
def quiet_log() -> Iterator[None]:
    """Only errors are logged inside."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        yield
    finally:
        structlog.reset_defaults()


async def until(true: Callable[[], bool]) -> None:
    """Wait for something that other tasks do; the test's own timeout is the limit."""
    while not true():  # noqa: ASYNC110 - the things waited for have no events
        await asyncio.sleep(0.02)
