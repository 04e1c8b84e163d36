"""Calibration on held-out pictures: temperatures, conformal quantiles and map thresholds."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from model.contract import GRADES, Grade
from model.decision import conformal_scores, grade_probabilities

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]
Bools = NDArray[np.bool_]

_HOTTEST = 10.0
_FEWEST_EACH_WAY = 5
_DEFAULT_THRESHOLD = 0.5
_FOLDS = 10


def grade_temperature(logits: Floats, best: Ints, worst: Ints) -> float:
    """Temperature under which the labels' intervals are most likely.

    Args:
        logits: (N, 3) cumulative logits.
        best: (N,) best rank of each label.
        worst: (N,) worst rank.

    Returns:
        The temperature; 1 where no label says anything.
    """
    says = worst - best < logits.shape[1]  # some grade is ruled out
    if not says.any():
        return 1.0

    def loss(temperature: float) -> float:
        mass = interval_mass(grade_probabilities(logits, temperature), best, worst)
        return -float(np.log(np.maximum(mass, 1e-12)).mean())

    return _best_temperature(loss)


def cross_fitted(logits: Floats, best: Ints, worst: Ints, groups: NDArray[np.str_]) -> Floats:
    """Probabilities of each item under the temperature of the items of other folds.

    For conformity scores that no item's own label has sharpened, without giving up items to choose
    the temperature by: split conformal prediction takes the fitted score for fixed in advance. Scores
    pooled over folds are those of cross-conformal prediction (Vovk, Annals of Mathematics and
    Artificial Intelligence 74, 2015) and of CV+ (Barber, Candes, Ramdas and Tibshirani, Annals of
    Statistics 49, 2021). The bundle then has one temperature, of all items, so that coverage rests on
    its hardly moving when a fold is left out: it is a single number, and the fold a tenth.

    Args:
        logits: (N, 3) cumulative logits.
        best: (N,) best rank of each label.
        worst: (N,) worst rank.
        groups: (N,) names of near-duplicates, which share a fold.

    Returns:
        (N, 4)
    """
    _, numbers = np.unique(groups, return_inverse=True)
    folds = numbers % _FOLDS
    found = np.empty((len(logits), len(GRADES)))
    for fold in np.unique(folds):
        out = folds == fold
        temperature = grade_temperature(logits[~out], best[~out], worst[~out])
        found[out] = grade_probabilities(logits[out], temperature)
    return found


def interval_mass(probabilities: Floats, best: Ints, worst: Ints) -> Floats:
    """(N, 4) -> (N,) probability that the grade lies in each label's interval."""
    ranks = np.arange(probabilities.shape[1])
    inside = (ranks >= best[:, None]) & (ranks <= worst[:, None])
    mass: Floats = (probabilities * inside).sum(axis=1)
    return mass


def damage_temperature(logits: Floats, present: Floats, known: Bools) -> float:
    """Temperature under which the known damage labels are most likely; all arrays (N, T)."""

    def loss(temperature: float) -> float:
        scaled = logits[known] / temperature
        return float((np.logaddexp(0, scaled) - present[known] * scaled).mean())

    return _best_temperature(loss) if known.any() else 1.0


def _best_temperature(loss: Callable[[float], float]) -> float:
    bound = math.log(_HOTTEST)
    found = minimize_scalar(lambda x: loss(math.exp(x)), bounds=(-bound, bound), method="bounded")
    return math.exp(float(found.x))


def conformal_quantiles(probabilities: Floats, truth: Ints, coverage: float) -> dict[Grade, float]:
    """For each grade the score up to which it belongs to the prediction set (split conformal).

    Args:
        probabilities: (N, 4) calibrated without their own labels, of items whose grade is known
            exactly.
        truth: (N,) their ranks.
        coverage: Nominal share of sets that hold the truth, for each grade.

    Returns:
        Quantiles. A grade of which there are too few items gets that of all items; of too few items
        in all it is 1, which makes every set hold every grade.
    """
    scores = np.array(
        [conformal_scores(row)[rank] for row, rank in zip(probabilities, truth, strict=True)]
    )
    of_all = _upper_quantile(scores, coverage)
    of_each = {grade: _upper_quantile(scores[truth == grade.rank], coverage) for grade in GRADES}
    fallback = 1.0 if of_all is None else of_all
    return {grade: fallback if own is None else own for grade, own in of_each.items()}


def _upper_quantile(scores: Floats, coverage: float) -> float | None:
    """With a correction for their finite number; None where they are too few."""
    rank = math.ceil((len(scores) + 1) * coverage)
    return None if rank > len(scores) else float(np.sort(scores)[rank - 1])


def map_thresholds(maps: Floats, present: Floats, known: Bools, cells: Ints) -> list[float]:
    """For each damage type the map probability that makes a box.

    Where enough pictures have their damage marked, the one that outlines it best (F1 over cells);
    otherwise the one that tells pictures with the damage from those without best (F1 over their
    largest probabilities).

    Args:
        maps: (N, T, h, w) probabilities.
        present: (N, T) 0 or 1.
        known: (N, T) whether `present` is known.
        cells: (N, T, h, w) 1 damaged, 0 free, -1 unknown.
    """
    found = []
    for t in range(maps.shape[1]):
        if (cells[:, t] > 0).any(axis=(1, 2)).sum() < _FEWEST_EACH_WAY:
            found.append(f1_threshold(maps[:, t].max(axis=(1, 2)), present[:, t], known[:, t]))
        else:
            found.append(f1_threshold(maps[:, t], cells[:, t] > 0, cells[:, t] >= 0))
    return found


def f1_threshold(scores: Floats, positive: NDArray[Any], known: Bools) -> float:
    """Score from which on to say yes, by the largest F1.

    Args:
        scores: Of any shape.
        positive: 0 or 1, the same shape.
        known: Whether `positive` is known, the same shape.

    Returns:
        The threshold; 0.5 where fewer than five are known to be positive, or negative.
    """
    scores, positive = scores[known], positive[known]
    positives = int(positive.sum())
    if min(positives, len(positive) - positives) < _FEWEST_EACH_WAY:
        return _DEFAULT_THRESHOLD
    order = np.argsort(-scores)
    ordered, hits = scores[order], positive[order].cumsum()
    last = np.append(ordered[1:] != ordered[:-1], True)  # of its score: a tie is taken whole
    f1 = 2 * hits[last] / (np.flatnonzero(last) + 1 + positives)
    return float(ordered[last][int(f1.argmax())])
