"""Which lane the PLC really holds for an item, whatever it refuses, and in what order it answers."""

from __future__ import annotations

import pytest

from model.contract import Ending, Grade, ItemFacts
from sorter_control.controller.commands import Assign, Cancel, Modify
from sorter_control.controller.observations import Graded, Identified
from sorter_control.controller.values import Settings
from sorter_control.policy import SHIPPED, parse_policy
from sorter_control.protocol import EventType, Reason
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


# Answers of the PLC -------------------------------------------------------------------------


def steered(line: Line, *, acknowledged: bool) -> None:
    """An item for restock that a person then sent to repair, which the PLC has not answered."""
    line.announce(1, FIRST_MM)
    line.identify(1)
    assert line.sent(line.see(Graded(1, make_verdict("RET-1")))) == [Assign(1, 1)]
    if acknowledged:
        line.tell(EventType.ASSIGN_ACK, 1, 1)
    assert line.sent(line.answer("RET-1", Grade.REPAIRABLE)) == [Modify(1, 3)]


def test_the_answer_to_an_older_command_tells_what_the_plc_holds(line: Line) -> None:
    steered(line, acknowledged=False)
    line.tell(EventType.ASSIGN_ACK, 1, 1)
    assert line.state.items[1].held_lane == 1
    refused = line.tell(EventType.ASSIGN_NAK, 1, 3, Reason.DISABLED)
    assert line.sent(refused) == [Modify(1, 5)], "an item that has a lane is not assigned anew"


def test_an_acknowledged_lane_is_not_left_for_one_that_was_only_asked_for(line: Line) -> None:
    """The link broke before the PLC heard of the second: the record says that it is wrong."""
    steered(line, acknowledged=True)
    line.tell(EventType.DIVERTED, 1, 1)
    outcome = line.outcome(1)
    assert (outcome.ending, outcome.lane, outcome.assigned_lane) == (
        Ending.MISSORTED,
        "restock",
        "repair",
    )


def test_a_lane_that_is_asked_for_twice_is_not_taken_for_acknowledged(line: Line) -> None:
    steered(line, acknowledged=True)
    assert line.sent(line.answer("RET-1", Grade.REPAIRABLE, 2)) == []
    assert line.state.items[1].held_lane == 1
    line.tell(EventType.ASSIGN_NAK, 1, 3, Reason.FULL)
    assert line.lane(1) == ("manual", "no_open_lane")


def test_each_answer_belongs_to_the_oldest_command_for_its_lane(line: Line) -> None:
    steered(line, acknowledged=False)
    assert line.sent(line.answer("RET-1", Grade.NEW, 2)) == [Modify(1, 1)]
    for lane, held in ((1, 1), (3, 3), (1, 1)):
        line.tell(EventType.ASSIGN_ACK, 1, lane)
        assert line.state.items[1].held_lane == held
    assert line.state.items[1].unanswered == ()
    line.tell(EventType.DIVERTED, 1, 1)
    assert (line.outcome(1).ending, line.outcome(1).rule) == (Ending.DIVERTED, "operator")


def test_an_answer_that_comes_twice_changes_nothing(line: Line) -> None:
    """A command is executed again where another host wrote in between."""
    steered(line, acknowledged=True)
    line.tell(EventType.ASSIGN_ACK, 1, 3)
    before = line.state.items[1]
    assert line.sent(line.tell(EventType.ASSIGN_NAK, 1, 1, Reason.TAKEN)) == []
    line.tell(EventType.ASSIGN_ACK, 1, 3)
    assert line.state.items[1] == before


def test_a_refusal_of_an_older_command_waits_for_the_answer_to_the_newer(line: Line) -> None:
    steered(line, acknowledged=False)
    assert line.sent(line.tell(EventType.ASSIGN_NAK, 1, 1, Reason.FULL)) == []
    assert line.state.items[1].barred == {"restock"}
    line.tell(EventType.ASSIGN_ACK, 1, 3)
    assert line.lane(1) == ("repair", "operator")
    assert line.state.items[1].held_lane == 3


def test_an_older_answer_counts_after_a_restart_too(line: Line) -> None:
    steered(line, acknowledged=False)
    line.restart()
    line.tell(EventType.ASSIGN_ACK, 1, 1)
    assert line.sent(line.remap((1, 1))) == [Modify(1, 3)]
    line.tell(EventType.ASSIGN_NAK, 1, 3, Reason.LATE)
    assert line.lane(1) == ("manual", "no_open_lane")


def test_what_was_not_answered_before_a_restart_is_explained_by_the_remap(line: Line) -> None:
    steered(line, acknowledged=False)
    line.restart()
    line.remap((1, 1))
    confirmed = line.state.items[1].confirmed
    assert confirmed is not None
    assert confirmed.rule == "grade_new"
    line.encoder += 2000
    line.tell(EventType.ASSIGN_NAK, 1, 3, Reason.LATE)
    assert line.lane(1) == ("restock", "grade_new"), "it is past its point of no return"


# Refusals -----------------------------------------------------------------------------------


def test_a_refused_change_does_not_leave_the_item_where_it_must_not_go(line: Line) -> None:
    steered(line, acknowledged=True)
    refused = line.tell(EventType.ASSIGN_NAK, 1, 3, Reason.FULL)
    assert line.sent(refused) == [Modify(1, 5)]
    assert line.state.items[1].barred == {"repair"}
    assert line.lane(1) == ("manual", "no_open_lane")


def test_a_refused_lane_is_not_asked_for_again(line: Line) -> None:
    steered(line, acknowledged=True)
    line.tell(EventType.ASSIGN_NAK, 1, 3, Reason.FULL)
    line.tell(EventType.ASSIGN_ACK, 1, 5)
    assert line.sent(line.answer("RET-1", Grade.REPAIRABLE, 2)) == []


def test_what_the_plc_holds_wrongly_is_cancelled_where_no_lane_is_left(line: Line) -> None:
    steered(line, acknowledged=True)
    line.tell(EventType.ASSIGN_NAK, 1, 3, Reason.FULL)
    assert line.sent(line.tell(EventType.ASSIGN_NAK, 1, 5, Reason.FULL)) == [Cancel(1)]
    line.tell(EventType.ASSIGN_ACK, 1, 0)
    assert line.state.items[1].held_lane == 0
    line.tell(EventType.DIVERTED, 1, 5, Reason.UNASSIGNED)
    assert (line.outcome(1).ending, line.outcome(1).lane) == (Ending.DEFAULTED, "manual")


def test_a_lane_that_cannot_be_cancelled_any_more_stands(line: Line) -> None:
    steered(line, acknowledged=True)
    line.tell(EventType.ASSIGN_NAK, 1, 3, Reason.FULL)
    line.tell(EventType.ASSIGN_NAK, 1, 5, Reason.FULL)
    assert line.sent(line.tell(EventType.ASSIGN_NAK, 1, 0, Reason.LATE)) == []
    assert line.lane(1) == ("restock", "grade_new")


def test_a_change_that_comes_too_late_leaves_the_lane_that_the_plc_works_for(line: Line) -> None:
    steered(line, acknowledged=True)
    line.encoder += 2000
    assert line.sent(line.tell(EventType.ASSIGN_NAK, 1, 3, Reason.LATE)) == []
    line.tell(EventType.DIVERTED, 1, 1)
    assert (line.outcome(1).ending, line.outcome(1).rule) == (Ending.DIVERTED, "grade_new")


def test_a_refusal_of_what_is_refused_already_ends(line: Line) -> None:
    """Nothing is left but the way that needs no command."""
    line.announce(1, FIRST_MM)
    line.identify(1)
    line.see(Graded(1, make_verdict("RET-1")))
    sent = []
    for lane in (1, 2, 5):
        sent += line.sent(line.tell(EventType.ASSIGN_NAK, 1, lane, Reason.DISABLED))
    assert sent == [Assign(1, 2), Assign(1, 5)]
    assert line.lane(1) == ("manual", "no_open_lane")


def test_a_plc_that_does_not_know_the_item_is_not_asked_again(line: Line) -> None:
    steered(line, acknowledged=True)
    assert line.sent(line.tell(EventType.ASSIGN_NAK, 1, 3, Reason.UNKNOWN)) == []


def test_a_lane_that_nobody_can_explain_is_cancelled_too(line: Line) -> None:
    """The journal of before is gone: the PLC has a lane for an item that nobody has graded."""
    line.announce(1, FIRST_MM)
    line.restart()
    line.remap((1, 2))
    line.encoder += 1800
    assert line.sent(line.report()) == [Modify(1, 5)]
    assert line.sent(line.tell(EventType.ASSIGN_NAK, 1, 5, Reason.FULL)) == [Cancel(1)]


def test_another_lane_than_was_asked_for_is_what_the_plc_holds_and_nobody_can_explain(
    line: Line,
) -> None:
    """Another host has given it: the answer is to none of our commands."""
    line.sell(1, FIRST_MM)
    line.tell(EventType.ASSIGN_ACK, 1, 2)
    assert (line.state.items[1].held_lane, line.state.items[1].confirmed) == (2, None)
    line.tell(EventType.ASSIGN_ACK, 1, 1)
    item = line.state.items[1]
    assert (item.held_lane, item.confirmed) == (1, item.decision)


def test_what_is_cancelled_is_meant_for_the_manual_lane(line: Line) -> None:
    steered(line, acknowledged=True)
    line.tell(EventType.ASSIGN_NAK, 1, 3, Reason.FULL)
    line.tell(EventType.ASSIGN_NAK, 1, 5, Reason.FULL)
    line.tell(EventType.ASSIGN_ACK, 1, 0)
    assert (line.state.items[1].confirmed, line.state.items[1].held_lane) == (None, 0)
    assert line.lane(1)[0] == "manual"


def test_the_same_lane_for_another_reason_needs_no_command(line: Line) -> None:
    line.sell(1, FIRST_MM)
    assert line.sent(line.answer("RET-1", Grade.NEW)) == []
    confirmed = line.state.items[1].confirmed
    assert confirmed is not None
    assert confirmed.rule == "operator"


def test_the_reason_of_a_command_under_way_is_the_newest(line: Line) -> None:
    steered(line, acknowledged=True)
    assert line.sent(line.answer("RET-1", Grade.REPAIRABLE, 2)) == []
    line.tell(EventType.ASSIGN_ACK, 1, 3)
    confirmed = line.state.items[1].confirmed
    assert confirmed is not None
    assert confirmed.override_id == "o-2"


def test_a_lane_that_failed_is_tried_again_when_the_item_has_come_round(line: Line) -> None:
    line.sell(1, FIRST_MM)
    line.tell(EventType.DIVERT_FAIL, 1, 1, Reason.DIVERT_FAILED)
    item = line.state.items[1]
    assert (item.confirmed, item.held_lane) == (None, 0)
    assert line.lane(1)[0] == "open-box"
    line.tell(EventType.RECIRCULATED, 1)
    line.move(5000)
    line.tell(EventType.DEST_REQUEST, 1)
    assert line.lane(1) == ("restock", "grade_new")


def test_a_divert_that_failed_for_what_the_plc_forgot_changes_nothing(line: Line) -> None:
    line.sell(1, FIRST_MM)
    line.plc_boot_id += 1
    line.report()
    assert line.sent(line.tell(EventType.DIVERT_FAIL, 1, 1)) == []
    line.announce(2, FIRST_MM)
    assert line.sent(line.tell(EventType.DIVERT_FAIL, 2, 1)) == []


def test_a_twin_that_is_too_close_too_is_a_twin(line: Line) -> None:
    line.sell(1, FIRST_MM)
    line.announce(2, 1000)
    line.identify(2)
    line.tell(EventType.GAP, 1)
    assert line.lane(1) == ("manual", "plate_twice")
