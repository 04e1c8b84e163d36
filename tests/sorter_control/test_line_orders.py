"""People command the line: once, only where it is allowed, and never late."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model.contract import CommandKind, CommandStatus
from sorter_control.controller.controller import Controller
from sorter_control.controller.line_state import line_state
from sorter_control.controller.link import Link
from sorter_control.packml import Command, State
from sorter_control.protocol import HostCommand, Op
from sorter_control.sim.memory_journal import MemoryJournal
from sorter_control.sim.rehearsal import Rehearsal
from tests.sorter_control.factories import NOW, SETTINGS, by_number, make_rehearsal, make_rows
from tests.sorter_control.people import (
    LIFE_S,
    allowed,
    line,
    order,
    packml,
    receive,
    results,
    status,
)
from tests.sorter_control.test_controller_link import STATUS, heard, image

Kind = CommandKind
__all__ = ["line"]


@pytest.mark.parametrize(
    ("kinds", "ends_in"),
    [
        ([Kind.STOP], State.STOPPED),
        ([Kind.STOP, Kind.RESET], State.IDLE),
        ([Kind.STOP, Kind.RESET, Kind.START], State.EXECUTE),
        ([Kind.HOLD], State.HELD),
        ([Kind.HOLD, Kind.UNHOLD], State.EXECUTE),
        ([Kind.SUSPEND], State.SUSPENDED),
        ([Kind.SUSPEND, Kind.UNSUSPEND], State.EXECUTE),
        ([Kind.ABORT], State.ABORTED),
        ([Kind.ABORT, Kind.CLEAR, Kind.RESET, Kind.START], State.EXECUTE),
    ],
)
def test_what_a_person_commands_is_done_and_seen(
    line: Rehearsal, kinds: list[Kind], ends_in: State
) -> None:
    for kind in kinds:
        given = order(line, kind)
        line.run(0.5)
        assert status(line, given) is CommandStatus.DONE, kind
    assert packml(line) is ends_in


@pytest.mark.parametrize("kind", [Kind.START, Kind.RESET, Kind.CLEAR, Kind.UNHOLD, Kind.UNSUSPEND])
def test_what_the_state_does_not_allow_is_refused_with_the_reason(
    line: Rehearsal, kind: Kind
) -> None:
    order(line, Kind.ABORT if kind is not Kind.CLEAR else Kind.HOLD)
    line.run(0.5)
    before = packml(line)
    given = order(line, kind)
    line.run(1)
    assert status(line, given) is CommandStatus.REFUSED
    assert before.name.capitalize() in results(line)[given.command_id].reason
    assert packml(line) is before


def test_what_is_allowed_is_offered_and_nothing_else(line: Rehearsal) -> None:
    assert allowed(line) == {Kind.STOP, Kind.HOLD, Kind.SUSPEND, Kind.ABORT}
    order(line, Kind.STOP)
    line.run(0.5)
    assert allowed(line) == {Kind.RESET, Kind.ABORT}


def test_after_an_emergency_stop_only_a_person_brings_it_back_step_by_step(line: Rehearsal) -> None:
    line.machine.estop_ok = False
    line.run(1)
    assert allowed(line) == set()
    pressed = order(line, Kind.CLEAR)
    line.run(1)
    assert status(line, pressed) is CommandStatus.REFUSED
    assert "release it first" in results(line)[pressed.command_id].reason
    line.machine.estop_ok = True
    line.run(5)
    assert packml(line) is State.ABORTED
    for kind, state in [
        (Kind.CLEAR, State.STOPPED),
        (Kind.RESET, State.IDLE),
        (Kind.START, State.EXECUTE),
    ]:
        assert kind in allowed(line)
        order(line, kind)
        line.run(5)
        assert packml(line) is state


def test_a_plc_whose_button_is_pressed_ignores_a_host_that_clears(line: Rehearsal) -> None:
    line.machine.estop_ok = False
    line.run(1)
    assert line.controller is not None
    line.controller._link.control(Command.CLEAR)
    line.machine.host = line.controller.host_image()
    for _ in range(5):
        line.machine.step()
        assert packml(line) is State.ABORTED


def test_a_command_that_comes_late_does_nothing(line: Rehearsal) -> None:
    order(line, Kind.HOLD)
    line.run(0.5)
    given = order(line, Kind.UNHOLD, life_s=0)
    line.run(1)
    assert status(line, given) is CommandStatus.EXPIRED
    assert packml(line) is State.HELD


def test_a_start_that_the_plc_did_not_get_in_time_never_starts_it(line: Rehearsal) -> None:
    order(line, Kind.HOLD)
    line.run(0.5)
    line.wire.writes_lost = True
    given = order(line, Kind.UNHOLD)
    line.run(LIFE_S + 1)
    assert status(line, given) is CommandStatus.UNCONFIRMED
    line.wire.writes_lost = False
    line.run(5)
    assert packml(line) is State.HELD


def test_a_stop_that_the_link_held_up_for_a_moment_still_stops(line: Rehearsal) -> None:
    line.wire.writes_lost = True
    given = order(line, Kind.STOP)
    line.run(0.5)
    line.wire.writes_lost = False
    line.run(1)
    assert status(line, given) is CommandStatus.DONE
    assert packml(line) is State.STOPPED


def test_a_command_that_is_handed_out_again_is_done_once(line: Rehearsal) -> None:
    given = order(line, Kind.HOLD)
    line.run(0.5)
    line.machine.press(Command.UNHOLD)
    line.run(0.5)
    receive(line, given)
    line.run(0.5)
    assert packml(line) is State.EXECUTE


def test_a_command_is_not_repeated_by_the_next_run_of_the_controller(line: Rehearsal) -> None:
    order(line, Kind.HOLD)
    line.run(0.5)
    line.wire.writes_lost = True
    given = order(line, Kind.UNHOLD)
    line.run(0.1)
    line.kill_controller()
    line.wire.writes_lost = False
    line.start_controller()
    receive(line, given)
    line.run(2)
    assert status(line, given) is CommandStatus.UNCONFIRMED
    assert packml(line) is State.HELD


def test_a_command_is_not_repeated_for_a_plc_that_has_restarted(line: Rehearsal) -> None:
    line.wire.writes_lost = True
    given = order(line, Kind.HOLD)
    line.run(0.1)
    line.kill_plc()
    line.wire.writes_lost = False
    line.run(2)
    assert status(line, given) is CommandStatus.UNCONFIRMED
    assert packml(line) is State.EXECUTE


def test_stop_takes_back_a_start_that_is_still_under_way(line: Rehearsal) -> None:
    order(line, Kind.STOP)
    line.run(0.5)
    order(line, Kind.RESET)
    line.run(0.5)
    line.wire.writes_lost = True
    start, stop = order(line, Kind.START), order(line, Kind.STOP)
    line.wire.writes_lost = False
    line.run(1)
    assert status(line, start) is CommandStatus.UNCONFIRMED
    assert status(line, stop) is CommandStatus.DONE
    assert packml(line) is State.STOPPED


def test_without_a_plc_nothing_is_taken(line: Rehearsal) -> None:
    line.wire.reads_lost = True
    line.run(0.5)
    given = order(line, Kind.STOP)
    assert status(line, given) is CommandStatus.REFUSED
    assert allowed(line) == set()


def test_a_disabled_lane_takes_nothing_and_says_who_and_why() -> None:
    line = make_rehearsal(make_rows(8), by_number)
    line.journal = MemoryJournal()
    line.start_controller()
    line.run(1)
    given = order(line, Kind.LANE_DISABLE, lane=2, note="being emptied")
    line.run(0.5)
    assert status(line, given) is CommandStatus.DONE
    line.kill_controller()
    line.start_controller()
    line.run_until_empty(120)
    assert line.controller is not None
    lane = line_state(line.controller.state, SETTINGS, NOW).lanes[1]
    assert (lane.enabled, lane.count) == (False, 0)
    assert lane.closed is not None
    assert (lane.closed.operator, lane.closed.note) == ("Ada", "being emptied")
    order(line, Kind.LANE_ENABLE, lane=2)
    line.run(0.5)
    lane = line_state(line.controller.state, SETTINGS, NOW).lanes[1]
    assert (lane.enabled, lane.closed) == (True, None)


def test_the_default_lane_and_lanes_that_do_not_exist_are_refused(line: Rehearsal) -> None:
    manual = SETTINGS.policy.lanes[SETTINGS.policy.fail_safe.lane]
    for lane in (manual, 17):
        given = order(line, Kind.LANE_DISABLE, lane=lane, note="x")
        assert status(line, given) is CommandStatus.REFUSED
    assert all(each.enabled for each in line.machine.plc.lanes)


def test_a_switch_that_the_plc_did_not_get_in_time_is_withdrawn(line: Rehearsal) -> None:
    line.wire.writes_lost = True
    given = order(line, Kind.LANE_DISABLE, lane=2, note="x")
    line.run(LIFE_S + 1)
    line.wire.writes_lost = False
    line.run(3)
    assert status(line, given) is CommandStatus.UNCONFIRMED
    assert line.machine.plc.lane(2).enabled
    again = order(line, Kind.LANE_DISABLE, lane=2, note="x")
    line.run(1)
    assert status(line, again) is CommandStatus.DONE


def test_a_lane_that_the_plc_opens_by_itself_is_an_alarm(line: Rehearsal) -> None:
    order(line, Kind.LANE_DISABLE, lane=2, note="divert broken")
    line.run(0.5)
    line.machine.plc.lane(2).enabled = True
    line.machine.press(Command.HOLD)
    line.run(0.5)
    assert line.controller is not None
    seen = line_state(line.controller.state, SETTINGS, NOW)
    assert any("Ada disabled it: divert broken" in alarm for alarm in seen.alarms)


def test_counters_are_the_plcs_and_a_difference_shows() -> None:
    line = make_rehearsal(make_rows(8), by_number)
    line.journal = MemoryJournal()
    line.start_controller()
    line.run(12)
    line.kill_controller()
    line.start_controller()
    line.run_until_empty(120)
    assert isinstance(line.controller, Controller)
    lanes = line_state(line.controller.state, SETTINGS, NOW).lanes
    assert [lane.count for lane in lanes] == [each.count for each in line.machine.plc.lanes]
    assert sum(lane.count for lane in lanes) == 8
    assert [lane.unrecorded for lane in lanes] == [0] * 5
    line.machine.plc.lane(3).count += 2
    line.machine.press(Command.HOLD)
    line.run(1)
    lanes = line_state(line.controller.state, SETTINGS, NOW).lanes
    assert [lane.unrecorded for lane in lanes] == [0, 0, 2, 0, 0]


def test_a_number_is_only_used_once_host_and_plc_are_in_step() -> None:
    link = Link(7)
    heard(link, status=replace(STATUS, remap_state=0))
    link.control(Command.START)
    assert link.host_image().host.change_request == 0
    heard(link)
    words = link.host_image().host
    assert (words.control_command, words.change_request) == (Command.START, 1)
    link.withdraw_control()
    words = link.host_image().host
    assert (words.control_command, words.change_request) == (0, 1)


def test_a_withdrawn_switch_leaves_its_number_to_a_command_that_does_nothing() -> None:
    link = Link(7)
    heard(link)
    link.send(Op.LANE_DISABLE, 0, 2)
    link.send(Op.ASSIGN, 11, 2)
    assert link.host_image().commands[0] == HostCommand(1, Op.LANE_DISABLE, 0, 2)
    link.withdraw_switching(2)
    assert link.host_image().commands == (
        HostCommand(1, Op.CANCEL),
        HostCommand(2, Op.ASSIGN, 11, 2),
    )
    link.receive(image(status=replace(STATUS, command_ack_seq=2)), 0.1)
    assert link.host_image().commands == ()
