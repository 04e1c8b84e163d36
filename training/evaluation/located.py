"""Localisation figures over what `training.evaluation.localisation` found on each picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import trapezoid

from training.evaluation import weighted
from training.evaluation.bootstrap import Counts, Resampling, estimate
from training.evaluation.figures import Localisation, LocalisationFigures
from training.evaluation.localisation import MAX_FALSE_POSITIVES, Located

Floats = NDArray[np.floating[Any]]

TITLES = {
    "pointing_game": "pointing game",
    "picture_hit_rate": "picture hit rate",
    "box_hit_rate_50": "box hit rate 0.5",
    "box_hit_rate_30": "box hit rate 0.3",
    "box_precision_30": "box precision 0.3",
    "mask_iou": "mask IoU",
    "au_pro_30": "AU-PRO",
}


@dataclass(frozen=True, slots=True)
class Statistic:
    """A figure as a function of how often each item counts."""

    figure: Callable[[Floats], Floats]
    """(B, items) weights -> (B,)"""
    n: int
    groups: int
    is_share: bool


def localisation(located: Sequence[Located], counts: Counts, how: Resampling) -> Localisation:
    """Figures over all, by source and by damage type; `counts` are the (B, items) resamples."""

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
    marked = [found.compared for found in located if found.compared.pointed is not None]
    if not marked:
        return None
    estimates = {
        name: estimate(
            one.figure, counts, how.level, n=one.n, groups=one.groups, is_share=one.is_share
        )
        for name, one in statistics(located).items()
    }
    regions = sum(len(found.best_ious) for found in marked)
    return LocalisationFigures(regions=regions, pictures=len(marked), **estimates)


def statistics(located: Sequence[Located]) -> dict[str, Statistic]:
    """Every localisation figure, by the keys of `TITLES`."""
    pairs = [(found.item, found.compared) for found in located]
    marked = [(item, found) for item, found in pairs if found.pointed is not None]
    regions = [(item, value) for item, found in marked for value in found.best_ious]
    boxes = [(item, value) for item, found in pairs for value in found.box_ious]
    ious = [(item, found.mask_iou) for item, found in marked if found.mask_iou is not None]
    return {
        "pointing_game": _share([(item, found.pointed is True) for item, found in marked]),
        "picture_hit_rate": _share(
            [(item, max(found.best_ious, default=0.0) >= 0.5) for item, found in marked]
        ),
        "box_hit_rate_50": _share([(item, value >= 0.5) for item, value in regions]),
        "box_hit_rate_30": _share([(item, value >= 0.3) for item, value in regions]),
        "box_precision_30": _share([(item, value >= 0.3) for item, value in boxes]),
        "mask_iou": _mean(ious, is_share=False),
        "au_pro_30": _au_pro(located),
    }


def _share(values_of: Sequence[tuple[int, bool]]) -> Statistic:
    return _mean([(item, float(value)) for item, value in values_of], is_share=True)


def _mean(values_of: Sequence[tuple[int, float]], *, is_share: bool) -> Statistic:
    items = np.array([item for item, _ in values_of], dtype=np.int64)
    values = np.array([value for _, value in values_of], dtype=float)
    return Statistic(
        lambda weights: weighted.mean(values, weights[:, items]),
        n=len(values),
        groups=len(np.unique(items)),
        is_share=is_share,
    )


def _au_pro(located: Sequence[Located]) -> Statistic:
    """Mean over the damage types that have both a marked part and free cells."""
    by_kind = [
        [found for found in located if found.kind is kind and found.compared.negatives]
        for kind in sorted({found.kind for found in located})
    ]
    usable = [chosen for chosen in by_kind if any(len(found.compared.overlaps) for found in chosen)]
    curves = [_Curves.of(chosen) for chosen in usable]

    def figure(weights: Floats) -> Floats:
        if not curves:
            return np.full(len(weights), np.nan)
        over_types: Floats = np.mean([curve.area(weights) for curve in curves], axis=0)
        return over_types

    items = [item for curve in curves for item in curve.part_items.tolist()]
    return Statistic(figure, n=len(items), groups=len(set(items)), is_share=False)


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
