"""Alarms of a line, in the states of ISA-18.2 and IEC 62682."""

from __future__ import annotations

from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from model.contract.items import Identifier


class AlarmState(StrEnum):
    """Whether the condition is there, and whether somebody has seen it."""

    UNACKNOWLEDGED_ACTIVE = "unacknowledged_active"
    ACKNOWLEDGED_ACTIVE = "acknowledged_active"
    UNACKNOWLEDGED_RETURNED = "unacknowledged_returned_to_normal"
    """Returned to normal before anybody had acknowledged it."""
    NORMAL = "normal"

    @property
    def is_active(self) -> bool:
        """Whether the condition is there now."""
        return self in (AlarmState.UNACKNOWLEDGED_ACTIVE, AlarmState.ACKNOWLEDGED_ACTIVE)

    @property
    def is_acknowledged(self) -> bool:
        """Whether nobody needs to be asked to look at it."""
        return self in (AlarmState.ACKNOWLEDGED_ACTIVE, AlarmState.NORMAL)


class AlarmPriority(StrEnum):
    """How soon somebody has to act; in this order."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Alarm(BaseModel):
    """One alarm as it stands after its newest change.

    It lasts until its condition has ended and somebody has acknowledged it; a condition that comes
    back before that is the same alarm once more.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    alarm_id: Identifier
    line_id: Identifier
    revision: int = Field(ge=1, description="Counts the alarm's changes: each is a fact.")
    condition: str = Field(description="What is wrong, for programs, e.g. `lane-2-jam`.")
    priority: AlarmPriority
    state: AlarmState
    text: str = Field(description="What is wrong.")
    action: str = Field(description="What to do about it.")
    began_at: AwareDatetime = Field(description="When the condition came, the last time.")
    ended_at: AwareDatetime | None = None
    times: int = Field(default=1, ge=1, description="How often the condition has come.")
    acknowledged_by: str | None = None
    acknowledged_at: AwareDatetime | None = None
    changed_at: AwareDatetime

    @property
    def urgency(self) -> tuple[int, int, float]:
        """Sorts the most urgent alarm first: by priority, then by state, then the newest."""
        return (
            list(AlarmPriority).index(self.priority),
            list(AlarmState).index(self.state),
            -self.began_at.timestamp(),
        )
