"""A manifest as Label Studio tasks that are annotated, and the labelling page that shows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from datasets import brush, masks
from datasets.exporters.pictures import Files
from datasets.exporters.words import INTERVALS, absent_word, facts_in, grade_word, unplaced
from datasets.manifest import LabelledPicture, Region
from model.contract import DamageType

LOCAL_FILES = "/data/local-files/?d="
"""Address of pictures in Label Studio's local storage."""


def tasks(
    rows: Sequence[LabelledPicture], root: Path, address: str = LOCAL_FILES
) -> list[dict[str, Any]]:
    """The rows as tasks; a picture's address is `address` and its path.

    Raises:
        ManifestError: A picture or a mask that is needed cannot be read.
    """
    files = Files(root)
    return [
        {
            "data": {"image": address + quote(row.picture), **facts_in(row)},
            "annotations": [{"result": [*_choices(row), *_places(files, row)]}],
        }
        for row in rows
    ]


def labelling_page() -> str:
    """The labelling interface, to paste into a project's settings."""
    kinds = [kind.value for kind in DamageType]
    return "\n".join(
        [
            "<View>",
            '  <Image name="image" value="$image" zoom="true"/>',
            *_control("Choices", "grade", "Choice", map(grade_word, INTERVALS), 'choice="single"'),
            *_control("Choices", "present", "Choice", kinds, 'choice="multiple"'),
            *_control(
                "Choices", "absent", "Choice", map(absent_word, DamageType), 'choice="multiple"'
            ),
            *_control("RectangleLabels", "box", "Label", kinds),
            *_control("PolygonLabels", "outline", "Label", kinds),
            *_control("BrushLabels", "mask", "Label", kinds),
            "</View>\n",
        ]
    )


def _control(tag: str, name: str, inner: str, values: Iterable[str], more: str = "") -> list[str]:
    opening = f'  <{tag} name="{name}" toName="image" {more}'.rstrip() + ">"
    entries = [f"    <{inner} value={quoteattr(value)}/>" for value in values]
    return [opening, *entries, f"  </{tag}>"]


def _choices(row: LabelledPicture) -> list[dict[str, Any]]:
    chosen = {
        "grade": [grade_word(row.grade)] if row.grade else [],
        "present": [kind.value for kind in unplaced(row)],
        "absent": [absent_word(kind) for kind in row.absent],
    }
    return [
        {
            "id": name,
            "type": "choices",
            "from_name": name,
            "to_name": "image",
            "value": {"choices": values},
        }
        for name, values in chosen.items()
        if values
    ]


def _places(files: Files, row: LabelledPicture) -> list[dict[str, Any]]:
    if not row.regions:
        return []
    width, height = files.size(row)
    places = []
    for number, region in enumerate(row.regions):
        kind, name, value = _value(files, row, region)
        meta = (
            {} if region.severity is None else {"meta": {"text": [f"severity={region.severity}"]}}
        )
        places.append(
            {
                "id": f"region{number}",
                "type": kind,
                "from_name": name,
                "to_name": "image",
                "original_width": width,
                "original_height": height,
                "image_rotation": 0,
                "value": {**value, kind: [region.type.value]},
                **meta,
            }
        )
    return places


def _value(files: Files, row: LabelledPicture, region: Region) -> tuple[str, str, dict[str, Any]]:
    """Kind of a result, name of its control, and where it is, in per cent of the picture."""
    if region.box is not None:
        box = region.box
        sides = {
            "x": box.x_min * 100,
            "y": box.y_min * 100,
            "width": (box.x_max - box.x_min) * 100,
            "height": (box.y_max - box.y_min) * 100,
            "rotation": 0,
        }
        return "rectanglelabels", "box", sides
    if region.polygon is not None:
        points = [[x * 100, y * 100] for x, y in region.polygon]
        return "polygonlabels", "outline", {"points": points, "closed": True}
    runs = brush.encode(masks.decode(files.rle(row, region)))
    return "brushlabels", "mask", {"format": "rle", "rle": runs}
