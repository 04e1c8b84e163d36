"""Which lane the PLC really holds for an item, whatever it refuses, and in what order it answers."""

from __future__ import annotations

import pytest

from model.contract import Ending, Grade, ItemFacts
from sorter_control.controller.observations import Graded, Identified
from sorter_control.controller.values import Settings
from sorter_control.policy import SHIPPED, parse_policy
from sorter_control.protocol import EventType
from tests.sorter_control.factories import make_verdict
from tests.sorter_control.told import FIRST_MM, Line


@pytest.fixture
def line() -> Line:
    return Line()


# A mis-sort that the PLC reports ------------------------------------------------------------


@pytest.mark.parametrize("lane", [1, 2, 5])
def test_a_missort_is_recorded_whatever_lane_the_item_was_meant_for(line: Line, lane: int) -> None:
    """The PLC measured that it is not where the divert should have put it."""
    line.sell(1, FIRST_MM)
    line.tell(EventType.MISSORT, 1, lane)
    outcome = line.outcome(1)
    assert outcome.ending is Ending.MISSORTED
    assert outcome.lane == {1: "restock", 2: "open-box", 5: "manual"}[lane]
    assert outcome.assigned_lane == "restock"


def test_a_missort_of_an_item_without_a_lane_is_recorded(line: Line) -> None:
    line.announce(1, FIRST_MM)
    line.identify(1)
    line.tell(EventType.MISSORT, 1, 5)
    assert line.outcome(1).ending is Ending.MISSORTED


def test_a_missort_of_an_item_that_nobody_knows_is_recorded(line: Line) -> None:
    line.tell(EventType.MISSORT, 77, 5)
    assert (line.outcome(77).ending, line.outcome(77).item_id) == (Ending.MISSORTED, None)


def test_a_missort_before_the_remap_is_recorded(line: Line) -> None:
    line.sell(1, FIRST_MM)
    line.restart()
    line.tell(EventType.MISSORT, 1, 1)
    assert (line.outcome(1).ending, line.outcome(1).item_id) == (Ending.MISSORTED, "RET-1")
    assert not line.state.remembered


# Items that nothing can tell apart ----------------------------------------------------------


def too_close(line: Line) -> None:
    line.sell(1, FIRST_MM)
    line.tell(EventType.GAP, 1)
    assert line.lane(1) == ("manual", "gap")


def test_a_late_answer_steers_no_item_that_is_too_close_to_another(line: Line) -> None:
    too_close(line)
    said = line.answer("RET-1", Grade.REPAIRABLE)
    assert line.lane(1) == ("manual", "gap")
    assert line.sent(said) == []


def test_an_answer_before_the_plate_steers_no_item_that_is_too_close(line: Line) -> None:
    line.answer("RET-1", Grade.REPAIRABLE)
    line.announce(1, FIRST_MM)
    line.tell(EventType.GAP, 1)
    assert line.sent(line.identify(1)) == []
    assert line.lane(1) == ("manual", "gap")


def test_an_item_that_is_too_close_stays_so_over_a_restart_with_another_policy(line: Line) -> None:
    too_close(line)
    text = SHIPPED.read_text().replace("manual", "people")
    line.settings = Settings("line-1", parse_policy(text.encode(), SHIPPED))
    line.restart()
    line.remap((1, 0))
    line.answer("RET-1", Grade.REPAIRABLE)
    line.see(Graded(1, make_verdict("RET-1")))
    assert line.lane(1) == ("people", "gap")


def test_a_gap_that_is_told_before_the_remap_counts(line: Line) -> None:
    line.sell(1, FIRST_MM)
    line.restart()
    line.tell(EventType.GAP, 1)
    line.remap((1, 0))
    assert line.lane(1) == ("manual", "gap")


def test_what_must_be_held_and_is_too_close_runs_out_and_says_that_it_is_held(line: Line) -> None:
    """It cannot be diverted by itself: not to the lane of what is recalled either."""
    text = SHIPPED.read_text().replace('recalled = "manual"', 'recalled = "salvage"')
    line.settings = Settings("line-1", parse_policy(text.encode(), SHIPPED))
    line.announce(1, FIRST_MM)
    line.see(Identified(1, "RET-1", ItemFacts(item_id="RET-1", recalled=True)))
    line.see(Graded(1, make_verdict("RET-1")))
    assert line.lane(1) == ("salvage", "hold_recalled")
    line.tell(EventType.GAP, 1)
    item = line.state.items[1]
    assert item.decision is not None
    assert item.decision.lane == "manual"
    assert "recalled" in item.decision.explanation
