"""The rubric: what a source's own labels say of grade and damage. Data, never code (rubric.toml)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from model.contract import DamageType, Grade, GradeInterval

SHIPPED_RUBRIC = Path(__file__).parent / "rubric.toml"


class RubricError(Exception):
    """The rubric cannot be read, or does not know a source or a label; the message says which."""


class Meaning(BaseModel):
    """What one native label says. A type that is neither present nor absent is unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    grade: Grade | tuple[Grade, Grade] | None = None
    present: tuple[DamageType, ...] = ()
    absent: tuple[DamageType, ...] = ()
    severity: Annotated[float, Field(ge=0, le=1)] | None = None
    """Severity of the places that the label marks, where the source does not say it itself."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        _ = self.interval
        return self

    @property
    def interval(self) -> GradeInterval | None:
        """The grade as an interval, None where the label says nothing about it."""
        match self.grade:
            case None:
                return None
            case Grade() as grade:
                return GradeInterval.exactly(grade)
            case (best, worst):
                return GradeInterval(best=best, worst=worst)


class SourceRubric(BaseModel):
    """What one source's labels mean."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    category: str
    licence: str
    labelled_by: str
    exhaustive_for: tuple[DamageType, ...] = ()
    """Types that the source marks wherever they occur: not marked means absent."""
    regions_complete: bool = False
    """Outlines and masks show all of what they name: pixels outside are free of it."""
    unlabelled: Meaning | None = None
    """What it says that a picture has no label; None: nothing, and the picture is left out."""
    labels: dict[str, Meaning]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What all labels of one picture say together."""

    grade: GradeInterval | None
    present: tuple[DamageType, ...]
    absent: tuple[DamageType, ...]


@dataclass(frozen=True, slots=True)
class Rubric:
    """Every source's rubric."""

    sources: dict[str, SourceRubric]

    @classmethod
    def load(cls, path: Path = SHIPPED_RUBRIC) -> Rubric:
        """Read a rubric file.

        Raises:
            RubricError: The file cannot be read or is not a valid rubric.
        """
        try:
            tables = tomllib.loads(path.read_text("utf-8"))
            sources = TypeAdapter(dict[str, SourceRubric]).validate_python(tables)
        except OSError as error:
            raise RubricError(f"{path}: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, ValidationError) as error:
            raise RubricError(f"{path}: {error}") from error
        return cls(sources)

    def source(self, name: str) -> SourceRubric:
        """The rubric of one source.

        Raises:
            RubricError: The rubric has no such source.
        """
        try:
            return self.sources[name]
        except KeyError:
            raise RubricError(
                f"the rubric has no source {name!r}; it has {[*self.sources]}: give --rubric a file "
                f"with a section [{name}]"
            ) from None

    def judge(self, source: str, labels: Iterable[str]) -> Judgement:
        """Join the labels of one picture: the worst grade counts, present damage wins over absent.

        Raises:
            RubricError: The rubric does not know the source or a label.
        """
        rubric = self.source(source)
        meanings = []
        for label in sorted(set(labels)):
            if label not in rubric.labels:
                raise RubricError(f"the rubric has no label {label!r} for the source {source!r}")
            meanings.append(rubric.labels[label])
        if not meanings and rubric.unlabelled is not None:
            meanings = [rubric.unlabelled]
        present = {kind for meaning in meanings for kind in meaning.present}
        absent = {kind for meaning in meanings for kind in meaning.absent}
        if meanings:
            absent |= set(rubric.exhaustive_for)
        return Judgement(
            grade=_worst(meaning.interval for meaning in meanings),
            present=tuple(kind for kind in DamageType if kind in present),
            absent=tuple(kind for kind in DamageType if kind in absent - present),
        )


def _worst(intervals: Iterable[GradeInterval | None]) -> GradeInterval | None:
    known = [interval for interval in intervals if interval is not None]
    if not known:
        return None
    return GradeInterval(
        best=max((i.best for i in known), key=lambda grade: grade.rank),
        worst=max((i.worst for i in known), key=lambda grade: grade.rank),
    )
