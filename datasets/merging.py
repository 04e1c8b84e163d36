"""Adding rows to a manifest: a repeat adds nothing, a changed label is a conflict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from datasets.manifest import LabelledPicture, Region

Key = tuple[str, str, int, str]

# Outlines go through pixels and per cent on their way out of a manifest and back in.
_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Conflict:
    """The same picture of the same source and item, labelled in another way."""

    old: LabelledPicture
    new: LabelledPicture

    def __str__(self) -> str:
        return (
            f"{self.new.source}, {self.new.picture}: the manifest says {said(self.old)}; "
            f"the import says {said(self.new)}"
        )


@dataclass(frozen=True, slots=True)
class Merged:
    """A manifest with what was imported."""

    rows: tuple[LabelledPicture, ...]
    added: tuple[LabelledPicture, ...]
    unchanged: int
    conflicts: tuple[Conflict, ...]
    """Settled for the new row in `rows`."""


def merge(existing: Sequence[LabelledPicture], imported: Iterable[LabelledPicture]) -> Merged:
    """Join rows by source, item, view and picture.

    A row whose labels are the ones that are there already is kept as it is, and so is the split of
    one that is replaced: frozen test sets stay frozen.
    """
    places = {_key(row): n for n, row in enumerate(existing)}
    rows = [*existing]
    added: list[LabelledPicture] = []
    conflicts: list[Conflict] = []
    unchanged = 0
    for new in imported:
        place = places.get(_key(new))
        if place is None:
            added.append(new)
        elif labels_of(new) == labels_of(existing[place]):
            unchanged += 1
        else:
            old = existing[place]
            conflicts.append(Conflict(old, new))
            split = old.split or new.split
            rows[place] = new.model_copy(update={"group": old.group, "split": split})
    return Merged((*rows, *added), tuple(added), unchanged, tuple(conflicts))


def labels_of(row: LabelledPicture) -> tuple[object, ...]:
    """What a row says of its picture, whatever the order in which it says it."""
    return (
        row.category,
        row.grade,
        frozenset(row.present),
        frozenset(row.absent),
        row.regions_complete,
        tuple(sorted(map(_rounded, row.regions))),
    )


def said(row: LabelledPicture) -> str:
    """A row's labels in words."""
    grade = "no grade"
    if row.grade is not None:
        grade = row.grade.exact or f"{row.grade.best} to {row.grade.worst}"
    words = [row.category, str(grade)]
    words += [f"with {', '.join(row.present)}"] if row.present else []
    words += [f"without {', '.join(row.absent)}"] if row.absent else []
    words += [f"{len(row.regions)} regions"] if row.regions else []
    return ", ".join(words)


def _key(row: LabelledPicture) -> Key:
    return row.source, row.item_id, row.view, row.sha256


def _rounded(region: Region) -> str:
    rounded: dict[str, object] = {}
    if region.polygon is not None:
        rounded["polygon"] = tuple(
            (round(x, _DECIMALS), round(y, _DECIMALS)) for x, y in region.polygon
        )
    if region.box is not None:
        sides = {side: round(value, _DECIMALS) for side, value in region.box.model_dump().items()}
        rounded["box"] = region.box.model_copy(update=sides)
    if region.severity is not None:
        rounded["severity"] = round(region.severity, _DECIMALS)
    return region.model_copy(update=rounded).model_dump_json()
