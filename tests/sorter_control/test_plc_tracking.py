"""The PLC program's windows, to the millimetre: photo-eyes that a test blocks, and no belt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from sorter_control.packml import State
from sorter_control.protocol import Event, EventType, HostCommand, HostImage, HostWords, Op, Reason
from sorter_control.sim.geometry import LONGEST_MM, Belt, load_belt
from sorter_control.sim.plc.program import scan
from sorter_control.sim.plc.state import Inputs, PlcState, Retained

_BELT = load_belt()
_WRAP = 2**32
_CHECK, _DIVERT, _CONFIRM = 3100, 4000, 4300
"""Of lane 1, from the induct photo-eye on: its check, divert and photo-eye."""


@dataclass
class Program:
    """The program alone, scanned at every pulse, which is a millimetre.

    Attributes:
        start: Encoder value at 0.
        events: What was reported, and where the encoder was then.
    """

    start: int = 0
    belt: Belt = _BELT
    mm: int = 0
    events: list[tuple[int, Event]] = field(default_factory=list)
    _blocked: list[tuple[int, int, int]] = field(default_factory=list)
    _host: HostImage = field(init=False)
    plc: PlcState = field(init=False)

    def __post_init__(self) -> None:
        retained = Retained(encoder=self.start)
        self.plc = PlcState.booted(self.belt, retained, again=False)
        self.plc.packml = State.EXECUTE
        self._host = HostImage(HostWords(7, 1, plc_boot_id_seen=self.plc.boot_id))

    def block(self, eye: int, front_mm: int, length_mm: int) -> None:
        """Something will pass a photo-eye from ``front_mm`` on."""
        self._blocked.append((eye, front_mm, front_mm + length_mm))

    def item(self, front_mm: int, length_mm: int = 300) -> None:
        """Something will pass the induct photo-eye."""
        self.block(0, front_mm, length_mm)

    def send(self, op: Op, tid: int, lane: int = 0) -> None:
        seq = self.plc.command_seq + 1
        self._host = HostImage(self._host.host, (HostCommand(seq, op, tid, lane),))

    def run_to(self, mm: int) -> None:
        while self.mm < mm:
            self.mm += 1
            eyes = [False] * len(self.belt.eyes_mm)
            for eye, first, last in self._blocked:
                eyes[eye] |= first <= self.mm < last
            encoder = (self.start + self.mm) % _WRAP
            away = self.plc.outputs.gates
            inputs = Inputs(encoder, tuple(eyes), away, frozenset(), self._host)
            scan(self.plc, self.belt, inputs, 0.0)
            for event in list(self.plc.ring):
                self.events.append((self.mm, event))
                self.plc.acknowledge(event.seq)

    def kinds(self) -> list[EventType]:
        return [event.type for _, event in self.events]

    def when(self, kind: EventType) -> int:
        """Where the belt was when this was reported, once."""
        (mm,) = [mm for mm, event in self.events if event.type is kind]
        return mm

    def what(self, kind: EventType) -> Event:
        (found,) = [event for _, event in self.events if event.type is kind]
        return found


def until(program: Program, true: Callable[[], bool]) -> int:
    """Run until something is true; where the belt is then."""
    while not true():
        program.run_to(program.mm + 1)
        assert program.mm < 20_000
    return program.mm


@pytest.fixture
def program() -> Program:
    return Program()


def on_its_way(program: Program, lane: int = 1, at_mm: int = 100) -> int:
    """An item of 300 mm whose front passes the induct photo-eye at ``at_mm``, with a lane."""
    program.item(at_mm)
    program.run_to(at_mm + 400)
    (track,) = program.plc.tracks
    program.send(Op.ASSIGN, track.tid, lane)
    program.run_to(at_mm + 401)
    assert program.kinds()[-1] is EventType.ASSIGN_ACK
    return track.tid


# At the induct photo-eye ---------------------------------------------------------------------


@pytest.mark.parametrize("start", [0, _WRAP - 250])
def test_an_item_is_announced_when_its_tail_is_certain(start: int) -> None:
    program = Program(start)
    program.item(100, 300)
    program.run_to(1000)
    assert program.when(EventType.ANNOUNCE) == 400 + 15
    event = program.what(EventType.ANNOUNCE)
    assert (event.tid, event.encoder, event.aux) == (1, (start + 100) % _WRAP, 300)


@pytest.mark.parametrize(("length_mm", "announced"), [(15, 0), (16, 1)])
def test_what_is_no_longer_than_the_debouncing_distance_is_chatter(
    program: Program, length_mm: int, announced: int
) -> None:
    program.item(100, length_mm)
    program.run_to(1000)
    assert program.kinds() == [EventType.ANNOUNCE] * announced


@pytest.mark.parametrize(("hole_mm", "announced"), [(15, 1), (16, 2)])
def test_a_hole_that_is_no_longer_than_the_debouncing_distance_is_none(
    program: Program, hole_mm: int, announced: int
) -> None:
    program.item(100, 200)
    program.item(300 + hole_mm, 200)
    program.run_to(1000)
    assert program.kinds().count(EventType.ANNOUNCE) == announced


@pytest.mark.parametrize(("gap_mm", "doubted"), [(149, [1, 2]), (150, [])])
def test_items_that_are_too_close_are_doubted_both(
    program: Program, gap_mm: int, doubted: list[int]
) -> None:
    program.item(100, 300)
    program.item(400 + gap_mm, 300)
    program.run_to(1500)
    gaps = [event for _, event in program.events if event.type is EventType.GAP]
    assert [event.tid for event in gaps] == doubted
    assert {event.reason for event in gaps} <= {Reason.GAP}
    for track in program.plc.tracks:
        assert (track.doubtful, track.why_default is Reason.GAP) == (bool(doubted),) * 2


def test_an_item_is_doubted_once(program: Program) -> None:
    for front_mm in (100, 500, 900):
        program.item(front_mm, 300)
    program.run_to(2000)
    gaps = [event.tid for _, event in program.events if event.type is EventType.GAP]
    assert gaps == [1, 2, 3]


@pytest.mark.parametrize(("over_mm", "kind"), [(40, EventType.ANNOUNCE), (41, EventType.GAP)])
def test_what_is_longer_than_any_item_has_no_name(
    program: Program, over_mm: int, kind: EventType
) -> None:
    program.item(100, LONGEST_MM + over_mm)
    program.run_to(1500)
    assert program.kinds() == [kind]
    assert len(program.plc.tracks) == (kind is EventType.ANNOUNCE)
    assert program.events[0][1].encoder == 100


# At a photo-eye before a divert --------------------------------------------------------------


@pytest.mark.parametrize("off_mm", [-100, -1, 0, 1, 100])
def test_a_photo_eye_corrects_the_place_inside_its_window(program: Program, off_mm: int) -> None:
    on_its_way(program)
    program.block(1, 100 + _CHECK + off_mm, 300)
    program.run_to(100 + _CHECK + 200)
    (track,) = program.plc.tracks
    assert (track.induct, track.checks, track.verified) == (100 + off_mm, 1, True)


def test_what_is_too_early_is_not_the_item(program: Program) -> None:
    tid = on_its_way(program)
    program.block(1, 100 + _CHECK - 101, 300)
    program.run_to(100 + _CHECK + 400)
    assert program.what(EventType.LOST).tid == tid
    assert program.plc.tracks == []


def test_an_item_is_lost_when_its_photo_eye_has_missed_it(program: Program) -> None:
    tid = on_its_way(program)
    program.run_to(5000)
    assert program.what(EventType.LOST).tid == tid
    assert program.when(EventType.LOST) == 100 + _CHECK + 100 + 15 + 5 + 1


@pytest.mark.parametrize(
    ("length_mm", "kinds"),
    [(259, [EventType.GAP]), (260, []), (340, []), (341, [EventType.GAP])],
)
def test_what_is_not_as_long_as_it_was_is_doubted(
    program: Program, length_mm: int, kinds: list[EventType]
) -> None:
    on_its_way(program)
    program.block(1, 100 + _CHECK, length_mm)
    before = len(program.events)
    program.run_to(100 + _CHECK + 400)
    assert program.kinds()[before:] == kinds


def test_of_two_items_in_the_window_the_nearer_is_taken(program: Program) -> None:
    """Two short ones, 160 mm from front to front; the second comes 70 mm too early."""
    program.item(100, 50)
    program.item(260, 50)
    program.run_to(600)
    program.block(1, 260 + _CHECK - 70, 50)
    program.run_to(260 + _CHECK - 70 + 15)
    assert [track.checks for track in program.plc.tracks] == [0, 1]


def test_three_items_in_a_row_that_a_photo_eye_misses_are_its_own_fault(program: Program) -> None:
    for number in range(3):
        program.item(100 + number * 600)
    program.run_to(100 + 600 + _CHECK + 200)
    assert EventType.JAM not in program.kinds()
    program.run_to(100 + 1200 + _CHECK + 200)
    assert program.kinds().count(EventType.LOST) == 3
    assert program.what(EventType.JAM).lane == 0
    assert program.plc.packml is not State.EXECUTE


def test_an_item_that_is_seen_between_takes_the_blame_off_the_photo_eye(program: Program) -> None:
    for number in range(4):
        program.item(100 + number * 600)
    program.block(1, 100 + 1200 + _CHECK, 300)
    program.run_to(100 + 1800 + _CHECK + 200)
    assert program.kinds().count(EventType.LOST) == 3
    assert EventType.JAM not in program.kinds()


# At the divert -------------------------------------------------------------------------------


def seen(program: Program, lane: int = 1) -> int:
    """An item that its first photo-eye has seen, in its place."""
    tid = on_its_way(program, lane)
    program.block(1, 100 + _CHECK, 300)
    program.run_to(100 + _CHECK + 400)
    return tid


def test_the_divert_stands_across_from_the_point_of_no_return_until_the_tail_is_past(
    program: Program,
) -> None:
    seen(program)
    no_return_mm = program.belt.lanes[0].no_return_mm
    assert until(program, lambda: program.plc.outputs.gates[0]) == 100 + no_return_mm + 1
    assert program.plc.outputs.gates == (True, False, False, False)
    assert until(program, lambda: not any(program.plc.outputs.gates)) == 100 + _DIVERT + 300


@pytest.mark.parametrize(
    ("short_mm", "kind"), [(1, EventType.ASSIGN_ACK), (0, EventType.ASSIGN_NAK)]
)
def test_a_command_counts_up_to_the_point_of_no_return(
    program: Program, short_mm: int, kind: EventType
) -> None:
    tid = seen(program)
    program.run_to(100 + program.belt.lanes[0].no_return_mm - short_mm - 1)
    program.send(Op.MODIFY, tid, 3)
    program.run_to(program.mm + 1)
    assert program.kinds()[-1] is kind


@pytest.mark.parametrize("off_mm", [-100, 0, 100])
def test_an_item_is_confirmed_inside_the_window_of_its_lane(program: Program, off_mm: int) -> None:
    tid = seen(program)
    program.block(program.belt.lane_eye(1), 100 + _CONFIRM + off_mm, 300)
    program.run_to(6000)
    event = program.what(EventType.DIVERTED)
    assert (event.tid, event.lane, event.reason) == (tid, 1, Reason.NONE)
    assert program.when(EventType.DIVERTED) == 100 + _CONFIRM + off_mm + 300 + 15
    assert event.encoder == 100 + _CONFIRM + off_mm
    assert (program.plc.tracks, program.plc.lane(1).count) == ([], 1)


def test_what_comes_too_early_to_a_lane_is_nobody(program: Program) -> None:
    seen(program)
    program.block(program.belt.lane_eye(1), 100 + _CONFIRM - 101, 300)
    program.run_to(100 + _CONFIRM + 300)
    event = program.what(EventType.UNEXPECTED)
    assert (event.tid, event.lane, event.encoder) == (0, 1, 100 + _CONFIRM - 101)


def test_a_divert_that_did_not_take_its_item_has_failed(program: Program) -> None:
    tid = seen(program)
    program.run_to(100 + _CONFIRM + 100 + 15 + 5)
    assert EventType.DIVERT_FAIL not in program.kinds()
    program.run_to(program.mm + 1)
    event = program.what(EventType.DIVERT_FAIL)
    assert (event.tid, event.lane, event.reason) == (tid, 1, Reason.DIVERT_FAILED)
    (track,) = program.plc.tracks
    assert (track.lane, track.firing, track.why_default) == (0, 0, Reason.DIVERT_FAILED)
    assert program.plc.lane(1).failures == 1


@pytest.mark.parametrize(
    ("length_mm", "kinds"),
    [
        (259, [EventType.LOST, EventType.UNEXPECTED]),
        (260, [EventType.DIVERTED]),
        (340, [EventType.DIVERTED]),
        (341, [EventType.LOST, EventType.UNEXPECTED]),
    ],
)
def test_what_is_not_as_long_as_it_was_is_no_success(
    program: Program, length_mm: int, kinds: list[EventType]
) -> None:
    seen(program)
    program.block(program.belt.lane_eye(1), 100 + _CONFIRM, length_mm)
    before = len(program.events)
    program.run_to(6000)
    assert program.kinds()[before:] == kinds


def test_an_item_that_its_divert_missed_unseen_is_a_missort_at_the_end(program: Program) -> None:
    """The photo-eye of the run-out sees it where it must be while its divert still works for it."""
    program.item(100)
    program.run_to(600)
    (track,) = program.plc.tracks
    track.lane = track.firing = 4
    track.induct = 700 - program.belt.run_out_mm
    program.block(program.belt.lane_eye(5), 700, 300)
    before = len(program.events)
    track.due = 2**62
    program.run_to(1100)
    assert program.kinds()[before:] == [EventType.MISSORT]
    event = program.what(EventType.MISSORT)
    assert (event.tid, event.lane, event.encoder) == (track.tid, 5, 700)
    assert program.plc.tracks == []


def test_without_a_lane_an_item_runs_out_and_says_why(program: Program) -> None:
    program.item(100)
    for eye in program.belt.checks:
        program.block(eye, 100 + program.belt.eyes_mm[eye], 300)
    program.block(program.belt.lane_eye(5), 100 + program.belt.run_out_mm, 300)
    program.run_to(9000)
    event = program.what(EventType.DIVERTED)
    assert (event.lane, event.reason) == (5, Reason.UNASSIGNED)
