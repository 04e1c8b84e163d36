"""How well each damage type is told, beside what a random ranking would reach."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve

from model.contract import Manifest
from training.evaluation import weighted
from training.evaluation.bootstrap import Counts, Resampling, estimate
from training.evaluation.columns import Columns
from training.evaluation.figures import DamageFigures, DamageTold

Floats = NDArray[np.floating[Any]]

_CURVE_POINTS = 100


def damage_figures(
    items: Columns, counts: Counts, manifest: Manifest, how: Resampling
) -> dict[str, DamageFigures]:
    """By type, over all items; `counts` are their (B, N) columns of the resamples."""
    return {
        str(kind): DamageFigures(
            **dict(_told(items, counts, t, how)),
            precision_recall=_precision_recall(
                items.damage[items.known[:, t], t], items.present[items.known[:, t], t]
            ),
        )
        for t, kind in enumerate(manifest.damage_types)
    }


def damage_by_source(
    items: Columns, counts: Counts, manifest: Manifest, how: Resampling
) -> dict[str, dict[str, DamageTold]]:
    """By data set and type: over all of them knowing the data set tells much of the damage."""
    found: dict[str, dict[str, DamageTold]] = {}
    for source in np.unique(items.source).tolist():
        chosen = items.source == source
        for t, kind in enumerate(manifest.damage_types):
            told = _told(items[chosen], counts[:, chosen], t, how)
            if told.present and told.absent:
                found.setdefault(source, {})[str(kind)] = told
    return found


def _told(items: Columns, counts: Counts, t: int, how: Resampling) -> DamageTold:
    """Of the type in column t."""
    known = items.known[:, t]
    scores, present = items.damage[known, t], items.present[known, t]
    groups = len(np.unique(items.group[known]))
    figures = {
        "average_precision": lambda w: weighted.average_precision(scores, present, w),
        "auroc": lambda w: weighted.auroc(scores, present, w),
        "ece": lambda w: weighted.calibration_error(scores, present, w),
    }
    return DamageTold(
        present=int(present.sum()),
        absent=int((~present).sum()),
        prevalence=float(present.mean()) if len(present) else None,
        **{
            name: estimate(figure, counts[:, known], how.level, n=len(scores), groups=groups)
            for name, figure in figures.items()
        },
    )


def _precision_recall(
    scores: Floats, present: NDArray[np.bool_]
) -> tuple[tuple[float, float], ...]:
    if not present.any():
        return ()
    precision, recall, _ = precision_recall_curve(present, scores)
    best: dict[float, float] = {}
    for share, exact in zip(recall.tolist(), precision.tolist(), strict=True):
        best[share] = max(best.get(share, 0.0), exact)
    curve = sorted(best.items())
    kept = np.unique(np.linspace(0, len(curve) - 1, min(_CURVE_POINTS, len(curve))).round())
    return tuple(curve[int(place)] for place in kept)
