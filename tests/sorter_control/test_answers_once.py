"""A person's answer counts once, for the right item, and is kept where it can steer nothing any more."""

from __future__ import annotations

import pytest

from model.contract import Ending, Grade
from sorter_control.controller.commands import Modify
from sorter_control.controller.observations import Graded, Overridden
from sorter_control.protocol import EventType, Reason
from tests.sorter_control.factories import SETTINGS, make_override, make_verdict
from tests.sorter_control.told import FIRST_MM, SECOND_MM, Line

_PAST_THE_FIRST_MM = 2000
"""Belt travel that brings an item from ``FIRST_MM`` past the first point of no return."""


@pytest.fixture
def line() -> Line:
    """An item for restock on the belt."""
    line = Line()
    line.sell(1, FIRST_MM)
    return line


def decided_by(line: Line) -> str | None:
    decision = line.state.items[1].decision
    assert decision is not None
    return decision.override_id


def test_answers_that_are_told_again_after_a_restart_steer_nothing_back(line: Line) -> None:
    line.answer("RET-1", Grade.SALVAGE, 2)
    line.acknowledge(1)
    line.restart()
    line.remap((1, SETTINGS.policy.lanes["salvage"]))
    assert line.sent(line.answer("RET-1", Grade.REPAIRABLE, 1)) == []
    assert line.sent(line.answer("RET-1", Grade.SALVAGE, 2)) == []
    assert line.lane(1) == ("salvage", "operator")


# Late answers -------------------------------------------------------------------------------


def test_an_answer_that_came_too_late_counts_when_the_divert_fails(line: Line) -> None:
    line.move(_PAST_THE_FIRST_MM)
    assert line.sent(line.answer("RET-1", Grade.SALVAGE)) == []
    assert line.lane(1) == ("restock", "grade_new")
    line.tell(EventType.DIVERT_FAIL, 1, 1, Reason.DIVERT_FAILED)
    assert line.lane(1) == ("salvage", "operator")


def test_an_answer_that_came_too_late_is_not_what_decided(line: Line) -> None:
    line.move(_PAST_THE_FIRST_MM)
    line.answer("RET-1", Grade.SALVAGE)
    line.tell(EventType.DIVERTED, 1, 1)
    outcome = line.outcome(1)
    assert (outcome.ending, outcome.rule, outcome.override_id) == (
        Ending.DIVERTED,
        "grade_new",
        None,
    )


def test_the_record_names_the_answer_that_decided_not_the_one_that_came_too_late() -> None:
    line = Line()
    line.answer("RET-1", Grade.NEW, 1)
    line.sell(1, FIRST_MM)
    line.move(_PAST_THE_FIRST_MM)
    line.answer("RET-1", Grade.SALVAGE, 2)
    line.tell(EventType.DIVERTED, 1, 1)
    assert (line.outcome(1).rule, line.outcome(1).override_id) == ("operator", "o-1")


def test_an_answer_that_the_plc_finds_too_late_counts_when_the_divert_fails(line: Line) -> None:
    assert line.sent(line.answer("RET-1", Grade.SALVAGE)) == [Modify(1, 4)]
    line.move(_PAST_THE_FIRST_MM)
    line.tell(EventType.ASSIGN_NAK, 1, 4, Reason.LATE)
    assert line.lane(1) == ("restock", "grade_new")
    line.tell(EventType.DIVERT_FAIL, 1, 1, Reason.DIVERT_FAILED)
    assert line.state.items[1].override == make_override("RET-1", Grade.SALVAGE)
    assert line.lane(1) == ("manual", "no_open_lane"), "salvage is refused for this item"


def test_an_answer_before_the_verdict_decides() -> None:
    line = Line()
    line.announce(1, FIRST_MM)
    line.identify(1)
    assert line.sent(line.answer("RET-1", Grade.SALVAGE)) == []
    line.see(Graded(1, make_verdict("RET-1")))
    assert line.lane(1) == ("salvage", "operator")
    assert decided_by(line) == "o-1"


def test_an_answer_before_the_plate_decides() -> None:
    line = Line()
    line.answer("RET-1", Grade.SALVAGE)
    line.announce(1, FIRST_MM)
    line.identify(1)
    line.see(Graded(1, make_verdict("RET-1")))
    assert line.lane(1) == ("salvage", "operator")


def test_an_answer_on_the_way_back_decides_when_the_item_comes_round(line: Line) -> None:
    line.tell(EventType.RECIRCULATED, 1)
    assert line.sent(line.answer("RET-1", Grade.SALVAGE)) == []
    line.move(5000)
    line.tell(EventType.DEST_REQUEST, 1)
    assert line.lane(1) == ("salvage", "operator")


@pytest.mark.parametrize("named_first", [False, True])
def test_an_answer_after_a_restart_waits_until_the_plc_names_the_item(
    line: Line, named_first: bool
) -> None:
    line.restart()
    if named_first:
        line.remap((1, 1))
        assert line.sent(line.answer("RET-1", Grade.SALVAGE)) == [Modify(1, 4)]
    else:
        assert line.sent(line.answer("RET-1", Grade.SALVAGE)) == []
        assert line.sent(line.remap((1, 1))) == [Modify(1, 4)]
    assert line.lane(1) == ("salvage", "operator")


def test_an_answer_before_the_first_word_of_the_plc_after_a_restart_is_kept(line: Line) -> None:
    line.restart()
    assert line.state.status is None
    line.answer("RET-1", Grade.SALVAGE)
    assert line.lane(1) == ("restock", "grade_new"), "nothing is known of the lanes yet"
    line.remap((1, 1))
    assert line.lane(1) == ("salvage", "operator")


def test_an_answer_for_what_the_plc_has_forgotten_is_kept(line: Line) -> None:
    line.plc_boot_id += 1
    line.report()
    assert line.sent(line.answer("RET-1", Grade.SALVAGE)) == []
    assert line.state.items[1].override == make_override("RET-1", Grade.SALVAGE)


# Once ---------------------------------------------------------------------------------------


def test_the_same_answer_again_does_nothing(line: Line) -> None:
    assert line.sent(line.answer("RET-1", Grade.SALVAGE)) == [Modify(1, 4)]
    assert line.answer("RET-1", Grade.SALVAGE) == []


def test_an_older_answer_does_nothing(line: Line) -> None:
    line.answer("RET-1", Grade.SALVAGE, 2)
    assert line.answer("RET-1", Grade.REPAIRABLE, 1) == []
    assert line.lane(1) == ("salvage", "operator")


def test_of_several_answers_at_once_the_newest_holds(line: Line) -> None:
    answers = [
        make_override("RET-1", Grade.SALVAGE, 1),
        make_override("RET-1", Grade.REPAIRABLE, 2),
        make_override("RET-1", Grade.SALVAGE, 1),
    ]
    assert line.sent(line.see(Overridden(tuple(answers)))) == [Modify(1, 4), Modify(1, 3)]
    assert line.state.overrides["RET-1"].seq == 2


def test_an_answer_is_not_caught_up_with_twice(line: Line) -> None:
    """What came too late stays too late, however often the PLC names the item."""
    line.move(_PAST_THE_FIRST_MM)
    line.answer("RET-1", Grade.SALVAGE)
    line.restart()
    line.answer("RET-1", Grade.SALVAGE)
    line.remap((1, 1))
    assert "override_too_late" not in line.noticed()


def test_an_answer_about_another_plate_does_nothing(line: Line) -> None:
    assert line.answer("RET-2", Grade.SALVAGE) == []
    assert line.state.items[1].override is None


def test_an_answer_steers_the_item_that_the_plc_tracks_not_the_one_that_it_forgot() -> None:
    line = Line()
    line.sell(1, FIRST_MM)
    line.plc_boot_id += 1
    line.report()
    line.sell(2, SECOND_MM)
    assert line.sent(line.answer("RET-1", Grade.SALVAGE)) == [Modify(2, 4)]


def test_a_withdrawn_answer_gives_the_verdict_back(line: Line) -> None:
    line.answer("RET-1", Grade.SALVAGE, 1)
    assert line.sent(line.answer("RET-1", None, 2)) == [Modify(1, 1)]
    assert line.lane(1) == ("restock", "grade_new")
    assert decided_by(line) is None


def test_an_older_answer_about_one_item_does_not_hide_a_new_one_about_another(line: Line) -> None:
    line.sell(2, SECOND_MM, "RET-2")
    line.answer("RET-1", Grade.SALVAGE, 5)
    answers = (make_override("RET-1", Grade.NEW, 4), make_override("RET-2", Grade.SALVAGE, 6))
    assert line.sent(line.see(Overridden(answers))) == [Modify(2, 4)]
