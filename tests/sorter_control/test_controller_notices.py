"""What the controller's log says of items: the words that people and alarms go by."""

from __future__ import annotations

import pytest

from model.contract import Grade, ItemFacts
from sorter_control.controller.commands import Command, Notice
from sorter_control.controller.observations import Graded, Identified
from sorter_control.protocol import EventType, Reason
from tests.sorter_control.factories import make_verdict
from tests.sorter_control.told import FIRST_MM, SECOND_MM, Line

_RECALLED = ItemFacts(item_id="RET-1", recalled=True)


def notices(said: list[Command]) -> list[Notice]:
    return [each for each in said if isinstance(each, Notice)]


@pytest.fixture
def line() -> Line:
    """An item for restock on the belt."""
    line = Line()
    line.sell(1, FIRST_MM)
    return line


def test_a_refusal(line: Line) -> None:
    line.answer("RET-1", Grade.SALVAGE)
    said = line.tell(EventType.ASSIGN_NAK, 1, 4, Reason.FULL)
    fields = {"tid": 1, "lane": 4, "reason": "full"}
    assert notices(said) == [Notice("assignment_refused", fields, alarm=True)]


@pytest.mark.parametrize(
    ("kind", "event"), [(EventType.DIVERT_FAIL, "divert_fail"), (EventType.ABORTED, "aborted")]
)
def test_an_item_that_its_lane_did_not_take(line: Line, kind: EventType, event: str) -> None:
    fields = {"tid": 1, "lane": 1, "reason": "divert_failed"}
    said = line.tell(kind, 1, 1, Reason.DIVERT_FAILED)
    assert notices(said) == [Notice(event, fields, alarm=True)]


def test_items_that_are_too_close(line: Line) -> None:
    said = notices(line.tell(EventType.GAP, 1))
    assert said == [Notice("gap_too_small", {"tid": 1}, alarm=True)]


def test_an_item_that_goes_round(line: Line) -> None:
    assert notices(line.tell(EventType.RECIRCULATED, 1)) == [Notice("recirculated", {"tid": 1})]


def test_an_item_that_cannot_be_held_any_more() -> None:
    line = Line()
    line.announce(1, SECOND_MM)
    line.move(6940)
    said = notices(line.see(Identified(1, "RET-1", _RECALLED)))
    fields = {"tid": 1, "item_id": "RET-1"}
    assert said == [Notice("held_too_late", fields, alarm=True)]


def test_a_verdict_that_is_known(line: Line) -> None:
    line.tell(EventType.DIVERTED, 1, 5, Reason.HOST_LOST)
    line.announce(2, FIRST_MM)
    fields = {"tid": 2, "verdict_id": make_verdict().verdict_id}
    assert notices(line.identify(2)) == [Notice("verdict_known", fields)]


def test_twins(line: Line) -> None:
    line.announce(2, SECOND_MM)
    fields = {"tid": 2, "item_id": "RET-1", "other_tid": 1}
    assert notices(line.identify(2)) == [Notice("plate_twice", fields, alarm=True)]


@pytest.mark.parametrize(
    ("tid", "item_id", "problem"),
    [
        (9, "RET-1", "the item has left the belt"),
        (1, "RET-2", "it is about RET-2, not RET-1"),
        (1, "RET-1", "the item's lane is decided already"),
    ],
)
def test_a_verdict_that_does_not_count(line: Line, tid: int, item_id: str, problem: str) -> None:
    verdict = make_verdict(item_id)
    fields = {"tid": tid, "verdict_id": verdict.verdict_id, "problem": problem}
    said = notices(line.see(Graded(tid, verdict)))
    assert said == [Notice("verdict_discarded", fields, alarm=True)]


@pytest.mark.parametrize(
    ("twin", "problem"),
    [
        (True, "the item's plate is on another one too"),
        (False, "the item is too close to another one"),
    ],
)
def test_a_verdict_about_what_is_never_sold(line: Line, *, twin: bool, problem: str) -> None:
    if twin:
        line.announce(2, SECOND_MM)
        line.identify(2)
    else:
        line.tell(EventType.GAP, 1)
    (said,) = notices(line.see(Graded(1, make_verdict())))
    assert said.fields["problem"] == problem


@pytest.mark.parametrize(
    ("grade", "event", "to_lane"),
    [(Grade.SALVAGE, "override_steers", "salvage"), (Grade.NEW, "override_keeps_lane", "restock")],
)
def test_an_answer(line: Line, grade: Grade, event: str, to_lane: str) -> None:
    fields = {"tid": 1, "item_id": "RET-1", "from_lane": "restock", "to_lane": to_lane}
    assert notices(line.answer("RET-1", grade)) == [Notice(event, fields)]


def test_an_answer_that_comes_too_late(line: Line) -> None:
    line.move(2000)
    fields = {"tid": 1, "item_id": "RET-1", "from_lane": "restock", "to_lane": "salvage"}
    assert notices(line.answer("RET-1", Grade.SALVAGE)) == [Notice("override_too_late", fields)]


def test_an_answer_that_waits(line: Line) -> None:
    line.announce(2, SECOND_MM)
    line.identify(2, "RET-2")
    fields = {"tid": 2, "item_id": "RET-2"}
    said = notices(line.answer("RET-2", Grade.SALVAGE))
    assert said == [Notice("override_waits_for_verdict", fields)]
