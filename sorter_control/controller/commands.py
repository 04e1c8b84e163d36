"""What follows from what the controller sees: each value is one thing to do."""

from __future__ import annotations

from dataclasses import dataclass, field

from model.contract import Outcome
from sorter_control import packml
from sorter_control.controller.book import Report
from sorter_control.controller.values import Item


@dataclass(frozen=True, slots=True)
class Assign:
    """Tell the PLC the lane of an item that has none."""

    tid: int
    lane: int


@dataclass(frozen=True, slots=True)
class Modify:
    """Tell the PLC another lane for an item that has one."""

    tid: int
    lane: int


@dataclass(frozen=True, slots=True)
class Cancel:
    """Take an item's lane away from it: it runs out."""

    tid: int


@dataclass(frozen=True, slots=True)
class Control:
    """Have the PLC execute a PackML command once."""

    command: packml.Command


@dataclass(frozen=True, slots=True)
class SwitchLane:
    """Open or close a lane."""

    lane: int
    enabled: bool


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Let the PLC find no command of this kind any more; what it has executed stays.

    Attributes:
        lane: Whose switching is withdrawn; None for the PackML command.
    """

    lane: int | None = None


@dataclass(frozen=True, slots=True)
class Tell:
    """Put into the outbox what the server has to be told."""

    report: Report


@dataclass(frozen=True, slots=True)
class RequestGrade:
    """Have the item photographed and graded within ``deadline_s`` seconds."""

    tid: int
    capture_id: str
    deadline_s: float


@dataclass(frozen=True, slots=True)
class Remember:
    """Keep the item in the journal."""

    item: Item


@dataclass(frozen=True, slots=True)
class Record:
    """Put the outcome into the outbox and forget the item."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class AckEvents:
    """Everything up to this event is stored; the PLC may forget it."""

    seq: int


@dataclass(frozen=True, slots=True)
class Notice:
    """One line of the log."""

    event: str
    fields: dict[str, object] = field(default_factory=dict)
    alarm: bool = False


Command = (
    Assign
    | Modify
    | Cancel
    | Control
    | SwitchLane
    | Withdraw
    | RequestGrade
    | Remember
    | Record
    | Tell
    | AckEvents
    | Notice
)
