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
from scipy.integrate import trapezoid
from scipy.ndimage import label

from model.contract import Damage, DamageType, Manifest
from training.evaluation import weighted
from training.evaluation.bootstrap import Counts, Resampling, estimate
from training.evaluation.figures import Estimate, Localisation, LocalisationFigures
from training.evaluation.graded import Graded
from training.evaluation.regions import (
    GRID,
    Extent,
    Mask,
    box_of,
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
    """(L,) falling map values that spread the false positives evenly up to their maximum."""
    free = [
        item.maps[view, t].ravel()
        for item in graded
        for view, example in enumerate(item.views)
        if kind in example.row.absent
        or (example.row.regions_complete and any(r.type is kind for r in example.row.regions))
    ]
    if not free:
        return np.linspace(1, _EVERYTHING, _LEVELS)
    shares = np.linspace(0, min(1.5 * MAX_FALSE_POSITIVES, 1), _LEVELS - 1)
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
    outlined = complete and all(box_of(region) is None for region, _ in marked)
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


def localisation(
    located: Sequence[Located], items: int, counts: Counts, how: Resampling
) -> Localisation:
    """Figures of `locate`'s answers; `counts` are the (B, items) resamples."""
    if counts.shape[1] != items:
        raise ValueError(f"counts have {counts.shape[1]} columns for {items} items")

    def figures(chosen: Sequence[Located]) -> LocalisationFigures | None:
        return _figures(chosen, counts, how)

    sources = sorted({found.source for found in located})
    kinds = sorted({found.kind for found in located})
    by_source = {name: figures([f for f in located if f.source == name]) for name in sources}
    by_type = {str(kind): figures([f for f in located if f.kind is kind]) for kind in kinds}
    return Localisation(
        all=figures(located),
        by_source={name: found for name, found in by_source.items() if found is not None},
        by_type={name: found for name, found in by_type.items() if found is not None},
    )


def _figures(
    located: Sequence[Located], counts: Counts, how: Resampling
) -> LocalisationFigures | None:
    pairs = [(found.item, found.compared) for found in located]
    marked = [(item, found) for item, found in pairs if found.pointed is not None]
    if not marked:
        return None
    regions = [(item, value) for item, found in marked for value in found.best_ious]
    boxes = [(item, value) for item, found in pairs for value in found.box_ious]

    def mean(values_of: Sequence[tuple[int, float]], *, share: bool = True) -> Estimate:
        items = np.array([item for item, _ in values_of], dtype=np.int64)
        values = np.array([value for _, value in values_of], dtype=float)
        return estimate(
            lambda weights: weighted.mean(values, weights),
            counts[:, items],
            how.level,
            n=len(values_of),
            groups=len(np.unique(items)),
            is_share=share,
        )

    return LocalisationFigures(
        regions=len(regions),
        pictures=len(marked),
        pointing_game=mean([(item, float(found.pointed is True)) for item, found in marked]),
        picture_hit_rate=mean(
            [(item, float(max(found.best_ious, default=0.0) >= 0.5)) for item, found in marked]
        ),
        box_hit_rate_50=mean([(item, float(value >= 0.5)) for item, value in regions]),
        box_hit_rate_30=mean([(item, float(value >= 0.3)) for item, value in regions]),
        box_precision_30=mean([(item, float(value >= 0.3)) for item, value in boxes]),
        mask_iou=mean(
            [(item, found.mask_iou) for item, found in marked if found.mask_iou is not None],
            share=False,
        ),
        au_pro_30=_au_pro(located, counts, how),
    )


def _au_pro(located: Sequence[Located], counts: Counts, how: Resampling) -> Estimate:
    """Mean over the damage types that have both a marked part and free cells."""
    by_kind = [
        [found for found in located if found.kind is kind and found.compared.negatives]
        for kind in sorted({found.kind for found in located})
    ]
    usable = [chosen for chosen in by_kind if any(len(found.compared.overlaps) for found in chosen)]
    if not usable:
        return Estimate(value=None, low=None, high=None, n=0)
    curves = [_Curves.of(chosen) for chosen in usable]

    def figure(weights: Floats) -> Floats:
        over_types: Floats = np.mean([curve.area(weights) for curve in curves], axis=0)
        return over_types

    parts = np.concatenate([curve.part_items for curve in curves])
    groups = len(np.unique(parts))
    return estimate(figure, counts, how.level, n=len(parts), groups=groups)


@dataclass(frozen=True, slots=True)
class _Curves:
    """Of one damage type: C connected parts, P pictures, L levels."""

    part_items: NDArray[np.int64]
    overlaps: Floats
    picture_items: NDArray[np.int64]
    false_positives: Floats
    negatives: Floats

    @classmethod
    def of(cls, located: Sequence[Located]) -> _Curves:
        return cls(
            np.array([f.item for f in located for _ in f.compared.overlaps], dtype=np.int64),
            np.concatenate([f.compared.overlaps for f in located]),
            np.array([f.item for f in located], dtype=np.int64),
            np.array([f.compared.false_positives for f in located]),
            np.array([f.compared.negatives for f in located], dtype=float),
        )

    def area(self, weights: Floats) -> Floats:
        """Of each resample: (B, items) -> (B,)."""
        parts, pictures = weights[:, self.part_items], weights[:, self.picture_items]
        overlap = weighted.divide(parts @ self.overlaps, parts.sum(axis=1, keepdims=True))
        rate = weighted.divide(
            pictures @ self.false_positives, (pictures @ self.negatives)[:, None]
        )
        return np.array([_area(x, y) for x, y in zip(rate, overlap, strict=True)])


def _area(rate: Floats, overlap: Floats) -> float:
    """Area under overlap over rate up to the maximum, as a share of the maximum."""
    if np.isnan(rate).any() or np.isnan(overlap).any():
        return float("nan")
    rate, overlap = np.append(0.0, rate), np.append(0.0, overlap)
    inside = rate < MAX_FALSE_POSITIVES
    ends = np.interp(MAX_FALSE_POSITIVES, rate, overlap)
    x = np.append(rate[inside], MAX_FALSE_POSITIVES)
    y = np.append(overlap[inside], ends)
    return float(trapezoid(y, x)) / MAX_FALSE_POSITIVES
