"""The figures of a set of items: one row each, with what it means and what it rests on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Self

import numpy as np

from model.contract import GRADES, Grade, Manifest
from training.evaluation import weighted
from training.evaluation.bootstrap import Counts, Resampling, estimate
from training.evaluation.columns import Bools, Columns, Floats, Ints
from training.evaluation.figures import Estimate, Slice

_WORSE = Grade.REPAIRABLE.rank
"""From here on an item is defective: what two-way figures part it at."""
Compute = Callable[[Columns, Floats, "Stakes"], Floats]


class Rests(Enum):
    """Which items a figure rests on."""

    EXACT = "items whose label is one grade"
    LABELLED = "items whose label bounds the grade"
    CLEAR = "items whose label is new or excludes new"
    ONE_SIDE = "items whose label is of the two better grades, or of the two worse ones"
    DECIDED = "exactly labelled items that no person sees"
    ALL = "all items"


class Better(Enum):
    """Which direction is an improvement."""

    HIGHER = "higher"
    LOWER = "lower"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class Stakes:
    """What mistakes and reviews cost."""

    costs: Floats
    """(4, 4) costs[true][decided]"""
    review_cost: float

    @classmethod
    def of(cls, manifest: Manifest) -> Self:
        """Those that a bundle decides by."""
        return cls(np.array(manifest.thresholds.costs), manifest.thresholds.review_cost)


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure."""

    key: str
    title: str
    meaning: str
    rests: Rests
    better: Better
    compute: Compute
    is_share: bool = False
    is_cost: bool = False


def resting_on(items: Columns, rests: Rests) -> Bools:
    """(N,) the items that a figure rests on."""
    match rests:
        case Rests.EXACT:
            return items.exact
        case Rests.LABELLED:
            return items.labelled
        case Rests.CLEAR:
            clear: Bools = items.labelled & ((items.worst == 0) | (items.best > 0))
            return clear
        case Rests.ONE_SIDE:
            better, worse = items.labelled & (items.worst < _WORSE), items.best >= _WORSE
            one_side: Bools = better | worse
            return one_side
        case Rests.DECIDED:
            return items.exact & ~items.review
        case Rests.ALL:
            return np.ones(len(items), bool)


def slice_of(items: Columns, counts: Counts, stakes: Stakes, how: Resampling) -> Slice:
    """Every figure of some items; `counts` are their (B, N) columns of the resamples."""
    return Slice(
        items=len(items),
        groups=len(np.unique(items.group)),
        exactly_labelled=int(items.exact.sum()),
        estimates={m.key: measured(m, items, counts, stakes, how) for m in MEASURES},
    )


def measured(
    measure: Measure, items: Columns, counts: Counts, stakes: Stakes, how: Resampling
) -> Estimate:
    """One figure of some items with its interval."""
    chosen = resting_on(items, measure.rests)
    rest = items[chosen]
    return estimate(
        lambda weights: measure.compute(rest, weights, stakes),
        counts[:, chosen],
        how.level,
        n=len(rest),
        groups=len(np.unique(rest.group)),
        is_share=measure.is_share,
    )


def realised_cost(items: Columns, stakes: Stakes) -> Floats:
    """(N,) cost of acting on the decided grade of exactly labelled items."""
    cost: Floats = stakes.costs[items.best, items.decided]
    return cost


def covered(items: Columns) -> Bools:
    """(N,) whether the set of an exactly labelled item holds its grade."""
    held: Bools = items.in_set[np.arange(len(items)), items.best]
    return held


def table(items: Columns, answers: Ints, weights: Floats) -> Floats:
    """(B, 4, 4) confusion of exactly labelled items with (N,) answers."""
    return weighted.confusion(items.best, answers, len(GRADES), weights)


def _two_way(items: Columns, weights: Floats) -> Floats:
    """Accuracy at P(repairable or worse) = 0.5; NaN where the items are all of one kind."""
    defective = items.best >= _WORSE
    if len(np.unique(defective)) < 2:
        return np.full(len(weights), np.nan)
    said = items.probabilities[:, _WORSE:].sum(axis=1) >= 0.5
    return weighted.mean(said == defective, weights)


def _calibration(probabilities: Floats, items: Columns, weights: Floats) -> Floats:
    right = probabilities.argmax(axis=1) == items.best
    return weighted.calibration_error(top(probabilities), right, weights)


def top(probabilities: Floats) -> Floats:
    """(N, 4) -> (N,) largest probability; an empty table has none."""
    largest: Floats = probabilities.max(axis=1, initial=0.0)
    return largest


def _right(items: Columns) -> Bools:
    right: Bools = items.best == items.decided
    return right


MEASURES = (
    Measure(
        "accuracy",
        "accuracy",
        "Share of items given exactly the labelled grade: the decided one, of least expected cost.",
        Rests.EXACT,
        Better.HIGHER,
        lambda items, w, _: weighted.mean(_right(items), w),
        is_share=True,
    ),
    Measure(
        "accuracy_most_probable",
        "accuracy (most probable)",
        "Share of items whose most probable grade is the labelled one, costs aside: what published "
        "figures mean.",
        Rests.EXACT,
        Better.HIGHER,
        lambda items, w, _: weighted.mean(items.best == items.probable, w),
        is_share=True,
    ),
    Measure(
        "balanced_accuracy",
        "balanced accuracy",
        "Mean over the grades that occur of the share found: a frequent grade counts once.",
        Rests.EXACT,
        Better.HIGHER,
        lambda items, w, _: weighted.balanced_accuracy(table(items, items.decided, w)),
    ),
    Measure(
        "macro_f1",
        "macro-F1",
        "Mean over the grades that occur of F1, which also punishes calling others that grade.",
        Rests.EXACT,
        Better.HIGHER,
        lambda items, w, _: weighted.macro_f1(table(items, items.decided, w)),
    ),
    Measure(
        "macro_f1_most_probable",
        "macro-F1 (most probable)",
        "The same of the most probable grade, costs aside: what published figures mean.",
        Rests.EXACT,
        Better.HIGHER,
        lambda items, w, _: weighted.macro_f1(table(items, items.probable, w)),
    ),
    Measure(
        "quadratic_kappa",
        "weighted kappa",
        "Agreement beyond chance, a miss by two grades counting four times one by one (Cohen 1968). "
        "None where one grade occurs.",
        Rests.EXACT,
        Better.HIGHER,
        lambda items, w, _: weighted.quadratic_kappa(table(items, items.decided, w)),
    ),
    Measure(
        "mean_absolute_error",
        "grade error",
        "Mean number of grades between decided and labelled.",
        Rests.EXACT,
        Better.LOWER,
        lambda items, w, _: weighted.mean(np.abs(items.best - items.decided), w),
    ),
    Measure(
        "interval_accuracy",
        "interval accuracy",
        "Share whose decided grade lies within what the label allows.",
        Rests.LABELLED,
        Better.HIGHER,
        lambda items, w, _: weighted.mean(
            (items.best <= items.decided) & (items.decided <= items.worst), w
        ),
        is_share=True,
    ),
    Measure(
        "two_way_accuracy",
        "two-way accuracy",
        "New or lightly used against repairable or salvage, as functional against defective: share on "
        "the labelled side, at a probability of 0.5. None where all are of one side.",
        Rests.ONE_SIDE,
        Better.HIGHER,
        lambda items, w, _: _two_way(items, w),
        is_share=True,
    ),
    Measure(
        "damaged_auroc",
        "damaged AUROC",
        "Chance that a damaged item has a lower P(new) than a new one.",
        Rests.CLEAR,
        Better.HIGHER,
        lambda items, w, _: weighted.auroc(1 - items.probabilities[:, 0], items.best > 0, w),
    ),
    Measure(
        "ece_before",
        "ECE before",
        "Expected calibration error at temperature 1: mean gap of confidence and accuracy, 10 bins.",
        Rests.EXACT,
        Better.LOWER,
        lambda items, w, _: _calibration(items.uncalibrated, items, w),
    ),
    Measure(
        "ece_after",
        "ECE",
        "The same with the bundle's temperature. On few items chance alone makes it large.",
        Rests.EXACT,
        Better.LOWER,
        lambda items, w, _: _calibration(items.probabilities, items, w),
    ),
    Measure(
        "coverage",
        "coverage",
        "Share of prediction sets that hold the labelled grade.",
        Rests.EXACT,
        Better.NEITHER,
        lambda items, w, _: weighted.mean(covered(items), w),
        is_share=True,
    ),
    Measure(
        "mean_set_size",
        "set size",
        "Mean number of grades in a prediction set, 1 to 4.",
        Rests.ALL,
        Better.LOWER,
        lambda items, w, _: weighted.mean(items.in_set.sum(axis=1), w),
    ),
    Measure(
        "review_share",
        "sent to a person",
        "Share of items that a person sees.",
        Rests.ALL,
        Better.LOWER,
        lambda items, w, _: weighted.mean(items.review, w),
        is_share=True,
    ),
    Measure(
        "accuracy_without_review",
        "accuracy unseen",
        "Accuracy of those that no person sees.",
        Rests.DECIDED,
        Better.HIGHER,
        lambda items, w, _: weighted.mean(_right(items), w),
        is_share=True,
    ),
    Measure(
        "cost_per_item",
        "cost per item",
        "By the bundle's costs, an item that a person sees costing a review.",
        Rests.EXACT,
        Better.LOWER,
        lambda items, w, stakes: weighted.mean(
            np.where(items.review, stakes.review_cost, realised_cost(items, stakes)), w
        ),
        is_cost=True,
    ),
    Measure(
        "cost_alone",
        "cost alone",
        "The same if no person saw any item.",
        Rests.EXACT,
        Better.LOWER,
        lambda items, w, stakes: weighted.mean(realised_cost(items, stakes), w),
        is_cost=True,
    ),
    Measure(
        "aurc",
        "AURC",
        "Area under the risk-coverage curve: mean error when the surest share is decided alone, "
        "over all shares.",
        Rests.EXACT,
        Better.LOWER,
        lambda items, w, _: weighted.area_under_risk(
            items.expected_cost, (~_right(items)).astype(float), w
        ),
    ),
)

BY_KEY = {measure.key: measure for measure in MEASURES}
