"""Weighted metrics against values computed by hand and against scikit-learn's `sample_weight`."""

import warnings
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics

from training.evaluation import weighted

TRUTH = np.array([0, 0, 0, 1, 2, 3])
DECIDED = np.array([0, 0, 1, 1, 1, 3])
ONES = np.ones((1, 6))
NONE = np.zeros(0)


def _table(truth: object, decided: object, weights: object = ONES) -> NDArray[Any]:
    return weighted.confusion(np.array(truth), np.array(decided), 4, np.array(weights))


def test_by_hand_accuracies() -> None:
    table = _table(TRUTH, DECIDED)
    assert weighted.accuracy(table) == pytest.approx([4 / 6])
    assert weighted.balanced_accuracy(table) == pytest.approx([(2 / 3 + 1 + 0 + 1) / 4])
    assert weighted.macro_f1(table) == pytest.approx([(0.8 + 0.5 + 0 + 1) / 4])


def test_by_hand_kappa() -> None:
    """Observed disagreement 2; by chance the sum over i, j of (i - j)^2 t_i d_j / n."""
    by_chance = sum((t - d) ** 2 for t in TRUTH for d in DECIDED) / 6
    assert weighted.quadratic_kappa(_table(TRUTH, DECIDED)) == pytest.approx([1 - 2 / by_chance])
    assert weighted.quadratic_kappa(_table(TRUTH, TRUTH)) == pytest.approx([1.0])
    assert np.isnan(weighted.quadratic_kappa(_table([0, 0], [1, 0], np.ones((1, 2)))))


def test_by_hand_auroc_is_the_chance_of_the_right_order() -> None:
    scores, positive = np.array([0.9, 0.4, 0.4, 0.1]), np.array([True, True, False, False])
    assert weighted.auroc(scores, positive, np.ones((1, 4))) == pytest.approx([3.5 / 4])
    assert np.isnan(weighted.auroc(scores, np.ones(4, bool), np.ones((1, 4))))


def test_by_hand_average_precision() -> None:
    scores, positive = np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, False, True, False])
    ones = np.ones((1, 4))
    assert weighted.average_precision(scores, positive, ones) == pytest.approx([0.5 + 0.5 * 2 / 3])
    assert weighted.average_precision(np.full(4, 0.5), positive, ones) == pytest.approx([0.5])
    assert np.isnan(weighted.average_precision(scores, np.zeros(4, bool), ones))


def test_by_hand_calibration_error() -> None:
    confidence, right = np.array([0.8, 0.8, 0.6, 0.6]), np.array([True, False, True, True])
    expected = (abs(1 - 1.6) + abs(2 - 1.2)) / 4
    found = weighted.calibration_error(confidence, right, np.ones((1, 4)))
    assert found == pytest.approx([expected])


def test_by_hand_area_under_risk() -> None:
    """The surest is right, the second wrong, the third right: risks 0, 1/2 and 1/3."""
    doubt, loss = np.array([0.3, 0.1, 0.2]), np.array([0.0, 0.0, 1.0])
    found = weighted.area_under_risk(doubt, loss, np.ones((1, 3)))
    assert found == pytest.approx([(0 + 1 / 2 + 1 / 3) / 3])


def test_equal_doubt_shares_one_risk() -> None:
    doubt, loss = np.zeros(4), np.array([1.0, 0.0, 0.0, 0.0])
    assert weighted.area_under_risk(doubt, loss, np.ones((1, 4))) == pytest.approx([0.25])


@pytest.mark.parametrize("seed", range(5))
def test_any_weights_give_what_scikit_learn_gives(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, decided = rng.integers(0, 4, 80), rng.integers(0, 4, 80)
    scores = rng.integers(0, 12, 80) / 12
    positive = rng.random(80) < 0.4
    weights = rng.integers(0, 4, (3, 80)).astype(float)
    table = weighted.confusion(truth, decided, 4, weights)
    found = {
        "accuracy": weighted.accuracy(table),
        "balanced": weighted.balanced_accuracy(table),
        "f1": weighted.macro_f1(table),
        "kappa": weighted.quadratic_kappa(table),
        "auroc": weighted.auroc(scores, positive, weights),
        "precision": weighted.average_precision(scores, positive, weights),
    }
    for row, w in enumerate(weights):
        expected = {
            "accuracy": metrics.accuracy_score(truth, decided, sample_weight=w),
            "balanced": metrics.balanced_accuracy_score(truth, decided, sample_weight=w),
            "f1": metrics.f1_score(truth, decided, average="macro", sample_weight=w),
            "kappa": metrics.cohen_kappa_score(
                truth, decided, weights="quadratic", sample_weight=w
            ),
            "auroc": metrics.roc_auc_score(positive, scores, sample_weight=w),
            "precision": metrics.average_precision_score(positive, scores, sample_weight=w),
        }
        assert {name: values[row] for name, values in found.items()} == pytest.approx(expected)


def test_a_weight_of_two_is_the_item_twice() -> None:
    doubt, loss = np.array([0.1, 0.2, 0.2, 0.4]), np.array([0.0, 1.0, 0.0, 1.0])
    counts = np.array([1, 2, 0, 3])
    twice = np.repeat(np.arange(4), counts)
    one = weighted.area_under_risk(doubt, loss, counts[None].astype(float))
    other = weighted.area_under_risk(doubt[twice], loss[twice], np.ones((1, 6)))
    assert one == pytest.approx(other)
    confidence, right = np.array([0.5, 0.9, 0.95, 0.3]), loss > 0
    one = weighted.calibration_error(confidence, right, counts[None].astype(float))
    other = weighted.calibration_error(confidence[twice], right[twice], np.ones((1, 6)))
    assert one == pytest.approx(other)


def test_nothing_gives_no_figure_and_no_warning() -> None:
    empty = np.ones((2, 0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = weighted.confusion(NONE.astype(int), NONE.astype(int), 4, empty)
        found = [
            weighted.mean(NONE, empty),
            weighted.accuracy(table),
            weighted.balanced_accuracy(table),
            weighted.macro_f1(table),
            weighted.quadratic_kappa(table),
            weighted.auroc(NONE, NONE.astype(bool), empty),
            weighted.average_precision(NONE, NONE.astype(bool), empty),
            weighted.calibration_error(NONE, NONE.astype(bool), empty),
            weighted.area_under_risk(NONE, NONE, empty),
        ]
    assert all(np.isnan(values).all() and values.shape == (2,) for values in found)
