"""Targets: what labels say, as tensors; what they leave open is marked unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datasets.manifest import Region
from model.contract import GRADES, DamageType
from training.examples import Example
from training.regions import cells_touched

#: Side of the grid on which regions are kept before augmentation.
GRID = 56
#: Values of that grid; 0 where no region is.
DAMAGED, DOUBTFUL = 1, -1
#: Largest side, in cells of the grid, of a box that is taken as the damage itself: one cell of the
#: network's map at 224 px.
TINY = 2


@dataclass(frozen=True, slots=True)
class Targets:
    """Targets of N pictures for T damage types."""

    best: Tensor
    """(N,) int64, best rank that the grade label allows."""
    worst: Tensor
    """(N,) int64"""
    present: Tensor
    """(N, T) float32, 1 where the type is present."""
    known: Tensor
    """(N, T) bool, whether presence is known."""
    regions: Tensor
    """(N, T, GRID, GRID) int8: DAMAGED, DOUBTFUL (somewhere in a box), or 0 outside all regions."""
    everywhere: Tensor
    """(N, T) bool: the type's cells are known outside the regions and boxes too."""

    def __getitem__(self, chosen: Tensor) -> Targets:
        return Targets(
            self.best[chosen],
            self.worst[chosen],
            self.present[chosen],
            self.known[chosen],
            self.regions[chosen],
            self.everywhere[chosen],
        )


def make_targets(examples: Sequence[Example], types: Sequence[DamageType]) -> Targets:
    """Targets of the examples, in their order."""
    shape = (len(examples), len(types))
    best, worst = np.zeros(shape[0], np.int64), np.zeros(shape[0], np.int64)
    present, known = np.zeros(shape, np.float32), np.zeros(shape, np.bool_)
    regions, everywhere = np.zeros((*shape, GRID, GRID), np.int8), np.zeros(shape, np.bool_)
    for n, example in enumerate(examples):
        row = example.row
        best[n] = row.grade.best.rank if row.grade else 0
        worst[n] = row.grade.worst.rank if row.grade else len(GRADES) - 1
        for t, kind in enumerate(types):
            present[n, t] = kind in row.present
            known[n, t] = kind in row.present or kind in row.absent
            regions[n, t] = _rasterise(example, kind)
            complete = row.regions_complete and regions[n, t].any()
            everywhere[n, t] = kind in row.absent or complete
    return Targets(
        *(torch.from_numpy(array) for array in (best, worst, present, known, regions, everywhere))
    )


def _rasterise(example: Example, kind: DamageType) -> NDArray[np.int8]:
    grid = np.zeros((GRID, GRID), np.int8)
    for region in example.row.regions:
        if region.type is kind:
            cells = _region(example, region)
            grid = np.where((cells == DAMAGED) | (grid == 0), np.where(cells, cells, grid), grid)
    return grid


def _region(example: Example, region: Region) -> NDArray[np.int8]:
    """The damage is somewhere in a box; only where that is one cell of the map is it there."""
    box = region.box
    sure = box is None or max(box.x_max - box.x_min, box.y_max - box.y_min) * GRID <= TINY
    touched = cells_touched(example, region, GRID)
    return np.where(touched, DAMAGED if sure else DOUBTFUL, 0).astype(np.int8)
