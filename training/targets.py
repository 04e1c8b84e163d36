"""Targets: what labels say, as tensors; what they leave open is marked unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from datasets.manifest import Region
from model.contract import GRADES, DamageType
from training.errors import DataError
from training.examples import Example

#: Side of the grid on which regions are kept before augmentation.
GRID = 56


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
    """(N, T, GRID, GRID) uint8, 1 inside a region."""
    everywhere: Tensor
    """(N, T) bool: the type's cells are known outside the regions too."""

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
    regions, everywhere = np.zeros((*shape, GRID, GRID), np.uint8), np.zeros(shape, np.bool_)
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


def _rasterise(example: Example, kind: DamageType) -> NDArray[np.uint8]:
    grid = np.zeros((GRID, GRID), np.uint8)
    for region in example.row.regions:
        if region.type is kind:
            grid |= _region(example, region)
    return grid


def _region(example: Example, region: Region) -> NDArray[np.uint8]:
    if region.polygon is not None:
        image = Image.new("1", (GRID, GRID))
        scaled = [(x * GRID, y * GRID) for x, y in region.polygon]
        ImageDraw.Draw(image).polygon(scaled, fill=1, outline=1)
        return np.asarray(image, np.uint8)
    if region.mask is None:
        raise DataError(f"{example.row.picture}: a region has neither a polygon nor a mask")
    path = example.root / region.mask
    try:
        with Image.open(path) as mask:
            brightest = np.asarray(mask.convert("RGB")).max(axis=2)
    except OSError as error:
        raise DataError(f"{path}: not a readable mask ({error})") from error
    damage = Image.fromarray((brightest > 127).astype(np.uint8) * 255)
    return (np.asarray(damage.resize((GRID, GRID), Image.Resampling.BOX)) > 0).astype(np.uint8)
