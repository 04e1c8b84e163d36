"""From raw outputs to an assessment."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy import ndimage

from model.contract import GRADES, DamageType, Grade, Manifest, QualityIssue, ReviewReason
from model.contract import ViewQuality as Quality
from model.decision import (
    Floats,
    RawOutputs,
    assess,
    conformal_scores,
    find_damages,
    grade_probabilities,
    prediction_set,
)
from tests.model.manifests import thresholds, tiny_manifest

GOOD = Quality(brightness=0.5, sharpness=0.1)
SURE_NEW = (-9.0, -18.0, -27.0)
SURE_SALVAGE = (27.0, 18.0, 9.0)


def outputs(*grade_logits: tuple[float, float, float], unfamiliarity: float = 0.0) -> RawOutputs:
    views = len(grade_logits)
    return RawOutputs(
        np.array(grade_logits, dtype=np.float32),
        np.full((views, 2), -5.0, dtype=np.float32),
        np.zeros((views, 2, 4, 4), dtype=np.float32),
        np.full(views, unfamiliarity, dtype=np.float32),
    )


def falling_logits(views: int | None = None) -> st.SearchStrategy[Floats]:
    shape = (3,) if views is None else (views, 3)
    return hnp.arrays(np.float64, shape, elements=st.floats(-20, 20)).map(
        lambda logits: -np.sort(-logits, axis=-1)
    )


def test_probabilities_are_the_steps_of_the_cumulative_curve() -> None:
    logits = np.array([math.log(0.8 / 0.2), math.log(0.5 / 0.5), math.log(0.1 / 0.9)])
    assert grade_probabilities(logits, 1.0) == pytest.approx([0.2, 0.3, 0.4, 0.1])


def test_a_higher_temperature_is_less_sure() -> None:
    logits = np.array([3.0, -3.0, -6.0])
    assert grade_probabilities(logits, 4.0).max() < grade_probabilities(logits, 1.0).max()


@given(falling_logits(), st.floats(0.1, 10))
def test_probabilities_are_a_distribution(logits: Floats, temperature: float) -> None:
    probabilities = grade_probabilities(logits, temperature)
    assert probabilities.min() >= 0
    assert probabilities.sum() == pytest.approx(1.0)


@given(falling_logits())
def test_sets_are_contiguous_and_grow_with_the_quantile(logits: Floats) -> None:
    probabilities = grade_probabilities(logits, 1.0)
    previous: set[Grade] = set()
    for quantile in (0.0, 0.5, 0.8, 0.95, 1.0):
        chosen = prediction_set(probabilities, dict.fromkeys(GRADES, quantile))
        ranks = [grade.rank for grade in chosen]
        assert ranks == list(range(ranks[0], ranks[-1] + 1))
        assert previous <= set(chosen)
        previous = set(chosen)
    assert previous == set(GRADES)


def test_a_grade_between_two_of_the_set_is_in_it() -> None:
    quantiles = dict(zip(GRADES, (1.0, 0.0, 0.0, 0.0), strict=True))
    assert prediction_set(np.array([0.1, 0.2, 0.6, 0.1]), quantiles) == GRADES[:3]


def test_conformal_scores_by_hand() -> None:
    scores = conformal_scores(np.array([0.1, 0.5, 0.3, 0.1]))
    assert scores == pytest.approx([0.8, 0.0, 0.5, 0.9])


@given(falling_logits(views=3))
def test_more_views_never_make_an_item_better(logits: Floats) -> None:
    fused = grade_probabilities(logits.max(axis=0), 1.0)
    for view in logits:
        alone = grade_probabilities(view, 1.0)
        assert (np.cumsum(fused) <= np.cumsum(alone) + 1e-9).all()


def test_one_view_is_exact_and_the_worst_view_decides(manifest: Manifest) -> None:
    alone = assess(outputs(SURE_SALVAGE), [GOOD], manifest)
    together = assess(outputs(SURE_NEW, SURE_SALVAGE), [GOOD, GOOD], manifest)
    assert alone.grade is together.grade is Grade.SALVAGE
    assert alone.probabilities == together.probabilities


def test_a_costly_mistake_outweighs_a_likely_grade(manifest: Manifest) -> None:
    """0.7 new against 0.3 repairable: selling it as new would cost 2.4, calling it used 1.9."""
    logits = (math.log(0.3 / 0.7), math.log(0.3 / 0.7) - 1e-6, -20.0)
    verdict = assess(outputs(logits), [GOOD], manifest)
    assert verdict.grade is not Grade.NEW
    assert verdict.expected_cost == pytest.approx(1.4, abs=1e-3)
    assert verdict.review_reasons == (ReviewReason.UNCERTAIN_GRADE,)


def test_a_sure_familiar_sharp_item_needs_nobody(manifest: Manifest) -> None:
    verdict = assess(outputs(SURE_NEW), [GOOD], manifest)
    assert (verdict.grade, verdict.needs_review) == (Grade.NEW, False)


def test_unfamiliar_and_poor_pictures_need_a_person(manifest: Manifest) -> None:
    blurred = Quality(brightness=0.5, sharpness=0.0, issues=(QualityIssue.BLURRED,))
    verdict = assess(outputs(SURE_NEW, unfamiliarity=2.1), [blurred], manifest)
    assert verdict.review_reasons == (ReviewReason.UNFAMILIAR, ReviewReason.POOR_IMAGE)
    assert verdict.unfamiliarity == pytest.approx(1.05)


def test_each_region_above_its_types_threshold_becomes_a_box() -> None:
    maps = np.zeros((1, 2, 4, 4))
    maps[0, 0, 0, 0] = 0.6
    maps[0, 0, 1, 1] = 0.7  # touches the first by a corner
    maps[0, 0, 3, 3] = 0.55
    maps[0, 1, 2, 2] = 0.8  # below the threshold of tears
    types = (DamageType.DENT, DamageType.TEAR)
    found = list(find_damages(maps, types, {DamageType.DENT: 0.5, DamageType.TEAR: 0.9}))
    assert [damage.type for damage in found] == [DamageType.DENT, DamageType.DENT]
    assert [damage.probability for damage in found] == pytest.approx([0.7, 0.55])
    first = found[0].box
    assert (first.x_min, first.y_min, first.x_max, first.y_max) == (0.0, 0.0, 0.5, 0.5)


def test_boxes_are_listed_only_of_types_that_the_item_likely_has() -> None:
    raw = RawOutputs(
        grade_logits=np.zeros((1, 3)),
        damage_logits=np.array([[1.0, -1.0]]),  # 0.73 and 0.27
        damage_maps=np.full((1, 2, 4, 4), 0.95),
        unfamiliarity=np.zeros(1),
    )
    listed = {
        limit: [
            damage.type
            for damage in assess(
                raw, (), tiny_manifest(thresholds=thresholds(list_damage_from=limit))
            ).damages
        ]
        for limit in (0.0, 0.3, 0.8)
    }
    assert listed == {
        0.0: [DamageType.DENT, DamageType.TEAR],
        0.3: [DamageType.DENT],
        0.8: [],
    }


def test_outputs_of_unequal_views_are_refused() -> None:
    good = outputs(SURE_NEW)
    with pytest.raises(ValueError, match="unfamiliarity"):
        RawOutputs(good.grade_logits, good.damage_logits, good.damage_maps, np.zeros(2))


@given(hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=14)))
def test_regions_are_those_that_scipy_finds(found: NDArray[np.bool_]) -> None:
    maps = found[None, None].astype(np.float32)
    boxes = [
        (each.box.y_min, each.box.x_min, each.box.y_max, each.box.x_max)
        for each in find_damages(maps, (DamageType.DENT,), {DamageType.DENT: 0.5})
    ]
    labels, _ = ndimage.label(found, structure=np.ones((3, 3)))
    height, width = found.shape
    expected = [
        (rows.start / height, columns.start / width, rows.stop / height, columns.stop / width)
        for rows, columns in ndimage.find_objects(labels)
    ]
    assert sorted(boxes) == sorted(expected)
