"""Two items with one license plate: neither plate nor grade says which is which, so none is sold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model.contract import Ending, Grade, ItemFacts
from sorter_control.controller.book import LineBook
from sorter_control.controller.commands import Modify, RequestGrade
from sorter_control.controller.observations import (
    Graded,
    NotGraded,
    Overridden,
)
from sorter_control.controller.values import ControllerState, Failure, Item, Settings
from sorter_control.policy import SHIPPED, parse_policy
from sorter_control.protocol import Event, EventType, Reason
from sorter_control.routing import Decision, FailSafe
from tests.sorter_control.factories import NOW, make_override, make_verdict
from tests.sorter_control.told import FIRST_MM, SECOND_MM, Line

_SOLD = Decision("restock", "grade_new", "The model says new: restock.", Grade.NEW)


def twice(*lines: tuple[str, str]) -> bool:
    return set(lines) == {("manual", "plate_twice")}


def test_of_two_items_with_one_plate_neither_is_sold() -> None:
    line = Line()
    line.sell(1, FIRST_MM)
    line.announce(2, SECOND_MM)
    commands = line.identify(2)
    assert twice(line.lane(1), line.lane(2))
    assert Modify(1, 5) in commands
    assert line.noticed().count("plate_twice") == 1


def test_what_is_past_its_point_of_no_return_goes_on_and_its_twin_is_not_sold() -> None:
    line = Line()
    line.sell(1, 3000)
    line.encoder += 950
    line.announce(2, SECOND_MM)
    commands = line.identify(2)
    assert line.lane(1) == ("restock", "grade_new")
    assert twice(line.lane(2))
    assert not any(isinstance(each, Modify) for each in commands)
    # Its divert misses it: now it can be kept from being sold.
    line.report(Event(30, EventType.DIVERT_FAIL, 1, lane=1, encoder=line.encoder))
    assert twice(line.lane(1))


def test_an_item_that_waits_for_its_verdict_when_its_twin_comes_is_not_sold_by_it() -> None:
    line = Line()
    line.announce(1, FIRST_MM)
    line.identify(1)
    line.announce(2, SECOND_MM)
    line.identify(2)
    line.see(Graded(1, make_verdict("RET-1")))
    assert twice(line.lane(1), line.lane(2))
    assert "verdict_discarded" in line.noticed()


def test_a_twin_is_found_before_the_remap_has_named_it() -> None:
    line = Line()
    line.sell(1, FIRST_MM)
    line.restart()
    line.announce(2, SECOND_MM)
    line.identify(2)
    assert "plate_twice" in line.noticed()
    assert twice(line.lane(1), line.lane(2))
    commands = line.remap((1, 1), (2, 0))
    assert Modify(1, 5) in commands
    assert twice(line.lane(1), line.lane(2))


def test_a_twin_whose_lane_no_policy_has_any_more_is_found_before_the_remap() -> None:
    line = Line()
    line.sell(1, FIRST_MM)
    text = SHIPPED.read_text().replace("restock", "back-to-stock")
    line.settings = Settings("line-1", parse_policy(text.encode(), SHIPPED))
    line.restart()
    line.announce(2, SECOND_MM)
    line.identify(2)
    assert Modify(1, 5) in line.remap((1, 1), (2, 0))
    assert twice(line.lane(1), line.lane(2))


def test_a_twin_that_the_plc_refuses_to_take_back_after_a_restart_keeps_its_lane() -> None:
    line = Line()
    line.sell(1, FIRST_MM)
    line.restart()
    line.announce(2, SECOND_MM)
    line.identify(2)
    line.remap((1, 1), (2, 0))
    line.encoder += 2000
    line.tell(EventType.ASSIGN_NAK, 1, 5, Reason.LATE)
    assert line.lane(1) == ("restock", "grade_new")


def test_a_twin_without_a_verdict_is_found_after_a_restart() -> None:
    line = Line()
    line.announce(1, FIRST_MM)
    line.identify(1)
    line.restart()
    line.announce(2, SECOND_MM)
    line.identify(2)
    line.remap((1, 0), (2, 0))
    assert twice(line.lane(1), line.lane(2))


def test_twins_stay_twins_where_a_restart_brings_a_policy_with_other_lanes() -> None:
    line = Line()
    line.sell(1, FIRST_MM)
    line.announce(2, SECOND_MM)
    line.identify(2)
    text = SHIPPED.read_text().replace("manual", "people")
    line.settings = Settings("line-1", parse_policy(text.encode(), SHIPPED))
    line.restart()
    commands = line.remap((1, 5), (2, 5))
    assert {line.lane(1), line.lane(2)} == {("people", "plate_twice")}
    assert not any(isinstance(each, RequestGrade) for each in commands)


@pytest.mark.parametrize("late", ["too late", "too close"])
def test_a_plate_that_is_read_late_is_looked_for_too(late: str) -> None:
    line = Line()
    line.announce(1, SECOND_MM)
    if late == "too late":
        line.encoder += 2900
        line.report()
    else:
        line.report(Event(8, EventType.GAP, 1, encoder=line.encoder))
    line.sell(2, SECOND_MM)
    line.identify(1)
    assert twice(line.lane(1), line.lane(2))
    line.see(Overridden((make_override("RET-1", Grade.REPAIRABLE),)))
    assert twice(line.lane(1), line.lane(2))


def test_a_plate_about_which_nothing_is_known_may_be_a_twin_too() -> None:
    line = Line()
    line.sell(1, FIRST_MM)
    line.announce(2, SECOND_MM)
    line.see(NotGraded(2, Failure(FailSafe.NO_FACTS, "Nothing is known of it"), "RET-1"))
    assert twice(line.lane(1), line.lane(2))


def test_the_plate_of_an_item_that_the_plc_has_forgotten_makes_no_twin_of_another() -> None:
    line = Line()
    line.announce(1, FIRST_MM)
    line.plc_boot_id += 1
    line.report()
    line.sell(2, SECOND_MM)
    line.identify(1)
    assert line.lane(2) == ("restock", "grade_new")
    assert "plate_twice" not in line.noticed()


def test_a_third_item_with_the_plate_changes_nothing_for_the_first_two() -> None:
    line = Line()
    line.sell(1, 3000)
    for tid, at_mm in ((2, 2000), (3, 1000)):
        line.announce(tid, at_mm)
        line.identify(tid)
    assert twice(line.lane(1), line.lane(2), line.lane(3))
    assert line.said.count(Modify(1, 5)) == 1


def test_a_twin_on_its_way_back_is_not_sold_when_it_comes_round() -> None:
    line = Line()
    line.sell(1, FIRST_MM)
    line.report(Event(8, EventType.RECIRCULATED, 1, encoder=line.encoder))
    line.announce(2, SECOND_MM)
    assert not any(isinstance(each, Modify) for each in line.identify(2))
    line.encoder += 5000
    line.report(Event(30, EventType.DEST_REQUEST, 1, encoder=line.encoder))
    assert twice(line.lane(1), line.lane(2))


def test_an_earlier_answer_steers_an_item_whose_plate_is_read_late() -> None:
    line = Line()
    line.see(Overridden((make_override("RET-1", Grade.REPAIRABLE),)))
    line.announce(1, SECOND_MM)
    line.encoder += 2900
    line.report()
    assert line.lane(1) == ("manual", "too_late")
    assert Modify(1, 3) in line.identify(1)
    assert line.lane(1) == ("repair", "operator")


def test_an_earlier_answer_comes_too_late_for_what_has_passed_its_lane() -> None:
    line = Line()
    line.see(Overridden((make_override("RET-1", Grade.REPAIRABLE),)))
    line.announce(1, SECOND_MM)
    line.encoder += 5500
    line.report()
    line.identify(1)
    assert line.lane(1) == ("manual", "too_late")
    assert "override_too_late" in line.noticed()


def test_an_answer_that_waited_for_an_item_steers_no_other_of_its_plate() -> None:
    """The journal of a version that sold twins: each is caught up with for itself."""
    line = Line()
    sold = Item(line.plc_boot_id, 1, 8000, 300, NOW, item_id="RET-1")
    sold = replace(
        sold, facts=ItemFacts(item_id="RET-1"), decision=_SOLD, confirmed=_SOLD, held_lane=1
    )
    twins = [sold, replace(sold, tid=2, induct_encoder=9000)]
    line.state = ControllerState.of_journal(twins, LineBook())
    line.see(Overridden((make_override("RET-1", Grade.REPAIRABLE),)))
    line.remap((1, 1), (2, 1))
    overridden = [each.override is not None for each in line.state.items.values()]
    assert overridden == [True, True]


# Verdicts that are kept ---------------------------------------------------------------------


def run_out(line: Line, tid: int) -> None:
    """An item that was graded and that nobody could divert."""
    line.sell(tid, FIRST_MM)
    line.tell(EventType.ABORTED, tid, 1, Reason.UNVERIFIED)
    line.tell(EventType.DIVERTED, tid, 5, Reason.LANE_CLOSED)
    assert line.outcome(tid).ending is Ending.DEFAULTED


def again(line: Line, tid: int) -> None:
    line.announce(tid, FIRST_MM)
    line.identify(tid)


def test_a_kept_verdict_counts_once() -> None:
    line = Line()
    run_out(line, 1)
    again(line, 2)
    assert line.lane(2) == ("restock", "grade_new")
    line.tell(EventType.DIVERTED, 2, 1)
    again(line, 3)
    assert line.state.items[3].decision is None, "a label that was printed twice"


def test_a_kept_verdict_counts_again_where_the_item_runs_out_again() -> None:
    line = Line()
    run_out(line, 1)
    again(line, 2)
    line.tell(EventType.DIVERTED, 2, 5, Reason.HOST_LOST)
    again(line, 3)
    assert line.lane(3) == ("restock", "grade_new")


@pytest.mark.parametrize(("kind", "lane"), [(EventType.MISSORT, 2), (EventType.LOST, 0)])
def test_the_verdict_of_an_item_that_no_person_has_at_hand_is_not_kept(
    kind: EventType, lane: int
) -> None:
    """It may lie in a graded lane: what comes with its plate is another one."""
    line = Line()
    line.sell(1, FIRST_MM)
    line.tell(kind, 1, lane)
    again(line, 2)
    assert line.state.items[2].decision is None


def test_a_verdict_is_not_kept_of_an_item_whose_plate_was_sold_meanwhile() -> None:
    """The first was forgotten by the PLC and is still on the belt when the second is sold."""
    line = Line()
    line.sell(1, FIRST_MM)
    line.plc_boot_id += 1
    line.report()
    line.sell(2, SECOND_MM)
    line.tell(EventType.DIVERTED, 2, 1)
    line.move(6000)
    line.report(Event(9, EventType.UNEXPECTED, 0, lane=5, encoder=line.encoder))
    assert line.outcome(1).rule == "plc_restarted"
    again(line, 3)
    assert line.state.items[3].decision is None
