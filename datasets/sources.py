"""Sources: one function each that lists a folder's pictures with the labels its makers gave them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets.manifest import Split
from datasets.splits import OWN_SPLITS, TRAIN_ONLY

Point = tuple[float, float]


class SourceError(Exception):
    """A source's folder is not what it should be; the message says which file."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Where one native label is: a polygon in fractions of width and height, or a mask file."""

    label: str
    polygon: tuple[Point, ...] | None = None
    mask: Path | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """One picture as its source labels it."""

    picture: Path
    labels: tuple[str, ...]
    marks: tuple[Mark, ...] = ()
    group: str | None = None
    """Name of its near-duplicates within the source; None: it stands alone."""
    shares: Mapping[Split, float] | None = None
    """How its group is split; None: the source says `split` itself."""
    split: Split | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A source: its folder under the data root and how to list it."""

    name: str
    folder: str
    list: Callable[[Path], Iterator[Sighting]]


def _vehicle_damage(folder: Path) -> Iterator[Sighting]:
    for part in ("train", "val"):
        annotations = folder / "annotations" / f"instances_{part}.json"
        try:
            coco = json.loads(annotations.read_bytes())
        except (OSError, json.JSONDecodeError) as error:
            raise SourceError(f"{annotations}: not readable as COCO json ({error})") from error
        names = {category["id"]: category["name"] for category in coco["categories"]}
        marks: dict[int, list[Mark]] = {image["id"]: [] for image in coco["images"]}
        sizes = {image["id"]: (image["width"], image["height"]) for image in coco["images"]}
        for annotation in coco["annotations"]:
            image = annotation["image_id"]
            marks[image].extend(
                _polygons(annotation, names[annotation["category_id"]], sizes[image])
            )
        for image in coco["images"]:
            found = tuple(marks[image["id"]])
            yield Sighting(
                picture=folder / "images" / part / image["file_name"],
                labels=tuple(mark.label for mark in found),
                marks=found,
                **_given_split(part),
            )


def _polygons(annotation: dict[str, Any], label: str, size: tuple[int, int]) -> Iterator[Mark]:
    width, height = size
    for flat in annotation["segmentation"]:
        points = zip(flat[::2], flat[1::2], strict=True)
        yield Mark(label, polygon=tuple((x / width, y / height) for x, y in points))


def _given_split(part: str) -> dict[str, Any]:
    return {"shares": TRAIN_ONLY} if part == "train" else {"split": "val"}


def _vehicle_severity(folder: Path) -> Iterator[Sighting]:
    for part in ("train", "val"):
        for label, picture in _labelled_folders(folder / part):
            yield Sighting(picture, (label,), **_given_split(part))


def _parcels(folder: Path) -> Iterator[Sighting]:
    table = folder / "labels.csv"
    try:
        rows = list(csv.DictReader(table.read_text("utf-8").splitlines()))
    except OSError as error:
        raise SourceError(f"{table}: {error.strerror}") from error
    for row in rows:
        yield Sighting(
            folder / row["file"],
            (row["label"],),
            group=row["near_duplicate_group"],
            shares=OWN_SPLITS,
        )


def _toys(folder: Path) -> Iterator[Sighting]:
    for label, picture in _labelled_folders(folder):
        yield Sighting(picture, (label,), shares=OWN_SPLITS)


def _cookies(folder: Path) -> Iterator[Sighting]:
    for label, picture in _labelled_folders(folder, skip="masks"):
        mask = folder / "masks" / f"{picture.stem}.png"
        marks = (Mark(label, mask=mask),) if mask.exists() else ()
        yield Sighting(picture, (label,), marks, shares=OWN_SPLITS)


def _packages(folder: Path) -> Iterator[Sighting]:
    for picture in _pictures(folder):
        yield Sighting(picture, ("undamaged",), shares=OWN_SPLITS)


def _clothing(folder: Path) -> Iterator[Sighting]:
    for _, picture in _labelled_folders(folder):
        yield Sighting(picture, ("worn",), shares=OWN_SPLITS)


def _labelled_folders(folder: Path, skip: str = "") -> Iterator[tuple[str, Path]]:
    for labelled in sorted(path for path in folder.iterdir() if path.is_dir()):
        if labelled.name != skip:
            yield from ((labelled.name, picture) for picture in _pictures(labelled))


def _pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in {".jpg", ".png"})


SOURCES: tuple[Source, ...] = (
    Source("vehicle_damage", "vehicle_damage", _vehicle_damage),
    Source("vehicle_severity", "vehicle_severity", _vehicle_severity),
    Source("parcels", "parcels", _parcels),
    Source("toys", "toys", _toys),
    Source("cookies", "cookies", _cookies),
    Source("packages", "clean_items/packages", _packages),
    Source("clothing", "clean_items/clothing", _clothing),
)
