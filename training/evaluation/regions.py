"""Labelled regions as masks on one grid, whatever they were marked with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from datasets.manifest import Region
from training.errors import DataError
from training.examples import Example

#: Side of the grid on which regions and maps are compared.
GRID = 112

Mask = NDArray[np.bool_]
Extent = tuple[float, float, float, float]
"""x_min, y_min, x_max, y_max in fractions of the picture."""


def region_mask(example: Example, region: Region) -> Mask:
    """(GRID, GRID) cells that the region touches.

    Raises:
        DataError: Its mask cannot be read.
    """
    if region.polygon is not None:
        return polygon_mask(region.polygon)
    if (box := box_of(region)) is not None:
        x_min, y_min, x_max, y_max = box
        return polygon_mask([(x_min, y_min), (x_max, y_min), (x_max, y_max), (x_min, y_max)])
    if region.mask is None:
        raise DataError(f"{example.row.picture}: a region has no polygon, box or mask")
    path = example.root / region.mask
    try:
        with Image.open(path) as image:
            brightest = np.asarray(image.convert("RGB")).max(axis=2)
    except OSError as error:
        raise DataError(f"{path}: not a readable mask ({error})") from error
    damage = Image.fromarray((brightest > 127).astype(np.uint8) * 255)
    return np.asarray(damage.resize((GRID, GRID), Image.Resampling.BOX)) > 0


def box_of(region: Region) -> Extent | None:
    """Box of a region that is marked by nothing else: which of its pixels are damaged is unknown."""
    box = getattr(region, "box", None)
    return None if box is None else (box.x_min, box.y_min, box.x_max, box.y_max)


def polygon_mask(points: Sequence[tuple[float, float]]) -> Mask:
    """(GRID, GRID) cells that a polygon in fractions of the picture touches."""
    image = Image.new("1", (GRID, GRID))
    scaled = [(min(x * GRID, GRID - 1), min(y * GRID, GRID - 1)) for x, y in points]
    ImageDraw.Draw(image).polygon(scaled, fill=1, outline=1)
    return np.asarray(image, bool)


def region_extent(region: Region, mask: Mask) -> Extent | None:
    """Bounding box of a region: exact for a polygon or box, to a cell for a mask; None if empty."""
    if (box := box_of(region)) is not None:
        return box
    if region.polygon is not None:
        xs, ys = zip(*region.polygon, strict=True)
        return min(xs), min(ys), max(xs), max(ys)
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return None
    return (
        columns.min() / GRID,
        rows.min() / GRID,
        (columns.max() + 1) / GRID,
        (rows.max() + 1) / GRID,
    )


def iou(one: Extent, other: Extent) -> float:
    """Intersection over union of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / (_area(one) + _area(other) - both)


def _area(box: Extent) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
