"""The whole simulated machine: feed, belt and PLC program, one scan at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

from sorter_control import packml
from sorter_control.packml import Command
from sorter_control.protocol import HostImage, PlcImage
from sorter_control.sequence import encoder_after
from sorter_control.sim.feed import FeedRow
from sorter_control.sim.geometry import Belt
from sorter_control.sim.lineup import PhysicalItem
from sorter_control.sim.plc.program import image, scan
from sorter_control.sim.plc.state import Inputs, PlcState, Retained
from sorter_control.sim.world import Deposit, World


class Remains(BaseModel):
    """What is still there when the PLC's process has died: objects, and retentive memory."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    travel_mm: float = 0.0
    items: tuple[tuple[int, float, float, int | None], ...] = ()
    """Serial, origin, length and lane of every object that is not in a lane yet."""
    held_mm: dict[int, float] = {}
    """Where those are that hang although the belt runs, by serial."""
    jammed: frozenset[int] = frozenset()
    infeed_jams: bool = False
    fed: int = 0
    next_place_mm: float = 0.0
    plc: Retained = Retained()


_LONG_S = 3600.0
_ROUNDING = 1e-6
_LOOK_AGAIN_MM = 50.0


@dataclass(slots=True)
class Machine:
    """Feed, belt and PLC joined; deterministic, in virtual time.

    Attributes:
        belt: Measures.
        rows: The feed.
        remains: What an earlier PLC process left behind.
        pitch_mm: Front-to-front distance of items, or None for each row's own gap.
        encoder_start: Encoder value at travel 0.
        host: What the host has written.
        estop_ok: No emergency stop is pressed.
        powered: Whether the PLC's program runs; without it the belt stands.
        panel: Buttons that a person will press, one per scan.
        next_gap_mm: Gap before the next row, in place of its own.
        photographed: (tid, serial) of pictures since the caller last emptied this list; None for
            one that does not show exactly one object.
        changed: Whether something must be saved before anyone may see it.
    """

    belt: Belt
    rows: Sequence[FeedRow]
    remains: Remains = field(default_factory=Remains)
    pitch_mm: float | None = None
    encoder_start: int = 0
    host: HostImage = field(default_factory=HostImage)
    estop_ok: bool = True
    powered: bool = True
    now_s: float = 0.0
    panel: list[Command] = field(default_factory=list)
    next_gap_mm: float | None = None
    photographed: list[tuple[int, int | None]] = field(default_factory=list)
    changed: bool = True
    world: World = field(init=False)
    plc: PlcState = field(init=False)
    _fed: int = field(init=False)
    _next_place_mm: float = field(init=False)

    def __post_init__(self) -> None:
        remains = self.remains
        items = {
            row[0]: PhysicalItem(*row, held_mm=remains.held_mm.get(row[0])) for row in remains.items
        }
        self.world = World(
            self.belt,
            remains.travel_mm,
            items,
            infeed_jams=remains.infeed_jams,
            jammed=set(remains.jammed),
        )
        self._fed = remains.fed
        self._next_place_mm = remains.next_place_mm
        retained = remains.plc
        if not remains.travel_mm:
            retained = retained.model_copy(update={"encoder": self.encoder})
        self.plc = PlcState.booted(self.belt, retained, again=remains.travel_mm > 0)

    def restart_plc(self) -> None:
        """The PLC's program dies and starts again; the belt keeps what lies on it."""
        self.panel.clear()
        self.plc = PlcState.booted(self.belt, self.plc.retained(), again=True)

    @property
    def encoder(self) -> int:
        """The belt encoder's count."""
        counted_mm = self.world.travel_mm - self.world.blind_mm
        return encoder_after(self.encoder_start, self.belt.pulses(counted_mm))

    @property
    def fed(self) -> int:
        """How many rows have been laid on the belt."""
        return self._fed

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
        """What survives the death of the PLC program; values of its own need no check."""
        return Remains.model_construct(
            travel_mm=self.world.travel_mm,
            items=tuple(
                [
                    (item.serial, item.origin_mm, item.length_mm, item.lane)
                    for item in self.world.items.values()
                ]
            ),
            held_mm={
                item.serial: item.held_mm
                for item in self.world.items.values()
                if item.held_mm is not None
            },
            jammed=frozenset(self.world.jammed),
            infeed_jams=self.world.infeed_jams,
            fed=self._fed,
            next_place_mm=self._next_place_mm,
            plc=self.plc.retained(),
        )

    def image(self) -> PlcImage:
        """What the PLC publishes now."""
        return image(self.plc, self.belt, encoder=self.encoder, now_s=self.now_s)

    def advance_to_news(self, scans: int, multiple: int) -> None:
        """As ``advance``, but no further than to the first events for the host.

        The first scan takes in what the host has written, which frees the ring.

        Args:
            scans: The most that may pass.
            multiple: The host looks after so many scans.
        """
        self.step()
        done = 1
        while done < scans and not self.plc.ring:
            done += self._advance_to_work(scans - done)
        self.advance(-done % multiple)

    def advance(self, scans: int) -> None:
        """As so many calls of ``step``, but scans that would change nothing are left out."""
        while scans > 0:
            scans -= self._advance_to_work(scans)

    def _advance_to_work(self, limit: int) -> int:
        """Leave idle scans out, then scan; returns how many scans that were, ``limit`` at most."""
        idle = min(self.idle_scans(), limit - 1)
        if idle > 0:
            dt_s = idle * self.belt.scan_ms / 1000
            self.now_s += dt_s
            outputs = self.plc.outputs
            self.world.step(dt_s, run=outputs.run, gates=outputs.gates)
        self.step()
        return idle + 1

    def idle_scans(self) -> int:
        """Scans from now on that certainly find nothing to do; rather too few than too many."""
        plc, world = self.plc, self.world
        outputs = plc.outputs
        quiet = (
            self.powered
            and not self.panel
            and plc.host_image is self.host
            and plc.estop_ok == self.estop_ok
            and plc.seen is not None
            and plc.seen.full is world.chutes.full
            and world.at_rest(outputs.gates)
            and not packml.is_acting(plc.packml)
        )
        if not quiet:
            return 0
        scan_s = self.belt.scan_ms / 1000
        idle_s = min(world.chutes.next_s - world.chutes.now_s, _LONG_S)
        if not plc.host_lost:
            idle_s = min(idle_s, plc.host_seen_s + plc.host_timeout_s - self.now_s)
        if outputs.run:
            next_mm = world.next_edge_mm
            if outputs.infeed and not self.feed_is_empty and self._next_place_mm < next_mm:
                next_mm = self._next_place_mm
            # The encoder shows the nearest pulse, so half of one may be missing.
            due_mm = (plc.due - plc.encoder - 0.5) * 1000 / self.belt.pulses_per_m
            ahead_mm = min(next_mm - world.travel_mm, due_mm)
            idle_s = min(idle_s, ahead_mm / self.belt.speed_mm_s)
        return max(0, math.ceil(idle_s / scan_s - _ROUNDING) - 1)

    def step(self) -> None:
        """Let one scan time pass, then scan."""
        dt_s = self.belt.scan_ms / 1000
        self.now_s += dt_s
        if not self.powered:
            self.world.step(dt_s, run=False, gates=self.belt.at_rest)
            return
        plc = self.plc
        if plc.outputs.run and plc.outputs.infeed and not self.feed_is_empty:
            self._lay()
        sensors = self.world.step(dt_s, run=plc.outputs.run, gates=plc.outputs.gates)
        inputs = Inputs(
            encoder_after(self.encoder_start, sensors.travel_pulses),
            sensors.eyes,
            sensors.away,
            sensors.full,
            self.host,
            self.estop_ok,
            self.panel.pop(0) if self.panel else None,
        )
        before = (plc.event_head, len(plc.queue), plc.command_seq)
        scan(plc, self.belt, inputs, self.now_s)
        if plc.photograph:
            track = plc.tracks[-1]
            view = self.world.between(0, track.length_mm)
            self.photographed.append((track.tid, view[0].serial if len(view) == 1 else None))
        if self.world.deposits or (plc.event_head, len(plc.queue), plc.command_seq) != before:
            self.changed = True

    def _lay(self) -> None:
        """Lay the next row on the belt when there is room for it."""
        while not self.feed_is_empty and self.world.travel_mm >= self._next_place_mm:
            row = self.rows[self._fed]
            if not self.world.infeed_is_free(row.length_mm):
                self._next_place_mm = self.world.travel_mm + _LOOK_AGAIN_MM
                return
            self.world.place(self._fed, row.length_mm, -self.belt.infeed_mm)
            self._fed += 1
            self.changed = True
            gap_mm: float = self.rows[self._fed].gap_mm if not self.feed_is_empty else 0
            if self.next_gap_mm is not None:
                gap_mm, self.next_gap_mm = self.next_gap_mm, None
                self._next_place_mm = self.world.travel_mm + row.length_mm + gap_mm
            else:
                pitch = row.length_mm + gap_mm
                self._next_place_mm = self.world.travel_mm + max(pitch, self.pitch_mm or 0.0)
