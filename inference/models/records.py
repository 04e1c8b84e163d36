"""What the record knows of models: who serves, what changed it, and how a shadow compares."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from inference.records import Line
from model.contract import Assessment, Grade, ModelRef, Verdict

#: Who asked for a change, and why.
Actor = Annotated[Line, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
Note = Annotated[Line, StringConstraints(max_length=200)]
#: Share of the items that meet the challenger.
Share = Annotated[float, Field(gt=0, le=0.5)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class Challenger(_Record):
    """A model that grades, and acts, for a share of the items."""

    model: ModelRef
    share: Share = Field(description="Of the items, chosen by a hash of their ids.")


class Roles(_Record):
    """Which model does what."""

    champion: ModelRef = Field(description="Grades all items but the challenger's.")
    challenger: Challenger | None = None
    shadow: ModelRef | None = Field(
        default=None, description="Grades the same items afterwards; nothing follows from it."
    )


class ChangeKind(StrEnum):
    """What somebody did, or wanted to do."""

    ADDED = "added"
    """A bundle came into the registry."""
    TUNED = "tuned"
    """A version with other thresholds came into the registry."""
    STARTED = "started"
    """The server began with a model that the record did not name as champion."""
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    CHALLENGED = "challenged"
    """The challenger, or its share, changed; no model: it was taken out."""
    SHADOWED = "shadowed"
    """The shadow changed; no model: it was taken out."""
    DROPPED = "dropped"
    """The server took a challenger or shadow out, because it could not be loaded."""


class NewChange(_Record):
    """A row of the history before it is stored."""

    kind: ChangeKind
    model: ModelRef | None = Field(description="What it was about; null: a role was emptied.")
    actor: str
    note: str = ""
    source: str | None = Field(default=None, description="Where a bundle came from.")
    manifest_sha256: str | None = Field(
        default=None, description="Of an added bundle: its manifest names the hash of all else."
    )
    problem: str | None = Field(
        default=None, description="Why nothing came of it; null: it was done."
    )
    before: Roles | None = Field(description="Roles until then; null: there was no server yet.")
    after: Roles | None = Field(description="Roles from then on.")


class Change(NewChange):
    """A row of the history."""

    seq: int = Field(description="Order of the changes.")
    at: AwareDatetime


class ShadowGrading(_Record):
    """What a shadow made of the pictures of a verdict that had been given."""

    verdict: Verdict = Field(description="The verdict that acted.")
    model: ModelRef = Field(description="The shadow.")
    assessment: Assessment


#: Gradings counted by the person's grade and the model's.
Answers = dict[tuple[Grade, Grade], int]


class Pairs(_Record):
    """Of items that both models graded and a person answered: who was right."""

    both: int = 0
    only_shadow: int = 0
    only_champion: int = 0
    neither: int = 0
