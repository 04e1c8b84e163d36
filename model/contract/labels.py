"""Condition grades and damage types: the words that every part of Regrade shares."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator


class Grade(StrEnum):
    """Condition of a returned item, ordered from best to worst (the trade's scales: docs/rubric.md)."""

    NEW = "new"
    LIGHTLY_USED = "lightly_used"
    REPAIRABLE = "repairable"
    SALVAGE = "salvage"

    @property
    def rank(self) -> int:
        """Position in the order: 0 for new, 3 for salvage."""
        return GRADES.index(self)


GRADES: tuple[Grade, ...] = tuple(Grade)


class DamageType(StrEnum):
    """Kinds of damage that labels may name. A bundle finds those that its manifest lists."""

    DENT = "dent"
    SCRATCH = "scratch"
    BROKEN = "broken"
    CRACK = "crack"
    CRUSH = "crush"
    TEAR = "tear"
    PUNCTURE = "puncture"
    STAIN = "stain"
    MISSING_PART = "missing_part"
    OPENED = "opened"


class GradeInterval(BaseModel):
    """What a label says about the grade: somewhere from ``best`` to ``worst``, both included.

    'damaged' without a severity is ``lightly_used..salvage``; an exact label has ``best == worst``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    best: Grade
    worst: Grade

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.best.rank > self.worst.rank:
            raise ValueError(f"best ({self.best}) must not be worse than worst ({self.worst})")
        return self

    @classmethod
    def exactly(cls, grade: Grade) -> Self:
        """The interval that holds one grade."""
        return cls(best=grade, worst=grade)

    @property
    def exact(self) -> Grade | None:
        """The one grade that the interval holds, or None where it holds several."""
        return self.best if self.best is self.worst else None

    def __contains__(self, grade: Grade) -> bool:
        return self.best.rank <= grade.rank <= self.worst.rank

    def overlaps(self, other: GradeInterval) -> bool:
        """Whether some grade is in both."""
        return max(self.best.rank, other.best.rank) <= min(self.worst.rank, other.worst.rank)
