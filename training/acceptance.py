"""Whether an INT8 network is accepted: what it loses against the float one, and what of that shows.

Accuracy and macro-F1 rest on every labelled item, and one of 200 is half a point: a larger loss
refuses. Damage types, places and coverage rest on less (one picture of a rare type moves its average
precision by points), so there a larger loss refuses if it is more than chance: if its interval over
paired resamples lies above 0. A loss that is within chance is recorded, and refuses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.contract import Manifest
from model.contract.bundle import Loss
from training.evaluation import weighted
from training.evaluation.bootstrap import Resampling, draw
from training.evaluation.columns import Columns, columns_of
from training.evaluation.compare import differing
from training.evaluation.evaluate import DEFAULT_RESAMPLING
from training.evaluation.figures import Estimate
from training.evaluation.graded import Graded
from training.evaluation.localisation import locate
from training.evaluation.located import statistics
from training.evaluation.measures import Better, covered

Floats = NDArray[np.floating[Any]]

MOST_LOST_POINTS = 0.5
FEWEST_LABELLED = 200
"""Of fewer items one alone is more than half a point."""
PLACES = {
    "box_hit_rate_50": "boxes found at IoU 0.5",
    "mask_iou": "mask IoU",
    "au_pro_30": "AU-PRO",
}
TITLES = {
    "damage_average_precision": "average precision, mean over damage types",
    **PLACES,
    "coverage": "coverage (prediction sets)",
}


def losses(
    floats: Sequence[Graded],
    ints: Sequence[Graded],
    manifest: Manifest,
    how: Resampling = DEFAULT_RESAMPLING,
) -> dict[str, Loss]:
    """What INT8 loses of damage types, places and coverage, by the keys of `TITLES`.

    Args:
        floats: The items as the float network grades them.
        ints: The same items as the INT8 network does.
        manifest: Of the bundle that both are in.
        how: How intervals are made.

    Returns:
        Losses; a figure that the labels do not allow is left out.
    """
    ours, theirs = columns_of(floats, manifest), columns_of(ints, manifest)
    counts = draw(ours.source, ours.group, how)
    one, other = (statistics(locate(graded, manifest)) for graded in (floats, ints))
    pairs = {
        "damage_average_precision": (_mean_precision(ours), _mean_precision(theirs)),
        **{name: (one[name].figure, other[name].figure) for name in PLACES},
        "coverage": (_coverage(ours), _coverage(theirs)),
    }
    rests = {
        "damage_average_precision": ours.known.any(axis=1),
        "coverage": ours.exact,
    }
    groups = {name: len(np.unique(ours.group[rest])) for name, rest in rests.items()}
    groups |= {name: one[name].groups for name in PLACES}
    found = {
        name: differing(*pair, counts, how, n=0, groups=groups[name], better=Better.HIGHER)
        for name, pair in pairs.items()
    }
    return {
        name: _loss(each.difference)
        for name, each in found.items()
        if each.difference.value is not None
    }


def _loss(gain: Estimate) -> Loss:
    value, low, high = (
        None if end is None else -100 * end + 0.0 for end in (gain.value, gain.high, gain.low)
    )
    return Loss(points=value or 0.0, low=low, high=high)


def _coverage(items: Columns) -> Callable[[Floats], Floats]:
    exact = items.exact
    held = covered(items[exact])
    return lambda weights: weighted.mean(held, weights[:, exact])


def _mean_precision(items: Columns) -> Callable[[Floats], Floats]:
    """Over the types that some item of a resample has."""

    def figure(weights: Floats) -> Floats:
        of_types = np.array(
            [
                weighted.average_precision(
                    items.damage[known, t], items.present[known, t], weights[:, known]
                )
                for t, known in enumerate(items.known.T)
            ]
        ).reshape(-1, len(weights))
        told = ~np.isnan(of_types)
        return weighted.divide(np.nansum(of_types, axis=0), told.sum(axis=0))

    return figure


def judge(
    labelled: int,
    accuracy_lost: float | None,
    macro_f1_lost: float | None,
    lost: Mapping[str, Loss],
    ratio: float,
) -> tuple[bool, str]:
    """Whether the INT8 network is accepted, and a sentence that says why.

    Args:
        labelled: Validation items with a grade label.
        accuracy_lost: Points of interval accuracy, float minus INT8; None where unknown.
        macro_f1_lost: Points of macro-F1; None where no label is exact.
        lost: Of damage types, places and coverage.
        ratio: Time of float over time of INT8.
    """
    if accuracy_lost is None:
        return False, "no validation picture has a grade label, so its loss is unknown"
    if labelled < FEWEST_LABELLED:
        return False, (
            f"{labelled} validation items have a grade label; {FEWEST_LABELLED} are needed to see "
            f"a loss of {MOST_LOST_POINTS} points"
        )
    of_grades = {"accuracy": accuracy_lost, "macro-F1": macro_f1_lost}
    too_much = [
        f"it loses {points:.2f} points of {name}, more than {MOST_LOST_POINTS}"
        for name, points in of_grades.items()
        if points is not None and not points <= MOST_LOST_POINTS
    ]
    too_much += [
        f"it loses {loss.points:.2f} points of {TITLES[name]}, more than {MOST_LOST_POINTS} and more "
        "than chance"
        for name, loss in lost.items()
        if not loss.points <= MOST_LOST_POINTS and loss.low is not None and loss.low > 0
    ]
    if too_much:
        return False, "; ".join(too_much)
    if not ratio > 1.0:
        return False, f"it is not faster here ({ratio:.2f} times the speed of the float network)"
    return True, (
        f"it loses at most {MOST_LOST_POINTS} points of accuracy and macro-F1, shows no larger loss "
        f"of damage types, places or coverage, and is {ratio:.2f} times as fast"
    )
