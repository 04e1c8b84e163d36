"""Calibration recovers what was put into generated data."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.contract import GRADES
from model.decision import conformal_scores, grade_probabilities, sigmoid
from training.calibrate import (
    conformal_quantiles,
    cross_fitted,
    damage_temperature,
    f1_threshold,
    grade_temperature,
    interval_mass,
    map_thresholds,
)

RNG = np.random.default_rng(0)
LOGITS = -np.sort(-RNG.normal(0, 3, (4_000, 3)), axis=1)
PROBABILITIES = grade_probabilities(LOGITS, 1.0)
TRUTH = np.array([RNG.choice(4, p=row) for row in PROBABILITIES])


def test_overconfident_logits_are_cooled_by_their_factor() -> None:
    assert grade_temperature(LOGITS * 2.5, TRUTH, TRUTH) == pytest.approx(2.5, rel=0.1)


def test_interval_labels_calibrate_too() -> None:
    best, worst = np.where(TRUTH > 0, 1, 0), np.where(TRUTH > 0, 3, 0)
    assert grade_temperature(LOGITS * 2.5, best, worst) == pytest.approx(2.5, rel=0.1)


def test_an_items_own_group_does_not_choose_the_temperature_it_is_scored_under() -> None:
    groups = np.array([f"g{n // 4:03}" for n in range(80)])
    before = cross_fitted(LOGITS[:80], TRUTH[:80], TRUTH[:80], groups)
    changed = TRUTH[:80].copy()
    changed[:4] = 3 - changed[:4]
    after = cross_fitted(LOGITS[:80], changed, changed, groups)
    same_fold = np.arange(80) // 4 % 10 == 0
    assert (before[same_fold] == after[same_fold]).all()
    assert (before[~same_fold] != after[~same_fold]).any(axis=1).all()


def test_cross_fitted_probabilities_are_calibrated() -> None:
    groups = np.arange(4_000).astype(np.str_)
    found = cross_fitted(LOGITS * 2.5, TRUTH, TRUTH, groups)
    assert found == pytest.approx(PROBABILITIES, abs=0.05)


def test_items_of_a_single_group_are_left_at_temperature_one() -> None:
    groups = np.full(80, "only")
    found = cross_fitted(LOGITS[:80], TRUTH[:80], TRUTH[:80], groups)
    assert found == pytest.approx(PROBABILITIES[:80])


def test_interval_mass_sums_the_interval() -> None:
    probabilities = np.array([[0.1, 0.2, 0.3, 0.4]])
    assert interval_mass(probabilities, np.array([1]), np.array([2])) == pytest.approx([0.5])


def test_damage_temperature_looks_at_known_labels_only() -> None:
    logits = RNG.normal(0, 2, (4_000, 2))
    present = (RNG.random(logits.shape) < sigmoid(logits)).astype(float)
    known = np.ones_like(logits, dtype=bool)
    known[:, 1] = False
    present[:, 1] = 1 - present[:, 1]
    assert damage_temperature(logits * 3, present, known) == pytest.approx(3, rel=0.1)
    assert damage_temperature(logits, present, np.zeros_like(known)) == 1.0


def test_the_sets_cover_each_grade_of_new_items() -> None:
    """Logits that lean to one grade cover it too well and the others too little by one quantile."""
    leaning = grade_probabilities(LOGITS + 1.5, 1.0)
    quantiles = conformal_quantiles(leaning[:2_000], TRUTH[:2_000], 0.9)
    assert len(set(quantiles.values())) == 4
    covered = np.array(
        [
            conformal_scores(row)[rank] <= quantiles[GRADES[rank]]
            for row, rank in zip(leaning[2_000:], TRUTH[2_000:], strict=True)
        ]
    )
    for rank in range(4):
        assert covered[TRUTH[2_000:] == rank].mean() == pytest.approx(0.9, abs=0.04)


def test_a_grade_with_too_few_items_takes_the_quantile_of_all() -> None:
    few = np.flatnonzero(TRUTH == 3)[:5]
    chosen = np.concatenate([np.flatnonzero(TRUTH != 3)[:500], few])
    quantiles = conformal_quantiles(PROBABILITIES[chosen], TRUTH[chosen], 0.9)
    scores = [conformal_scores(PROBABILITIES[n])[TRUTH[n]] for n in chosen]
    assert quantiles[GRADES[3]] == np.sort(scores)[int(np.ceil(506 * 0.9)) - 1]
    assert quantiles[GRADES[0]] != quantiles[GRADES[3]]


def test_too_few_items_give_the_whole_scale() -> None:
    assert set(conformal_quantiles(PROBABILITIES[:5], TRUTH[:5], 0.9).values()) == {1.0}


def test_the_threshold_separates_what_can_be_separated() -> None:
    scores = np.array([0.9, 0.8, 0.7, 0.65, 0.6, 0.3, 0.2, 0.2, 0.1, 0.1])
    positive = np.array([1, 1, 1, 1, 1, 0, 0, 0, 0, 0])
    known = np.ones(10, bool)
    assert f1_threshold(scores, positive, known) == pytest.approx(0.6)
    known[0] = False
    assert f1_threshold(scores, positive, known) == 0.5


def test_a_tie_is_taken_whole_or_not_at_all() -> None:
    """The five damaged ones come first, so a cut within the tie at 0.6 would seem faultless."""
    scores = np.array([0.9] * 3 + [0.6] * 10 + [0.1] * 3)
    positive = np.array([1] * 5 + [0] * 11)
    assert f1_threshold(scores, positive, np.ones(16, bool)) == 0.9


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from([0.1, 0.25, 0.5, 0.75, 0.9]), st.booleans()),
        min_size=12,
        max_size=40,
    ).filter(lambda pairs: 5 <= sum(yes for _, yes in pairs) <= len(pairs) - 5)
)
def test_no_other_threshold_has_a_larger_f1(pairs: list[tuple[float, bool]]) -> None:
    scores, positive = (np.array(each) for each in zip(*pairs, strict=True))
    chosen = f1_threshold(scores, positive, np.ones(len(scores), bool))
    found = {
        float(cut): 2 * positive[scores >= cut].sum() / ((scores >= cut).sum() + positive.sum())
        for cut in np.unique(scores)
    }
    assert found[chosen] == pytest.approx(max(found.values()))


def test_maps_are_cut_where_they_outline_marked_damage() -> None:
    """A cut that tells the pictures apart would take the brightest cell alone."""
    cells = np.zeros((12, 2, 4, 4), np.int8)
    cells[:6, :, :2, :2] = 1
    cells[:, 1] = np.where(cells[:, 1] > 0, -1, cells[:, 1])
    maps = np.full(cells.shape, 0.05)
    maps[:6, :, :2, :2] = 0.4
    maps[:6, :, 0, 0] = 0.9
    maps[6:, :, 3, 3] = 0.1
    present = np.repeat([1.0] * 6 + [0.0] * 6, 2).reshape(12, 2)
    known = np.ones((12, 2), bool)
    assert map_thresholds(maps, present, known, cells) == [0.4, 0.9]


@pytest.mark.parametrize("labels", [0, 3])
def test_labels_that_say_nothing_leave_the_temperature_alone(labels: int) -> None:
    best, worst = np.zeros(labels, int), np.full(labels, 3)
    assert grade_temperature(LOGITS[:labels], best, worst) == 1.0
