"""The simulated belt as a physical thing: no object is ever where another one is."""

from __future__ import annotations

from itertools import pairwise

import pytest

from sorter_control.sim.geometry import DEFAULT, LOOP, Belt, load_belt
from sorter_control.sim.lineup import PhysicalItem, lined_up
from sorter_control.sim.machine import Machine, Remains
from sorter_control.sim.soak.faults import Fault, Kind, Scenario
from sorter_control.sim.soak.shift import Shift
from sorter_control.sim.world import Deposit, World

_TOUCHING_MM = 1e-6


def overlaps(world: World) -> list[tuple[int, int]]:
    """Objects that lie inside each other, on the belt or on the way back to it."""
    belt = world.belt
    stretches = sorted(
        (front - item.length_mm, front, item.serial)
        for item in world.items.values()
        if item.lane is None or item.lane == belt.loop_lane
        for front in [world.position_mm(item) - (belt.loop_mm if item.lane else 0)]
    )
    return [
        (before[2], after[2])
        for before, after in pairwise(stretches)
        if after[0] < before[1] - _TOUCHING_MM
    ]


def run(world: World, mm: float, gates: tuple[bool, ...] | None = None) -> list[Deposit]:
    """Let the belt run, and look at every scan."""
    for _ in range(round(mm / world.belt.scan_mm)):
        world.step(world.belt.scan_ms / 1000, run=True, gates=gates or world.belt.at_rest)
        assert overlaps(world) == []
    deposits, world.deposits = world.deposits, []
    return deposits


def to_loop(belt: Belt) -> tuple[bool, ...]:
    return tuple(lane == belt.loop_lane for lane in range(1, belt.run_out))


def coming_round(*objects: tuple[float, float]) -> World:
    """A belt with objects on the way back: length of each, and how far before the induct photo-eye."""
    belt = load_belt(LOOP)
    items = {
        serial: PhysicalItem(serial, before_mm - belt.loop_mm, length_mm, belt.loop_lane)
        for serial, (length_mm, before_mm) in enumerate(objects)
    }
    return World(belt, 0.0, items)


def test_what_comes_round_waits_behind_what_hangs_at_the_infeed() -> None:
    world = coming_round((300, 1000), (500, 1500), (200, 2600))
    world.infeed_jams = True
    run(world, 4000)
    fronts = [round(world.position_mm(item)) for item in world.items.values()]
    assert fronts == [0, world.belt.loop_mm - 300, world.belt.loop_mm - 800]
    world.clear_jams()
    assert overlaps(world) == []
    assert run(world, 12_000) == [(serial, world.belt.run_out) for serial in range(3)]


def test_what_was_laid_on_the_infeed_waits_with_what_comes_round() -> None:
    world = coming_round((300, 100), (300, 1200))
    world.place(2, 300, -500)
    world.infeed_jams = True
    run(world, 3000)
    assert not world.infeed_is_free(100)
    assert [world.items[serial].held_mm for serial in (0, 2)] == [0, -300]
    assert world.items[1].held_mm == world.belt.loop_mm - 600
    world.clear_jams()
    assert [serial for serial, _ in run(world, 12_000)] == [0, 2, 1]


def test_who_clears_the_infeed_makes_room_also_to_what_is_about_to_touch() -> None:
    world = coming_round((300, 100), (300, 420), (300, 900))
    world.infeed_jams = True
    run(world, 110)
    assert [item.held_mm is not None for item in world.items.values()] == [True, False, False]
    world.clear_jams()
    run(world, 600)
    fronts = [
        place.front_mm for place in lined_up(world.items.values(), world.belt, world.travel_mm)
    ]
    gaps = [ahead - 300 - behind for ahead, behind in pairwise(fronts)]
    assert all(gap >= world.belt.min_gap_mm for gap in gaps)


def test_what_is_sent_back_waits_behind_what_hangs_on_the_way_back() -> None:
    world = World(load_belt(LOOP))
    belt = world.belt
    world.jammed.add(belt.loop_lane)
    for serial, position in enumerate((7900, 7400, 6900)):
        world.place(serial, 400, position)
    run(world, 3000, to_loop(belt))
    assert all(item.held_mm is not None for item in world.items.values())
    world.clear_jams()
    assert overlaps(world) == []
    assert [serial for serial, _ in run(world, 20_000)] == [0, 1, 2]


@pytest.mark.parametrize("path", [DEFAULT, LOOP], ids=["belt", "loop"])
def test_no_object_is_ever_inside_another_whatever_jams(path: object) -> None:
    loop = path == LOOP
    lane = len(load_belt(LOOP if loop else DEFAULT).diverts_mm)
    faults = (
        Fault(kind=Kind.LANE_FULL, at_s=5, for_s=40, lane=1),
        Fault(kind=Kind.STUCK_DIVERT, at_s=9, for_s=30, lane=2),
        Fault(kind=Kind.INFEED_JAM, at_s=25),
        Fault(kind=Kind.TOUCH, at_s=27, mm=0),
        Fault(kind=Kind.LANE_JAM, at_s=33, lane=lane),
        Fault(kind=Kind.INFEED_JAM, at_s=41),
    )
    shift = Shift(Scenario(seed=5, items=60, loop=loop, fault=faults))
    line, look = shift.site.line, shift.site.line.watch
    found: list[tuple[int, int]] = []

    def watch() -> None:
        look()
        found.extend(overlaps(line.machine.world))

    line.watch = watch
    verified = shift.finish()
    assert (verified.violations, found) == ([], [])
    assert shift.injector.log[2].effect


# A process that dies while something hangs ---------------------------------------------------


def reborn(machine: Machine) -> Machine:
    """The machine as another process finds it on disk."""
    remains = Remains.model_validate_json(machine.what_remains().model_dump_json())
    return Machine(machine.belt, machine.rows, remains, now_s=machine.now_s)


def places(machine: Machine) -> list[tuple[int, float, int | None]]:
    world = machine.world
    return [(i.serial, world.position_mm(i), i.lane) for i in world.items.values()]


def drive(machine: Machine, mm: float, gates: tuple[bool, ...] | None = None) -> list[int]:
    """Let the belt run whatever the PLC thinks of it; the objects that came to rest."""
    return [deposit.serial for deposit in run(machine.world, mm, gates)]


def test_what_hangs_at_the_infeed_hangs_there_in_the_next_process() -> None:
    machine = Machine(load_belt(), [])
    machine.world.infeed_jams = True
    machine.world.place(0, 300, -300)
    machine.world.place(1, 300, -800)
    assert drive(machine, 3000) == []
    again = reborn(machine)
    assert places(again) == places(machine) == [(0, 0, None), (1, -300, None)]
    assert again.world._sense().eyes == machine.world._sense().eyes
    assert drive(again, 2000) == []
    again.world.clear_jams()
    assert drive(again, 10_000) == [0, 1]


def test_what_was_about_to_run_up_to_what_hangs_stops_there_in_the_next_process() -> None:
    machine = Machine(load_belt(), [])
    machine.world.infeed_jams = True
    machine.world.place(0, 300, -300)
    machine.world.place(1, 300, -1800)
    drive(machine, 1000)
    again = reborn(machine)
    assert drive(again, 2000) == []
    assert places(again) == [(0, 0, None), (1, -300, None)]


def test_what_hangs_in_a_lane_comes_out_of_it_in_the_next_process() -> None:
    belt = load_belt()
    machine = Machine(belt, [])
    machine.world.jammed.add(2)
    machine.world.place(0, 300, 4000)
    across = tuple(lane == 2 for lane in range(1, belt.run_out))
    assert drive(machine, 4000, across) == []
    again = reborn(machine)
    confirm_mm = belt.lanes[1].confirm_mm
    assert places(again) == [(0, confirm_mm, 2)]
    again.world.place(1, 300, 4000)
    assert drive(again, 4000, across) == [], "the lane is still jammed"
    again.world.clear_jams()
    assert sorted(drive(again, 4000)) == [0, 1]


@pytest.mark.parametrize("ahead_mm", [250.0, 20.0])
def test_what_slips_over_the_end_of_the_belt_is_seen_there(ahead_mm: float) -> None:
    belt = load_belt()
    end_mm = belt.eyes_mm[belt.lane_eye(belt.run_out)]
    world = World(belt, 0.0, {1: PhysicalItem(1, ahead_mm - end_mm, 180)})
    world.slip(1, 400.0)
    assert run(world, 600) == [Deposit(1, belt.run_out)]


def test_what_slips_on_the_way_back_comes_to_the_infeed() -> None:
    world = coming_round((300, 100))
    world.slip(0, 400.0)
    run(world, 600)
    assert world.items[0].lane is None
