"""The PLC program, scan by scan: tracking, commands, events, host, emergency stop."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sorter_control.protocol import (
    EventType,
    Flag,
    HostCommand,
    HostImage,
    HostWords,
    Op,
    Reason,
)
from sorter_control.sim.geometry import Belt, load_belt
from sorter_control.sim.machine import Machine
from tests.sorter_control.bench import Bench
from tests.sorter_control.factories import make_rows


@pytest.fixture
def belt() -> Belt:
    return load_belt()


@pytest.fixture
def bench(belt: Belt) -> Bench:
    return Bench(Machine(belt, make_rows(1)))


@pytest.mark.parametrize("lane", [1, 2, 3, 4, 5])
def test_an_assigned_item_is_confirmed_in_its_lane(bench: Bench, lane: int) -> None:
    bench.send(Op.ASSIGN, bench.announced(), lane)
    bench.run(20)
    assert bench.lanes() == [(0, lane)]
    assert bench.kinds() == [EventType.ANNOUNCE, EventType.ASSIGN_ACK, EventType.DIVERTED]
    assert bench.events[-1].lane == lane
    assert bench.events[-1].reason is Reason.NONE


def test_the_announcement_tells_place_and_length(bench: Bench, belt: Belt) -> None:
    bench.announced()
    (event,) = bench.events
    assert abs(event.aux - 300) <= 10
    assert abs(belt.pulses(belt.infeed_mm) - event.encoder) <= belt.pulses(10)


def test_the_encoder_may_wrap_while_an_item_is_on_the_belt(belt: Belt) -> None:
    bench = Bench(Machine(belt, make_rows(1), encoder_start=2**32 - 2000))
    bench.send(Op.ASSIGN, bench.announced(), 3)
    bench.run(20)
    assert bench.lanes() == [(0, 3)]
    assert bench.kinds()[-1] is EventType.DIVERTED


def test_an_item_without_an_assignment_runs_out(bench: Bench) -> None:
    bench.announced()
    bench.run(20)
    assert bench.lanes() == [(0, 5)]
    assert bench.events[-1].reason is Reason.UNASSIGNED


def test_after_the_point_of_no_return_every_command_is_late(bench: Bench, belt: Belt) -> None:
    tid = bench.announced()
    bench.send(Op.ASSIGN, tid, 1)
    while not bench.machine.plc.tracks[0].firing:
        bench.run(0.01)
    for op, lane in ((Op.MODIFY, 4), (Op.CANCEL, 0), (Op.ASSIGN, 5)):
        bench.send(op, tid, lane)
        bench.run(0.05)
        assert bench.refusal() is Reason.LATE
    bench.run(20)
    assert bench.lanes() == [(0, 1)]


def test_a_lane_that_lies_behind_the_item_is_late(bench: Bench) -> None:
    tid = bench.announced()
    bench.run(8)
    bench.send(Op.ASSIGN, tid, 1)
    bench.run(0.05)
    assert bench.refusal() is Reason.LATE
    bench.send(Op.ASSIGN, tid, 4)
    bench.run(20)
    assert bench.lanes() == [(0, 4)]


def test_modify_and_cancel_before_the_point_of_no_return(bench: Bench) -> None:
    tid = bench.announced()
    bench.send(Op.ASSIGN, tid, 1)
    bench.send(Op.MODIFY, tid, 2)
    bench.send(Op.CANCEL, tid)
    bench.send(Op.ASSIGN, tid, 3)
    bench.run(20)
    assert bench.lanes() == [(0, 3)]
    assert EventType.ASSIGN_NAK not in bench.kinds()


@pytest.mark.parametrize(
    ("op", "lane", "reason"),
    [
        (Op.ASSIGN, 2, Reason.TAKEN),
        (Op.ASSIGN, 6, Reason.UNKNOWN),
        (Op.ASSIGN, 0, Reason.UNKNOWN),
        (Op.MODIFY, 3, Reason.DISABLED),
        (Op.MODIFY, 4, Reason.FULL),
        (Op.NONE, 4, Reason.UNKNOWN),
    ],
)
def test_refusals_say_why(bench: Bench, op: Op, lane: int, reason: Reason) -> None:
    bench.machine.world.fill(4)
    tid = bench.announced()
    bench.send(Op.LANE_DISABLE, 0, 3)
    bench.send(Op.ASSIGN, tid, 1)
    bench.send(op, tid, lane)
    bench.run(0.05)
    assert bench.refusal() is reason
    bench.run(20)
    assert bench.lanes() == [(0, 1)], "the assignment before it stands"


def test_a_command_for_an_item_that_is_not_there_is_refused(bench: Bench) -> None:
    bench.announced()
    bench.send(Op.ASSIGN, 999, 1)
    bench.run(0.05)
    assert bench.refusal() is Reason.UNKNOWN


def test_commands_are_executed_in_order_of_seq_whatever_their_slots(bench: Bench) -> None:
    tid = bench.announced()
    bench.commands = (HostCommand(2, Op.MODIFY, tid, 2), HostCommand(1, Op.ASSIGN, tid, 1))
    bench.run(0.05)
    assert [event.lane for event in bench.events[1:]] == [1, 2]


def test_a_command_waits_for_the_one_before_it(bench: Bench) -> None:
    tid = bench.announced()
    bench.commands = (HostCommand(2, Op.ASSIGN, tid, 2),)
    bench.run(0.1)
    assert bench.machine.plc.command_seq == 0
    assert bench.machine.plc.tracks[0].lane == 0


def test_a_host_that_has_not_noticed_a_restart_is_refused_once_per_command(bench: Bench) -> None:
    tid = bench.announced()
    bench.words = replace(bench.words, plc_boot_id_seen=999)
    bench.send(Op.ASSIGN, tid, 1)
    for _ in range(3):
        bench.run(0.1)
    naks = [event for event in bench.machine.plc.ring if event.type is EventType.ASSIGN_NAK]
    assert [event.reason for event in naks] == [Reason.STALE_BOOT]
    assert bench.machine.plc.tracks[0].lane == 0


def test_events_wait_until_they_are_acknowledged_and_none_is_overwritten(belt: Belt) -> None:
    machine = Machine(belt, make_rows(15))
    bench = Bench(machine)
    bench.alive = False
    bench.run(45)
    ring = list(machine.plc.ring)
    assert [event.seq for event in ring] == list(range(1, 13))
    assert machine.image().status.events_waiting == 18
    bench.alive = True
    bench.run(1)
    tids = [event.tid for event in bench.events if event.type is EventType.DIVERTED]
    assert tids == list(range(1, 16))
    assert [event.seq for event in bench.events] == list(range(1, 31))


def test_an_acknowledgement_of_something_else_frees_nothing(bench: Bench) -> None:
    bench.announced()
    bench.alive = False
    machine = bench.machine
    machine.host = HostImage(HostWords(8, 1, 40000, plc_boot_id_seen=machine.plc.boot_id))
    bench.run(16)
    assert [event.type for event in machine.plc.ring][-1] is EventType.DIVERTED


def test_a_host_whose_heartbeat_stands_still_is_lost_and_found_again(bench: Bench) -> None:
    bench.run(0.1)
    assert Flag.HOST_LOST not in bench.machine.image().status.flags
    bench.alive = False
    bench.run(0.9)
    assert Flag.HOST_LOST not in bench.machine.image().status.flags
    bench.run(0.2)
    assert Flag.HOST_LOST in bench.machine.image().status.flags
    bench.alive = True
    bench.run(0.02)
    assert Flag.HOST_LOST not in bench.machine.image().status.flags


def test_acknowledged_items_are_finished_without_a_host_the_rest_run_out(belt: Belt) -> None:
    bench = Bench(Machine(belt, make_rows(2)))
    bench.send(Op.ASSIGN, bench.announced(), 1)
    bench.run(0.05)
    bench.alive = False
    bench.run(20)
    assert bench.lanes() == [(0, 1), (1, 5)]
    last = bench.machine.plc.ring[-1]
    assert (last.type, last.reason) == (EventType.DIVERTED, Reason.HOST_LOST)
