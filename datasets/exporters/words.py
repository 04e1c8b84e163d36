"""The words in which our exports say what a row says; the rubric's section ``regrade`` reads them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations_with_replacement
from typing import Any

from datasets.importers.sightings import FACTS
from datasets.manifest import LabelledPicture
from model.contract import GRADES, DamageType, GradeInterval

SECTION = "regrade"
"""Of the shipped rubric."""

INTERVALS: tuple[GradeInterval, ...] = tuple(
    GradeInterval(best=best, worst=worst)
    for best, worst in combinations_with_replacement(GRADES, 2)
)


def grade_word(interval: GradeInterval) -> str:
    """An interval in words: 'new', or 'lightly_used to salvage'."""
    return interval.exact or f"{interval.best} to {interval.worst}"


def absent_word(kind: DamageType) -> str:
    """What says that a picture does not show a damage type."""
    return f"no {kind}"


def unplaced(row: LabelledPicture) -> Iterator[DamageType]:
    """Types that a row asserts without saying where."""
    placed = {region.type for region in row.regions}
    yield from (kind for kind in row.present if kind not in placed)


def facts_in(row: LabelledPicture) -> dict[str, Any]:
    """All of a row but its picture, size, labels and regions, ready for JSON."""
    names = {*FACTS, "group", "split", "regions_complete"}
    facts: dict[str, Any] = row.model_dump(mode="json", include=names, exclude_none=True)
    return facts
