"""How well damage is located, against what labels mark: polygons, masks and boxes.

Each pair of a picture and a damage type that is marked on it counts; a type's map is compared with
that type's regions only.

pointing game       the map's strongest cell touches a region (Zhang et al., IJCV 2018; the cell is
                    the tolerance)
picture hit rate    at least one region is found by a box of the type at IoU >= 0.5
box hit rate        share of regions that a box of the type finds at IoU >= 0.5 (Everingham et al.,
                    IJCV 2010) or 0.3
box precision       share of the type's boxes that find a region at IoU >= 0.3, over pictures on
                    which every region is marked or that are free of the type
mask IoU            of the map over the type's threshold and the regions' union, mean over pictures
                    on which every region is marked
AU-PRO              area under the per-region overlap up to 30 % false positive cells (Bergmann et
                    al., CVPR 2019), as a share of what is possible; regions are the connected parts
                    of the marked area; pictures free of the type count as negatives; over several
                    types the mean

A region that is marked by a box alone counts for the box figures and the pointing game only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import label

from model.contract import Damage, DamageType, Manifest
from training.evaluation.graded import Graded
from training.evaluation.regions import (
    GRID,
    Extent,
    Mask,
    iou,
    region_extent,
    region_mask,
)
from training.examples import Example

Floats = NDArray[np.floating[Any]]

MAX_FALSE_POSITIVES = 0.3
_LEVELS = 200
_EVERYTHING = -1.0


@dataclass(frozen=True, slots=True)
class Compared:
    """A type's map and boxes on one picture against what is marked."""

    pointed: bool | None
    """Whether the strongest cell touches a region; None on a free picture."""
    best_ious: tuple[float, ...]
    """For each region, IoU with the best box of the type."""
    box_ious: tuple[float, ...]
    """For each box of the type, IoU with the best region; none where regions may be missing."""
    mask_iou: float | None
    overlaps: Floats
    """(C, L) share of each of C connected parts over each of L levels."""
    false_positives: Floats
    """(L,) free cells over each level."""
    negatives: int
    """Free cells."""


@dataclass(frozen=True, slots=True)
class Located:
    """One picture and one damage type that is marked on it, or that it is known to be free of."""

    item: int
    """Index of the item."""
    source: str
    kind: DamageType
    compared: Compared


def locate(graded: Sequence[Graded], manifest: Manifest) -> list[Located]:
    """Compare maps and boxes with the marked regions.

    Raises:
        DataError: A mask cannot be read.
    """
    levels = [_levels(graded, t, kind) for t, kind in enumerate(manifest.damage_types)]
    found = []
    for number, item in enumerate(graded):
        for view, example in enumerate(item.views):
            boxes = [damage for damage in item.assessment.damages if damage.view == view]
            for t, kind in enumerate(manifest.damage_types):
                marked = any(region.type is kind for region in example.row.regions)
                if not marked and kind not in example.row.absent:
                    continue
                shown = [box for box in boxes if box.type is kind]
                cells, threshold = item.maps[view, t], manifest.thresholds.damage[kind]
                compared = _compare(example, kind, cells, shown, levels[t], threshold)
                found.append(Located(number, item.source, kind, compared))
    return found


def _levels(graded: Sequence[Graded], t: int, kind: DamageType) -> Floats:
    """(L,) falling map values that spread false positives, most of them up to the limit."""
    free = [
        item.maps[view, t].ravel()
        for item in graded
        for view, example in enumerate(item.views)
        if kind in example.row.absent
        or (example.row.regions_complete and any(r.type is kind for r in example.row.regions))
    ]
    if not free:
        return np.linspace(1, _EVERYTHING, _LEVELS)
    dense, sparse = 3 * _LEVELS // 4, _LEVELS // 4
    shares = np.concatenate(
        [
            np.linspace(0, 1.5 * MAX_FALSE_POSITIVES, dense, endpoint=False),
            np.linspace(1.5 * MAX_FALSE_POSITIVES, 1, sparse - 1),
        ]
    )
    quantiles = np.quantile(np.concatenate(free), 1 - shares)
    return np.concatenate([quantiles, [_EVERYTHING]])


def _compare(
    example: Example,
    kind: DamageType,
    cells: Floats,
    boxes: Sequence[Damage],
    levels: Floats,
    threshold: float,
) -> Compared:
    marked = [(r, region_mask(example, r)) for r in example.row.regions if r.type is kind]
    union = np.zeros((GRID, GRID), bool)
    for _, mask in marked:
        union |= mask
    complete = example.row.regions_complete or not marked
    outlined = complete and all(region.box is None for region, _ in marked)
    extents = [extent for r, mask in marked if (extent := region_extent(r, mask)) is not None]
    shown = [_extent(damage) for damage in boxes]
    score = np.asarray(Image.fromarray(cells).resize((GRID, GRID), Image.Resampling.BILINEAR))
    parts, count = label(union, np.ones((3, 3)))
    free = np.sort(score[~union]) if outlined else np.zeros(0)
    return Compared(
        pointed=_points_at(cells, union) if marked else None,
        best_ious=tuple(max((iou(e, box) for box in shown), default=0.0) for e in extents),
        box_ious=tuple(max((iou(e, box) for e in extents), default=0.0) for box in shown)
        if complete
        else (),
        mask_iou=_mask_iou(cells >= threshold, union) if marked and outlined else None,
        overlaps=np.array([_share_over(score[parts == c + 1], levels) for c in range(count)])
        .reshape(count, len(levels))
        .astype(float),
        false_positives=(len(free) - np.searchsorted(free, levels, side="right")).astype(float),
        negatives=len(free),
    )


def _extent(damage: Damage) -> Extent:
    box = damage.box
    return box.x_min, box.y_min, box.x_max, box.y_max


def _share_over(values: Floats, levels: Floats) -> Floats:
    ordered = np.sort(values)
    share: Floats = 1 - np.searchsorted(ordered, levels, side="right") / len(values)
    return share


def _nearest(cells: NDArray[Any]) -> NDArray[Any]:
    """A map's cells on the grid, each where it lies."""
    height, width = cells.shape
    place = np.arange(GRID) + 0.5
    rows = (place * height / GRID).astype(int)
    columns = (place * width / GRID).astype(int)
    on_grid: NDArray[Any] = cells[rows[:, None], columns[None]]
    return on_grid


def _points_at(cells: Floats, union: Mask) -> bool:
    strongest = np.zeros(cells.shape, bool)
    strongest[np.unravel_index(int(cells.argmax()), cells.shape)] = True
    return bool((_nearest(strongest) & union).any())


def _mask_iou(found: Mask, union: Mask) -> float:
    on_grid = _nearest(found)
    return float((on_grid & union).sum() / (on_grid | union).sum())
