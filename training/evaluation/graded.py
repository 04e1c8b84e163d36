"""Graded items: what the labels say beside what the bundle's ONNX file makes of the pictures."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from datasets.progress import Track
from model.contract import GRADES, Assessment, DamageType, GradeInterval
from model.decision import assess, grade_probabilities
from model.pictures import PictureError
from model.runtime import Grader
from training.errors import DataError
from training.examples import Example, views_of


@dataclass(frozen=True, slots=True)
class Graded:
    """One item: what its labels say and what the bundle made of it."""

    views: tuple[Example, ...]
    """V pictures, in the order in which they were graded."""
    shorter_side_px: int
    """Of the smallest picture, as it was sent."""
    grade: GradeInterval | None
    present: frozenset[DamageType]
    absent: frozenset[DamageType]
    assessment: Assessment
    uncalibrated: NDArray[np.floating[Any]]
    """(4,) grade probabilities at temperature 1."""
    maps: NDArray[np.float32]
    """(V, T, h, w) damage maps, probabilities; T types in the order of the bundle's manifest."""

    @property
    def source(self) -> str:
        """Data set that the item comes from."""
        return self.views[0].row.source

    @property
    def item_id(self) -> str:
        """The item's name in its source."""
        return self.views[0].row.item_id


def items_of(examples: Iterable[Example]) -> list[tuple[Example, ...]]:
    """The views of each item, items in the order in which they first occur."""
    pictures = list(examples)
    return [tuple(pictures[n] for n in numbers) for numbers in views_of(pictures)]


def grade_items(grader: Grader, examples: Iterable[Example], track: Track) -> list[Graded]:
    """Grade every item with all its views, exactly as the server would.

    Raises:
        DataError: A picture cannot be read.
    """
    items = items_of(examples)
    return [_grade_item(grader, v) for v in track(items, "grade with the ONNX file", len(items))]


def _grade_item(grader: Grader, views: tuple[Example, ...]) -> Graded:
    pictures = [example.read() for example in views]
    try:
        prepared = [grader.prepare(data) for data in pictures]
    except PictureError as error:
        raise DataError(f"{[view.row.picture for view in views]}: {error}") from error
    raw = grader.run(np.stack([view.pixels for view in prepared]))
    present = frozenset(kind for view in views for kind in view.row.present)
    absent = frozenset.intersection(*(frozenset(view.row.absent) for view in views))
    return Graded(
        views=views,
        shorter_side_px=min(_shorter_side_px(data) for data in pictures),
        grade=joined([view.row.grade for view in views]),
        present=present,
        absent=absent - present,
        assessment=assess(raw, [view.quality for view in prepared], grader.bundle.manifest),
        uncalibrated=grade_probabilities(raw.grade_logits.max(axis=0), 1.0),
        maps=np.asarray(raw.damage_maps, np.float32),
    )


def _shorter_side_px(data: bytes) -> int:
    with Image.open(io.BytesIO(data)) as picture:
        return min(picture.size)


def joined(grades: Sequence[GradeInterval | None]) -> GradeInterval | None:
    """What the labels of an item's views say together: the item is as bad as its worst view.

    A view without a label may be of any grade, so it leaves open how bad the item is.
    """
    best = max((grade.best.rank for grade in grades if grade), default=0)
    worst = max(grade.worst.rank if grade else len(GRADES) - 1 for grade in grades)
    if not any(grades) or (best == 0 and worst == len(GRADES) - 1 and None in grades):
        return None
    return GradeInterval(best=GRADES[best], worst=GRADES[worst])
