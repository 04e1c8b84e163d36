"""What goes round on a belt with a way back: same item, same tracking id, or none at all."""

from __future__ import annotations

import pytest

from sorter_control.protocol import EventType, Op, Reason
from sorter_control.sim.geometry import LOOP, Belt, load_belt
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


def test_an_item_that_goes_round_keeps_its_tracking_id(belt: Belt) -> None:
    belt = load_belt(LOOP)
    bench = Bench(Machine(belt, make_rows(2)))
    tid = bench.announced()
    bench.send(Op.ASSIGN, tid, belt.loop_lane)
    while EventType.DEST_REQUEST not in bench.kinds():
        bench.run(0.1)
    bench.send(Op.ASSIGN, tid, 2)
    bench.run(20)
    assert kinds_of(bench, tid) == [
        EventType.ANNOUNCE,
        EventType.ASSIGN_ACK,
        EventType.RECIRCULATED,
        EventType.DEST_REQUEST,
        EventType.ASSIGN_ACK,
        EventType.DIVERTED,
    ]
    assert bench.kinds().count(EventType.ANNOUNCE) == 2
    assert (0, 2) in bench.lanes()


def sent_round(count: int) -> tuple[Bench, list[int]]:
    """Items on the way back, each with its length and a gap of half a metre."""
    belt = load_belt(LOOP)
    bench = Bench(Machine(belt, make_rows(count, gap_mm=500)))
    tids = []
    for _ in range(count):
        tids.append(bench.announced())
        bench.send(Op.ASSIGN, tids[-1], belt.loop_lane)
    while bench.kinds().count(EventType.RECIRCULATED) < count:
        bench.run(0.1)
    return bench, tids


def test_what_comes_round_after_a_jam_at_the_infeed_is_taken_for_no_item() -> None:
    """It may have waited behind what hung there, in the place of another."""
    bench, (tid,) = sent_round(1)
    world = bench.machine.world
    world.infeed_jams = True
    world.place(-1, 300, -100)
    while not bench.machine.plc.infeed_jam:
        bench.run(0.1)
    world.clear_jams()
    world.remove(-1)
    bench.run(20)
    assert kinds_of(bench, tid)[-2:] == [EventType.RECIRCULATED, EventType.LOST]
    assert EventType.DEST_REQUEST not in bench.kinds()
    assert bench.kinds().count(EventType.ANNOUNCE) == 2


@pytest.mark.parametrize("jammed", [False, True])
def test_what_is_sent_back_behind_what_may_have_waited_is_taken_for_no_item(jammed: bool) -> None:
    """It may wait behind that, and what waited may come in its place."""
    belt = load_belt(LOOP)
    bench = Bench(Machine(belt, make_rows(1)))
    tid = bench.announced()
    bench.send(Op.ASSIGN, tid, belt.loop_lane)
    bench.run(1.5)
    world = bench.machine.world
    world.infeed_jams = jammed
    world.place(-1, 300, -100)
    while jammed and not bench.machine.plc.infeed_jam:
        bench.run(0.1)
    world.clear_jams()
    world.remove(-1)
    bench.run(30)
    ends = [kind for kind in kinds_of(bench, tid) if kind is not EventType.ASSIGN_ACK][1:]
    assert ends[0] is (EventType.LOST if jammed else EventType.RECIRCULATED)
    assert (EventType.DEST_REQUEST in ends) is not jammed


def test_when_one_does_not_come_round_in_time_those_behind_it_may_be_late_as_well() -> None:
    bench, tids = sent_round(2)
    bench.machine.world.remove(0)
    bench.run(20)
    assert [kinds_of(bench, tid)[-1] for tid in tids] == [EventType.LOST] * 2
    assert bench.kinds().count(EventType.ANNOUNCE) == 3


def test_an_item_goes_round_so_often_and_no_more() -> None:
    belt = load_belt(LOOP)
    bench = Bench(Machine(belt, make_rows(1)))
    tid = bench.announced()
    for _ in range(belt.max_recirculations):
        bench.send(Op.ASSIGN, tid, belt.loop_lane)
        come = bench.kinds().count(EventType.DEST_REQUEST)
        while bench.kinds().count(EventType.DEST_REQUEST) == come:
            bench.run(0.1)
    bench.send(Op.ASSIGN, tid, belt.loop_lane)
    bench.run(20)
    assert bench.refusal() is Reason.TOO_OFTEN
    assert bench.lanes() == [(0, belt.run_out)]


def test_nothing_is_laid_in_the_way_of_an_item_that_comes_round() -> None:
    belt = load_belt(LOOP)
    machine = Machine(belt, make_rows(40, gap_mm=200))
    bench = Bench(machine)
    for _ in range(12):
        bench.send(Op.ASSIGN, bench.announced(), belt.loop_lane)
        bench.run(0.02)
    bench.run(60)
    assert EventType.GAP not in bench.kinds()
    assert bench.kinds().count(EventType.DEST_REQUEST) == 12
