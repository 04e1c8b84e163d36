"""Figures of the most probable grade and of two sides, beside those of the decided grade."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from tests.training.evaluation.factories import HOW, STAKES, columns
from training.evaluation.bootstrap import draw
from training.evaluation.columns import Columns
from training.evaluation.figures import Estimate
from training.evaluation.measures import slice_of


def _estimates(items: Columns) -> dict[str, Estimate]:
    counts = draw(items.source, items.group, HOW)
    return slice_of(items, counts, STAKES, HOW).estimates


def _cautious(seed: int = 0) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Truths with probabilities that favour them, of 60 items."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 4, 60)
    probabilities = rng.dirichlet(np.ones(4), 60) + 0.6 * np.eye(4)[truth]
    return truth, probabilities / probabilities.sum(axis=1, keepdims=True)


def test_the_most_probable_grade_is_scored_whatever_was_decided() -> None:
    truth, probabilities = _cautious()
    found = _estimates(columns(truth.tolist(), [3] * 60, probabilities=probabilities))
    probable = probabilities.argmax(axis=1)
    assert found["accuracy"].value == pytest.approx((truth == 3).mean())
    assert found["accuracy_most_probable"].value == pytest.approx((truth == probable).mean())
    assert found["macro_f1_most_probable"].value == pytest.approx(
        f1_score(truth, probable, average="macro")
    )
    for key in ("accuracy_most_probable", "macro_f1_most_probable"):
        one = found[key]
        assert one.value is not None
        assert one.low is not None
        assert one.high is not None
        assert one.low < one.value < one.high


def test_two_sides_are_told_by_the_probability_of_the_worse_one() -> None:
    """Neither the most probable grade nor the decided one says which side is more probable."""
    split_above = [0.4, 0.05, 0.28, 0.27]
    probabilities = [split_above, split_above, [0.6, 0.2, 0.1, 0.1], [0.1, 0.5, 0.2, 0.2]]
    found = _estimates(columns([2, 0, 1, 3], [0, 0, 3, 3], probabilities=probabilities))
    assert (found["two_way_accuracy"].value, found["two_way_accuracy"].n) == (0.5, 4)


def test_labels_that_leave_the_side_open_count_nowhere() -> None:
    best, worst = [0, 0, 1, 2, -1, 0], [1, 3, 2, 3, -1, 0]
    found = _estimates(columns(best, [0, 0, 0, 2, 0, 3], worst=worst))["two_way_accuracy"]
    assert found.value == pytest.approx(2 / 3)
    assert found.n == 3


@pytest.mark.parametrize("best", [[0, 1, 0], [2, 3, 3], []])
def test_items_of_one_side_alone_have_no_two_way_figure(best: list[int]) -> None:
    assert _estimates(columns(best, best))["two_way_accuracy"].value is None
