"""Metrics over N items; every function is pure and returns None where the figure has no meaning."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]
Bools = NDArray[np.bool_]


def accuracy(truth: Ints, decided: Ints) -> float | None:
    """Share of items with the right grade."""
    return float((truth == decided).mean()) if len(truth) else None


def balanced_accuracy(truth: Ints, decided: Ints) -> float | None:
    """Mean recall over the grades that occur."""
    recalls = [float((decided[truth == rank] == rank).mean()) for rank in np.unique(truth)]
    return float(np.mean(recalls)) if recalls else None


def macro_f1(truth: Ints, decided: Ints) -> float | None:
    """Mean F1 over the grades that occur in truth."""
    scores = []
    for rank in np.unique(truth):
        hits = int(((truth == rank) & (decided == rank)).sum())
        scores.append(2 * hits / int((truth == rank).sum() + (decided == rank).sum()))
    return float(np.mean(scores)) if scores else None


def quadratic_kappa(truth: Ints, decided: Ints, grades: int) -> float | None:
    """Cohen's kappa with quadratic weights; None when all items share one grade."""
    if len(np.unique(truth)) < 2:
        return None
    observed = np.zeros((grades, grades))
    np.add.at(observed, (truth, decided), 1)
    expected = np.outer(observed.sum(axis=1), observed.sum(axis=0)) / observed.sum()
    ranks = np.arange(grades)
    apart = (ranks[:, None] - ranks[None]) ** 2
    return 1 - float((apart * observed).sum() / (apart * expected).sum())


def auroc(scores: Floats, positive: Bools) -> float | None:
    """Chance that a positive scores higher than a negative, ties half; None without both."""
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return None
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (counts.cumsum() - (counts - 1) / 2)[inverse]
    above = float(ranks[positive].sum()) - positives * (positives + 1) / 2
    return above / (positives * negatives)


def average_precision(scores: Floats, positive: Bools) -> float | None:
    """Area under precision over recall; ties share one step. None without a positive."""
    if not positive.any():
        return None
    order = np.argsort(-scores, kind="stable")
    ordered, hits = scores[order], positive[order].cumsum()
    last_of_tie = np.append(np.diff(ordered) != 0, True)
    precision = (hits / np.arange(1, len(hits) + 1))[last_of_tie]
    recall = hits[last_of_tie] / hits[-1]
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def expected_calibration_error(probabilities: Floats, truth: Ints, bins: int = 10) -> float | None:
    """Mean gap between confidence and accuracy over equal-width bins of the top probability."""
    if not len(truth):
        return None
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    chosen = np.minimum((confidence * bins).astype(int), bins - 1)
    gap = sum(
        abs(float(right[chosen == b].sum()) - float(confidence[chosen == b].sum()))
        for b in np.unique(chosen)
    )
    return gap / len(truth)
