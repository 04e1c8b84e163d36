"""What becomes of a verdict, and of the want of one, whatever was known of the item before."""

from __future__ import annotations

import pytest

from model.contract import Ending
from sorter_control.controller.commands import Remember
from sorter_control.controller.observations import Graded, NotGraded
from sorter_control.controller.values import Failure
from sorter_control.protocol import EventType, Reason
from sorter_control.routing import FailSafe
from tests.sorter_control.factories import make_verdict
from tests.sorter_control.told import FIRST_MM, SECOND_MM, Line

_NO_READ = Failure(FailSafe.NO_READ, "The license plate was not read")
_NO_FACTS = Failure(FailSafe.NO_FACTS, "Nothing is known of it")


@pytest.fixture
def line() -> Line:
    """An item on the belt that waits for its grade."""
    line = Line()
    line.announce(1, FIRST_MM)
    return line


def test_a_verdict_counts_after_a_restart(line: Line) -> None:
    line.identify(1)
    line.restart()
    line.remap((1, 0))
    line.see(Graded(1, make_verdict()))
    assert line.lane(1) == ("restock", "grade_new")


def test_a_verdict_about_what_the_plc_forgot_is_discarded(line: Line) -> None:
    line.identify(1)
    line.plc_boot_id += 1
    line.report()
    line.see(Graded(1, make_verdict()))
    assert "verdict_discarded" in line.noticed()
    assert line.state.items[1].verdict is None


def test_a_kept_verdict_counts_after_a_restart(line: Line) -> None:
    line.restart()
    line.remap((1, 0))
    line.sell(2, SECOND_MM)
    line.tell(EventType.DIVERTED, 2, 5, Reason.HOST_LOST)
    line.identify(1)
    assert line.lane(1) == ("restock", "grade_new")


def test_twins_leave_nothing_of_a_kept_verdict(line: Line) -> None:
    line.sell(2, SECOND_MM)
    line.tell(EventType.DIVERTED, 2, 5, Reason.HOST_LOST)
    line.move(1900)
    line.identify(1)
    assert line.lane(1) == ("manual", "too_late")
    assert set(line.state.verdicts) == {"RET-1"}
    line.announce(3, SECOND_MM)
    line.identify(3)
    assert line.state.verdicts == {}


def test_all_that_were_forgotten_with_the_plate_are_remembered_as_twins(line: Line) -> None:
    for tid in (2, 3):
        line.sell(tid, SECOND_MM)
        line.plc_boot_id += 1
        line.report()
    line.announce(4, SECOND_MM)
    said = line.identify(4)
    twins = [each.item.tid for each in said if isinstance(each, Remember) and each.item.is_twin]
    assert twins == [2, 3]


def test_without_a_plate_the_item_runs_out_and_is_recorded_at_once(line: Line) -> None:
    line.see(NotGraded(1, _NO_READ))
    assert line.lane(1) == ("manual", "no_read")
    line.tell(EventType.DIVERTED, 1, 5)
    assert (line.outcome(1).rule, line.outcome(1).item_id) == ("no_read", None)


def test_the_first_reason_for_the_want_of_a_grade_stays(line: Line) -> None:
    line.restart()
    line.remap((1, 0))
    line.see(NotGraded(1, _NO_READ))
    assert line.lane(1) == ("manual", "controller_restarted")


def test_a_failure_after_the_lane_is_decided_changes_nothing(line: Line) -> None:
    line.move(1900)
    line.see(NotGraded(1, _NO_READ))
    assert line.lane(1) == ("manual", "too_late")
    line.sell(2, SECOND_MM, "RET-2")
    assert line.sent(line.see(NotGraded(2, _NO_FACTS, "RET-2"))) == []
    assert line.lane(2) == ("restock", "grade_new")


def test_the_plate_of_what_has_left_the_belt_is_recorded_without_facts_too(line: Line) -> None:
    line.tell(EventType.DIVERTED, 1, 5)
    line.see(NotGraded(1, _NO_FACTS, "RET-1"))
    assert (line.outcome(1).item_id, line.outcome(1).ending) == ("RET-1", Ending.DEFAULTED)


def test_twins_are_found_once(line: Line) -> None:
    line.identify(1)
    line.announce(2, SECOND_MM)
    line.identify(2)
    line.see(NotGraded(1, _NO_FACTS, "RET-1"))
    assert line.noticed().count("plate_twice") == 1
