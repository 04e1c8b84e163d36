"""Which lane the PLC really holds for an item, whatever it refuses, and in what order it answers."""

from __future__ import annotations

import pytest

from model.contract import Ending
from sorter_control.protocol import EventType
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
