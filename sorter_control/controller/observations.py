"""What the controller sees: each value is one thing that ``decide`` takes in."""

from __future__ import annotations

from dataclasses import dataclass

from model.contract import ItemFacts, Override, Verdict
from sorter_control.controller.book import Order
from sorter_control.controller.values import Failure
from sorter_control.protocol import Event, LaneGeometry, LaneReport, Status


@dataclass(frozen=True, slots=True)
class PlcReported:
    """One reading of the PLC, with the events that are new, in order."""

    status: Status
    lanes: tuple[LaneReport, ...]
    geometry: tuple[LaneGeometry, ...]
    events: tuple[Event, ...] = ()
    at_s: float = 0.0
    """Monotonic time."""


@dataclass(frozen=True, slots=True)
class PlcLost:
    """The PLC does not answer, or its heartbeat stands still."""

    reason: str
    at_s: float = 0.0
    """Monotonic time."""


@dataclass(frozen=True, slots=True)
class Identified:
    """The camera has read the plate, and the facts are known."""

    tid: int
    item_id: str
    facts: ItemFacts


@dataclass(frozen=True, slots=True)
class Graded:
    """The server has graded the item."""

    tid: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class NotGraded:
    """There will be no verdict for the item."""

    tid: int
    failure: Failure
    item_id: str | None = None


@dataclass(frozen=True, slots=True)
class Overridden:
    """People have answered.

    Attributes:
        answers: In order of seq.
    """

    answers: tuple[Override, ...]


@dataclass(frozen=True, slots=True)
class Commanded:
    """People have commanded the line.

    Attributes:
        orders: In order of seq.
        at_s: Monotonic time.
    """

    orders: tuple[Order, ...]
    at_s: float


@dataclass(frozen=True, slots=True)
class PartiesChanged:
    """Other parties than the PLC have stopped answering, or answer again.

    Attributes:
        outages: Those that do not answer, and what is wrong with each.
    """

    outages: tuple[tuple[str, str], ...]


Observation = (
    PlcReported
    | PlcLost
    | Identified
    | Graded
    | NotGraded
    | Overridden
    | Commanded
    | PartiesChanged
)
