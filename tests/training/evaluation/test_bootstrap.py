"""Resamples and intervals."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest, norm

from tests.training.evaluation.factories import HOW, STAKES, columns
from training.evaluation import weighted
from training.evaluation.bootstrap import Resampling, draw, estimate, interval
from training.evaluation.figures import Estimate
from training.evaluation.measures import MEASURES, slice_of


def _share(hits: NDArray[Any], how: Resampling = HOW) -> Estimate:
    names = np.arange(len(hits)).astype(np.str_)
    counts = draw(np.zeros(len(hits), np.str_), names, how)
    n = len(hits)
    return estimate(
        lambda w: weighted.mean(hits, w), counts, how.level, n=n, groups=n, is_share=True
    )


def test_groups_are_drawn_whole_and_each_source_keeps_its_number_of_them() -> None:
    source = np.array(["a", "a", "a", "b", "b"])
    group = np.array(["1", "1", "2", "3", "4"])
    counts = draw(source, group, HOW)
    assert (counts[:, 0] == counts[:, 1]).all()
    assert (counts[:, 1] + counts[:, 2] == 2).all()
    assert (counts[:, 3] + counts[:, 4] == 2).all()
    assert set(counts[:, 0]) == {0, 1, 2}


def test_the_seed_decides() -> None:
    names = np.arange(9).astype(np.str_)
    one, again = (draw(names[:1].repeat(9), names, HOW) for _ in range(2))
    other = draw(names[:1].repeat(9), names, Resampling(200, seed=1))
    assert (one == again).all()
    assert (one != other).any()


def test_the_interval_of_a_mean_is_that_of_the_normal_theory() -> None:
    hits = np.arange(400) % 4 == 0
    found = _share(hits, Resampling(resamples=4000))
    half = norm.ppf(0.975) * np.sqrt(0.25 * 0.75 / 400)
    assert (found.low, found.value, found.high) == pytest.approx(
        (0.25 - half, 0.25, 0.25 + half), abs=0.005
    )


def test_copies_in_a_group_add_no_certainty() -> None:
    """Ten copies of each of ten items are ten groups: as unsure as the ten items alone."""
    hits = np.repeat(np.arange(10) < 4, 10)
    groups = np.repeat(np.arange(10), 10).astype(np.str_)
    counts = draw(np.zeros(100, np.str_), groups, HOW)
    copied = estimate(lambda w: weighted.mean(hits, w), counts, 0.95, n=100, groups=10)
    alone = _share(np.arange(10) < 4)
    assert (copied.low, copied.high) == (alone.low, alone.high)


def test_a_share_without_a_miss_has_the_exact_interval() -> None:
    found = _share(np.ones(7, bool))
    exact = binomtest(7, 7).proportion_ci(0.95, "exact")
    assert (found.value, found.low, found.high) == (1.0, exact.low, 1.0)
    assert _share(np.zeros(7, bool)).low == 0.0


def test_a_figure_that_rests_on_too_few_has_no_interval() -> None:
    assert interval(np.array([0.5] * 80 + [np.nan] * 20), 0.95, 9) == (None, None)
    assert interval(np.linspace(0, 1, 9), 0.95, 4) == (None, None)
    assert interval(np.full(5, np.nan), 0.95, 9) == (None, None)
    one_positive = np.arange(6) == 0
    counts = draw(np.zeros(6, np.str_), np.arange(6).astype(np.str_), HOW)
    found = estimate(
        lambda w: weighted.auroc(np.linspace(1, 0, 6), one_positive, w), counts, 0.95, n=6, groups=6
    )
    assert (found.value, found.low, found.high) == (1.0, None, None)


@pytest.mark.parametrize("n", [30, 300])
def test_intervals_hold_the_figure(n: int) -> None:
    """Also where resampling is biased, as the calibration error is."""
    rng = np.random.default_rng(n)
    best = rng.integers(0, 4, n)
    decided = np.clip(best + rng.integers(-1, 2, n), 0, 3)
    probabilities = rng.dirichlet(np.ones(4), n)
    items = columns(best.tolist(), decided.tolist(), probabilities=probabilities)
    counts = draw(items.source, items.group, HOW)
    for key, found in slice_of(items, counts, STAKES, HOW).estimates.items():
        if found.low is not None and found.high is not None and found.value is not None:
            assert found.low <= found.value <= found.high, key


def test_intervals_shrink_with_the_number_of_items() -> None:
    def widths(copies: int) -> dict[str, float]:
        best = [0, 0, 1, 1, 2, 2, 3, 3] * copies
        items = columns(best, [0, 1, 1, 2, 2, 2, 3, 1] * copies)
        counts = draw(items.source, items.group, HOW)
        found = slice_of(items, counts, STAKES, HOW).estimates
        return {key: one.high - one.low for key, one in found.items() if one.high and one.low}

    few, many = widths(4), widths(64)
    shared = {"accuracy", "balanced_accuracy", "macro_f1", "quadratic_kappa", "cost_alone"}
    assert shared <= few.keys() & many.keys()
    for key in shared:
        assert many[key] < few[key] / 2, key


def test_every_measure_bears_no_items_one_grade_and_unknown_grades() -> None:
    cases = {
        "nothing": columns([], []),
        "one grade": columns([0, 0, 0], [0, 0, 0]),
        "all unknown": columns([-1, -1], [0, 1]),
    }
    for name, items in cases.items():
        counts = draw(items.source, items.group, HOW)
        found = slice_of(items, counts, STAKES, HOW)
        assert found.estimates.keys() == {measure.key for measure in MEASURES}
        assert found.estimates["quadratic_kappa"].value is None, name
        assert found.estimates["damaged_auroc"].value is None, name


def test_an_unknown_grade_still_counts_where_no_label_is_needed() -> None:
    items = columns([-1, -1], [0, 1])
    found = slice_of(items, draw(items.source, items.group, HOW), STAKES, HOW)
    assert found.estimates["accuracy"] == Estimate(value=None, low=None, high=None, n=0)
    assert found.estimates["review_share"].value == 0.0
