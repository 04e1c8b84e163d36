"""The PLC program against its own sensors: slip, chatter, touching items, jams, dead encoder."""

from __future__ import annotations

import pytest

from sorter_control.errors import SettingsError
from sorter_control.packml import Command, State
from sorter_control.protocol import EventType, Flag, LaneBit, Op, Reason
from sorter_control.sim.geometry import INDUCT, SHORTEST_MM, Belt, load_belt
from sorter_control.sim.machine import Machine
from tests.sorter_control.bench import Bench
from tests.sorter_control.factories import make_rows


@pytest.fixture
def belt() -> Belt:
    return load_belt()


@pytest.fixture
def bench(belt: Belt) -> Bench:
    return Bench(Machine(belt, make_rows(1)))


def kinds_of(bench: Bench, tid: int) -> list[EventType]:
    return [event.type for event in bench.events if event.tid == tid]


def jams(bench: Bench) -> list[tuple[EventType, int]]:
    kinds = {EventType.JAM, EventType.JAM_CLEAR}
    return [(event.type, event.lane) for event in bench.events if event.type in kinds]


@pytest.mark.parametrize("mm", [-80, 80])
def test_slip_within_the_window_is_corrected_at_every_photo_eye(bench: Bench, mm: float) -> None:
    """Three slips of 80 mm in one direction: more than the window in all, yet never at once."""
    bench.send(Op.ASSIGN, bench.announced(), 3)
    world = bench.machine.world
    for place_mm in (2000, 3600, 4600):
        while world.position_mm(world.items[0]) < place_mm:
            bench.run(0.01)
        world.slip(0, mm)
    bench.run(20)
    assert bench.lanes() == [(0, 3)]
    assert bench.kinds()[-1] is EventType.DIVERTED


@pytest.mark.parametrize("mm", [-160, 160])
def test_slip_beyond_the_window_is_a_loss_and_a_stranger(bench: Bench, mm: float) -> None:
    tid = bench.announced()
    bench.send(Op.ASSIGN, tid, 2)
    bench.run(2)
    bench.machine.world.slip(0, mm)
    bench.run(25)
    assert bench.lanes() == [(0, 5)], "what nobody knows goes into no graded lane"
    assert kinds_of(bench, tid)[-1] is EventType.LOST
    assert (bench.events[-1].type, bench.events[-1].tid) == (EventType.UNEXPECTED, 0)


def test_an_item_that_slipped_against_its_neighbour_takes_both_out_of_the_graded_lanes(
    belt: Belt,
) -> None:
    bench = Bench(Machine(belt, make_rows(2, gap_mm=200)))
    for lane in (1, 2):
        bench.send(Op.ASSIGN, bench.announced(), lane)
    bench.run(0.05)
    bench.machine.world.slip(1, 90)
    bench.run(30)
    assert [lane for _, lane in bench.lanes()] == [5, 5]
    reasons = [event.reason for event in bench.events if event.type is EventType.DIVERTED]
    assert reasons == [Reason.GAP, Reason.GAP]
    gaps = [(event.tid, event.reason) for event in bench.events if event.type is EventType.GAP]
    assert sorted(gaps) == [(1, Reason.GAP), (2, Reason.GAP)]


def test_what_lies_against_an_item_keeps_it_out_of_the_graded_lanes(bench: Bench) -> None:
    """The photo-eye before the divert sees one thing that is longer than the item was."""
    tid = bench.announced()
    bench.send(Op.ASSIGN, tid, 1)
    bench.run(0.5)
    front = bench.machine.world.position_mm(bench.machine.world.items[0])
    bench.machine.world.place(-1, 120, front - 300)
    bench.run(25)
    assert sorted(bench.lanes()) == [(-1, 5), (0, 5)]
    assert EventType.GAP in kinds_of(bench, tid)


def test_items_that_touch_are_one_thing_without_a_readable_plate(belt: Belt) -> None:
    machine = Machine(belt, make_rows(2, length_mm=200, gap_mm=0))
    bench = Bench(machine)
    tid = bench.announced()
    assert machine.photographed == [(tid, None)]
    bench.run(25)
    assert [lane for _, lane in bench.lanes()] == [5, 5]
    assert bench.kinds().count(EventType.ANNOUNCE) == 1


def test_what_is_longer_than_any_item_is_not_announced(belt: Belt) -> None:
    bench = Bench(Machine(belt, make_rows(2, length_mm=500, gap_mm=0)))
    bench.run(30)
    assert EventType.ANNOUNCE not in bench.kinds()
    assert EventType.GAP in bench.kinds()
    assert [lane for _, lane in bench.lanes()] == [5, 5]


def test_chatter_is_no_second_item_and_no_success(bench: Bench, belt: Belt) -> None:
    world = bench.machine.world
    for eye in range(len(belt.eyes_mm)):
        for start in range(100, 9000, 150):
            world.flicker(eye, [start, start + 12])
    bench.send(Op.ASSIGN, bench.announced(), 2)
    bench.run(25)
    assert bench.kinds() == [EventType.ANNOUNCE, EventType.ASSIGN_ACK, EventType.DIVERTED]
    assert bench.lanes() == [(0, 2)]


def test_a_divert_that_stays_across_stops_the_belt_before_the_next_item(belt: Belt) -> None:
    bench = Bench(Machine(belt, make_rows(2)))
    bench.send(Op.ASSIGN, bench.announced(), 1)
    bench.send(Op.ASSIGN, bench.announced(), 2)
    bench.run(3)
    bench.machine.world.stick_across(1)
    bench.run(20)
    assert bench.state() is State.HELD
    assert bench.lanes() == [], "nothing was taken that should not be"
    assert LaneBit.DIVERT_FAULT in bench.machine.image().lanes[0].bits
    bench.machine.press(Command.UNHOLD)
    bench.run(5)
    assert bench.state() is State.HELD, "it still stands across"
    bench.machine.world.stick_across(1, stuck=False)
    bench.machine.press(Command.UNHOLD)
    bench.run(25)
    assert bench.lanes() == [(1, 2), (0, 5)]


def test_a_jam_in_a_lane_holds_the_belt_until_a_person_has_cleared_it(bench: Bench) -> None:
    bench.machine.world.jammed.add(2)
    tid = bench.announced()
    bench.send(Op.ASSIGN, tid, 2)
    bench.run(25)
    assert bench.state() is State.HELD
    assert LaneBit.JAM in bench.machine.image().lanes[1].bits
    bench.machine.press(Command.UNHOLD)
    bench.run(10)
    assert bench.state() is State.HELD, "it still hangs there"
    bench.machine.world.clear_jams()
    bench.machine.press(Command.UNHOLD)
    bench.run(5)
    assert bench.state() is State.EXECUTE
    assert LaneBit.JAM not in bench.machine.image().lanes[1].bits
    assert jams(bench) == [
        (EventType.JAM, 2),
        (EventType.JAM, 2),
        (EventType.JAM_CLEAR, 2),
    ]
    assert EventType.DIVERTED not in bench.kinds(), "nobody knows what was pushed through"
    assert kinds_of(bench, tid)[-1] is EventType.LOST


def test_a_jam_at_the_infeed_stops_what_is_upstream_and_not_the_belt(belt: Belt) -> None:
    machine = Machine(belt, make_rows(3))
    bench = Bench(machine)
    bench.send(Op.ASSIGN, bench.announced(), 1)
    machine.world.infeed_jams = True
    bench.run(12)
    assert bench.lanes() == [(0, 1)], "what is on the belt goes on"
    assert Flag.INHIBIT in machine.image().status.flags
    assert (bench.state(), machine.fed) == (State.EXECUTE, 2)
    machine.world.clear_jams()
    bench.run(40)
    assert (machine.fed, machine.is_empty) == (3, True)
    assert Flag.INHIBIT not in machine.image().status.flags
    assert jams(bench) == [(EventType.JAM, 0), (EventType.JAM_CLEAR, 0)]


def test_a_dead_encoder_stops_the_belt_before_it_has_gone_far(bench: Bench) -> None:
    tid = bench.announced()
    bench.send(Op.ASSIGN, tid, 2)
    bench.run(1)
    world = bench.machine.world
    before_mm, world.encoder_dead = world.travel_mm, True
    bench.run(5)
    assert bench.state() is State.STOPPED
    assert Flag.ENCODER_FAULT in bench.machine.image().status.flags
    assert 0 < world.travel_mm - before_mm <= 30
    world.encoder_dead = False
    bench.machine.press(Command.RESET, Command.START)
    bench.run(20)
    assert Flag.ENCODER_FAULT not in bench.machine.image().status.flags
    assert bench.lanes() == [(0, 2)]


@pytest.mark.parametrize("phase_mm", range(0, 15, 2))
def test_the_shortest_item_is_seen_wherever_the_scans_meet_it(phase_mm: int) -> None:
    belt = load_belt(speed_mm_s=1600)
    bench = Bench(Machine(belt, []))
    bench.run(0.1)
    bench.machine.world.place(0, SHORTEST_MM, -100 - phase_mm)
    bench.run(0.3)
    assert bench.kinds() == [EventType.ANNOUNCE]


def test_a_belt_too_quick_for_its_scan_is_refused() -> None:
    """A photo-eye that is read once while an item passes cannot tell it from chatter."""
    with pytest.raises(SettingsError, match=r"sees nothing below 60 mm.* lower value"):
        load_belt(speed_mm_s=3000)


def test_a_lane_photo_eye_that_sees_nothing_is_never_a_success(belt: Belt) -> None:
    bench = Bench(Machine(belt, make_rows(4)))
    bench.machine.world.force(belt.lane_eye(1), sees=False)
    for _ in range(3):
        bench.send(Op.ASSIGN, bench.announced(), 1)
        bench.run(0.05)
    bench.run(25)
    assert EventType.DIVERTED not in [e.type for e in bench.events if e.lane == 1]
    assert bench.kinds().count(EventType.DIVERT_FAIL) == 3
    assert bench.kinds().count(EventType.LOST) == 3
    assert LaneBit.DIVERT_FAULT in bench.machine.image().lanes[0].bits


def test_a_lane_photo_eye_that_sees_always_is_never_a_success(bench: Bench, belt: Belt) -> None:
    bench.machine.world.force(belt.lane_eye(1), sees=True)
    bench.send(Op.ASSIGN, bench.announced(), 1)
    bench.run(25)
    assert EventType.DIVERTED not in [e.type for e in bench.events if e.lane == 1]
    assert LaneBit.DIVERT_FAULT in bench.machine.image().lanes[0].bits
    assert bench.lanes() == [(0, 5)], "the lane was closed before the item came"


def test_a_photo_eye_on_the_belt_that_sees_nothing_stops_the_belt_in_the_end(belt: Belt) -> None:
    bench = Bench(Machine(belt, make_rows(5)))
    bench.machine.world.force(1, sees=False)
    bench.run(30)
    assert bench.kinds().count(EventType.LOST) == belt.max_failures
    assert bench.state() is State.HELD
    assert jams(bench) == [(EventType.JAM, 0)]
    bench.machine.press(Command.UNHOLD)
    bench.run(20)
    assert bench.kinds().count(EventType.LOST) == 5
    assert bench.state() is State.EXECUTE, "two more are not enough"


def test_after_an_emergency_stop_an_item_is_diverted_only_once_it_was_seen(belt: Belt) -> None:
    """Lane 1's photo-eye is behind the first item and ahead of the second when the belt stops."""
    bench = Bench(Machine(belt, make_rows(2)))
    tids = [bench.announced(), bench.announced()]
    for tid in tids:
        bench.send(Op.ASSIGN, tid, 1)
    world = bench.machine.world
    while world.position_mm(world.items[0]) < 3300:
        bench.run(0.01)
    bench.machine.estop_ok = False
    bench.run(0.2)
    bench.machine.estop_ok = True
    bench.machine.press(Command.CLEAR, Command.RESET, Command.START)
    bench.run(25)
    (aborted,) = [event for event in bench.events if event.type is EventType.ABORTED]
    assert (aborted.tid, aborted.lane, aborted.reason) == (tids[0], 1, Reason.UNVERIFIED)
    assert sorted(bench.lanes()) == [(0, 5), (1, 1)]


def test_a_divert_that_was_about_to_work_does_not_after_an_emergency_stop(bench: Bench) -> None:
    tid = bench.announced()
    bench.send(Op.ASSIGN, tid, 1)
    while not bench.machine.plc.tracks[0].firing:
        bench.run(0.01)
    bench.machine.estop_ok = False
    bench.run(0.1)
    assert not any(bench.machine.plc.outputs.gates)
    bench.machine.estop_ok = True
    bench.machine.press(Command.CLEAR, Command.RESET, Command.START)
    bench.run(20)
    assert bench.lanes() == [(0, 5)]
    (aborted,) = [event for event in bench.events if event.type is EventType.ABORTED]
    assert (aborted.tid, aborted.lane, aborted.reason) == (tid, 1, Reason.UNVERIFIED)
    assert bench.events[-1].reason is Reason.UNVERIFIED


def test_an_item_in_its_lane_is_confirmed_after_an_emergency_stop(bench: Bench) -> None:
    bench.send(Op.ASSIGN, bench.announced(), 1)
    world = bench.machine.world
    while world.items[0].lane is None:
        bench.run(0.01)
    bench.machine.estop_ok = False
    bench.run(0.1)
    bench.machine.estop_ok = True
    bench.machine.press(Command.CLEAR, Command.RESET, Command.START)
    bench.run(20)
    assert bench.lanes() == [(0, 1)]
    assert (bench.events[-1].type, bench.events[-1].reason) == (EventType.DIVERTED, Reason.NONE)


def test_the_default_lane_takes_what_has_no_assignment(bench: Bench) -> None:
    bench.machine.plc.default_lane = 2
    bench.run(25)
    assert bench.lanes() == [(0, 2)]
    assert bench.events[-1].reason is Reason.UNASSIGNED


def test_a_full_last_lane_suspends_the_belt_until_there_is_room(bench: Bench, belt: Belt) -> None:
    bench.run(0.1)
    bench.machine.world.fill(belt.run_out)
    bench.run(1)
    assert bench.state() is State.SUSPENDED
    bench.machine.world.fill(belt.run_out, full=False)
    bench.run(1)
    assert bench.state() is State.EXECUTE


def test_a_lane_is_emptied_some_time_after_it_is_full(belt: Belt) -> None:
    belt = belt.model_copy(update={"lane_capacity": 2, "take_away_s": 5.0})
    bench = Bench(Machine(belt, make_rows(4)))
    for _ in range(3):
        bench.send(Op.ASSIGN, bench.announced(), 1)
        bench.run(0.05)
    bench.run(20)
    assert [lane for _, lane in bench.lanes()][:2] == [1, 1]
    kinds = [event.type for event in bench.events if event.lane == 1]
    assert [kind for kind in kinds if kind is not EventType.ASSIGN_ACK] == [
        EventType.DIVERTED,
        EventType.LANE_FULL,
        EventType.DIVERTED,
        EventType.ABORTED,
        EventType.LANE_CLEAR,
    ]


def test_the_induct_photo_eye_is_the_first(belt: Belt) -> None:
    assert belt.eyes_mm[INDUCT] == 0
    assert [belt.lane_of_eye(belt.lane_eye(lane)) for lane in (1, 5)] == [1, 5]
    assert [belt.lane_of_eye(eye) for eye in belt.checks] == [0, 0, 0, 0]
