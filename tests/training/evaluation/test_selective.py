"""Costs, operating points and coverage, by hand."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.training.evaluation.factories import HOW, STAKES, bundle_manifest, columns
from training.evaluation.bootstrap import draw
from training.evaluation.columns import Columns
from training.evaluation.measures import BY_KEY, slice_of
from training.evaluation.selective import (
    cheapest_threshold,
    coverage,
    risk_coverage,
    selective,
)

# Costs of acting: 0, 4 (lightly used taken for new), 0, 1 (repairable taken for salvage).
ITEMS = columns(
    [0, 1, 2, 2],
    [0, 0, 2, 3],
    review=[False, False, True, False],
    expected_cost=[0.1, 0.9, 2.0, 0.5],
)


def _counts(items: Columns) -> NDArray[Any]:
    return draw(items.source, items.group, HOW)


def test_costs_and_errors_of_items() -> None:
    found = slice_of(ITEMS, _counts(ITEMS), STAKES, HOW).estimates
    assert found["cost_alone"].value == pytest.approx((0 + 4 + 0 + 1) / 4)
    assert found["cost_per_item"].value == pytest.approx((0 + 4 + 1 + 1) / 4)
    assert found["accuracy"].value == pytest.approx(2 / 4)
    assert found["accuracy_without_review"].value == pytest.approx(1 / 3)
    assert found["mean_absolute_error"].value == pytest.approx(2 / 4)
    assert found["review_share"].value == pytest.approx(1 / 4)


def test_an_interval_label_counts_only_where_it_can() -> None:
    items = columns([1, 0, 0], [3, 1, 0], worst=[3, 1, 0])
    found = slice_of(items, _counts(items), STAKES, HOW).estimates
    assert found["interval_accuracy"].value == pytest.approx(1.0)
    assert (found["accuracy"].value, found["accuracy"].n) == (1.0, 1)
    assert found["damaged_auroc"].n == 2


def test_the_curve_takes_the_surest_first() -> None:
    curve = risk_coverage(ITEMS, STAKES)
    assert [point.decided_share for point in curve] == [0.25, 0.5, 0.75, 1.0]
    assert [point.error for point in curve] == pytest.approx([0, 1 / 2, 2 / 3, 2 / 4])
    assert [point.cost_per_item for point in curve] == pytest.approx([3 / 4, 3 / 4, 6 / 4, 5 / 4])


def test_operating_points() -> None:
    found = selective(ITEMS, _counts(ITEMS), STAKES, HOW)
    shipped, alone, person, hindsight = found.points
    assert shipped.review_share.value == pytest.approx(1 / 4)
    assert shipped.error.value == pytest.approx(2 / 3)
    assert shipped.cost_per_item.value == pytest.approx(6 / 4)
    assert (alone.error.value, alone.cost_per_item.value) == pytest.approx((2 / 4, 5 / 4))
    assert (person.error.value, person.cost_per_item.value) == (None, 1.0)
    assert hindsight.threshold == 0.1
    assert hindsight.cost_per_item.value == pytest.approx(3 / 4)
    assert found.aurc.value == pytest.approx((0 + 1 / 2 + 2 / 3 + 2 / 4) / 4)


def test_where_every_decision_costs_more_than_a_person_none_is_taken() -> None:
    items = columns([3, 3], [0, 0], expected_cost=[0.2, 0.3])
    assert cheapest_threshold(items, STAKES) == 0.0
    assert cheapest_threshold(columns([], []), STAKES) is None


def _covered(held: int, of: int, source: str) -> Columns:
    in_set = np.zeros((of, 4), bool)
    in_set[:held, 0] = True
    in_set[held:, 1] = True
    return columns([0] * of, [0] * of, in_set=in_set, source=[source] * of)


@pytest.mark.parametrize(
    ("held", "of", "below"), [(90, 100, False), (86, 100, False), (70, 100, True), (3, 4, False)]
)
def test_coverage_is_flagged_where_even_the_interval_lies_two_points_below(
    held: int, of: int, below: bool
) -> None:
    items = _covered(held, of, "left")
    found = coverage(items, _counts(items), bundle_manifest(), HOW)
    whole, by_grade, by_source, both = found.cells
    assert (whole.source, whole.grade) == ("all", "all")
    assert (by_grade.source, by_grade.grade) == ("all", "new")
    assert (by_source.source, both.grade) == ("left", "new")
    assert whole.coverage.value == pytest.approx(held / of)
    assert {cell.below for cell in found.cells} == {below}


def test_no_items_give_no_curve_and_no_cells() -> None:
    nothing = columns([], [])
    found = selective(nothing, _counts(nothing), STAKES, HOW)
    assert found.curve == ()
    assert all(point.error.value is None for point in found.points)
    assert coverage(nothing, _counts(nothing), bundle_manifest(), HOW).cells == ()


def test_every_measure_says_what_it_means() -> None:
    assert all(measure.meaning.endswith(".") for measure in BY_KEY.values())
