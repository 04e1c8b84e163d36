"""Labelled regions as masks on one grid, whatever they were marked with."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from datasets.manifest import Region
from datasets.masks import MaskError, pixels_of
from model.contract import Box
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
    if region.box is not None:
        return _filled(region.box)
    try:
        pixels = pixels_of(region, example.root, GRID, GRID)
    except MaskError as error:
        name = example.root / region.mask if region.mask else example.row.picture
        raise DataError(f"{name}: {error}") from error
    damage = Image.fromarray(pixels.astype(np.uint8) * 255)
    return np.asarray(damage.resize((GRID, GRID), Image.Resampling.BOX)) > 0


def _filled(box: Box) -> Mask:
    cells = np.zeros((GRID, GRID), np.bool_)
    rows = slice(math.floor(box.y_min * GRID), math.ceil(box.y_max * GRID))
    cells[rows, math.floor(box.x_min * GRID) : math.ceil(box.x_max * GRID)] = True
    return cells


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
