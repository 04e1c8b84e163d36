"""The whole simulated machine: feed, belt and PLC program, one scan at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

from sorter_control import packml
from sorter_control.packml import Command
from sorter_control.protocol import Event, EventType, HostImage, PlcImage
from sorter_control.sequence import encoder_after, encoder_travel
from sorter_control.sim.feed import FeedRow
from sorter_control.sim.geometry import Belt
from sorter_control.sim.plc import image, scan
from sorter_control.sim.plc_state import Inputs, Outputs, PlcState
from sorter_control.sim.world import Deposit, PhysicalItem, World


class Remains(BaseModel):
    """What is still there when the PLC's program has died: objects, and retentive memory.

    Retentive are the encoder, the photo-eyes as they were seen last, the numbers that go on, and
    events that the host has not acknowledged. Tracks and assignments are not: the items that were
    tracked run to the end of the belt.
    """

    model_config = ConfigDict(frozen=True)

    travel_mm: float = 0.0
    items: tuple[tuple[int, float, float, int | None], ...] = ()
    """Serial, origin, length and lane of every object that is not in a lane yet."""
    fed: int = 0
    next_place_mm: float = 0.0
    boot_id: int = 0
    next_tid: int = 1
    event_head: int = 0
    ring: tuple[Event, ...] = ()
    queue: tuple[Event, ...] = ()
    eyes: tuple[bool, ...] | None = None
    induct: bool = False
    rise_encoder: int | None = None
    last_tail_encoder: int | None = None


_MANY = 10**9


@dataclass(slots=True)
class Machine:
    """Feed, belt and PLC joined; deterministic, in virtual time.

    Attributes:
        belt: Measures.
        rows: The feed.
        remains: What an earlier PLC process left behind.
        pitch_mm: Front-to-front distance of items, or None for each row's own gap.
        encoder_start: Encoder value at travel 0.
    """

    belt: Belt
    rows: Sequence[FeedRow]
    remains: Remains = field(default_factory=Remains)
    pitch_mm: float | None = None
    encoder_start: int = 0
    host: HostImage = field(default_factory=HostImage)
    lanes_full: frozenset[int] = frozenset()
    estop_ok: bool = True
    now_s: float = 0.0
    panel: list[Command] = field(default_factory=list)
    photographed: list[tuple[int, int]] = field(default_factory=list)
    """(tid, serial) of pictures since the caller last emptied this list."""
    changed: bool = True
    """Whether something must be saved before anyone may see it."""
    world: World = field(init=False)
    plc: PlcState = field(init=False)
    _outputs: Outputs = field(init=False)
    _fed: int = field(init=False)
    _next_place_mm: float = field(init=False)

    def __post_init__(self) -> None:
        remains = self.remains
        items = {row[0]: PhysicalItem(*row) for row in remains.items}
        self.world = World(self.belt, remains.travel_mm, items)
        self._fed = remains.fed
        self._next_place_mm = remains.next_place_mm
        self.plc = PlcState.booted(
            self.belt,
            boot_id=remains.boot_id % 65535 + 1,
            next_tid=remains.next_tid,
            encoder=self.encoder,
        )
        self.plc.event_head = remains.event_head
        self.plc.ring.extend(remains.ring)
        self.plc.queue.extend(remains.queue)
        self.plc.eyes = remains.eyes or self.plc.eyes
        self.plc.induct = remains.induct
        self.plc.rise_encoder = remains.rise_encoder
        self.plc.last_tail_encoder = remains.last_tail_encoder
        if remains.travel_mm:
            # Nothing that was announced before this event is tracked any more.
            self.plc.report(EventType.REMAP_END)
        self._outputs = self.plc.outputs

    @property
    def encoder(self) -> int:
        """The belt encoder's count."""
        return encoder_after(self.encoder_start, self.belt.pulses(self.world.travel_mm))

    @property
    def feed_is_empty(self) -> bool:
        """Whether every row has been laid on the belt."""
        return self._fed >= len(self.rows)

    @property
    def is_empty(self) -> bool:
        """Whether every object of the feed lies in a lane."""
        return self.feed_is_empty and not self.world.items

    def deposits(self) -> list[Deposit]:
        """Objects that came to rest since the last call."""
        deposits, self.world.deposits = self.world.deposits, []
        return deposits

    def press(self, *buttons: Command) -> None:
        """Press buttons at the machine, one per scan."""
        self.panel.extend(buttons)

    def what_remains(self) -> Remains:
        """What survives the death of the PLC program."""
        return Remains(
            travel_mm=self.world.travel_mm,
            items=tuple(
                (item.serial, item.origin_mm, item.length_mm, item.lane)
                for item in self.world.items.values()
            ),
            fed=self._fed,
            next_place_mm=self._next_place_mm,
            boot_id=self.plc.boot_id,
            next_tid=self.plc.next_tid,
            event_head=self.plc.event_head,
            ring=tuple(self.plc.ring),
            queue=tuple(self.plc.queue),
            eyes=self.plc.eyes,
            induct=self.plc.induct,
            rise_encoder=self.plc.rise_encoder,
            last_tail_encoder=self.plc.last_tail_encoder,
        )

    def image(self) -> PlcImage:
        """What the PLC publishes now."""
        return image(self.plc, self.belt, encoder=self.encoder, now_s=self.now_s)

    def advance(self, scans: int) -> None:
        """As so many calls of ``step``, but scans that would change nothing are left out."""
        while scans > 0:
            idle = min(self._idle_scans(), scans - 1)
            if idle > 0:
                dt_s = idle * self.belt.scan_ms / 1000
                self.now_s += dt_s
                self.world.step(dt_s, run=self._outputs.run, gates=self._outputs.gates)
                scans -= idle
            self.step()
            scans -= 1

    def _idle_scans(self) -> int:
        """Scans from now on that certainly find nothing to do; rather too few than too many."""
        plc = self.plc
        quiet = (
            not self.panel
            and plc.host_image is self.host
            and plc.lanes_full == self.lanes_full
            and plc.estop_ok == self.estop_ok
            and not packml.is_acting(plc.packml)
        )
        if not quiet:
            return 0
        scan_s = self.belt.scan_ms / 1000
        idle = _MANY
        if not plc.host_lost:
            idle = int((plc.host_seen_s + plc.host_timeout_s - self.now_s) / scan_s)
        if self._outputs.run:
            ahead_mm = min(self.world.next_edge_mm, self._next_due_mm()) - self.world.travel_mm
            idle = int(min(idle, ahead_mm / (self.belt.speed_mm_s * scan_s)))
        return max(0, idle - 1)

    def _next_due_mm(self) -> float:
        """Belt travel at which the worker or the PLC acts although no sensor changes."""
        due_mm = math.inf if self.feed_is_empty else self._next_place_mm
        if self.plc.due_encoder is not None:
            pulses = encoder_travel(self.encoder, self.plc.due_encoder)
            due_mm = min(due_mm, self.world.travel_mm + pulses * 1000 / self.belt.pulses_per_m)
        return due_mm

    def step(self) -> None:
        """Let one scan time pass, then scan."""
        dt_s = self.belt.scan_ms / 1000
        self.now_s += dt_s
        if self._outputs.run:
            self._lay()
        sensors = self.world.step(dt_s, run=self._outputs.run, gates=self._outputs.gates)
        inputs = Inputs(
            encoder=encoder_after(self.encoder_start, sensors.travel_pulses),
            induct=sensors.induct,
            eyes=sensors.eyes,
            host=self.host,
            lanes_full=self.lanes_full,
            estop_ok=self.estop_ok,
            panel=self.panel.pop(0) if self.panel else None,
        )
        before = self.plc
        self.plc, self._outputs = scan(self.plc, self.belt, inputs, self.now_s)
        if tid := self._outputs.camera_tid:
            item = self.world.at(self.belt.camera_mm)
            if item is not None:
                self.photographed.append((tid, item.serial))
        self.changed |= bool(self.world.deposits) or (
            self.plc is not before
            and (self.plc.event_head, len(self.plc.queue)) != (before.event_head, len(before.queue))
        )

    def _lay(self) -> None:
        """Lay the next row on the belt when there is room for it."""
        while not self.feed_is_empty and self.world.travel_mm >= self._next_place_mm:
            row = self.rows[self._fed]
            self.world.place(self._fed, row.length_mm, -self.belt.infeed_mm)
            self._fed += 1
            self.changed = True
            gap_mm = self.rows[self._fed].gap_mm if not self.feed_is_empty else 0
            pitch = row.length_mm + gap_mm
            self._next_place_mm = self.world.travel_mm + max(pitch, self.pitch_mm or 0.0)
