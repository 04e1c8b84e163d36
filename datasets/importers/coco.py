"""COCO json: boxes, polygons, RLE masks; and what our own export adds to it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, TypeAdapter, ValidationError

from datasets.importers.files import UnsafePathError, find_picture, split_named
from datasets.importers.folders import own_shares, own_split
from datasets.importers.sightings import (
    NO_OPTIONS,
    Facts,
    Found,
    Mark,
    Options,
    Point,
    Problem,
    Sighting,
    SourceError,
    facts_of,
    reason_of,
)
from datasets.manifest import Rle
from datasets.masks import MaskError, compress


class _NoImageError(Exception):
    """An annotation belongs to no picture."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Runs(_Record):
    size: tuple[Annotated[int, Field(gt=0)], Annotated[int, Field(gt=0)]]
    counts: str | list[int]


class _Attributes(_Record):
    severity: float | None = None


class _Annotation(_Record):
    id: int | str | None = None
    image_id: int | str
    category_id: int | str
    segmentation: list[list[FiniteFloat]] | _Runs | None = None
    bbox: tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat] | None = None
    attributes: _Attributes = _Attributes()


class _Image(_Record):
    model_config = ConfigDict(frozen=True, extra="allow")

    id: int | str
    file_name: str
    width: Annotated[int, Field(gt=0)]
    height: Annotated[int, Field(gt=0)]
    license: int | str | None = None
    labels: tuple[str, ...] = ()
    split: str | None = None


class _Category(_Record):
    id: int | str
    name: str


class _Licence(_Record):
    id: int | str
    name: str


class _File(_Record):
    """Records are checked one by one, so that each broken one is named."""

    images: list[Any]
    annotations: list[Any]
    categories: list[_Category]
    licenses: list[Any] = []


def read(source: Path, options: Options = NO_OPTIONS) -> Iterator[Found]:
    """Pictures of one COCO file, or of every one in a folder or its folder ``annotations``.

    Raises:
        SourceError: No COCO file there, or one that cannot be read as such.
    """
    root = source if source.is_dir() else source.parent
    for labels in _files(source):
        part = split_named(labels.stem.removeprefix("instances_").removeprefix("_annotations."))
        part = part or split_named(labels.parent.name)
        bases = [options.pictures] if options.pictures else _bases(root, labels)
        yield from _sightings(labels, bases, part)


def _files(source: Path) -> list[Path]:
    if not source.is_dir():
        return [source]
    places = (source, source / "annotations", *(source / p for p in ("train", "valid", "test")))
    found = [path for place in places for path in sorted(place.glob("*.json"))]
    if not found:
        raise SourceError(f"{source} holds no COCO .json file, nor does its folder annotations")
    return found


def _bases(root: Path, labels: Path) -> list[Path]:
    """Where the pictures of a file of labels may lie, in the order in which they are looked for."""
    part = labels.stem.removeprefix("instances_")
    pictures = root / "images"
    return [labels.parent, pictures / part, pictures, root / part, root]


def _sightings(labels: Path, bases: list[Path], part: str | None) -> Iterator[Found]:
    file = _load(labels)
    names = {category.id: category.name for category in file.categories}
    if len(names) < len(file.categories):
        raise SourceError(f"{labels}: two categories have the same id")
    images, broken = _images(labels, file.images)
    yield from broken
    marks: dict[int | str, list[Mark]] = defaultdict(list)
    problems: dict[int | str, list[Problem]] = defaultdict(list)
    for number, record in enumerate(file.annotations):
        try:
            image = images[_image_id(record, images)]
            annotation = _Annotation.model_validate(record)
            where = f"annotations[{number}]"
            marks[image.id] += _marks(annotation, names, image, where)
        except _NoImageError as error:
            yield Problem(str(labels), f"annotations[{number}]", str(error))
        except (ValueError, MaskError) as error:
            problem = Problem(str(labels), f"annotations[{number}]", reason_of(error))
            problems[record["image_id"]].append(problem)
    licences = _licences(file.licenses)
    for image in images.values():
        yield _sighting(labels, bases, part, image, marks[image.id], problems[image.id], licences)


def _image_id(record: Any, images: Mapping[int | str, _Image]) -> int | str:
    image = record.get("image_id") if isinstance(record, dict) else None
    if not isinstance(image, int | str) or image not in images:
        raise _NoImageError(f"there is no image with id {image}")
    return image


def _sighting(
    labels: Path,
    bases: list[Path],
    part: str | None,
    image: _Image,
    marks: list[Mark],
    problems: list[Problem],
    licences: Mapping[int | str, str],
) -> Found:
    where = f"image id {image.id}"
    try:
        picture = find_picture(image.file_name, bases)
    except UnsafePathError as error:
        return Problem(str(labels), where, str(error))
    said = image.model_extra or {}
    licence = licences.get(image.license) if image.license is not None else None
    split = image.split or own_split(part)
    return Sighting(
        picture,
        (*image.labels, *(mark.label for mark in marks)),
        tuple(mark for mark in marks if mark.polygon or mark.box or mark.rle),
        where=where,
        listed_in=labels,
        size=(image.width, image.height),
        split=split,
        shares=None if split else own_shares(part),
        facts=_facts(said, licence),
        problems=tuple(problems),
    )


def _facts(said: Mapping[str, Any], licence: str | None) -> Facts:
    return facts_of({"licence": licence} | dict(said))


def _load(labels: Path) -> _File:
    try:
        return _File.model_validate(json.loads(labels.read_bytes()))
    except OSError as error:
        raise SourceError(f"{labels}: {error.strerror}") from error
    except ValidationError as error:
        raise SourceError(f"{labels} is not COCO json: {reason_of(error)}") from error
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{labels}: not readable as json ({error})") from error


def _images(labels: Path, records: list[Any]) -> tuple[dict[int | str, _Image], list[Problem]]:
    images: dict[int | str, _Image] = {}
    doubled: set[int | str] = set()
    broken = []
    for number, record in enumerate(records):
        try:
            image = _Image.model_validate(record)
        except ValidationError as error:
            broken.append(Problem(str(labels), f"images[{number}]", reason_of(error)))
            continue
        if image.id in images:
            doubled.add(image.id)
            broken.append(
                Problem(str(labels), f"images[{number}]", f"another image has the id {image.id}")
            )
        images[image.id] = image
    return {key: image for key, image in images.items() if key not in doubled}, broken


def _licences(records: list[Any]) -> dict[int | str, str]:
    try:
        licences = TypeAdapter(list[_Licence]).validate_python(records)
    except ValidationError:
        return {}  # COCO requires no licences; the rubric names one in any case
    return {licence.id: licence.name for licence in licences if licence.name.strip()}


def _marks(
    annotation: _Annotation, names: Mapping[int | str, str], image: _Image, where: str
) -> list[Mark]:
    if annotation.category_id not in names:
        raise ValueError(f"there is no category with id {annotation.category_id}")
    label, severity = names[annotation.category_id], annotation.attributes.severity
    width, height = image.width, image.height
    if isinstance(annotation.segmentation, _Runs):
        return [Mark(label, where, rle=_rle(annotation.segmentation), severity=severity)]
    if annotation.segmentation:
        outlines = [_points(flat, image) for flat in annotation.segmentation]
        return [Mark(label, where, polygon=points, severity=severity) for points in outlines]
    if annotation.bbox is None:
        return [Mark(label, where)]
    x, y, w, h = annotation.bbox
    box = (x / width, y / height, (x + w) / width, (y + h) / height)
    return [Mark(label, where, box=box, severity=severity)]


def _points(flat: list[float], image: _Image) -> tuple[Point, ...]:
    if len(flat) % 2:
        raise ValueError("a polygon has an odd number of coordinates")
    pairs = zip(flat[::2], flat[1::2], strict=True)
    return tuple((x / image.width, y / image.height) for x, y in pairs)


def _rle(runs: _Runs) -> Rle:
    if isinstance(runs.counts, str):
        return Rle(size=runs.size, counts=runs.counts)
    return compress(runs.counts, *runs.size)
