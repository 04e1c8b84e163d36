"""What the PLC program remembers between two scans, what it reads and what it drives."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Self

from pydantic import BaseModel, ConfigDict

from sorter_control import packml
from sorter_control.packml import Command, Mode, State
from sorter_control.protocol import (
    Event,
    EventType,
    HostImage,
    LaneBit,
    LaneReport,
    Reason,
)
from sorter_control.sequence import EVENT_NUMBERS, encoder_after
from sorter_control.sim.geometry import Belt
from sorter_control.tags import EVENTS

_ENABLED, _FULL, _JAM, _FAULT, _BLOCKED = (bit.value for bit in LaneBit)
_LANE_BITS = [LaneBit(bits) for bits in range(32)]
_UNREPORTED = LaneReport(LaneBit(0), 0)
NEVER = 2**62
"""An encoder value that is never reached."""


class Inputs(NamedTuple):
    """What one scan reads.

    Attributes:
        encoder: Pulses, wrapping.
        eyes: Photo-eyes as in ``Belt.eyes_mm``: whether they are blocked.
        away: Limit switches of the diverts: not in their place of rest.
        full: Lanes whose sensor says that they are full.
        host: What the host has written.
        estop_ok: No emergency stop is pressed.
        panel: Button that a person presses at the machine.
    """

    encoder: int
    eyes: tuple[bool, ...]
    away: tuple[bool, ...]
    full: frozenset[int]
    host: HostImage
    estop_ok: bool = True
    panel: Command | None = None


@dataclass(frozen=True, slots=True)
class Outputs:
    """What one scan drives.

    Attributes:
        run: The belt.
        infeed: Items may be laid on it.
        gates: Diverts that have to stand across it.
    """

    run: bool
    infeed: bool
    gates: tuple[bool, ...]


@dataclass(slots=True)
class Track:
    """An item as the PLC follows it: by encoder, never by time or by queue order.

    Attributes:
        tid: Tracking id.
        induct: Encoder at which its front was at the induct photo-eye, corrected by every photo-eye
            that sees it.
        length_mm: As the induct photo-eye saw it.
        lane: Lane that the host assigned, 0 for none.
        firing: Lane whose divert works for it; it is past its point of no return.
        arriving: Lane whose photo-eye it is under now.
        checks: Photo-eyes on the belt that have seen it, or were passed by without.
        why_default: Why it runs out, if it does.
        doubtful: It touches something, or is not as long as it was: no graded lane.
        verified: A photo-eye has seen it since the last emergency stop.
        rounds: How often it has come round.
        returning: It is on its way back to the induct photo-eye.
        due: Encoder at which something has to be done about it.
    """

    tid: int
    induct: int
    length_mm: int
    lane: int = 0
    firing: int = 0
    arriving: int = 0
    checks: int = 0
    why_default: Reason = Reason.UNASSIGNED
    doubtful: bool = False
    verified: bool = True
    rounds: int = 0
    returning: bool = False
    due: int = 0


@dataclass(slots=True)
class Eye:
    """A photo-eye, debounced by distance.

    Attributes:
        raw: What it says.
        edge: Encoder at which it changed its mind last.
        blocked: What is believed of it.
        rise: Encoder at which what is under it came.
        tid: Item that is under it, 0 for one that is not tracked.
        tail: Encoder at which the last one left.
        last_tid: That one.
        jammed: It has been blocked for too long, and that is reported.
        watched_from: Encoder from which that distance counts; ``NEVER`` once it is reported.
        misses: Items in a row that it had to see and did not.
    """

    raw: bool = False
    edge: int = 0
    blocked: bool = False
    rise: int = 0
    tid: int = 0
    tail: int = -NEVER
    last_tid: int = 0
    jammed: bool = False
    watched_from: int = NEVER
    misses: int = 0

    def copy(self) -> Eye:
        """What it is now, to be kept."""
        return Eye(
            self.raw,
            self.edge,
            self.blocked,
            self.rise,
            self.tid,
            self.tail,
            self.last_tid,
            self.jammed,
            self.watched_from,
            self.misses,
        )


@dataclass(slots=True)
class Lane:
    """One lane as the PLC sees it."""

    enabled: bool = True
    full: bool = False
    jam: bool = False
    fault: bool = False
    blocked: bool = False
    failures: int = 0
    count: int = 0
    _report: LaneReport = _UNREPORTED

    @property
    def report(self) -> LaneReport:
        """What the PLC publishes of it; the same value for as long as nothing changes."""
        bits = self.bits
        if self._report.bits is not bits or self._report.count != self.count:
            self._report = LaneReport(bits, self.count)
        return self._report

    @property
    def bits(self) -> LaneBit:
        """The lane's bits in the register map."""
        return _LANE_BITS[
            _ENABLED * self.enabled
            | _FULL * self.full
            | _JAM * self.jam
            | _FAULT * self.fault
            | _BLOCKED * self.blocked
        ]

    @property
    def closed(self) -> Reason | None:
        """Why no item may be sent here, or None."""
        if not self.enabled:
            return Reason.DISABLED
        if self.full:
            return Reason.FULL
        return Reason.FAULT if self.fault or self.jam else None


class Retained(BaseModel):
    """Retentive memory: it survives the death of the program.

    The encoder, the photo-eyes as they were seen last, the numbers that go on, lanes that a person
    has closed, and events that the host has not acknowledged. Tracks and assignments are not retained: the items that were tracked
    run to the end of the belt.
    """

    model_config = ConfigDict(frozen=True)

    boot_id: int = 0
    next_tid: int = 1
    encoder: int = 0
    event_head: int = 0
    ring: tuple[Event, ...] = ()
    queue: tuple[Event, ...] = ()
    eyes: tuple[Eye, ...] = ()
    disabled: frozenset[int] = frozenset()


@dataclass(slots=True)
class PlcState:
    """Memory of the PLC program; ``scan`` changes it in place, as a PLC does."""

    boot_id: int
    next_tid: int
    lanes: list[Lane]
    eyes: list[Eye]
    default_lane: int
    host_timeout_s: float
    max_recirculations: int
    outputs: Outputs
    packml: State = State.STOPPED
    mode: Mode = Mode.PRODUCTION
    estop_ok: bool = True
    encoder_fault: bool = False
    infeed_jam: bool = False
    waits: bool = False
    """Suspended until the last lane has room."""
    tracks: list[Track] = field(default_factory=list)
    photograph: int = 0
    """Item to take pictures of in this scan; 0 for none."""
    ring: deque[Event] = field(default_factory=deque)
    queue: deque[Event] = field(default_factory=deque)
    """Events that wait for room in the ring; they get their seq when they enter it."""
    event_head: int = 0
    encoder: int = 0
    """Pulses, counted on over every wrap of the belt's own counter."""
    returns_from: int = -NEVER
    """Encoder from which what enters the way back comes round without having waited on it."""
    still_scans: int = 0
    """Scans in a row in which the belt was driven and the encoder stood still."""
    away_since: dict[int, int] = field(default_factory=dict)
    """Encoder since which a divert stands across the belt although it should not, by lane."""
    eyes_due: int = NEVER
    due: int = NEVER
    """Encoder at which something has to be done although no input changes."""
    host_image: HostImage | None = None
    host_boot_id: int = 0
    host_boot_before: int = 0
    host_heartbeat: int = 0
    host_seen_s: float = 0.0
    host_lost: bool = True
    command_seq: int = 0
    ack_code: Reason = Reason.NONE
    stale_refused: frozenset[int] = frozenset()
    change_request: int = 0
    remap_done: int = 0
    seen: Inputs | None = None
    """What the last whole cycle read; everything but host and encoder."""

    @classmethod
    def booted(cls, belt: Belt, retained: Retained, *, again: bool) -> Self:
        """The state after power-up: nothing is tracked, the machine is stopped.

        Args:
            belt: Measures of the machine.
            retained: What an earlier run of the program left.
            again: Whether there was one.
        """
        eyes = [replace(eye, tid=0, last_tid=0, misses=0) for eye in retained.eyes]
        state = cls(
            boot_id=retained.boot_id % 65535 + 1,
            next_tid=retained.next_tid,
            lanes=[
                Lane(enabled=number not in retained.disabled)
                for number in range(1, belt.run_out + 1)
            ],
            eyes=eyes or [Eye() for _ in belt.eyes_mm],
            default_lane=belt.run_out,
            host_timeout_s=belt.host_timeout_ms / 1000,
            max_recirculations=belt.max_recirculations,
            outputs=Outputs(run=False, infeed=False, gates=belt.at_rest),
            encoder=retained.encoder,
            ring=deque(retained.ring),
            queue=deque(retained.queue),
            event_head=retained.event_head,
        )
        for lane in range(1, belt.run_out + 1):
            state.lane(lane).blocked = state.eyes[belt.lane_eye(lane)].blocked
        if again:
            # Nothing that was announced before this event is tracked any more.
            state.report(EventType.REMAP_END)
            state.returns_from = state.encoder + belt.pulses(belt.loop_mm)
        return state

    def retained(self) -> Retained:
        """What survives the death of the program; values of its own need no check."""
        return Retained.model_construct(
            boot_id=self.boot_id,
            next_tid=self.next_tid,
            encoder=self.encoder,
            event_head=self.event_head,
            ring=tuple(self.ring),
            queue=tuple(self.queue),
            eyes=tuple([eye.copy() for eye in self.eyes]),
            disabled=frozenset(
                number for number, lane in enumerate(self.lanes, start=1) if not lane.enabled
            ),
        )

    def lane(self, number: int) -> Lane:
        """A lane by its number, from 1."""
        return self.lanes[number - 1]

    def track(self, tid: int) -> Track | None:
        """The track of an item, if there is one."""
        for track in self.tracks:
            if track.tid == tid:
                return track
        return None

    def report(
        self,
        kind: EventType,
        tid: int = 0,
        *,
        lane: int = 0,
        reason: Reason = Reason.NONE,
        encoder: int | None = None,
        aux: int = 0,
    ) -> None:
        """Queue an event; it waits for as long as the host leaves the ring full."""
        at = encoder_after(self.encoder if encoder is None else encoder, 0)
        self.queue.append(Event(0, kind, tid, lane, reason, at, aux))

    def hold(self, lane: int) -> None:
        """Something is stuck in a lane, or on the belt (0): stop until a person has looked."""
        self.report(EventType.JAM, lane=lane)
        before = self.packml
        self.packml = packml.commanded(before, Command.HOLD)
        if self.packml is before:
            self.packml = packml.commanded(before, Command.STOP)

    def publish(self) -> None:
        """Move queued events into the ring while it has room."""
        while self.queue and len(self.ring) < EVENTS.slots:
            self.event_head = EVENT_NUMBERS.after(self.event_head)
            event = self.queue.popleft()
            self.ring.append(
                Event(
                    self.event_head,
                    event.type,
                    event.tid,
                    event.lane,
                    event.reason,
                    event.encoder,
                    event.aux,
                )
            )

    def acknowledge(self, seq: int) -> None:
        """Free the ring up to ``seq``; a number that is not in the ring frees nothing."""
        if any(event.seq == seq for event in self.ring):
            while self.ring.popleft().seq != seq:
                pass
