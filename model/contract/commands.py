"""What people tell a line to do, and what became of it."""

from __future__ import annotations

from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from model.contract.items import Identifier


class CommandKind(StrEnum):
    """What a person can ask of a line. The first nine are PackML's (ISA-TR88.00.02)."""

    RESET = "reset"
    START = "start"
    STOP = "stop"
    HOLD = "hold"
    UNHOLD = "unhold"
    SUSPEND = "suspend"
    UNSUSPEND = "unsuspend"
    ABORT = "abort"
    CLEAR = "clear"
    LANE_ENABLE = "lane_enable"
    LANE_DISABLE = "lane_disable"
    ACKNOWLEDGE = "acknowledge"
    """Somebody has seen an alarm; that does not end it."""


class CommandStatus(StrEnum):
    """How a command ended."""

    DONE = "done"
    """The PLC's own state shows it, or the alarm is acknowledged."""
    REFUSED = "refused"
    """Not allowed at that moment; nothing was sent to the PLC."""
    EXPIRED = "expired"
    """It came too late; nothing was sent to the PLC."""
    UNCONFIRMED = "unconfirmed"
    """It was sent and withdrawn again: the PLC may have followed it or not. Look at the line."""


class LineCommand(BaseModel):
    """A person's command to a line. A fact: never changed, never carried out twice or late."""

    model_config = ConfigDict(frozen=True)

    seq: int = Field(description="Grows with every command of this server; read on from it.")
    command_id: Identifier
    line_id: Identifier
    kind: CommandKind
    lane: int | None = Field(default=None, description="Number of the lane that it is about.")
    alarm_id: Identifier | None = Field(default=None, description="Alarm that it acknowledges.")
    operator: str
    note: str = Field(default="", description="Why, in the person's words.")
    created_at: AwareDatetime
    expires_at: AwareDatetime = Field(description="By the server's clock; it must not act later.")


class OpenCommand(BaseModel):
    """A command that has no result yet."""

    model_config = ConfigDict(frozen=True)

    command: LineCommand
    left_s: float = Field(description="Seconds for which it may act, when the reply was made.")


class OpenCommands(BaseModel):
    """Reply of the long poll of a line.

    The line's clock is never compared with the server's. What the way back took is at most the
    time that the request took as the line saw it, less ``waited_s``.
    """

    model_config = ConfigDict(frozen=True)

    waited_s: float = Field(description="Seconds that the server kept the request.")
    commands: tuple[OpenCommand, ...] = Field(description="In order of seq.")


class CommandResult(BaseModel):
    """How a command ended, as its line says. A fact; a command has one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command_id: Identifier
    status: CommandStatus
    reason: str = Field(description="One sentence for the person who gave it.")
    at: AwareDatetime


class LaneClosure(BaseModel):
    """Who disabled a lane, when and why."""

    model_config = ConfigDict(frozen=True)

    operator: str
    note: str
    at: AwareDatetime
