"""Comparing two bundles: a planted difference is found, and none where there is none."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

from datasets.manifest import Region
from model.contract import GRADES, DamageType, Grade
from tests.training.evaluation.factories import BAR, HOW, bundle_manifest, exactly, example, graded
from training.errors import DataError
from training.evaluation.compare import Compared, compare, disagreements, finding, mcnemar
from training.evaluation.evaluate import Evaluation, figures_of
from training.evaluation.figures import Estimate
from training.evaluation.measures import Better
from training.evaluation.page import verdict
from training.evaluation.sign_flips import p_value

ITEMS = 60


def _evaluation(folder: Path, wrong: set[int]) -> Evaluation:
    """Items of all grades in turn; those in `wrong` are graded one step off."""
    items = []
    for n in range(ITEMS):
        truth = GRADES[n % 4]
        view = example(folder, f"i{n}", source="left" if n < 40 else "right", grade=exactly(truth))
        decided = GRADES[(n + 1) % 4] if n in wrong else truth
        items.append(graded(view, decided))
    manifest = bundle_manifest()
    return Evaluation(manifest, tuple(items), figures_of(items, manifest, {}, HOW))


def test_mcnemar_by_hand() -> None:
    a = np.array([True] * 5 + [False] * 3 + [True] * 2)
    b = np.array([False] * 5 + [True] * 3 + [True] * 2)
    alone = np.arange(10).astype(np.str_)
    found = mcnemar(a, b, alone)
    assert (found.only_a, found.only_b, found.groups) == (5, 3, 8)
    assert found.p_value == pytest.approx(binomtest(5, 8).pvalue)
    assert mcnemar(a, a, alone).p_value is None


def test_copies_of_an_item_add_no_certainty() -> None:
    """Eight items each three times over, B right on all: as sure as of the eight."""
    a, b = np.zeros(24, bool), np.ones(24, bool)
    found = mcnemar(a, b, np.repeat(np.arange(8), 3).astype(np.str_))
    assert (found.only_b, found.groups) == (24, 8)
    assert found.p_value == pytest.approx(2 * 0.5**8)


def test_groups_in_which_neither_leads_say_nothing() -> None:
    a, b = np.array([True, False, True, False]), np.array([False, True, False, True])
    found = mcnemar(a, b, np.array(["x", "x", "y", "y"]))
    assert (found.only_a, found.only_b, found.groups, found.p_value) == (2, 2, 0, 1.0)


def test_the_test_over_groups_counts_every_way_to_flip_them() -> None:
    lead = np.array([3, -1, 2, 0, -5, 1, 1])
    flips = np.array(list(product((1, -1), repeat=len(lead))))
    as_far = np.abs(flips @ lead) >= abs(lead.sum())
    assert p_value(lead) == pytest.approx(as_far.mean())


def test_the_test_over_groups_errs_as_often_as_it_says() -> None:
    """Groups of up to six whose items agree: counting items alone would find far too much."""
    rng = np.random.default_rng(5)
    groups = np.repeat(np.arange(40), rng.integers(1, 7, 40))
    names = groups.astype(np.str_)
    false, by_items = 0, 0
    for _ in range(400):
        a, b = (rng.random(40) < 0.5 for _ in range(2))
        found = mcnemar(a[groups], b[groups], names)
        assert found.p_value is not None
        false += found.p_value <= 0.05
        by_items += binomtest(found.only_a, found.only_a + found.only_b).pvalue <= 0.05
    assert false / 400 < 0.08
    assert by_items / 400 > 0.2


def test_a_planted_difference_is_found_by_source(tmp_path: Path) -> None:
    a, b = _evaluation(tmp_path, set(range(0, 40, 2))), _evaluation(tmp_path, set())
    found = compare(a, b, HOW)
    accuracy = found.all.differences["accuracy"]
    assert accuracy.difference.value == pytest.approx(20 / 60)
    assert accuracy.finding == "B better"
    assert found.all.differences["mean_absolute_error"].finding == "B better"
    assert found.by_source["left"].differences["accuracy"].finding == "B better"
    right = found.by_source["right"].differences["accuracy"]
    assert (right.difference.value, right.finding) == (0.0, "no difference shown")
    assert found.all.mcnemar.only_b == 20
    assert found.all.mcnemar.p_value == pytest.approx(2 * 0.5**20)
    assert compare(b, a, HOW).all.differences["accuracy"].finding == "B worse"
    assert "B is better in accuracy" in verdict(Compared(a, b, found))


def test_the_same_bundle_twice_shows_no_difference(tmp_path: Path) -> None:
    a = _evaluation(tmp_path, {1, 5, 9})
    found = compare(a, a, HOW)
    findings = {one.finding for one in found.all.differences.values()}
    assert findings <= {"no difference shown", "cannot be told"}
    assert found.all.differences["accuracy"].finding == "no difference shown"
    assert verdict(Compared(a, a, found)) == "No difference shown on any figure over all items."
    assert disagreements(Compared(a, a, found), 5) == []


def test_as_many_won_as_lost_is_no_difference(tmp_path: Path) -> None:
    a, b = _evaluation(tmp_path, {0, 4, 8, 12}), _evaluation(tmp_path, {16, 20, 24, 28})
    found = compare(a, b, HOW)
    assert found.all.differences["accuracy"].finding == "no difference shown"
    assert found.all.mcnemar.p_value == 1.0
    pairs = disagreements(Compared(a, b, found), 5)
    assert len(pairs) == 5


def test_the_costliest_disagreement_comes_first(tmp_path: Path) -> None:
    a, b = _evaluation(tmp_path, {0, 3}), _evaluation(tmp_path, set())
    (worst, _), (lesser, _) = disagreements(Compared(a, b, compare(a, b, HOW)), 5)
    assert (worst.grade, worst.assessment.grade) == (exactly(Grade.SALVAGE), Grade.NEW)
    assert lesser.grade == exactly(Grade.NEW)


def test_a_planted_difference_in_damage_is_found(tmp_path: Path) -> None:
    """A sees the dents where they are, B sees them on the sound items."""
    region = Region(type=DamageType.DENT, polygon=BAR)
    manifest = bundle_manifest()
    evaluations = []
    for right in (True, False):
        items = []
        for n in range(24):
            dented = n % 2 == 0
            view = example(
                tmp_path,
                f"d{n}",
                present=(DamageType.DENT,) if dented else (),
                absent=() if dented else (DamageType.DENT,),
                regions=(region,) if dented else (),
            )
            maps = np.zeros((1, 2, 8, 8))
            maps[0, 0, 2:4, 2:6] = 0.9 if dented is right else 0.1
            items.append(graded(view, maps=maps))
        evaluations.append(Evaluation(manifest, tuple(items), figures_of(items, manifest, {}, HOW)))
    a, b = evaluations
    found = compare(a, b, HOW)
    assert (found.damage["dent"].a, found.damage["dent"].finding) == (1.0, "B worse")
    assert found.damage["tear"].finding == "cannot be told"
    assert found.localisation["mask_iou"].finding == "B worse"
    assert found.localisation["pointing_game"].finding == "no difference shown"


def test_other_items_are_refused(tmp_path: Path) -> None:
    a = _evaluation(tmp_path, set())
    fewer = replace(a, figures=figures_of(a.graded[1:], a.manifest, {}, HOW))
    with pytest.raises(DataError, match="not of the same pictures"):
        compare(a, fewer, HOW)


@pytest.mark.parametrize(
    ("low", "high", "better", "said"),
    [
        (0.01, 0.1, Better.HIGHER, "B better"),
        (0.01, 0.1, Better.LOWER, "B worse"),
        (-0.2, -0.1, Better.LOWER, "B better"),
        (-0.2, -0.1, Better.NEITHER, "differs"),
        (0.0, 0.1, Better.HIGHER, "no difference shown"),
        (None, None, Better.HIGHER, "cannot be told"),
    ],
)
def test_findings(low: float | None, high: float | None, better: Better, said: str) -> None:
    assert finding(Estimate(value=0.05, low=low, high=high, n=9), better) == said
