"""A manifest as COCO json. Grades and absent damage, which COCO lacks, are labels of the image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pycocotools import mask as coco_mask

from datasets.exporters.pictures import Files
from datasets.exporters.words import absent_word, facts_in, grade_word, unplaced
from datasets.manifest import LabelledPicture, Region
from model.contract import DamageType

_CATEGORIES = {kind: number for number, kind in enumerate(DamageType, start=1)}


def document(rows: Sequence[LabelledPicture], root: Path) -> dict[str, Any]:
    """The rows as one COCO document.

    Raises:
        ManifestError: A picture or a mask that is needed cannot be read.
    """
    files = Files(root)
    licences = {name: n for n, name in enumerate(dict.fromkeys(row.licence for row in rows), 1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, row in enumerate(rows, start=1):
        width, height = files.size(row)
        images.append(
            {
                "id": number,
                "file_name": row.picture,
                "width": width,
                "height": height,
                "license": licences[row.licence],
                "labels": _labels(row),
                **facts_in(row),
            }
        )
        for region in row.regions:
            place = _place(files, row, region, width, height)
            annotations.append({"id": len(annotations) + 1, "image_id": number, **place})
    return {
        "info": {"description": "Exported by regrade data export coco"},
        "licenses": [{"id": n, "name": name, "url": ""} for name, n in licences.items()],
        "categories": [{"id": n, "name": kind.value} for kind, n in _CATEGORIES.items()],
        "images": images,
        "annotations": annotations,
    }


def _labels(row: LabelledPicture) -> list[str]:
    grade = [grade_word(row.grade)] if row.grade else []
    return [*grade, *(kind.value for kind in unplaced(row)), *map(absent_word, row.absent)]


def _place(
    files: Files, row: LabelledPicture, region: Region, width: int, height: int
) -> dict[str, Any]:
    place: dict[str, Any] = {"category_id": _CATEGORIES[region.type], "iscrowd": 0}
    if region.severity is not None:
        place["attributes"] = {"severity": region.severity}
    if region.box is not None:
        box = region.box
        across, down = (box.x_max - box.x_min) * width, (box.y_max - box.y_min) * height
        corner = [box.x_min * width, box.y_min * height]
        return place | {"bbox": [*corner, across, down], "area": across * down, "segmentation": []}
    if region.polygon is not None:
        points = [(x * width, y * height) for x, y in region.polygon]
        flat = [value for point in points for value in point]
        return place | {
            "segmentation": [flat],
            "bbox": _around(points),
            "area": _area(points),
        }
    rle = files.rle(row, region)
    runs = {"size": list(rle.size), "counts": rle.counts}
    return place | {
        "segmentation": runs,
        "bbox": [float(side) for side in coco_mask.toBbox(runs)],
        "area": float(coco_mask.area(runs)),
    }


def _around(points: Iterable[tuple[float, float]]) -> list[float]:
    xs, ys = zip(*points, strict=True)
    return [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]


def _area(points: Sequence[tuple[float, float]]) -> float:
    """Shoelace formula."""
    turned = [*points[1:], points[0]]
    return abs(sum(a * d - c * b for (a, b), (c, d) in zip(points, turned, strict=True))) / 2
