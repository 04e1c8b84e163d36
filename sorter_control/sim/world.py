"""The physical side: a belt that carries items past photo-eyes and diverts, in virtual time.

Nothing here knows tracking ids, lanes that somebody wants, or the clock on the wall. An item is
where it is; what the PLC believes is the PLC's affair.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from sorter_control.sim.geometry import Belt


class _Edge(IntEnum):
    INDUCT_ON = 0
    INDUCT_OFF = 1
    DIVERT = 2
    EYE_ON = 3
    EYE_OFF = 4


@dataclass(slots=True)
class PhysicalItem:
    """One object.

    Attributes:
        serial: Row of the feed, from 0; negative for objects that a hand laid on the belt.
        origin_mm: Belt travel at which its front is at the induct photo-eye.
        length_mm: Along the belt.
        lane: The chute that it slides down, or None on the belt.
    """

    serial: int
    origin_mm: float
    length_mm: float
    lane: int | None = None


@dataclass(frozen=True, slots=True)
class Deposit:
    """An item that has come to rest in a lane: the physical truth."""

    serial: int
    lane: int


@dataclass(frozen=True, slots=True)
class Sensors:
    """What the PLC's inputs see."""

    travel_pulses: int
    induct: bool
    eyes: tuple[bool, ...]


@dataclass(slots=True)
class _Gate:
    on: bool = False
    out_from_mm: float = 0.0
    stuck: bool = False


@dataclass(slots=True)
class World:
    """Belt, items, photo-eyes and diverts.

    Attributes:
        belt: Measures.
        travel_mm: How far the belt has run since it was built.
        items: Every object on the belt or in a chute, by serial.
        deposits: Objects in lanes since the caller last emptied this list.
    """

    belt: Belt
    travel_mm: float = 0.0
    items: dict[int, PhysicalItem] = field(default_factory=dict)
    deposits: list[Deposit] = field(default_factory=list)
    _gates: list[_Gate] = field(init=False)
    _blocked: list[int] = field(init=False)
    _induct_blocked: int = field(default=0, init=False)
    _edges: list[tuple[float, int, _Edge, int]] = field(default_factory=list, init=False)
    _seen: Sensors | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._gates = [_Gate() for _ in self.belt.diverts_mm]
        self._blocked = [0] * self.belt.run_out
        items, self.items = self.items, {}
        for item in items.values():
            self._restore(item)

    def place(self, serial: int, length_mm: float, position_mm: float) -> None:
        """Lay an object on the belt with its front at ``position_mm``."""
        item = PhysicalItem(serial, self.travel_mm - position_mm, length_mm)
        self._restore(item)

    def remove(self, serial: int) -> None:
        """Take an object off the belt by hand."""
        item = self.items.pop(serial)
        position = self.travel_mm - item.origin_mm
        if position - item.length_mm < 0 <= position:
            self._induct_blocked -= 1
        if item.lane is not None:
            eye = self.belt.lanes[item.lane - 1].confirm_mm
            if position - item.length_mm < eye <= position:
                self._blocked[item.lane - 1] -= 1
        self._seen = None

    @property
    def next_edge_mm(self) -> float:
        """Belt travel before which no photo-eye changes and no item comes to a divert."""
        return self._edges[0][0] if self._edges else math.inf

    def stick(self, lane: int, *, stuck: bool = True) -> None:
        """Make a divert ignore its output, or cure it."""
        self._gates[lane - 1].stuck = stuck

    def at(self, position_mm: float) -> PhysicalItem | None:
        """The object on the belt that covers a position."""
        for item in self.items.values():
            front = self.travel_mm - item.origin_mm
            if item.lane is None and front - item.length_mm < position_mm <= front:
                return item
        return None

    def step(self, dt_s: float, *, run: bool, gates: Sequence[bool]) -> Sensors:
        """Let time pass with the PLC's outputs as they are."""
        self._drive(gates)
        if run:
            end = self.travel_mm + dt_s * self.belt.speed_mm_s
            while self._edges and self._edges[0][0] <= end:
                mm, serial, edge, lane = heapq.heappop(self._edges)
                if serial in self.items:
                    self._pass(mm, self.items[serial], edge, lane)
            self.travel_mm = end
        return self._sense()

    def _drive(self, gates: Sequence[bool]) -> None:
        for gate, on in zip(self._gates, gates, strict=True):
            if on and not gate.on:
                gate.out_from_mm = self.travel_mm + self.belt.response_mm
            gate.on = on

    def _sense(self) -> Sensors:
        pulses = self.belt.pulses(self.travel_mm)
        seen = self._seen
        if seen is not None and not self._changed(seen):
            return Sensors(pulses, seen.induct, seen.eyes)
        self._seen = Sensors(
            pulses, self._induct_blocked > 0, tuple(count > 0 for count in self._blocked)
        )
        return self._seen

    def _changed(self, seen: Sensors) -> bool:
        return seen.induct != (self._induct_blocked > 0) or any(
            was != (count > 0) for was, count in zip(seen.eyes, self._blocked, strict=True)
        )

    def _restore(self, item: PhysicalItem) -> None:
        """Put an object where it is and expect the edges that are still ahead of it."""
        self.items[item.serial] = item
        if item.lane is None:
            self._expect(item, 0.0, _Edge.INDUCT_ON)
            self._expect(item, item.length_mm, _Edge.INDUCT_OFF)
            for lane, divert_mm in enumerate(self.belt.diverts_mm, start=1):
                self._expect(item, divert_mm, _Edge.DIVERT, lane)
            self._expect_eye(item, self.belt.run_out)
        else:
            self._expect_eye(item, item.lane)

    def _expect_eye(self, item: PhysicalItem, lane: int) -> None:
        eye_mm = self.belt.lanes[lane - 1].confirm_mm
        self._expect(item, eye_mm, _Edge.EYE_ON, lane)
        self._expect(item, eye_mm + item.length_mm, _Edge.EYE_OFF, lane)

    def _expect(self, item: PhysicalItem, position_mm: float, edge: _Edge, lane: int = 0) -> None:
        at_mm = item.origin_mm + position_mm
        if at_mm > self.travel_mm:
            heapq.heappush(self._edges, (at_mm, item.serial, edge, lane))
        elif edge in {_Edge.INDUCT_ON, _Edge.EYE_ON} and (at_mm + item.length_mm > self.travel_mm):
            self._pass(at_mm, item, edge, lane)

    def _pass(self, at_mm: float, item: PhysicalItem, edge: _Edge, lane: int) -> None:
        match edge:
            case _Edge.INDUCT_ON:
                self._induct_blocked += 1
            case _Edge.INDUCT_OFF:
                self._induct_blocked -= 1
            case _Edge.DIVERT:
                gate = self._gates[lane - 1]
                if item.lane is None and gate.on and not gate.stuck and gate.out_from_mm <= at_mm:
                    item.lane = lane
                    self._expect_eye(item, lane)
            case _Edge.EYE_ON:
                if self._leads_to(item, lane):
                    item.lane = lane
                    self._blocked[lane - 1] += 1
            case _Edge.EYE_OFF:
                if self._leads_to(item, lane):
                    self._blocked[lane - 1] -= 1
                    del self.items[item.serial]
                    self.deposits.append(Deposit(item.serial, lane))

    def _leads_to(self, item: PhysicalItem, lane: int) -> bool:
        """Whether the item's way ends at this lane's photo-eye; its other edges are void."""
        return item.lane == lane or (item.lane is None and lane == self.belt.run_out)
