"""Labelled regions on the grid of the localisation figures, and the boxes around them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from datasets.manifest import Region
from model.contract import Box
from training.examples import Example
from training.regions import cells_touched

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
    return cells_touched(example, region, GRID)


def extent_of(box: Box) -> Extent:
    """The same box as a tuple."""
    return box.x_min, box.y_min, box.x_max, box.y_max


def region_extent(region: Region, mask: Mask) -> Extent | None:
    """Bounding box of a region: exact for a polygon or box, to a cell for a mask; None if empty."""
    if region.box is not None:
        return extent_of(region.box)
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
