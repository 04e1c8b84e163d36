"""The physical side: a belt that carries items past photo-eyes and diverts, in virtual time.

Nothing here knows tracking ids, lanes that somebody wants, or the clock on the wall. An item is
where it is; what the PLC believes is the PLC's affair. What can break is broken from outside:
``stick``, ``blind``, ``jam`` and the like.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import pairwise
from typing import NamedTuple

from sorter_control.sim.chutes import Chutes
from sorter_control.sim.devices import Eye, Gate
from sorter_control.sim.geometry import INDUCT, Belt
from sorter_control.sim.lineup import PhysicalItem, Place, before_induct_mm, lined_up

_TOUCHING_MM = 1e-6


class _Edge(IntEnum):
    ON = 0
    OFF = 1
    DIVERT = 2
    END = 3
    RETURN = 4
    FLICKER = 5
    TOUCH = 6


class Deposit(NamedTuple):
    """An item that has come to rest in a lane: the physical truth."""

    serial: int
    lane: int


class Sensors(NamedTuple):
    """What the PLC's inputs see."""

    travel_pulses: int
    eyes: tuple[bool, ...]
    """As in ``Belt.eyes_mm``."""
    away: tuple[bool, ...]
    """Diverts that are not in their place of rest."""
    full: frozenset[int]


@dataclass(slots=True)
class World:
    """Belt, items, photo-eyes, diverts and lanes.

    Attributes:
        belt: Measures.
        travel_mm: How far the belt has run since it was built.
        items: Every object on the belt or in a chute, by serial.
        deposits: Objects in lanes since the caller last emptied this list.
        encoder_dead: Whether the encoder's count stands still while the belt runs.
        blind_mm: Travel that the encoder has not counted.
        infeed_jams: Whether the next object under the induct photo-eye gets stuck there.
        jammed: Lanes whose chute lets nothing past its photo-eye.
    """

    belt: Belt
    travel_mm: float = 0.0
    items: dict[int, PhysicalItem] = field(default_factory=dict)
    deposits: list[Deposit] = field(default_factory=list)
    encoder_dead: bool = False
    blind_mm: float = 0.0
    infeed_jams: bool = False
    jammed: set[int] = field(default_factory=set)
    chutes: Chutes = field(init=False)
    _gates: list[Gate] = field(init=False)
    _driven: Sequence[bool] = ()
    _eyes: list[Eye] = field(init=False)
    _edges: list[tuple[float, int, _Edge, int, PhysicalItem | None, int]] = field(
        default_factory=list, init=False
    )
    _diverts: list[tuple[float, int, _Edge, int, PhysicalItem | None, int]] = field(
        default_factory=list, init=False
    )
    _order: int = field(default=0, init=False)
    _changed: bool = field(default=True, init=False)
    _seen: Sensors = field(init=False)

    def __post_init__(self) -> None:
        self.chutes = Chutes(self.belt.run_out, self.belt.lane_capacity, self.belt.take_away_s)
        self._gates = [Gate() for _ in self.belt.diverts_mm]
        self._eyes = [Eye() for _ in self.belt.eyes_mm]
        items, self.items = self.items, {}
        for item in items.values():
            self._restore(item)
        for item in items.values():
            if item.held_mm is not None:
                self._expect_touch(self.travel_mm, item)
        self._seen = self._sense()

    # Hands and faults ----------------------------------------------------------------------

    def place(self, serial: int, length_mm: float, position_mm: float) -> None:
        """Lay an object on the belt with its front at ``position_mm``."""
        self._restore(PhysicalItem(serial, self.travel_mm - position_mm, length_mm))

    def remove(self, serial: int) -> None:
        """Take an object off the belt by hand."""
        item = self.items.pop(serial)
        self._lift(item)

    def slip(self, serial: int, mm: float) -> None:
        """Move an object along the belt that carries it; it is not over its end by that."""
        item = self.items[serial]
        self._lift(item)
        item.origin_mm -= min(mm, *self._ends_ahead_mm(item))
        self._restore(item)

    def _ends_ahead_mm(self, item: PhysicalItem) -> Iterator[float]:
        """How far an object can move and still be under the photo-eye of its lane, or on the way back."""
        eye_mm = self.belt.eyes_mm[self.belt.lane_eye(item.lane or self.belt.run_out)]
        ends_mm = [eye_mm + item.length_mm]
        if item.lane and item.lane == self.belt.loop_lane:
            ends_mm.append(self.belt.loop_mm)
        front_mm = item.front_mm(self.travel_mm)
        yield from (end_mm - front_mm - 1 for end_mm in ends_mm if end_mm - front_mm > 1)
        yield math.inf

    def stick(self, lane: int, *, stuck: bool = True) -> None:
        """Make a divert ignore its output, or cure it."""
        self._gates[lane - 1].stuck = stuck
        self._changed = True

    def stick_across(self, lane: int, *, stuck: bool = True) -> None:
        """Leave a divert across the belt, or cure it."""
        self._gates[lane - 1].stuck_across = stuck
        self._changed = True

    def fill(self, lane: int, *, full: bool = True) -> None:
        """Make a lane's sensor say that it is full, or cure it."""
        self.chutes.block(lane, blocked=full)
        self._changed = True

    def force(self, eye: int, *, sees: bool | None) -> None:
        """Make a photo-eye see always or never, or cure it with None."""
        self._eyes[eye].forced = sees
        self._changed = True

    def flicker(self, eye: int, after_mm: Iterable[float]) -> None:
        """Make a photo-eye change its mind at each of an even number of distances from here."""
        for mm in after_mm:
            self._push(self.travel_mm + mm, _Edge.FLICKER, eye)

    def clear_jams(self) -> None:
        """Free every chute and the infeed: what hung there goes on, one after the other."""
        self.jammed.clear()
        self.infeed_jams = False
        for places in (self._lined_up(self.travel_mm), *self._hanging()):
            limit_mm = math.inf
            for front_mm, item in places:
                to_mm = min(front_mm, limit_mm)
                limit_mm = math.inf
                if item.held_mm is not None or to_mm < front_mm:
                    self._let_go(item, to_mm)
                    limit_mm = to_mm - item.length_mm - self.belt.min_gap_mm

    def _hanging(self) -> list[list[Place]]:
        """What hangs in each chute that ends in a lane, where things may lie on each other."""
        hanging: dict[int, list[Place]] = {}
        for item in self.items.values():
            if item.held_mm is not None and item.lane not in {None, self.belt.loop_lane}:
                hanging.setdefault(item.lane or 0, []).append(Place(item.held_mm, item))
        return list(hanging.values())

    # Looking -------------------------------------------------------------------------------

    def position_mm(self, item: PhysicalItem) -> float:
        """Where an object's front is, mm after the induct photo-eye."""
        return item.front_mm(self.travel_mm)

    def between(self, tail_mm: float, front_mm: float) -> list[PhysicalItem]:
        """Objects on the belt that reach into a stretch of it."""
        found = []
        for item in self.items.values():
            if item.lane is None:
                front = self.position_mm(item)
                if front > tail_mm and front - item.length_mm < front_mm:
                    found.append(item)
        return found

    def infeed_is_free(self, length_mm: float) -> bool:
        """Whether an object can be laid on the infeed without touching one that comes or hangs."""
        laid_mm, gap_mm = -self.belt.infeed_mm, self.belt.min_gap_mm
        for place in self._lined_up(self.travel_mm):
            on_the_belt = place.item.lane is None
            if on_the_belt and place.item.held_mm is not None:
                return False
            is_ahead = place.tail_mm >= laid_mm + (0 if on_the_belt else gap_mm)
            if not is_ahead and place.front_mm > laid_mm - length_mm - gap_mm:
                return False
        return True

    def at_rest(self, gates: Sequence[bool]) -> bool:
        """Whether diverts and encoder do what they should, and no photo-eye changes unseen."""
        return self._seen.away == gates and not self.encoder_dead and not self._changed

    @property
    def next_edge_mm(self) -> float:
        """Belt travel before which no photo-eye changes and no divert takes an item."""
        edge_mm = self._edges[0][0] if self._edges else math.inf
        if True in self._seen.away and self._diverts:
            return min(edge_mm, self._diverts[0][0])
        return edge_mm

    # Time ----------------------------------------------------------------------------------

    def step(self, dt_s: float, *, run: bool, gates: Sequence[bool]) -> Sensors:
        """Let time pass with the PLC's outputs as they are."""
        if gates is not self._driven:
            self._drive(gates)
        if run:
            moved_mm = dt_s * self.belt.speed_mm_s
            end_mm = self.travel_mm + moved_mm
            if self.encoder_dead:
                self.blind_mm += moved_mm
            edges, diverts = self._edges, self._diverts
            while (edges and edges[0][0] <= end_mm) or (diverts and diverts[0][0] <= end_mm):
                first = diverts if not edges or (diverts and diverts[0] < edges[0]) else edges
                at_mm, _, edge, place, item, epoch = heapq.heappop(first)
                if item is None:
                    self._eyes[place].flipped = not self._eyes[place].flipped
                    self._changed = True
                elif item.epoch == epoch:
                    self._pass(at_mm, item, edge, place)
            self.travel_mm = end_mm
        self._changed |= self.chutes.step(dt_s)
        seen = self._seen
        if self._changed:
            seen = self._sense()
        elif run:
            pulses = self.belt.pulses(self.travel_mm - self.blind_mm)
            seen = Sensors(pulses, seen.eyes, seen.away, seen.full)
        self._seen = seen
        return seen

    def _drive(self, gates: Sequence[bool]) -> None:
        self._driven = gates
        for gate, on in zip(self._gates, gates, strict=True):
            if on != gate.on:
                gate.on = on
                gate.out_from_mm = self.travel_mm + self.belt.response_mm
                self._changed = True

    def _sense(self) -> Sensors:
        self._changed = False
        return Sensors(
            self.belt.pulses(self.travel_mm - self.blind_mm),
            tuple([eye.sees for eye in self._eyes]),
            tuple([gate.away for gate in self._gates]),
            self.chutes.full,
        )

    # Edges ---------------------------------------------------------------------------------

    def _restore(self, item: PhysicalItem) -> None:
        """Put an object where it is and expect the edges that are still ahead of it."""
        self.items[item.serial] = item
        if item.lane is None:
            self._expect_eye(item, INDUCT)
            for lane, divert_mm in enumerate(self.belt.diverts_mm, start=1):
                self._expect_eye(item, lane)
                self._expect(item, divert_mm, _Edge.DIVERT, lane)
            self._expect_eye(item, self.belt.lane_eye(self.belt.run_out))
        else:
            self._expect_chute(item, item.lane)

    def _expect_chute(self, item: PhysicalItem, lane: int) -> None:
        self._expect_eye(item, self.belt.lane_eye(lane))
        if lane == self.belt.loop_lane:
            self._expect(item, self.belt.loop_mm, _Edge.RETURN, lane)

    def _expect_eye(self, item: PhysicalItem, eye: int) -> None:
        eye_mm = self.belt.eyes_mm[eye]
        origin_mm = self.travel_mm - item.held_mm if item.held_mm is not None else item.origin_mm
        if origin_mm + eye_mm > self.travel_mm:
            self._expect(item, eye_mm, _Edge.ON, eye)
        elif origin_mm + eye_mm + item.length_mm > self.travel_mm:
            self._pass(self.travel_mm, item, _Edge.ON, eye)
        self._expect(item, eye_mm + item.length_mm, _Edge.OFF, eye)

    def _expect(self, item: PhysicalItem, position_mm: float, edge: _Edge, place: int) -> None:
        at_mm = item.origin_mm + position_mm
        if at_mm > self.travel_mm and item.held_mm is None:
            self._push(at_mm, edge, place, item)

    def _push(
        self, at_mm: float, edge: _Edge, place: int, item: PhysicalItem | None = None
    ) -> None:
        self._order += 1
        epoch = item.epoch if item else 0
        edges = self._diverts if edge is _Edge.DIVERT else self._edges
        heapq.heappush(edges, (at_mm, self._order, edge, place, item, epoch))

    def _lift(self, item: PhysicalItem) -> None:
        """Take an object from the photo-eyes that it covers; nothing is expected of it."""
        item.epoch += 1
        for eye in item.over:
            self._eyes[eye].covered -= 1
        item.over.clear()
        self._changed = True

    def _pass(self, at_mm: float, item: PhysicalItem, edge: _Edge, place: int) -> None:
        match edge:
            case _Edge.ON:
                self._cover(at_mm, item, place)
            case _Edge.OFF:
                self._uncover(item, place)
            case _Edge.DIVERT:
                if self._gates[place - 1].takes(at_mm):
                    self._lift(item)
                    item.lane = place
                    if place == self.belt.loop_lane:
                        self._fall_in(at_mm, item)
                    self._expect_chute(item, place)
            case _Edge.RETURN:
                self._lift(item)
                item.origin_mm += self.belt.loop_mm
                item.lane = None
                self._restore(item)
            case _Edge.TOUCH:
                self._wait_behind(at_mm, item)
            case _:
                raise AssertionError(edge)

    def _cover(self, at_mm: float, item: PhysicalItem, eye: int) -> None:
        item.over.append(eye)
        self._eyes[eye].covered += 1
        self._changed = True
        lane = self.belt.lane_of_eye(eye)
        if lane:
            item.lane = lane
        stops = lane in self.jammed or (eye == INDUCT and self.infeed_jams)
        if stops and item.held_mm is None:
            self._hold(at_mm, item, at_mm - item.origin_mm)

    def _uncover(self, item: PhysicalItem, eye: int) -> None:
        item.over.remove(eye)
        self._eyes[eye].covered -= 1
        self._changed = True
        lane = self.belt.lane_of_eye(eye)
        if lane and lane != self.belt.loop_lane:
            del self.items[item.serial]
            self.deposits.append(Deposit(item.serial, lane))
            self.chutes.receive(lane)

    # Standing while the belt runs -----------------------------------------------------------

    def _lined_up(self, at_mm: float) -> list[Place]:
        return lined_up(self.items.values(), self.belt, at_mm)

    def _hold(self, at_mm: float, item: PhysicalItem, position_mm: float) -> None:
        item.held_mm = position_mm
        item.epoch += 1
        self._expect_touch(at_mm, item)

    def _let_go(self, item: PhysicalItem, front_mm: float) -> None:
        """Have a hand put an object down, from where the belt carries it on."""
        self._lift(item)
        item.origin_mm = self.travel_mm - front_mm
        if item.lane == self.belt.loop_lane:
            item.origin_mm -= self.belt.loop_mm
        item.held_mm = None
        self._restore(item)

    def _expect_touch(self, at_mm: float, standing: PhysicalItem) -> None:
        """Expect the next object behind one that stands to run up to it."""
        for ahead, behind in pairwise(self._lined_up(at_mm)):
            if ahead.item is standing and behind.item.held_mm is None:
                room_mm = max(0.0, ahead.tail_mm - behind.front_mm)
                self._push(at_mm + room_mm, _Edge.TOUCH, 0, behind.item)

    def _wait_behind(self, at_mm: float, item: PhysicalItem) -> None:
        """Have an object stand behind the one that it has run up to, if that one still stands."""
        for ahead, behind in pairwise(self._lined_up(at_mm)):
            touches = behind.front_mm >= ahead.tail_mm - _TOUCHING_MM
            if behind.item is item and ahead.item.held_mm is not None and touches:
                self._hold(at_mm, item, ahead.tail_mm + before_induct_mm(self.belt, item))

    def _fall_in(self, at_mm: float, item: PhysicalItem) -> None:
        """Let an object onto the way back behind the last one there, however far that has come."""
        others = [
            place
            for place in self._lined_up(at_mm)
            if place.item.lane is not None and place.item is not item
        ]
        if others:
            last = others[-1]
            limit_mm = at_mm - last.tail_mm - self.belt.loop_mm
            item.origin_mm = max(item.origin_mm, limit_mm)
            if last.item.held_mm is not None:
                self._expect_touch(at_mm, last.item)
