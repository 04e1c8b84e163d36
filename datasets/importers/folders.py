"""Folder per class: ``<label>/x.jpg``, or ``<split>/<label>/x.jpg``; masks beside them if wanted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from datasets.importers.files import (
    name_shared,
    pictures_in,
    require_folder,
    split_named,
    sub_folders,
)
from datasets.importers.sightings import (
    NO_OPTIONS,
    Found,
    Mark,
    Options,
    Problem,
    Sighting,
    SourceError,
)
from datasets.manifest import Split
from datasets.splits import TRAIN_ONLY


def read(folder: Path, options: Options = NO_OPTIONS) -> Iterator[Found]:
    """Every picture with the name of its folder as its label.

    Raises:
        SourceError: No such folder, or no folders in it and no label given.
    """
    require_folder(folder)
    if options.label is not None:
        for found in pictures_in(folder, recursive=True):
            yield found if isinstance(found, Problem) else Sighting(found, (options.label,))
        return
    classes = [path for path in sub_folders(folder) if path.name != options.masks]
    if not classes:
        raise SourceError(
            f"{folder} has no folders named by labels; give --label if all pictures have one"
        )
    masks = _masks(folder / options.masks) if options.masks else {}
    listed = [
        (part, labelled.name, each)
        for part, labelled in _labelled(classes)
        for each in pictures_in(labelled, recursive=True)
    ]
    owners = Counter(each.stem for _, _, each in listed if isinstance(each, Path))
    for part, label, each in listed:
        if isinstance(each, Problem):
            yield each
            continue
        mask = masks.get(each.stem)
        yield Sighting(
            each,
            (label,),
            (Mark(label, mask=mask),) if mask else (),
            split=own_split(part),
            shares=own_shares(part),
            problems=name_shared(each, owners) if mask else (),
        )
    for stem, mask in masks.items():
        if stem not in owners:
            yield Problem(str(mask), "", "no picture belongs to this mask")


def own_split(part: str | None) -> str | None:
    """A source's own val and test are kept."""
    return None if part == "train" else part


def own_shares(part: str | None) -> Mapping[Split, float] | None:
    """A part of a source's own train is held out to calibrate on."""
    return TRAIN_ONLY if part == "train" else None


def _labelled(classes: list[Path]) -> Iterator[tuple[str | None, Path]]:
    """Folders named by labels, each with the split that it lies in."""
    parts = [split_named(path.name) for path in classes]
    if all(parts):
        for part, path in zip(parts, classes, strict=True):
            yield from ((part, labelled) for labelled in sub_folders(path))
    else:
        yield from ((None, path) for path in classes)


def _masks(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise SourceError(f"{folder} is not a folder; --masks names the folder of the masks")
    return {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() == ".png"}
