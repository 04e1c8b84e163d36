"""What an importer hands on: pictures as their source labels them, and what it could not read.

SourceError          the input cannot be read at all: no such folder, not JSON, no pictures
RefusedError         some rows are broken; carries every Problem
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from datasets.manifest import Rle, Split

Point = tuple[float, float]


class SourceError(Exception):
    """The input is not what its format should be; the message says which file and what to do."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One broken row: nothing is guessed about it."""

    file: str
    """File at fault, relative to what was imported where it lies in there."""
    where: str
    """Row, line, id or field within the file; empty where the file as a whole is meant."""
    reason: str

    @property
    def place(self) -> str:
        """File and row."""
        return ", ".join(part for part in (self.file, self.where) if part)

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


class RefusedError(Exception):
    """Rows are broken, so nothing was written."""

    def __init__(self, problems: Sequence[Problem], lines: Sequence[str] = ()) -> None:
        super().__init__(f"{len(problems)} problems, the first: {problems[0]}")
        self.problems = tuple(problems)
        self.lines = tuple(lines) or tuple(map(str, problems))
        """For people: rows with the same unknown label are one line."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Where one native label is: one of polygon, box (both in fractions), mask file and RLE.

    Fractions may lie outside 0..1 here; the import clips or refuses them.
    """

    label: str
    where: str = ""
    """Row or id of the annotation, for messages."""
    polygon: tuple[Point, ...] | None = None
    box: tuple[float, float, float, float] | None = None
    """Left, top, right, bottom."""
    mask: Path | None = None
    rle: Rle | None = None
    severity: float | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What a source may know beyond the labels; None: the rubric or the import says it."""

    item_id: str | None = None
    view: int | str | None = None
    source: str | None = None
    category: str | None = None
    licence: str | None = None
    labelled_by: str | None = None
    labelled_at: datetime | str | None = None
    regions_complete: bool | None = None
    group: str | None = None
    """Over all sources, unlike a sighting's own."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One picture as its source labels it."""

    picture: Path
    labels: tuple[str, ...]
    marks: tuple[Mark, ...] = ()
    where: str = ""
    """Row or id of the picture in the file of labels, for messages."""
    listed_in: Path | None = None
    """File of labels that lists the picture; None: the folder does."""
    size: tuple[int, int] | None = None
    """Width and height as the file of labels states them, px."""
    group: str | None = None
    """Name of its near-duplicates within the source; None: its item, or it stands alone."""
    shares: Mapping[Split, float] | None = None
    """How its group is split where `split` does not say it."""
    split: str | None = None
    facts: Facts = field(default_factory=Facts)
    problems: tuple[Problem, ...] = ()
    """What is wrong with its annotations: the picture cannot be imported."""


FACTS = ("item_id", "view", "source", "category", "licence", "labelled_by", "labelled_at")
"""Names under which tables and our own exports carry facts."""


def facts_of(values: Mapping[str, Any]) -> Facts:
    """Facts from a mapping that has some of `FACTS` among its keys, or of those of our exports.

    Empty text counts as not said; a wrong type is found when the row of the manifest is made.
    """
    known = (*FACTS, "regions_complete", "group")
    return Facts(**{name: values[name] for name in known if values.get(name) not in (None, "")})


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that is not broken, but says nothing that the manifest can hold."""

    reason: str
    example: str


Found = Sighting | Problem | LeftOut
"""What a reader yields."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a format may be told beyond the path."""

    pictures: Path | None = None
    """Folder of the pictures, where they do not lie beside their labels."""
    label: str | None = None
    """folders: the label of every picture, whatever its folder is called."""
    masks: str | None = None
    """folders: name of the folder with a mask `<stem>.png` for some pictures."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """csv: the table's own names of our columns."""


NO_OPTIONS = Options()


def reason_of(error: Exception) -> str:
    """What is wrong, in one line: of a validation error the first thing."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else str(first["msg"])
