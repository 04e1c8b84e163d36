"""The line watched from outside: what the PLC reports, and what must hold at every moment."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from sorter_control.controller.commands import Notice
from sorter_control.packml import State
from sorter_control.protocol import Event, EventType
from sorter_control.sequence import EVENT_NUMBERS
from sorter_control.sim.rehearsal import Rehearsal
from sorter_control.sim.soak.person import Person

_ORDINARY = frozenset(
    {
        EventType.ANNOUNCE,
        EventType.ASSIGN_ACK,
        EventType.DIVERTED,
        EventType.REMAP_ITEM,
        EventType.REMAP_END,
    }
)
_HARD = frozenset({State.ABORTING, State.ABORTED, State.CLEARING})


class Sign(NamedTuple):
    """Something that was noticed: an event of the PLC, a flag, or a line of the controller's log."""

    at_s: float
    name: str
    lane: int = 0
    tid: int = 0


@dataclass(slots=True)
class Watch:
    """Sees every event once, in order.

    Attributes:
        line: What is watched.
        person: Who alone may start the belt again after an emergency stop.
        signs: Everything out of the ordinary.
        announced: Tracking ids, in order.
        diverted: How often each tracking id was reported in a lane.
        violations: What must never happen and did.
    """

    line: Rehearsal
    person: Person
    signs: list[Sign] = field(default_factory=list)
    announced: list[int] = field(default_factory=list)
    diverted: Counter[int] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    _head: int = 0
    _committed: dict[int, int] = field(default_factory=dict)
    _boot_id: int = 0
    _flags: set[tuple[str, int]] = field(default_factory=set)
    _starts_at_stop: int | None = None

    def hear(self, notice: Notice) -> None:
        """Take in a line of the controller's log."""
        if notice.alarm or notice.event == "verdict_known":
            tid = notice.fields.get("tid", 0)
            self.signs.append(
                Sign(self.line.now_s, notice.event, tid=tid if isinstance(tid, int) else 0)
            )

    def look(self) -> None:
        """Look at the line after a step."""
        plc = self.line.machine.plc
        if plc.boot_id != self._boot_id:
            self._boot_id = plc.boot_id
            self._committed.clear()
        if plc.event_head != self._head:
            for event in plc.ring:
                if 0 < EVENT_NUMBERS.distance(self._head, event.seq) <= EVENT_NUMBERS.last // 2:
                    self._event(event)
                    self._head = event.seq
            self._twins()
        self._commitments()
        self._watch_flags()
        self._watch_stop()

    def _event(self, event: Event) -> None:
        if event.type is EventType.ANNOUNCE:
            self.announced.append(event.tid)
        elif event.type is EventType.DIVERTED:
            self.diverted[event.tid] += 1
        if event.type not in _ORDINARY:
            self.signs.append(Sign(self.line.now_s, event.type.name, event.lane, event.tid))

    def _commitments(self) -> None:
        """Past the point of no return nothing changes an assignment."""
        committed: dict[int, int] = {}
        for track in self.line.machine.plc.tracks:
            if track.firing:
                committed[track.tid] = track.firing
                before = self._committed.get(track.tid, track.firing)
                if before != track.firing or track.lane not in {0, track.firing}:
                    self.violations.append(
                        f"item {track.tid} was changed from lane {before} to {track.firing}"
                        " after its point of no return"
                    )
        self._committed = committed

    def _twins(self) -> None:
        """Of two items with one plate that are followed at a time, one at most goes to be sold."""
        sold: dict[str, int] = {}
        line = self.line
        for track in line.machine.plc.tracks:
            if not track.lane or track.lane in {line.belt.run_out, line.belt.loop_lane}:
                continue
            serial = line.photographs.get(track.tid)
            plate = line.rows[serial].item_id if serial is not None and serial >= 0 else None
            if plate is None:
                continue
            other = sold.setdefault(plate, track.tid)
            if other != track.tid:
                self.violations.append(f"items {other} and {track.tid} are both sold as {plate}")

    def _watch_flags(self) -> None:
        plc = self.line.machine.plc
        on = (
            ("host_lost", plc.host_lost),
            ("encoder_fault", plc.encoder_fault),
            ("infeed_jam", plc.infeed_jam),
        )
        flags = {(name, 0) for name, is_on in on if is_on}
        if not plc.outputs.run:
            flags.add((plc.packml.name.lower(), 0))
        flags |= {("lane_fault", n) for n, lane in enumerate(plc.lanes, start=1) if lane.fault}
        for name, lane in flags - self._flags:
            self.signs.append(Sign(self.line.now_s, name, lane))
        self._flags = flags

    def _watch_stop(self) -> None:
        """Nothing but a person starts the belt after an emergency stop."""
        plc = self.line.machine.plc
        if plc.packml in _HARD:
            self._starts_at_stop = self.person.starts
        elif self._starts_at_stop is not None and plc.outputs.run:
            if self.person.starts == self._starts_at_stop:
                self.violations.append("the belt started by itself after an emergency stop")
            self._starts_at_stop = None
