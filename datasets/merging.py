"""Adding rows to a manifest: a repeat adds nothing, a changed label is a conflict."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from datasets.manifest import LabelledPicture, Region, Rle
from datasets.wording import counted, damages_text, grade_text

Key = tuple[str, str, int, str]
MaskOf = Callable[[str], Rle]
"""Reads the mask file of a path in a manifest."""

_TOLERANCE = 1e-6


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


def merge(
    existing: Sequence[LabelledPicture],
    imported: Iterable[LabelledPicture],
    old_mask: MaskOf,
    new_mask: MaskOf,
) -> Merged:
    """Join rows by source, item, view and picture.

    A row whose labels are the ones that are there already is kept as it is, and so is the split of
    one that is replaced: frozen test sets stay frozen.

    Args:
        existing: Rows of the manifest.
        imported: New ones.
        old_mask: Reads a mask file that `existing` names.
        new_mask: Reads one that `imported` names.
    """
    places = {key_of(row): n for n, row in enumerate(existing)}
    rows = [*existing]
    added: list[LabelledPicture] = []
    conflicts: list[Conflict] = []
    unchanged = 0
    for new in imported:
        place = places.get(key_of(new))
        if place is None:
            added.append(new)
        elif same_labels(existing[place], new, old_mask, new_mask):
            unchanged += 1
        else:
            old = existing[place]
            conflicts.append(Conflict(old, new))
            split = old.split or new.split
            rows[place] = new.model_copy(update={"group": old.group, "split": split})
    return Merged((*rows, *added), tuple(added), unchanged, tuple(conflicts))


def same_labels(
    old: LabelledPicture, new: LabelledPicture, old_mask: MaskOf, new_mask: MaskOf
) -> bool:
    """Whether two rows say the same of a picture, in whatever order and form of mask."""
    if _said(old) != _said(new) or len(old.regions) != len(new.regions):
        return False
    left = [_inline(region, old_mask) for region in old.regions]
    for region in (_inline(each, new_mask) for each in new.regions):
        found = next((each for each in left if _alike(region, each)), None)
        if found is None:
            return False
        left.remove(found)
    return True


def _said(row: LabelledPicture) -> tuple[object, ...]:
    grade, complete = row.grade, row.regions_complete
    return row.category, grade, frozenset(row.present), frozenset(row.absent), complete


def _inline(region: Region, mask_of: MaskOf) -> Region:
    if region.mask is None:
        return region
    return region.model_copy(update={"mask": None, "rle": mask_of(region.mask)})


def _alike(a: Region, b: Region) -> bool:
    """Outlines go through pixels and per cent on their way out of a manifest and back in."""
    if (a.type, a.rle) != (b.type, b.rle):
        return False
    ours, theirs = _numbers(a), _numbers(b)
    close = (math.isclose(x, y, abs_tol=_TOLERANCE) for x, y in zip(ours, theirs, strict=False))
    return len(ours) == len(theirs) and all(close)


def said(row: LabelledPicture) -> str:
    """A row's labels in words."""
    words = [row.category, grade_text(row.grade)]
    words += [f"with {damages_text(row.present)}"] if row.present else []
    words += [f"without {damages_text(row.absent)}"] if row.absent else []
    words += [counted(len(row.regions), "region")] if row.regions else []
    return ", ".join(words)


def key_of(row: LabelledPicture) -> Key:
    """What makes a row the same as another: source, item, view and content of the picture."""
    return row.source, row.item_id, row.view, row.sha256


def _numbers(region: Region) -> list[float]:
    """Severity and coordinates; -1 stands for no severity, and in front of a box."""
    numbers = [-1.0 if region.severity is None else region.severity]
    if region.polygon is not None:
        numbers += [value for point in region.polygon for value in point]
    if region.box is not None:
        numbers += [-1.0, *region.box.model_dump().values()]
    return numbers
