"""Metrics over N items under many weightings at once: what makes a bootstrap take seconds.

A resample of N items is a row of N counts, so a figure of B resamples is one function of a (B, N)
array, and the figure itself is the same function of a row of ones. scikit-learn takes one weighting
a call, minutes for what takes a second here; the tests hold every function to its `sample_weight`.

Every function returns (B,), NaN where the figure has no meaning. Weights are (B, N), at least 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]
Bools = NDArray[np.bool_]

BINS = 10


def divide(top: Floats, bottom: Floats) -> Floats:
    """Quotient, NaN where `bottom` is not positive."""
    top, bottom = np.broadcast_arrays(np.asarray(top, float), np.asarray(bottom, float))
    quotient: Floats = np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom > 0)
    return quotient


def mean(values: Floats | Bools, weights: Floats) -> Floats:
    """Weighted mean of (N,) values."""
    return divide(weights @ values.astype(float), weights.sum(axis=1))


def confusion(truth: Ints, decided: Ints, grades: int, weights: Floats) -> Floats:
    """(B, K, K) weight of each pair of true (rows) and decided (columns) ranks; K `grades`."""
    pairs = np.eye(grades * grades)[truth * grades + decided]
    table: Floats = (weights @ pairs).reshape(len(weights), grades, grades)
    return table


def accuracy(table: Floats) -> Floats:
    """Share on the diagonal of (B, K, K)."""
    return divide(np.trace(table, axis1=1, axis2=2), table.sum(axis=(1, 2)))


def balanced_accuracy(table: Floats) -> Floats:
    """Mean recall over the grades that occur."""
    return _mean_over_occurring(_diagonal(table), table.sum(axis=2), table)


def macro_f1(table: Floats) -> Floats:
    """Mean F1 over the grades that occur in truth."""
    return _mean_over_occurring(2 * _diagonal(table), table.sum(axis=2) + table.sum(axis=1), table)


def _diagonal(table: Floats) -> Floats:
    diagonal: Floats = np.diagonal(table, axis1=1, axis2=2)
    return diagonal


def _mean_over_occurring(top: Floats, bottom: Floats, table: Floats) -> Floats:
    occurs = table.sum(axis=2) > 0
    scores = np.where(occurs, np.nan_to_num(divide(top, bottom)), 0.0)
    return divide(scores.sum(axis=1), occurs.sum(axis=1))


def quadratic_kappa(table: Floats) -> Floats:
    """Cohen's kappa with quadratic weights; NaN where fewer than two grades occur in truth."""
    ranks = np.arange(table.shape[1])
    apart = (ranks[:, None] - ranks[None]) ** 2
    rows, columns = table.sum(axis=2), table.sum(axis=1)
    by_chance = divide(rows[:, :, None] * columns[:, None], table.sum(axis=(1, 2))[:, None, None])
    disagreement = divide((apart * table).sum(axis=(1, 2)), (apart * by_chance).sum(axis=(1, 2)))
    return np.where((rows > 0).sum(axis=1) > 1, 1 - disagreement, np.nan)


def auroc(scores: Floats, positive: Bools, weights: Floats) -> Floats:
    """Chance that a positive scores higher than a negative, ties half; NaN without both."""
    if not len(scores):
        return np.full(len(weights), np.nan)
    order, starts = _ties(scores)
    found = _sums(weights[:, order] * positive[order], starts)
    other = _sums(weights[:, order] * ~positive[order], starts)
    below = other.cumsum(axis=1) - other / 2
    return divide((found * below).sum(axis=1), found.sum(axis=1) * other.sum(axis=1))


def average_precision(scores: Floats, positive: Bools, weights: Floats) -> Floats:
    """Sum of precision times the step of recall; ties share a step. NaN without a positive."""
    if not len(scores):
        return np.full(len(weights), np.nan)
    order, starts = _ties(-scores)
    found = _sums(weights[:, order] * positive[order], starts)
    shown = _sums(weights[:, order], starts).cumsum(axis=1)
    precision = np.nan_to_num(divide(found.cumsum(axis=1), shown))
    return divide((found * precision).sum(axis=1), found.sum(axis=1))


def area_under_risk(doubt: Floats, loss: Floats, weights: Floats) -> Floats:
    """Area under the risk-coverage curve (AURC; Geifman, Uziel and El-Yaniv, ICLR 2019).

    Mean, over the items in order of `doubt`, of the mean loss of all that are no more doubtful.

    Args:
        doubt: (N,), the least doubtful are decided first.
        loss: (N,) of deciding each.
        weights: (B, N)
    """
    if not len(doubt):
        return np.full(len(weights), np.nan)
    order, starts = _ties(doubt)
    taken = _sums(weights[:, order], starts)
    lost = _sums(weights[:, order] * loss[order], starts)
    risk = np.nan_to_num(divide(lost.cumsum(axis=1), taken.cumsum(axis=1)))
    return divide((taken * risk).sum(axis=1), taken.sum(axis=1))


def _ties(keys: Floats) -> tuple[Ints, Ints]:
    """Ascending order of the keys, and where in it each run of equal keys starts."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    return order, np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))


def _sums(values: Floats, starts: Ints) -> Floats:
    summed: Floats = np.add.reduceat(values, starts, axis=1)
    return summed


def calibration_error(confidence: Floats, right: Bools, weights: Floats) -> Floats:
    """Expected calibration error (Naeini et al., AAAI 2015) over ten bins of equal width."""
    bins = np.eye(BINS)[bin_of(confidence)]
    gap = np.abs(weights @ (bins * (right - confidence)[:, None])).sum(axis=1)
    return divide(gap, weights.sum(axis=1))


def bin_of(confidence: Floats) -> Ints:
    """Bin of each confidence in 0..1, right edges open but for the last."""
    return np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
