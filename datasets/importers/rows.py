"""One sighting becomes one row of the manifest, or a list of what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from datasets.importers.geometry import GeometryError, box_within, polygon_within
from datasets.importers.pictures import (
    Picture,
    UnusableError,
    check_mask,
    check_mask_file,
    inspect,
)
from datasets.importers.places import Place
from datasets.importers.sightings import Mark, Problem, Sighting, reason_of
from datasets.manifest import LabelledPicture, Region
from datasets.masks import MaskError, decode
from datasets.rubric import Rubric, SourceRubric
from datasets.splits import split_of


class BrokenRowError(ValueError):
    """A picture cannot be imported; carries all that is wrong with it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class RowMaker:
    """Makes rows of one source."""

    rubric: Rubric
    section: str
    """Of the rubric."""
    source: str
    place: Place

    @property
    def meanings(self) -> SourceRubric:
        """What the source's labels mean."""
        return self.rubric.source(self.section)

    def row(self, sighting: Sighting) -> LabelledPicture:
        """The row of a sighting whose labels the rubric knows.

        Raises:
            BrokenRowError: The picture, an annotation or a fact cannot be used.
        """
        try:
            picture = inspect(sighting.picture, self.place.base, sighting.size)
        except UnusableError as error:
            raise BrokenRowError([*sighting.problems, self.problem(sighting, error)]) from error
        problems = list(sighting.problems)
        regions: list[Region] = []
        for mark in sighting.marks:
            try:
                regions += self._regions(mark, picture)
            except (GeometryError, UnusableError, MaskError, ValidationError) as error:
                problems.append(self.problem(sighting, error, mark.where))
        if problems:
            raise BrokenRowError(problems)
        try:
            return LabelledPicture.model_validate(self._values(sighting, picture, regions))
        except ValidationError as error:
            raise BrokenRowError([self.problem(sighting, error)]) from error

    def problem(self, sighting: Sighting, error: Exception, where: str = "") -> Problem:
        """What is wrong, with the file and row at fault."""
        picture = self.place.show(sighting.picture)
        if sighting.listed_in is None:
            return Problem(picture, where or sighting.where, reason_of(error))
        row = where or sighting.where
        listed = self.place.show(sighting.listed_in)
        return Problem(listed, f"{row}, {picture}" if row else picture, reason_of(error))

    def _regions(self, mark: Mark, picture: Picture) -> list[Region]:
        """A region for each damage type that the mark's label asserts."""
        meaning = self.meanings.labels[mark.label]
        severity = mark.severity if mark.severity is not None else meaning.severity
        where = dict(self._where(mark, picture))
        return [
            Region.model_validate({"type": kind, "severity": severity, **where})
            for kind in meaning.present
        ]

    def _where(self, mark: Mark, picture: Picture) -> Iterator[tuple[str, Any]]:
        if mark.polygon is not None:
            yield "polygon", polygon_within(mark.polygon, picture.width, picture.height)
        if mark.box is not None:
            yield "box", box_within(mark.box, picture.width, picture.height)
        if mark.rle is not None:
            check_mask(decode(mark.rle), picture, "the RLE mask")
            yield "rle", mark.rle
        if mark.mask is not None:
            check_mask_file(mark.mask, self.place.base, picture)
            yield "mask", self.place.name(mark.mask)

    def _values(
        self, sighting: Sighting, picture: Picture, regions: list[Region]
    ) -> dict[str, Any]:
        known, facts = self.meanings, sighting.facts
        judgement = self.rubric.judge(self.section, sighting.labels)
        source = facts.source or self.source
        sha = picture.sha256[:16]
        group = facts.group or f"{source}:{sighting.group or facts.item_id or sha}"
        split = sighting.split
        if split is None and sighting.shares is not None:
            split = split_of(group, sighting.shares)
        complete = facts.regions_complete
        return {
            "picture": self.place.name(sighting.picture),
            "sha256": picture.sha256,
            "width": picture.width,
            "height": picture.height,
            "item_id": facts.item_id or f"{source}.{sha}",
            "view": facts.view or 0,
            "source": source,
            "category": facts.category or known.category,
            "group": group,
            "split": split,
            "grade": judgement.grade,
            "present": judgement.present,
            "absent": judgement.absent,
            "regions": regions,
            "regions_complete": (
                bool(regions) and known.regions_complete if complete is None else complete
            ),
            "licence": facts.licence or known.licence,
            "labelled_by": facts.labelled_by or known.labelled_by,
            "labelled_at": facts.labelled_at,
        }

    def files(self, sighting: Sighting) -> Iterator[tuple[str, Path]]:
        """Files that the row names, by their path in the manifest."""
        yield self.place.name(sighting.picture), sighting.picture
        for mark in sighting.marks:
            if mark.mask is not None:
                yield self.place.name(mark.mask), mark.mask
