"""What the controller keeps of the line itself, besides the items: values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from model.contract import Alarm, CommandResult, LaneClosure, LineCommand

#: Of an order that an earlier run of the controller took: it can only be looked for, not sent.
LONG_PAST_S = -1.0

Report = CommandResult | Alarm
"""What the server has to be told, once and for certain."""


@dataclass(frozen=True, slots=True)
class Order:
    """A person's command that has been sent to the PLC, which has not shown its effect yet.

    Attributes:
        command: As the server handed it out.
        expires_s: Monotonic time after which the PLC must not find it any more.
        plc_boot_id: Boot of the PLC that it was sent to.
    """

    command: LineCommand
    expires_s: float
    plc_boot_id: int = 0


@dataclass(frozen=True, slots=True)
class Tally:
    """Items that the controller has seen end in each lane.

    Attributes:
        plc_boot_id: Boot of the PLC whose counters these are held against.
        counts: By lane from lane 1, modulo 65536 as the PLC counts.
    """

    plc_boot_id: int
    counts: tuple[int, ...]

    def is_of(self, plc_boot_id: int, lanes: int) -> bool:
        """Whether it can be held against the counters of a PLC with so many lanes."""
        return self.plc_boot_id == plc_boot_id and len(self.counts) == lanes

    def counted(self, lane: int) -> Self:
        """With one more item in a lane."""
        at = lane - 1
        if not 0 <= at < len(self.counts):
            return self
        more = (self.counts[at] + 1) % 65536
        return replace(self, counts=(*self.counts[:at], more, *self.counts[at + 1 :]))


@dataclass(frozen=True, slots=True)
class LineBook:
    """Survives the death of the controller as a whole; replaced, never changed.

    Attributes:
        orders: Under way, oldest first.
        taken: Ids of the last commands that were taken, whatever became of them.
        alarms: Alarms that are not both over and acknowledged.
        closures: Who disabled which lane, by its number.
        tally: Own count of the lanes; None before the first comparison with the PLC.
    """

    orders: tuple[Order, ...] = ()
    taken: tuple[str, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    closures: Mapping[int, LaneClosure] = field(default_factory=dict)
    tally: Tally | None = None

    def after_restart(self) -> Self:
        """As the next run of the controller finds it: no order is sent again."""
        past = tuple(replace(order, expires_s=LONG_PAST_S) for order in self.orders)
        return replace(self, orders=past)
