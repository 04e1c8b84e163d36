"""Metrics against values computed by hand."""

import numpy as np
import pytest

from training.metrics import (
    accuracy,
    auroc,
    average_precision,
    balanced_accuracy,
    expected_calibration_error,
    macro_f1,
    quadratic_kappa,
)

TRUTH = np.array([0, 0, 0, 1, 2, 3])
DECIDED = np.array([0, 0, 1, 1, 1, 3])
NOTHING = np.array([], dtype=np.int64)


def test_accuracies() -> None:
    assert accuracy(TRUTH, DECIDED) == pytest.approx(4 / 6)
    assert balanced_accuracy(TRUTH, DECIDED) == pytest.approx((2 / 3 + 1 + 0 + 1) / 4)


def test_macro_f1_counts_the_grades_that_occur() -> None:
    assert macro_f1(TRUTH, DECIDED) == pytest.approx((0.8 + 0.5 + 0 + 1) / 4)


def test_quadratic_kappa() -> None:
    assert quadratic_kappa(TRUTH, TRUTH, 4) == pytest.approx(1.0)
    # observed disagreement 2; expected: sum over i, j of (i - j)^2 t_i d_j / 6 = 90 / 6
    expected = sum((t - d) ** 2 for t in TRUTH for d in DECIDED) / 6
    assert quadratic_kappa(TRUTH, DECIDED, 4) == pytest.approx(1 - 2 / expected)
    assert quadratic_kappa(np.zeros(3, int), np.ones(3, int), 4) is None


def test_auroc_is_the_chance_of_the_right_order() -> None:
    scores = np.array([0.9, 0.4, 0.4, 0.1])
    positive = np.array([True, True, False, False])
    assert auroc(scores, positive) == pytest.approx((1 + 1 + 0.5 + 1) / 4)
    assert auroc(scores, np.ones(4, bool)) is None


def test_average_precision() -> None:
    scores = np.array([0.9, 0.8, 0.7, 0.6])
    positive = np.array([True, False, True, False])
    assert average_precision(scores, positive) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert average_precision(np.full(4, 0.5), positive) == pytest.approx(0.5)
    assert average_precision(scores, np.zeros(4, bool)) is None


def test_calibration_error() -> None:
    probabilities = np.array([[0.8, 0.2], [0.8, 0.2], [0.4, 0.6], [0.4, 0.6]])
    truth = np.array([0, 1, 1, 1])
    expected = (abs(1 - 1.6) + abs(2 - 1.2)) / 4
    assert expected_calibration_error(probabilities, truth) == pytest.approx(expected)


def test_no_items_give_no_figure() -> None:
    assert accuracy(NOTHING, NOTHING) is None
    assert balanced_accuracy(NOTHING, NOTHING) is None
    assert macro_f1(NOTHING, NOTHING) is None
    assert expected_calibration_error(np.zeros((0, 4)), NOTHING) is None
