"""What holds on every line, whatever dies, is late, is lost, or is moved by hand."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from model.contract import GRADES, Ending, Verdict
from sorter_control.controller.commands import RequestGrade
from sorter_control.controller.observations import Overridden
from sorter_control.controller.values import Failure
from sorter_control.sim.feed import FeedRow
from sorter_control.sim.plc.state import PlcState
from sorter_control.sim.rehearsal import Rehearsal
from tests.sorter_control.factories import (
    LANES,
    by_number,
    gone,
    make_override,
    make_rehearsal,
    make_rows,
)

ITEMS = 12
STRANGER = -1


@dataclass(frozen=True)
class Incident:
    """Something that goes wrong at a time, and is put right later."""

    kind: str
    at_s: float
    for_s: float
    lane: int


KINDS = (
    "kill_plc",
    "kill_controller",
    "kill_both",
    "lose_reads",
    "lose_writes",
    "lose_server",
    "stick_divert",
    "fill_lane",
    "remove_item",
    "add_item",
    "answer",
)

incidents = st.lists(
    st.builds(
        Incident,
        kind=st.sampled_from(KINDS),
        at_s=st.floats(1, 25),
        for_s=st.floats(0.01, 12),
        lane=st.integers(1, 4),
    ),
    max_size=4,
)
delays = st.lists(st.sampled_from([0.05, 0.3, 1.0, 5.0, 9.0]), min_size=ITEMS, max_size=ITEMS)


class Trial:
    """One run with its incidents, watched at every scan."""

    def __init__(self, happenings: list[Incident], delays_s: list[float], poll_scans: int) -> None:
        self.delays_s = delays_s
        self.server_up = True
        self.removed: set[int] = set()
        self.added = 0
        self.answers = 0
        self.ghosts: list[float] = []
        self.line: Rehearsal = make_rehearsal(
            make_rows(ITEMS, no_plate=frozenset({5})), self.answer, poll_scans=poll_scans
        )
        self.todo = sorted(
            [(each.at_s, each, True) for each in happenings]
            + [(each.at_s + each.for_s, each, False) for each in happenings],
            key=lambda entry: entry[0],
        )

    def answer(self, row: FeedRow, request: RequestGrade) -> tuple[float, Verdict | Failure]:
        if not self.server_up:
            return gone(row, request)
        _, verdict = by_number(row, request)
        assert row.item_id is not None
        return self.delays_s[int(row.item_id.removeprefix("RET-"))], verdict

    def run(self) -> None:
        line = self.line
        before = line.machine.plc
        while not (line.machine.is_empty and not self.todo and line.settled):
            while self.todo and self.todo[0][0] <= line.machine.now_s:
                _, incident, begins = self.todo.pop(0)
                self.happen(incident, begins)
                before = line.machine.plc
            line.step()
            self.watch(before, line.machine.plc)
            before = line.machine.plc
            assert line.machine.now_s < 200, "items never settle"

    def happen(self, incident: Incident, begins: bool) -> None:
        line = self.line
        match incident.kind:
            case "lose_reads":
                line.wire.reads_lost = begins
            case "lose_writes":
                line.wire.writes_lost = begins
            case "lose_server":
                self.server_up = not begins
            case "stick_divert":
                line.machine.world.stick(incident.lane, stuck=begins)
            case "fill_lane":
                line.machine.world.fill(incident.lane, full=begins)
            case _:
                self.strike(incident.kind, begins)

    def strike(self, kind: str, begins: bool) -> None:
        if begins and kind in {"kill_plc", "kill_both"}:
            self.line.kill_plc()
        if kind in {"kill_controller", "kill_both"}:
            self.controller(begins)
        if begins and kind == "remove_item":
            self.remove()
        if begins and kind == "add_item":
            self.add()
        if kind == "answer":
            self.answer_about_all()

    def controller(self, begins: bool) -> None:
        if begins:
            self.line.kill_controller()
        elif self.line.controller is None:
            self.line.start_controller()

    def answer_about_all(self) -> None:
        """A person answers about every item on the belt, wherever it is."""
        controller = self.line.controller
        for item in list(controller.state.items.values()) if controller else []:
            if controller is not None and item.item_id is not None:
                self.answers += 1
                grade = GRADES[self.answers % len(GRADES)]
                answer = make_override(item.item_id, grade, self.answers)
                controller.observe(Overridden((answer,)), self.line.now)

    def remove(self) -> None:
        world = self.line.machine.world
        for serial, item in world.items.items():
            if serial >= 0 and item.lane is None and world.travel_mm - item.origin_mm > 800:
                self.ghosts.append(item.origin_mm)
                world.remove(serial)
                self.removed.add(serial)
                return

    def add(self) -> None:
        """Add an item where none is, nor one was: a swap is seen by no photo-eye."""
        world = self.line.machine.world
        origins = [item.origin_mm for item in world.items.values()]
        fronts = [world.travel_mm - origin for origin in [*origins, *self.ghosts]]
        for place in range(900, 7500, 50):
            if all(abs(place - front) > 550 for front in fronts):
                self.added += 1
                world.place(STRANGER * self.added, 150, place)
                return

    def watch(self, before: PlcState, after: PlcState) -> None:
        """No assignment changes after the point of no return."""
        if after is before or after.boot_id != before.boot_id:
            return
        old = {track.tid: track for track in before.tracks}
        for track in after.tracks:
            was = old.get(track.tid)
            if was is not None and was.firing and track.firing:
                assert track.lane == was.lane

    def check(self) -> None:
        line = self.line
        truth = {deposit.serial: deposit.lane for deposit in line.deposits}
        assert len(truth) == len(line.deposits), "an object lies in two lanes"
        assert set(truth) | self.removed >= set(range(ITEMS)), "an object has vanished"
        photographed = Counter(line.photographs.values())
        assert set(photographed.values()) <= {1}, "an object has two tids"
        outcomes = line.journal.outcomes()
        names = Counter(outcome.item_id for outcome in outcomes if outcome.item_id)
        expected = {row.item_id for row in line.rows if row.item_id}
        assert names == Counter(expected), "an item is not in the record exactly once"
        for outcome in outcomes:
            if outcome.item_id is None or outcome.ending in {Ending.LOST, Ending.MISSORTED}:
                continue
            serial = int(outcome.item_id.removeprefix("RET-"))
            assert outcome.lane == LANES[truth[serial]], outcome
        for serial, lane in truth.items():
            if serial < 0 or line.rows[serial].item_id is None:
                assert LANES[lane] == "manual", "an unknown item came into a graded lane"
        lost = [outcome for outcome in outcomes if outcome.ending is Ending.LOST]
        strangers = [outcome for outcome in outcomes if outcome.tid == 0]
        assert len(lost) == len(self.removed)
        assert len(strangers) == self.added


@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(happenings=incidents, delays_s=delays, poll_scans=st.sampled_from([2, 5, 10]))
def test_every_item_ends_once_where_the_record_says(
    happenings: list[Incident], delays_s: list[float], poll_scans: int
) -> None:
    trial = Trial(happenings, delays_s, poll_scans)
    trial.run()
    trial.check()
