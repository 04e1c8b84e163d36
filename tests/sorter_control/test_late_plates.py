"""A plate that is read after its item's lane was decided: what must be held is held, or reported."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model.contract import Ending, Grade, ItemFacts
from sorter_control.controller.book import LineBook
from sorter_control.controller.commands import Command, Modify
from sorter_control.controller.observations import Identified
from sorter_control.controller.values import ControllerState, Item, Settings
from sorter_control.policy import SHIPPED, parse_policy
from sorter_control.protocol import Event, EventType, Reason
from sorter_control.routing import Decision
from tests.sorter_control.factories import NOW
from tests.sorter_control.told import SECOND_MM, Line

_RECALLED = ItemFacts(item_id="RET-1", recalled=True)


def holding(lane: str) -> Settings:
    """A site that has a lane of its own for what is recalled."""
    text = SHIPPED.read_text().replace('recalled = "manual"', f'recalled = "{lane}"')
    return Settings("line-1", parse_policy(text.encode(), SHIPPED))


def read_late(line: Line, facts: ItemFacts = _RECALLED) -> list[Command]:
    return line.see(Identified(1, "RET-1", facts))


def late(settings: Settings, at_mm: int = 3900) -> Line:
    """An item that goes to the manual lane for want of a plate."""
    line = Line(settings=settings)
    line.announce(1, SECOND_MM)
    line.move(at_mm - SECOND_MM)
    assert line.lane(1) == ("manual", "too_late")
    line.tell(EventType.ASSIGN_ACK, 1, 5)
    return line


def test_what_is_recalled_goes_to_its_lane_although_its_plate_is_read_late() -> None:
    line = late(holding("salvage"))
    assert line.sent(read_late(line)) == [Modify(1, 4)]
    assert line.lane(1) == ("salvage", "hold_recalled")


def test_what_is_recalled_is_recorded_as_held_in_the_manual_lane() -> None:
    """Somebody will take it from there, and must not sell it."""
    line = late(holding("manual"))
    assert line.sent(read_late(line)) == []
    line.tell(EventType.DIVERTED, 1, 5)
    assert (line.outcome(1).rule, line.outcome(1).lane) == ("hold_recalled", "manual")


def test_what_is_recalled_and_has_passed_its_lane_says_so() -> None:
    line = late(holding("restock"), at_mm=5000)
    assert line.sent(read_late(line)) == []
    line.tell(EventType.DIVERTED, 1, 5)
    outcome = line.outcome(1)
    assert (outcome.lane, outcome.ending) == ("manual", Ending.DEFAULTED)
    assert "recalled" in outcome.explanation
    assert "held_too_late" in line.noticed()


@pytest.mark.parametrize("lane", ["manual", "salvage"])
def test_no_earlier_answer_overrules_a_hold_that_is_known_late(lane: str) -> None:
    line = late(holding(lane))
    line.answer("RET-1", Grade.NEW)
    read_late(line)
    assert line.lane(1) == (lane, "hold_recalled")


def test_a_late_plate_without_anything_to_hold_changes_nothing() -> None:
    line = late(holding("salvage"))
    assert line.sent(read_late(line, ItemFacts(item_id="RET-1"))) == []
    assert line.lane(1) == ("manual", "too_late")


def test_what_must_be_held_and_was_sold_is_an_exception() -> None:
    """The PLC had a lane for an item of which this controller knew nothing."""
    line = Line(settings=holding("manual"))
    line.announce(1, SECOND_MM)
    line.restart()
    line.remap((1, 2))
    line.move(3700)
    line.tell(EventType.ASSIGN_NAK, 1, 5, Reason.LATE)
    read_late(line)
    line.tell(EventType.DIVERTED, 1, 2)
    outcome = line.outcome(1)
    assert (outcome.ending, outcome.lane) == (Ending.MISSORTED, "open-box")
    assert "recalled" in outcome.explanation


@pytest.mark.parametrize(
    ("lane", "ending", "rule"),
    [(5, Ending.DEFAULTED, "hold_recalled"), (2, Ending.MISSORTED, "not_assigned")],
)
def test_the_plate_of_what_has_left_the_belt_says_whether_it_must_be_held(
    lane: int, ending: Ending, rule: str
) -> None:
    line = Line()
    line.announce(1, SECOND_MM)
    line.tell(EventType.DIVERTED, 1, lane, Reason.HOST_LOST)
    read_late(line)
    outcome = line.outcome(1)
    assert (outcome.ending, outcome.rule, outcome.item_id) == (ending, rule, "RET-1")
    assert "recalled" in outcome.explanation
    assert ("held_too_late" in line.noticed()) == (lane == 2)


def test_what_must_be_held_and_was_sent_elsewhere_is_an_exception() -> None:
    """The journal of a version that did not look at facts that came late."""
    line = Line()
    sold = Decision("restock", "grade_new", "The model says new: restock.", Grade.NEW)
    item = Item(line.plc_boot_id, 1, 8000, 300, NOW, item_id="RET-1", facts=_RECALLED)
    item = replace(item, decision=sold, confirmed=sold, held_lane=1, nameless=False)
    line.state = ControllerState.of_journal([item], LineBook())
    line.tell(EventType.DIVERTED, 1, 1)
    assert line.outcome(1).ending is Ending.MISSORTED


def test_what_the_plc_forgot_is_recorded_as_held_where_it_runs_out() -> None:
    line = Line()
    line.announce(1, SECOND_MM)
    line.plc_boot_id += 1
    line.report()
    assert line.sent(read_late(line)) == []
    line.move(7000)
    line.report(Event(9, EventType.UNEXPECTED, lane=5, encoder=line.encoder))
    assert line.outcome(1).rule == "hold_recalled"


def test_what_must_be_held_waits_on_the_way_back_without_an_alarm() -> None:
    line = late(holding("salvage"))
    line.tell(EventType.RECIRCULATED, 1)
    assert line.sent(read_late(line)) == []
    assert "held_too_late" not in line.noticed()
    line.encoder += 5000
    line.tell(EventType.DEST_REQUEST, 1)
    assert line.lane(1) == ("salvage", "hold_recalled")


def test_what_must_be_held_and_is_past_its_own_point_of_no_return_is_an_alarm() -> None:
    line = late(holding("salvage"), at_mm=7940)
    assert line.sent(read_late(line)) == []
    assert "held_too_late" in line.noticed()
