"""Mask folders in the layout of MVTec AD: train/good, test/<defect>, ground_truth/<defect>."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from datasets.importers.files import name_shared, pictures_in, require_folder, sub_folders
from datasets.importers.sightings import (
    NO_OPTIONS,
    Facts,
    Found,
    Mark,
    Options,
    Problem,
    Sighting,
    SourceError,
)

GOOD = "good"


def read(folder: Path, options: Options = NO_OPTIONS) -> Iterator[Found]:  # noqa: ARG001
    """Pictures of one product, or of each product folder within; masks are ``<stem>_mask.png``.

    The layout's train and test are no splits to learn by (train has nothing but sound goods), so
    none is taken over.

    Raises:
        SourceError: No folder of this layout.
    """
    require_folder(folder)
    if _is_product(folder):
        yield from _product(folder, None)
        return
    products = [path for path in sub_folders(folder) if _is_product(path)]
    if not products:
        raise SourceError(f"{folder} has no folders train/{GOOD} and test, nor has one within it")
    for product in products:
        yield from _product(product, product.name)


def _is_product(folder: Path) -> bool:
    return (folder / "train").is_dir() or (folder / "test").is_dir()


def _product(folder: Path, category: str | None) -> Iterator[Found]:
    used: set[Path] = set()
    for part in ("train", "test"):
        for labelled in sub_folders(folder / part) if (folder / part).is_dir() else []:
            listed = [*pictures_in(labelled)]
            names = Counter(each.stem for each in listed if isinstance(each, Path))
            for found in listed:
                if isinstance(found, Problem):
                    yield found
                    continue
                mask = folder / "ground_truth" / labelled.name / f"{found.stem}_mask.png"
                used.add(mask)
                if problems := name_shared(found, names):
                    yield from problems
                else:
                    yield _sighting(found, labelled.name, mask, category)
    for mask in sorted((folder / "ground_truth").rglob("*.png")):
        if mask not in used:
            yield Problem(str(mask), "", "no picture belongs to this mask")


def _sighting(picture: Path, label: str, mask: Path, category: str | None) -> Found:
    if label == GOOD:
        return Sighting(picture, (label,), facts=Facts(category=category))
    if not mask.is_file():
        return Problem(str(picture), "", f"its mask {mask.name} is not in ground_truth/{label}")
    marks = (Mark(label, mask=mask),)
    return Sighting(picture, (label,), marks, facts=Facts(category=category))
