"""Alarms go through the states of ISA-18.2, and outlive the controller."""

from __future__ import annotations

import pytest

from model.contract import Alarm, AlarmPriority, AlarmState, CommandKind, CommandStatus
from sorter_control.controller.journal import Journal
from sorter_control.controller.line_state import line_state
from sorter_control.controller.observations import PartiesChanged
from sorter_control.packml import Command
from sorter_control.sim.memory_journal import MemoryJournal
from sorter_control.sim.rehearsal import Rehearsal
from tests.sorter_control.factories import NOW, SETTINGS, make_rehearsal
from tests.sorter_control.people import line, order, status

__all__ = ["line"]

ACTIVE, SEEN, OVER = (
    AlarmState.UNACKNOWLEDGED_ACTIVE,
    AlarmState.ACKNOWLEDGED_ACTIVE,
    AlarmState.UNACKNOWLEDGED_RETURNED,
)


def shown(line: Rehearsal) -> tuple[Alarm, ...]:
    assert line.controller is not None
    return line_state(line.controller.state, SETTINGS, NOW).annunciated


def press(line: Rehearsal, *, down: bool) -> None:
    line.machine.estop_ok = not down
    line.run(0.5)


def acknowledge(line: Rehearsal, alarm: Alarm) -> CommandStatus | None:
    given = order(line, CommandKind.ACKNOWLEDGE, alarm_id=alarm.alarm_id, operator="Ben")
    return status(line, given)


def history(line: Rehearsal) -> list[Alarm]:
    assert isinstance(line.journal, MemoryJournal)
    return [each for each in line.journal.reports if isinstance(each, Alarm)]


def test_an_alarm_stays_until_it_is_over_and_somebody_has_seen_it(line: Rehearsal) -> None:
    press(line, down=True)
    (alarm,) = shown(line)
    assert (alarm.condition, alarm.state, alarm.priority) == (
        "emergency-stop",
        ACTIVE,
        AlarmPriority.CRITICAL,
    )
    assert "Clear, Reset and Start" in alarm.action
    assert acknowledge(line, alarm) is CommandStatus.DONE
    (alarm,) = shown(line)
    assert (alarm.state, alarm.acknowledged_by) == (SEEN, "Ben")
    assert acknowledge(line, alarm) is CommandStatus.REFUSED
    press(line, down=False)
    assert shown(line) == ()
    assert [each.state for each in history(line)] == [ACTIVE, SEEN, AlarmState.NORMAL]
    assert [each.revision for each in history(line)] == [1, 2, 3]
    assert history(line)[-1].ended_at is not None


def test_one_that_is_over_unseen_stays_and_comes_back_as_the_same(line: Rehearsal) -> None:
    press(line, down=True)
    press(line, down=False)
    (over,) = shown(line)
    assert (over.state, over.times) == (OVER, 1)
    press(line, down=True)
    (again,) = shown(line)
    assert (again.alarm_id, again.state, again.times) == (over.alarm_id, ACTIVE, 2)
    assert again.ended_at is None
    press(line, down=False)
    assert acknowledge(line, again) is CommandStatus.DONE
    assert shown(line) == ()


def test_the_next_one_after_that_is_another_alarm(line: Rehearsal) -> None:
    press(line, down=True)
    (first,) = shown(line)
    acknowledge(line, first)
    press(line, down=False)
    press(line, down=True)
    (second,) = shown(line)
    assert second.alarm_id != first.alarm_id


def test_a_late_acknowledgement_is_none_of_what_came_since(line: Rehearsal) -> None:
    press(line, down=True)
    (alarm,) = shown(line)
    late = order(line, CommandKind.ACKNOWLEDGE, alarm_id=alarm.alarm_id, life_s=0)
    assert status(line, late) is CommandStatus.EXPIRED
    assert shown(line) == (alarm,)


def test_alarms_outlive_the_controller(line: Rehearsal) -> None:
    press(line, down=True)
    (before,) = shown(line)
    acknowledge(line, before)
    before = shown(line)[0]
    line.kill_controller()
    line.start_controller()
    line.run(0.5)
    assert shown(line) == (before,)


def test_one_that_ends_while_the_controller_is_away_is_over_when_it_is_back(
    line: Rehearsal,
) -> None:
    press(line, down=True)
    line.kill_controller()
    press(line, down=False)
    line.start_controller()
    line.run(0.5)
    assert [each.state for each in shown(line)] == [OVER]


def test_the_most_urgent_comes_first(line: Rehearsal) -> None:
    assert line.controller is not None
    line.controller.observe(PartiesChanged((("grading server", "away"),)), line.now)
    line.machine.plc.lane(2).jam = True
    line.machine.press(Command.HOLD)
    press(line, down=True)
    assert [each.condition for each in shown(line)] == [
        "emergency-stop",
        "lane-2-jam",
        "grading-server",
    ]


@pytest.mark.parametrize("problem", ["no answer", "still no answer"])
def test_the_same_trouble_in_other_words_is_no_other_alarm(line: Rehearsal, problem: str) -> None:
    assert line.controller is not None
    for words in ("away", problem):
        line.controller.observe(PartiesChanged((("grading server", words),)), line.now)
    assert [each.revision for each in history(line)] == [1]


def test_a_plc_that_has_not_heard_the_controller_for_long_is_an_alarm(line: Rehearsal) -> None:
    assert history(line) == []
    line.wire.writes_lost = True
    line.run(1.5)
    assert history(line) == []
    line.run(3)
    assert [each.condition for each in shown(line)] == ["host-lost"]


def test_a_plc_that_starts_with_the_controller_is_no_alarm_and_one_that_never_comes_is() -> None:
    line = make_rehearsal([])
    line.journal = MemoryJournal()
    line.start_controller()
    line.wire.reads_lost = True
    line.run(20)
    assert history(line) == []
    line.run(15)
    assert [each.condition for each in shown(line)] == ["plc"]
    line.kill_controller()
    line.start_controller()
    line.run(1)
    assert [each.state for each in shown(line)] == [ACTIVE]
    line.wire.reads_lost = False
    line.run(1)
    assert [each.state for each in shown(line)] == [OVER]
    line.wire.reads_lost = True
    line.run(0.2)
    assert [each.state for each in shown(line)] == [ACTIVE]


def test_the_journal_keeps_the_book_and_what_is_to_be_told(line: Rehearsal) -> None:
    journal = Journal(":memory:")
    line.journal = journal
    line.start_controller()
    line.run(0.5)
    order(line, CommandKind.LANE_DISABLE, lane=2, note="x")
    line.run(0.5)
    press(line, down=True)
    assert line.controller is not None
    assert journal.book() == line.controller.state.book
    told = journal.untold(10)
    assert [type(each).__name__ for _, each in told] == ["CommandResult", "Alarm"]
    journal.told([number for number, _ in told])
    assert journal.untold(10) == []
    journal.close()
