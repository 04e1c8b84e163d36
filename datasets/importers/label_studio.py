"""Label Studio's JSON export: choices, rectangles, polygons and brush masks."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    ValidationError,
)

from datasets import brush, masks
from datasets.importers.files import UnsafePathError, find_picture
from datasets.importers.sightings import (
    NO_OPTIONS,
    Facts,
    Found,
    LeftOut,
    Mark,
    Options,
    Problem,
    Sighting,
    SourceError,
    facts_of,
    reason_of,
)

#: Uploads get a random name before their own: 'a1b2c3d4-box.jpg'.
_UPLOAD = re.compile(r"^[0-9a-f]{8}-")
_SEVERITY = re.compile(r"^severity=([0-9.eE+-]+)$")


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Meta(_Record):
    text: tuple[str, ...] | str = ()


class _Value(_Record):
    choices: tuple[str, ...] = ()
    rectanglelabels: tuple[str, ...] = ()
    polygonlabels: tuple[str, ...] = ()
    brushlabels: tuple[str, ...] = ()
    x: FiniteFloat = 0
    y: FiniteFloat = 0
    width: FiniteFloat = 0
    height: FiniteFloat = 0
    rotation: FiniteFloat = 0
    points: tuple[tuple[FiniteFloat, FiniteFloat], ...] = ()
    rle: tuple[int, ...] = ()


class _Result(_Record):
    id: str = ""
    type: str
    value: _Value = _Value()
    original_width: Annotated[int, Field(gt=0)] | None = None
    original_height: Annotated[int, Field(gt=0)] | None = None
    image_rotation: float = 0
    meta: _Meta = _Meta()


class _User(_Record):
    email: str = ""


class _Annotation(_Record):
    result: tuple[Any, ...] = ()
    was_cancelled: bool = False
    ground_truth: bool = False
    completed_by: _User | int | None = None
    updated_at: AwareDatetime | None = None
    created_at: AwareDatetime | None = None


class _Data(_Record):
    model_config = ConfigDict(frozen=True, extra="allow")

    image: str
    split: str | None = None


class _Task(_Record):
    id: int | str | None = None
    data: _Data
    annotations: tuple[_Annotation, ...]


def read(source: Path, options: Options = NO_OPTIONS) -> Iterator[Found]:
    """Every annotated task of an export of the kind 'JSON' (not 'JSON-MIN').

    Raises:
        SourceError: No such export.
    """
    export = _export_in(source)
    try:
        tasks = json.loads(export.read_bytes())
    except OSError as error:
        raise SourceError(f"{export}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{export}: not readable as json ({error})") from error
    if not isinstance(tasks, list):
        raise SourceError(f"{export} holds no list of tasks; export them from Label Studio as JSON")
    bases = [options.pictures or export.parent]
    for number, record in enumerate(tasks):
        try:
            task = _Task.model_validate(record)
        except ValidationError as error:
            hint = "; was it exported as JSON, not JSON-MIN?" if "annotations" not in record else ""
            yield Problem(str(export), f"task {number}", reason_of(error) + hint)
            continue
        yield from _sightings(export, f"task {task.id or number}", task, bases)


def _export_in(source: Path) -> Path:
    if not source.is_dir():
        return source
    found = sorted(source.glob("*.json"))
    if len(found) != 1:
        raise SourceError(f"{source} holds {len(found)} .json files; give --from the one you mean")
    return found[0]


def _sightings(export: Path, where: str, task: _Task, bases: Sequence[Path]) -> Iterator[Found]:
    done = [each for each in task.annotations if not each.was_cancelled]
    done = [each for each in done if each.ground_truth] or done
    if not done:
        yield LeftOut("the task is not annotated", task.data.image)
        return
    if len(done) > 1:
        yield Problem(
            str(export), where, f"{len(done)} annotations; mark the one that holds as ground truth"
        )
        return
    try:
        picture = _picture(task.data.image, bases)
    except UnsafePathError as error:
        yield Problem(str(export), where, str(error))
        return
    yield from _annotated(export, where, task, done[0], picture)


def _annotated(
    export: Path, where: str, task: _Task, annotation: _Annotation, picture: Path
) -> Iterator[Found]:
    labels: list[str] = []
    marks: list[Mark] = []
    problems: list[Problem] = []
    sizes: set[tuple[int, int]] = set()
    for number, record in enumerate(annotation.result):
        spot = f"{where}, result {number}"
        try:
            result = _Result.model_validate(record)
            if result.original_width and result.original_height:
                sizes.add((result.original_width, result.original_height))
            if not _is_read(result.type):
                yield LeftOut(f"results of the type {result.type!r} are not read", spot)
                continue
            labels += result.value.choices
            marks += _marks(result, spot)
        except (ValueError, masks.MaskError) as error:
            problems.append(Problem(str(export), spot, reason_of(error)))
    if len(sizes) > 1:
        problems.append(Problem(str(export), where, f"results name several sizes: {sorted(sizes)}"))
    yield Sighting(
        picture,
        (*labels, *(mark.label for mark in marks)),
        tuple(marks),
        where=where,
        listed_in=export,
        size=next(iter(sizes), None),
        split=task.data.split,
        facts=_facts(task, annotation),
        problems=tuple(problems),
    )


def _is_read(kind: str) -> bool:
    """Whether a result says something of condition.

    Raises:
        ValueError: It names a place in a way that is not read: its picture cannot be imported.
    """
    if kind in {"choices", "rectanglelabels", "polygonlabels", "brushlabels"}:
        return True
    if kind.endswith("labels") or kind in {"rectangle", "polygon", "brush", "ellipse"}:
        raise ValueError(
            f"places of the type {kind!r} are not read; use rectangles, polygons, brush"
        )
    return False


def _facts(task: _Task, annotation: _Annotation) -> Facts:
    said = dict(task.data.model_extra or {})
    person = annotation.completed_by
    if isinstance(person, _User) and person.email:
        said["labelled_by"] = person.email
        said["labelled_at"] = annotation.updated_at or annotation.created_at
    return facts_of(said)


def _marks(result: _Result, where: str) -> Iterator[Mark]:
    value = result.value
    if result.type != "choices" and result.image_rotation:
        raise ValueError("the picture was turned while it was labelled; turn the file instead")
    severity = _severity(result.meta)
    for label in value.rectanglelabels:
        yield Mark(label, where, box=_box(result), severity=severity)
    points = tuple((x / 100, y / 100) for x, y in value.points)
    for label in value.polygonlabels:
        yield Mark(label, where, polygon=points, severity=severity)
    if value.brushlabels:
        width, height = _size(result)
        rle = masks.encode(brush.decode(value.rle, width, height))
        yield from (Mark(label, where, rle=rle, severity=severity) for label in value.brushlabels)


def _box(result: _Result) -> tuple[float, float, float, float]:
    """Left, top, right, bottom in fractions; of a turned rectangle what is around it."""
    value = result.value
    if value.width <= 0 or value.height <= 0:
        raise ValueError(f"the rectangle has no area: {value.width:g} % x {value.height:g} %")
    left, top = value.x / 100, value.y / 100
    right, bottom = (value.x + value.width) / 100, (value.y + value.height) / 100
    if not value.rotation:
        return left, top, right, bottom
    width, height = _size(result)
    angle = math.radians(value.rotation)
    across, down = value.width / 100 * width, value.height / 100 * height
    corners = [
        (u * math.cos(angle) - v * math.sin(angle), u * math.sin(angle) + v * math.cos(angle))
        for u, v in ((0, 0), (across, 0), (across, down), (0, down))
    ]
    xs, ys = [left + x / width for x, _ in corners], [top + y / height for _, y in corners]
    # A turned rectangle at the rim reaches over it; what lies outside says nothing.
    return max(min(xs), 0.0), max(min(ys), 0.0), min(max(xs), 1.0), min(max(ys), 1.0)


def _size(result: _Result) -> tuple[int, int]:
    if result.original_width is None or result.original_height is None:
        raise ValueError("original_width or original_height is missing")
    return result.original_width, result.original_height


def _severity(meta: _Meta) -> float | None:
    texts = [meta.text] if isinstance(meta.text, str) else meta.text
    found = (_SEVERITY.match(text.strip()) for text in texts)
    return next((float(match[1]) for match in found if match), None)


def _picture(address: str, bases: Sequence[Path]) -> Path:
    """The file that a task's address means: a path, an upload, a file of local storage, or a URL."""
    parts = urlsplit(address)
    query = parse_qs(parts.query)
    if parts.path.endswith("/data/local-files/") and "d" in query:
        return find_picture(query["d"][0], bases)
    if not parts.scheme and not address.startswith("/"):
        return find_picture(unquote(parts.path), bases)
    name = unquote(parts.path).rpartition("/")[2]
    exact = find_picture(name, bases)
    return exact if exact.is_file() else find_picture(_UPLOAD.sub("", name), bases)
