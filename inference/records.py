"""What the store gives back, and how the present state of an item follows from its facts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from model.contract import (
    Alarm,
    CommandKind,
    CommandResult,
    Ending,
    Grade,
    Identifier,
    ItemFacts,
    LineCommand,
    Outcome,
    Override,
    Verdict,
)

#: Text that a person typed or reads: one line, no control characters.
Line = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=200)]
#: A person's name, as it is kept with what they did.
Operator = Annotated[Line, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
Signature = Annotated[
    Operator | None,
    Field(
        description="Who does it. The caller's own name, which is recorded in any case, or left out; "
        "required only where access is open."
    ),
]


class ItemStatus(StrEnum):
    """Where an item stands."""

    REVIEW = "review"
    """The model asks for a person, and nobody has answered."""
    GRADED = "graded"
    """The model's grade holds."""
    ANSWERED = "answered"
    """A person's grade holds."""
    UNGRADED = "ungraded"
    """Only an outcome is known: the item left the belt without a grade."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class Current(_Record):
    """State of an item, derived from its facts."""

    status: ItemStatus
    grade: Grade | None = Field(
        description="The person's grade where there is one, else the model's."
    )
    lane: str | None = Field(description="Lane that it was last seen in.")
    ending: Ending | None


class ItemRecord(_Record):
    """All that is known of one item. Lists are newest first."""

    item_id: Identifier
    facts: ItemFacts | None = Field(description="As sent with the newest grading.")
    current: Current
    gradings: tuple[Verdict, ...]
    overrides: tuple[Override, ...]
    outcomes: tuple[Outcome, ...]

    @property
    def answer_seq(self) -> int:
        """Number of the newest answer, 0 where nobody has answered."""
        return self.overrides[0].seq if self.overrides else 0


class ItemSummary(_Record):
    """One row of a list of items."""

    seq: int = Field(description="Order in which the server first heard of the items.")
    item_id: Identifier
    current: Current


class ItemPage(_Record):
    """Items, newest first."""

    items: tuple[ItemSummary, ...]
    next_before: int | None = Field(description="`before` of the next page; null on the last one.")


class OverrideRequest(BaseModel):
    """A person's answer."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "example": {
                "override_id": "desk1-0001",
                "grade": "repairable",
                "operator": "Anna",
                "note": "lid is loose",
                "seen_seq": 0,
            }
        },
    )

    override_id: Identifier = Field(description="Chosen by the sender: a repeat is harmless.")
    grade: Grade | None = Field(description="null withdraws the answer before.")
    operator: Signature = None
    note: Annotated[Line, StringConstraints(max_length=500)] = ""
    seen_seq: int | None = Field(
        default=None,
        ge=0,
        le=2**62,
        description="`seq` of the newest answer that the sender knew, 0 for none: when there is a "
        "newer one, the reply is 409 `answered_already`. Left out: answers in any case.",
    )


#: A time that any clock of a line can show, and any database can store.
_Moment = Annotated[
    AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), lt=datetime(2200, 1, 1, tzinfo=UTC))
]


class OutcomeReport(Outcome):
    """An outcome as a line sends it."""

    lane: Line | None
    assigned_lane: Line | None
    rule: Line
    explanation: Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00]*$")]
    announced_at: _Moment
    ended_at: _Moment


class OutcomesReply(_Record):
    """What became of a batch of outcomes."""

    accepted: int = Field(description="New ones, now stored.")
    repeated: int = Field(description="Known by their `outcome_id`; nothing was added.")


class Summary(_Record):
    """Counts since the store was made."""

    line_id: Identifier | None = Field(description="Line that the outcomes are of; null: all.")
    outcomes: int
    by_lane: dict[str, int] = Field(description="Items last seen in each lane.")
    by_ending: dict[Ending, int]
    by_rule: dict[str, int]
    graded: int = Field(description="Gradings, of all lines.")
    in_review: int = Field(description="Items that wait for a person now, of all lines.")
    overridden: int = Field(description="Items whose grade is a person's, of all lines.")


class Ended(_Record):
    """How many items of a line ended so since the store was made."""

    line_id: Identifier
    lane: str = Field(description="Empty: none.")
    ending: Ending
    number: int


@dataclass(frozen=True, slots=True)
class Deletion:
    """A picture that the retention policy deleted."""

    sha256: str
    bytes: int
    reason: str
    """What the policy says of it, for a person."""
    deleted_at: datetime


@dataclass(frozen=True, slots=True)
class PictureUse:
    """What a picture is still good for: one grading that names it, and its item as it is now."""

    status: ItemStatus
    since: datetime
    """Of the grading, or of the newest answer where that is later."""
    held: bool
    disagreed: bool
    """A person's grade holds, and the grading gave another one."""


class LineInfo(_Record):
    """One line that has reported."""

    line_id: Identifier
    reported_at: AwareDatetime
    silent_s: float = Field(description="Seconds since its last report.")


class CommandRequest(BaseModel):
    """A person's command to a line."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "example": {
                "command_id": "tablet1-0001",
                "kind": "lane_disable",
                "lane": 2,
                "operator": "Anna",
                "note": "being emptied",
            }
        },
    )

    command_id: Identifier = Field(description="Chosen by the sender: a repeat is harmless.")
    kind: CommandKind
    lane: int | None = Field(
        default=None, ge=1, le=32, description="Of `lane_enable` and `lane_disable`, only of these."
    )
    alarm_id: Identifier | None = Field(default=None, description="Only of `acknowledge`.")
    operator: Signature = None
    note: Annotated[Line, StringConstraints(strip_whitespace=True, max_length=200)] = Field(
        default="", description="Why; `lane_disable` needs it."
    )
    expires_s: float = Field(
        default=5.0,
        ge=1,
        le=30,
        description="Seconds after which it must not act any more, from when the server has it.",
    )

    @model_validator(mode="after")
    def _names_what_it_is_about(self) -> Self:
        switches = self.kind in (CommandKind.LANE_ENABLE, CommandKind.LANE_DISABLE)
        if switches != (self.lane is not None):
            raise ValueError("lane_enable and lane_disable name a lane, the others none")
        if (self.kind is CommandKind.ACKNOWLEDGE) != (self.alarm_id is not None):
            raise ValueError("acknowledge names an alarm_id, the others none")
        if self.kind is CommandKind.LANE_DISABLE and not self.note:
            raise ValueError("lane_disable needs a note that says why")
        return self


class CommandRecord(_Record):
    """A command and what became of it."""

    command: LineCommand
    result: CommandResult | None = Field(
        description="null while the line has not said how it ended."
    )
    is_open: bool = Field(description="Whether it can still act: without a result, and in time.")


class ResultReport(CommandResult):
    """A result as a line sends it."""

    reason: Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")]
    at: _Moment


class AlarmReport(Alarm):
    """A change of an alarm as a line sends it."""

    revision: Annotated[int, Field(ge=1, lt=2**31)]
    times: Annotated[int, Field(ge=1, lt=2**31)] = 1
    condition: Line
    text: Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")]
    action: Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")]
    acknowledged_by: Line | None = None
    began_at: _Moment
    ended_at: _Moment | None = None
    acknowledged_at: _Moment | None = None
    changed_at: _Moment


class ReportsReply(_Record):
    """What became of a batch of results or alarms."""

    accepted: int = Field(description="New ones, now stored.")
    repeated: int = Field(description="Known already; nothing was added.")


def derive(grading: Verdict | None, override: Override | None, outcome: Outcome | None) -> Current:
    """State of an item from the newest fact of each kind.

    A person's answer holds over every grading, until it is withdrawn.
    """
    answer = override.grade if override else None
    if answer is not None:
        status, grade = ItemStatus.ANSWERED, answer
    elif grading is None:
        status, grade = ItemStatus.UNGRADED, None
    elif grading.needs_review:
        status, grade = ItemStatus.REVIEW, grading.grade
    else:
        status, grade = ItemStatus.GRADED, grading.grade
    return Current(
        status=status,
        grade=grade,
        lane=outcome.lane if outcome else None,
        ending=outcome.ending if outcome else None,
    )
