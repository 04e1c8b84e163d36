"""The PLC program when something fails: diverts, hands, gaps, stops, restarts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sorter_control.packml import Command, State
from sorter_control.protocol import (
    EventType,
    LaneBit,
    Op,
    Reason,
)
from sorter_control.sim.geometry import Belt, load_belt
from sorter_control.sim.machine import Machine, Remains
from tests.sorter_control.bench import Bench
from tests.sorter_control.factories import make_rows


@pytest.fixture
def belt() -> Belt:
    return load_belt()


@pytest.fixture
def bench(belt: Belt) -> Bench:
    return Bench(Machine(belt, make_rows(1)))


def test_a_divert_that_sticks_fails_and_the_item_can_be_sent_further(bench: Bench) -> None:
    bench.machine.world.stick(1)
    tid = bench.announced()
    bench.send(Op.ASSIGN, tid, 1)
    while EventType.DIVERT_FAIL not in bench.kinds():
        bench.run(0.01)
    bench.send(Op.ASSIGN, tid, 3)
    bench.run(20)
    assert bench.lanes() == [(0, 3)]
    assert bench.kinds()[-2:] == [EventType.ASSIGN_ACK, EventType.DIVERTED]
    (fail,) = [event for event in bench.events if event.type is EventType.DIVERT_FAIL]
    assert (fail.tid, fail.lane, fail.reason) == (tid, 1, Reason.DIVERT_FAILED)


def test_repeated_failures_make_a_lane_faulty_until_it_is_reset(belt: Belt) -> None:
    bench = Bench(Machine(belt, make_rows(3)))
    bench.machine.world.stick(1)
    for _ in range(3):
        bench.send(Op.ASSIGN, bench.announced(), 1)
        bench.run(0.05)
    bench.run(20)
    assert LaneBit.DIVERT_FAULT in bench.machine.image().lanes[0].bits
    assert {lane for _, lane in bench.lanes()} == {5}
    bench.send(Op.RESET, 0)
    bench.run(0.05)
    assert LaneBit.DIVERT_FAULT not in bench.machine.image().lanes[0].bits


def test_a_lane_that_fills_after_the_assignment_takes_nothing(bench: Bench) -> None:
    bench.send(Op.ASSIGN, bench.announced(), 2)
    bench.run(1)
    bench.machine.world.fill(2)
    bench.run(20)
    assert bench.lanes() == [(0, 5)]
    (aborted,) = [event for event in bench.events if event.type is EventType.ABORTED]
    assert (aborted.lane, aborted.reason) == (2, Reason.FULL)


def test_an_item_that_is_taken_off_is_lost_and_its_neighbours_are_unaffected(belt: Belt) -> None:
    bench = Bench(Machine(belt, make_rows(3)))
    tids = [bench.announced() for _ in range(3)]
    for tid, lane in zip(tids, (1, 2, 3), strict=True):
        bench.send(Op.ASSIGN, tid, lane)
    bench.machine.world.remove(1)
    bench.run(25)
    assert sorted(bench.lanes()) == [(0, 1), (2, 3)]
    lost = [event.tid for event in bench.events if event.type is EventType.LOST]
    assert lost == [tids[1]]
    assert EventType.DIVERT_FAIL not in bench.kinds(), "its divert is not to blame"


def test_an_item_that_is_added_runs_out_unexpected_and_inherits_nothing(bench: Bench) -> None:
    bench.send(Op.ASSIGN, bench.announced(), 2)
    bench.run(2)
    bench.machine.world.place(-1, 200, 400)
    bench.run(20)
    assert sorted(bench.lanes()) == [(-1, 5), (0, 2)]
    (stranger,) = [event for event in bench.events if event.type is EventType.UNEXPECTED]
    assert (stranger.tid, stranger.lane) == (0, 5)


def test_items_that_are_too_close_run_out_both(belt: Belt) -> None:
    bench = Bench(Machine(belt, make_rows(2, gap_mm=100)))
    bench.send(Op.ASSIGN, bench.announced(), 1)
    bench.send(Op.ASSIGN, bench.announced(), 2)
    bench.run(25)
    assert [lane for _, lane in bench.lanes()] == [5, 5]
    assert bench.kinds().count(EventType.GAP) == 2
    assert bench.refusal() is Reason.GAP


def test_a_belt_that_stops_and_starts_again_loses_nothing(bench: Bench) -> None:
    bench.send(Op.ASSIGN, bench.announced(), 3)
    bench.run(3)
    bench.machine.press(Command.HOLD)
    bench.run(30)
    assert bench.machine.image().status.speed_mm_per_s == 0
    bench.machine.press(Command.UNHOLD)
    bench.run(20)
    assert bench.lanes() == [(0, 3)]


def test_an_emergency_stop_aborts_and_nothing_starts_by_itself(bench: Bench) -> None:
    bench.announced()
    bench.machine.estop_ok = False
    bench.run(0.1)
    assert bench.state() is State.ABORTED
    assert EventType.ESTOP in bench.kinds()
    bench.machine.press(Command.CLEAR)
    bench.run(0.1)
    assert bench.state() is State.ABORTED, "the button is still in"
    bench.machine.estop_ok = True
    bench.run(10)
    assert bench.state() is State.ABORTED
    bench.machine.press(Command.CLEAR, Command.RESET, Command.START)
    bench.run(0.1)
    assert bench.state() is State.EXECUTE


def test_the_host_may_stop_the_machine_once_per_change_request(bench: Bench) -> None:
    bench.run(0.1)
    bench.words = replace(bench.words, control_command=Command.STOP.value, change_request=1)
    bench.run(0.1)
    assert bench.state() is State.STOPPED
    bench.machine.press(Command.RESET, Command.START)
    bench.run(0.1)
    assert bench.state() is State.EXECUTE


def test_a_remap_names_every_tracked_item_once_with_its_lane(belt: Belt) -> None:
    bench = Bench(Machine(belt, make_rows(2)))
    first, second = bench.announced(), bench.announced()
    bench.send(Op.ASSIGN, first, 2)
    bench.run(0.05)
    bench.words = replace(bench.words, remap_request=1)
    named = bench.run(0.2)
    assert [(event.type, event.tid, event.lane) for event in named] == [
        (EventType.REMAP_ITEM, first, 2),
        (EventType.REMAP_ITEM, second, 0),
        (EventType.REMAP_END, 0, 0),
    ]
    assert bench.machine.image().status.remap_state == 1


def test_after_a_restart_the_belt_is_swept_and_unacknowledged_events_are_still_there(
    belt: Belt,
) -> None:
    rows = make_rows(2)
    bench = Bench(Machine(belt, rows))
    bench.send(Op.ASSIGN, bench.announced(), 1)
    bench.run(0.05)
    bench.alive = False
    bench.run(2)
    restarted = Machine(belt, rows, bench.machine.what_remains(), now_s=bench.machine.now_s)
    assert restarted.plc.boot_id != bench.machine.plc.boot_id
    assert [event.type for event in restarted.plc.ring] == [EventType.ANNOUNCE]
    again = Bench(restarted)
    again.words = replace(again.words, event_ack=bench.words.event_ack)
    again.run(25)
    assert again.lanes() == [(0, 5), (1, 5)]
    assert again.kinds() == [
        EventType.ANNOUNCE,
        EventType.REMAP_END,
        EventType.UNEXPECTED,
        EventType.UNEXPECTED,
    ]


def test_leaving_idle_scans_out_changes_nothing(belt: Belt) -> None:
    patient, hasty = Machine(belt, make_rows(6)), Machine(belt, make_rows(6))
    for machine in (patient, hasty):
        machine.press(Command.RESET, Command.START)
    for scans in [1, 2, 3, 50, 700, 33, 1000, 411]:
        for _ in range(scans):
            patient.step()
        hasty.advance(scans)
        assert hasty.plc == patient.plc
        assert hasty.world.travel_mm == pytest.approx(patient.world.travel_mm)
        assert hasty.deposits() == patient.deposits()


def test_a_lane_that_a_person_has_closed_stays_closed_over_a_restart(bench: Bench) -> None:
    """Somebody may be working in it."""
    bench.send(Op.LANE_DISABLE, 0, 2)
    bench.run(0.05)
    machine = bench.machine
    machine.changed = False
    bench.send(Op.LANE_DISABLE, 0, 4)
    bench.run(0.01)
    assert machine.changed, "it is on disk before the host hears that it is done"
    remains = Remains.model_validate_json(machine.what_remains().model_dump_json())
    again = Machine(machine.belt, machine.rows, remains)
    machine.restart_plc()
    for each in (machine, again):
        enabled = [LaneBit.ENABLED in lane.bits for lane in each.image().lanes]
        assert enabled == [True, False, True, False, True]
