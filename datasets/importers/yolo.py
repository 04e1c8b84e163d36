"""YOLO: a text file beside each picture; boxes and segmentation outlines, named by data.yaml."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from datasets.importers.files import (
    inside,
    name_shared,
    pictures_in,
    require_folder,
    split_named,
    sub_folders,
)
from datasets.importers.folders import own_shares, own_split
from datasets.importers.sightings import (
    NO_OPTIONS,
    Found,
    Mark,
    Options,
    Problem,
    Sighting,
    SourceError,
)


def read(folder: Path, options: Options = NO_OPTIONS) -> Iterator[Found]:  # noqa: ARG001
    """Pictures of the folders ``images``, each with its file of the folder ``labels`` beside it.

    A picture without a file has no object in it, as YOLO means it.

    Raises:
        SourceError: No names of classes, no pictures, or a folder that leads out.
    """
    require_folder(folder)
    described = _describe(folder)
    names = _names(folder, described)
    for part, pictures in _parts(folder, described):
        yield from _part(folder, pictures, names, part)


def _part(
    folder: Path, pictures: Path, names: Mapping[int, str], part: str | None
) -> Iterator[Found]:
    labels = _labels_beside(pictures)
    left = {path.stem: path for path in sorted(labels.glob("*.txt")) if path.name != "classes.txt"}
    listed = [*pictures_in(pictures)]
    names_of_files = Counter(each.stem for each in listed if isinstance(each, Path))
    for found in listed:
        if isinstance(found, Problem):
            yield found
            continue
        file = left.pop(found.stem, None)
        marks, problems = _objects(file, names) if file else ([], [])
        split = own_split(part)
        yield Sighting(
            found,
            tuple(mark.label for mark in marks),
            tuple(marks),
            listed_in=file,
            split=split,
            shares=None if split else own_shares(part),
            problems=(*problems, *name_shared(found, names_of_files)),
        )
    for file in left.values():
        yield Problem(
            str(file), "", f"there is no picture of this name in {pictures.relative_to(folder)}"
        )


def _objects(file: Path, names: Mapping[int, str]) -> tuple[list[Mark], list[Problem]]:
    marks, problems = [], []
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        return [], [Problem(str(file), "", f"not readable as text ({error})")]
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            marks.append(_object(line.split(), names, f"line {number}"))
        except ValueError as error:
            problems.append(Problem(str(file), f"line {number}", str(error)))
    return marks, problems


def _object(fields: list[str], names: Mapping[int, str], where: str) -> Mark:
    """A box (class, centre x, centre y, width, height) or an outline (class, x, y, x, y, ...)."""
    try:
        number, values = int(fields[0]), [float(field) for field in fields[1:]]
    except ValueError as error:
        raise ValueError(f"not numbers: {' '.join(fields)[:60]!r}") from error
    if number not in names:
        raise ValueError(f"class {number} has no name; there are {len(names)}")
    if not all(map(math.isfinite, values)):
        raise ValueError("a number is not finite")
    if len(values) == 4:
        x, y, width, height = values
        box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        return Mark(names[number], where, box=box)
    if len(values) < 6 or len(values) % 2:
        raise ValueError(
            f"{len(values)} numbers after the class; a box has 4, an outline 6 or more, in pairs"
        )
    points = tuple(zip(values[::2], values[1::2], strict=True))
    return Mark(names[number], where, polygon=points)


def _describe(folder: Path) -> Mapping[str, Any]:
    file = next((folder / n for n in ("data.yaml", "data.yml") if (folder / n).is_file()), None)
    if file is None:
        return {}
    try:
        described = yaml.safe_load(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SourceError(f"{file}: not readable as YAML ({error})") from error
    if not isinstance(described, dict):
        raise SourceError(f"{file} holds no keys; YOLO's has names, train and val")
    return described


def _names(folder: Path, described: Mapping[str, Any]) -> dict[int, str]:
    names = described.get("names")
    if isinstance(names, list):
        return {number: str(name) for number, name in enumerate(names)}
    if isinstance(names, dict):
        try:
            return {int(number): str(name) for number, name in names.items()}
        except ValueError as error:
            raise SourceError(f"{folder}/data.yaml: names has a key that is no number") from error
    file = folder / "classes.txt"
    try:
        lines = file.read_text("utf-8").splitlines()
    except OSError as error:
        raise SourceError(
            f"{folder} has neither a data.yaml with names nor a classes.txt"
        ) from error
    return {number: line.strip() for number, line in enumerate(lines) if line.strip()}


def _parts(folder: Path, described: Mapping[str, Any]) -> Iterator[tuple[str | None, Path]]:
    named = {part: described[part] for part in ("train", "val", "test") if described.get(part)}
    if named:
        for part, places in named.items():
            for place in places if isinstance(places, list) else [places]:
                yield part, _place(folder, str(described.get("path") or ""), str(place))
        return
    pictures = folder / "images" if (folder / "images").is_dir() else folder
    inner = [path for path in sub_folders(pictures) if split_named(path.name)]
    for path in inner:
        deeper = path / "images"
        yield split_named(path.name), deeper if deeper.is_dir() else path
    if not inner:
        yield None, pictures


def _place(folder: Path, base: str, place: str) -> Path:
    """A folder of data.yaml; exports that begin it with '../' mean the folder of data.yaml itself."""
    tried = (folder / base / place, folder / place, folder / place.removeprefix("../"))
    found = next((path for path in tried if path.is_dir() and inside(path, folder)), None)
    if found is None:
        raise SourceError(
            f"{folder}/data.yaml names {place!r}; {folder} holds no such folder "
            "(folders outside it are not read)"
        )
    return found


def _labels_beside(pictures: Path) -> Path:
    """YOLO's rule: the last folder 'images' of the path becomes 'labels'; else side by side."""
    parts = [*pictures.parts]
    for n in range(len(parts) - 1, -1, -1):
        if parts[n] == "images":
            labels = Path(*parts[:n], "labels", *parts[n + 1 :])
            if labels.is_dir():
                return labels
    return pictures
