"""What the PLC and people say between a restart of the controller and the end of its remap."""

from __future__ import annotations

import pytest

from model.contract import Grade
from sorter_control.controller.commands import Assign, Modify
from sorter_control.controller.observations import Graded, NotGraded
from sorter_control.controller.values import Failure
from sorter_control.protocol import Event, EventType, Reason
from sorter_control.routing import FailSafe
from tests.sorter_control.factories import make_verdict
from tests.sorter_control.told import FIRST_MM, SECOND_MM, Line


@pytest.fixture
def line() -> Line:
    """A controller that has just restarted, with an item for restock that the PLC has not named."""
    line = Line()
    line.sell(1, FIRST_MM)
    line.restart()
    return line


def test_a_divert_that_failed_is_not_tried_again(line: Line) -> None:
    line.tell(EventType.DIVERT_FAIL, 1, 1, Reason.DIVERT_FAILED)
    assert line.sent(line.remap((1, 0))) == [Assign(1, 2)]
    assert line.state.items[1].barred == {"restock"}


def test_an_item_that_came_round_is_where_it_is_now(line: Line) -> None:
    line.tell(EventType.RECIRCULATED, 1)
    line.move(5000)
    line.tell(EventType.DEST_REQUEST, 1)
    line.remap((1, 0))
    item = line.state.items[1]
    assert not item.returning
    assert line.state.position_mm(item) == 0
    assert line.sent(line.answer("RET-1", Grade.SALVAGE)) == [Modify(1, 4)]


def test_an_answer_waits_for_an_item_that_is_on_its_way_back(line: Line) -> None:
    line.tell(EventType.RECIRCULATED, 1)
    assert line.sent(line.remap((1, 0))) == [], "it has no lane before it has come round"
    assert line.sent(line.answer("RET-1", Grade.SALVAGE)) == []
    assert "override_waits_for_verdict" in line.noticed()


def test_an_answer_before_the_remap_waits_for_an_item_on_its_way_back_too(line: Line) -> None:
    line.tell(EventType.RECIRCULATED, 1)
    line.answer("RET-1", Grade.SALVAGE)
    assert line.sent(line.remap((1, 0))) == []
    line.move(5000)
    assert line.sent(line.tell(EventType.DEST_REQUEST, 1)) == [Assign(1, 4)]


def test_an_item_is_where_the_plc_has_seen_it_last(line: Line) -> None:
    """It has slipped, and a photo-eye has corrected its place while the controller was away."""
    place = line.encoder - 1900
    line.report(
        Event(21, EventType.REMAP_ITEM, 1, lane=1, encoder=place),
        Event(22, EventType.REMAP_END, aux=1),
    )
    assert line.state.position_mm(line.state.items[1]) == 1900


def test_a_refusal_counts(line: Line) -> None:
    assert line.sent(line.answer("RET-1", Grade.SALVAGE)) == []
    assert line.sent(line.remap((1, 1))) == [Modify(1, 4)]
    line.restart()
    line.tell(EventType.ASSIGN_NAK, 1, 4, Reason.FULL)
    line.remap((1, 1))
    assert line.lane(1) == ("manual", "no_open_lane")


@pytest.mark.parametrize("known", [False, True])
def test_a_plate_that_is_read_before_the_remap_is_looked_for_among_all_items(
    *, known: bool
) -> None:
    line = Line()
    line.announce(1, FIRST_MM)
    line.restart()
    line.announce(2, SECOND_MM)
    line.identify(2)
    line.see(Graded(2, make_verdict("RET-1")))
    assert line.lane(2) == ("restock", "grade_new")
    if known:
        line.identify(1)
    else:
        line.see(NotGraded(1, Failure(FailSafe.NO_FACTS, "Nothing is known of it"), "RET-1"))
    assert "plate_twice" in line.noticed()
    line.remap((1, 0), (2, 1))
    assert {line.lane(1), line.lane(2)} == {("manual", "plate_twice")}


def test_an_answer_steers_what_the_plc_names_not_what_it_has_forgotten(line: Line) -> None:
    """An older item with the plate runs out untracked."""
    line = Line()
    line.sell(1, FIRST_MM)
    line.plc_boot_id += 1
    line.report()
    line.sell(2, SECOND_MM)
    line.restart()
    line.report()
    line.answer("RET-1", Grade.SALVAGE)
    assert "override_too_late" not in line.noticed()
    assert line.sent(line.remap((2, 1))) == [Modify(2, 4)]
