"""Labelled regions as cells of a square grid, whatever they were marked with."""

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

Cells = NDArray[np.bool_]


def cells_touched(example: Example, region: Region, side: int) -> Cells:
    """(side, side) cells that the region touches; of a box all of it, damaged or not.

    Raises:
        DataError: Its mask cannot be read.
    """
    if region.box is not None:
        return _in_box(region.box, side)
    try:
        pixels = pixels_of(region, example.root, side, side)
    except MaskError as error:
        name = example.root / (region.mask or example.row.picture)
        raise DataError(f"{name}: {error}") from error
    damage = Image.fromarray(pixels.astype(np.uint8) * 255)
    return np.asarray(damage.resize((side, side), Image.Resampling.BOX)) > 0


def _in_box(box: Box, side: int) -> Cells:
    cells = np.zeros((side, side), np.bool_)
    rows = slice(math.floor(box.y_min * side), math.ceil(box.y_max * side))
    cells[rows, math.floor(box.x_min * side) : math.ceil(box.x_max * side)] = True
    return cells
