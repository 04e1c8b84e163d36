"""What the sorter tells the server: where each item went and why, and how the line stands now."""

from __future__ import annotations

from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from model.contract.alarms import Alarm
from model.contract.commands import CommandKind, LaneClosure
from model.contract.items import Identifier
from model.contract.labels import Grade


class Ending(StrEnum):
    """How an item left the belt, as the sorter's photo-eyes saw it."""

    DIVERTED = "diverted"
    """Confirmed in the lane that was assigned."""
    DEFAULTED = "defaulted"
    """In the manual lane because something was late, missing or unusual."""
    MISSORTED = "missorted"
    """Confirmed in a lane that was not the assigned one."""
    LOST = "lost"
    """Left the belt unseen: taken off by hand, or fallen."""


class Outcome(BaseModel):
    """The end of one item's way over the belt, and why it ended there. A fact: never changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    outcome_id: Identifier = Field(
        description="'<line>:<plc boot id>:<tid>': a repeat is harmless."
    )
    line_id: Identifier
    tid: int = Field(ge=0, lt=2**32, description="Tracking id that the PLC gave the item.")
    item_id: Identifier | None = Field(description="License plate; None where it was not read.")
    ending: Ending
    lane: str | None = Field(description="Lane that the item was seen in; None when it was lost.")
    assigned_lane: str | None = Field(description="Lane that the controller asked for, if any.")
    rule: str = Field(description="Policy rule or fail-safe that decided the lane.")
    explanation: str = Field(description="One sentence for a person, with the numbers.")
    grade: Grade | None = Field(default=None, description="Grade that the lane was chosen by.")
    verdict_id: Identifier | None = None
    override_id: Identifier | None = Field(default=None, description="Set where a person decided.")
    announced_at: AwareDatetime
    ended_at: AwareDatetime


class LaneStatus(BaseModel):
    """One lane as the PLC reports it."""

    model_config = ConfigDict(frozen=True)

    number: int
    name: str
    divert_mm: int = Field(description="Distance of the divert from the induct photo-eye.")
    enabled: bool
    full: bool
    jammed: bool
    fault: bool
    count: int = Field(description="Items that the PLC has counted in the lane, modulo 65536.")
    unrecorded: int = Field(
        default=0,
        description="By how many that is more than the line's own record has; 0: they agree.",
    )
    is_default: bool = Field(default=False, description="Must stay open: the fail-safe, or last.")
    closed: LaneClosure | None = Field(
        default=None, description="Set where a person disabled it by command."
    )


class BeltItem(BaseModel):
    """One item on the belt now."""

    model_config = ConfigDict(frozen=True)

    tid: int
    item_id: Identifier | None
    position_mm: float
    length_mm: float
    lane: str | None
    grade: Grade | None
    needs_review: bool
    image: str | None = Field(description="SHA-256 of its first picture, where it was graded.")
    steerable_s: float = Field(description="Seconds for which an override still steers it.")


class LineState(BaseModel):
    """A snapshot of the whole line, several times a second, for the live page."""

    model_config = ConfigDict(frozen=True)

    line_id: Identifier
    at: AwareDatetime
    plc_connected: bool
    packml_state: str
    speed_mm_s: float
    belt_mm: int
    lanes: tuple[LaneStatus, ...]
    items: tuple[BeltItem, ...]
    alarms: tuple[str, ...] = Field(default=(), description="Texts of the active alarms.")
    annunciated: tuple[Alarm, ...] = Field(
        default=(), description="Alarms that are not both over and acknowledged, urgent first."
    )
    allowed: tuple[CommandKind, ...] | None = Field(
        default=None,
        description="Commands to the machine that its state allows now; null: the line takes none.",
    )


class Override(BaseModel):
    """A person's answer about one item. A fact; the newest one for an item holds."""

    model_config = ConfigDict(frozen=True)

    seq: int = Field(description="Grows with every override of this server; read on from it.")
    override_id: Identifier
    item_id: Identifier
    grade: Grade | None = Field(description="None withdraws the person's earlier answer.")
    operator: str
    note: str = ""
    created_at: AwareDatetime
