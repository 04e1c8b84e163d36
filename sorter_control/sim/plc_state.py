"""What the PLC program remembers between two scans, what it reads and what it drives."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import Self

from sorter_control.packml import Command, Mode, State
from sorter_control.protocol import (
    Event,
    EventType,
    HostImage,
    LaneBit,
    Reason,
)
from sorter_control.sequence import EVENT_NUMBERS
from sorter_control.sim.geometry import Belt
from sorter_control.tags import EVENTS


@dataclass(frozen=True, slots=True)
class Inputs:
    """What one scan reads."""

    encoder: int
    induct: bool
    eyes: tuple[bool, ...]
    host: HostImage
    lanes_full: frozenset[int] = frozenset()
    estop_ok: bool = True
    panel: Command | None = None
    """Button that a person presses at the machine."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """What one scan drives."""

    run: bool
    gates: tuple[bool, ...]
    camera_tid: int = 0
    """Item to take pictures of in this scan; 0 for none."""


@dataclass(frozen=True, slots=True)
class Track:
    """An item as the PLC follows it: by encoder, never by time or by queue order."""

    tid: int
    induct_encoder: int
    length_mm: int
    lane: int = 0
    """Lane that the host assigned, 0 for none."""
    firing: int = 0
    """Lane whose divert works for this item; past its point of no return."""
    photographed: bool = False
    why_default: Reason = Reason.UNASSIGNED
    too_close: bool = False


@dataclass(frozen=True, slots=True)
class Lane:
    """One lane as the PLC sees it."""

    enabled: bool = True
    full: bool = False
    fault: bool = False
    blocked: bool = False
    failures: int = 0
    count: int = 0

    @property
    def bits(self) -> LaneBit:
        """The lane's bits in the register map."""
        return LaneBit(
            LaneBit.ENABLED.value * self.enabled
            | LaneBit.FULL.value * self.full
            | LaneBit.DIVERT_FAULT.value * self.fault
            | LaneBit.PHOTO_EYE_BLOCKED.value * self.blocked
        )

    @property
    def closed(self) -> Reason | None:
        """Why no item may be sent here, or None."""
        if not self.enabled:
            return Reason.DISABLED
        if self.full:
            return Reason.FULL
        return Reason.FAULT if self.fault else None


@dataclass(slots=True)
class PlcState:
    """Memory of the PLC program; ``scan`` works on a copy, so an older state stays as it was."""

    boot_id: int
    next_tid: int
    lanes: list[Lane]
    default_lane: int
    host_timeout_s: float
    max_recirculations: int = 0
    packml: State = State.STOPPED
    mode: Mode = Mode.PRODUCTION
    estop_ok: bool = True
    tracks: list[Track] = field(default_factory=list)
    ring: deque[Event] = field(default_factory=deque)
    queue: deque[Event] = field(default_factory=deque)
    """Events that wait for room in the ring; they get their seq when they enter it."""
    event_head: int = 0
    encoder: int = 0
    induct: bool = False
    eyes: tuple[bool, ...] = ()
    rise_encoder: int | None = None
    """Encoder at which the item under the induct photo-eye came, if it was seen to come."""
    last_tail_encoder: int | None = None
    host_image: HostImage | None = None
    host_boot_id: int = 0
    host_heartbeat: int = 0
    host_seen_s: float = 0.0
    host_lost: bool = True
    command_seq: int = 0
    ack_code: Reason = Reason.NONE
    stale_refused: frozenset[int] = frozenset()
    change_request: int = 0
    remap_done: int = 0
    lanes_full: frozenset[int] = frozenset()
    outputs: Outputs = Outputs(run=False, gates=())
    due_encoder: int | None = None
    """Encoder at which something happens although no input changes."""

    @classmethod
    def booted(cls, belt: Belt, *, boot_id: int, next_tid: int, encoder: int = 0) -> Self:
        """The state after power-up: nothing is tracked, the machine is stopped."""
        return cls(
            boot_id=boot_id,
            next_tid=next_tid,
            lanes=[Lane() for _ in belt.lanes],
            default_lane=belt.run_out,
            host_timeout_s=belt.host_timeout_ms / 1000,
            encoder=encoder,
            eyes=(False,) * belt.run_out,
            outputs=Outputs(run=False, gates=(False,) * len(belt.diverts_mm)),
        )

    def copy(self) -> Self:
        """A state that can be changed without changing this one."""
        return replace(
            self,
            tracks=self.tracks.copy(),
            lanes=self.lanes.copy(),
            ring=self.ring.copy(),
            queue=self.queue.copy(),
        )

    def report(
        self,
        kind: EventType,
        track: Track | None = None,
        *,
        lane: int = 0,
        reason: Reason = Reason.NONE,
        encoder: int | None = None,
        aux: int = 0,
    ) -> None:
        """Queue an event; it waits for as long as the host leaves the ring full."""
        self.queue.append(
            Event(
                0,
                kind,
                track.tid if track else 0,
                lane,
                reason,
                self.encoder if encoder is None else encoder,
                aux,
            )
        )

    def publish(self) -> None:
        """Move queued events into the ring while it has room."""
        while self.queue and len(self.ring) < EVENTS.slots:
            self.event_head = EVENT_NUMBERS.after(self.event_head)
            self.ring.append(replace(self.queue.popleft(), seq=self.event_head))

    def acknowledge(self, seq: int) -> None:
        """Free the ring up to ``seq``; a number that is not in the ring frees nothing."""
        if any(event.seq == seq for event in self.ring):
            while self.ring.popleft().seq != seq:
                pass

    def change(self, track: Track, **values: object) -> Track:
        """Replace a track by one with other values, and return it."""
        changed = replace(track, **values)  # type: ignore[arg-type]
        self.tracks[self.tracks.index(track)] = changed
        return changed

    def set_lane(self, lane: int, **values: object) -> None:
        """Change a lane."""
        self.lanes[lane - 1] = replace(self.lanes[lane - 1], **values)  # type: ignore[arg-type]
