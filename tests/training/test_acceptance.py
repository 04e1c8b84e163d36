"""INT8 is refused for what it loses where the data show it, and for nothing that chance explains."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from datasets.manifest import Region
from model.contract import Box, DamageType, Grade
from model.contract.bundle import Loss
from tests.training.evaluation.factories import BAR, HOW, bundle_manifest, exactly, example, graded
from training.acceptance import judge, losses
from training.evaluation.graded import Graded
from training.examples import Example

DENT = DamageType.DENT
BOX = Box(x_min=0.25, y_min=0.25, x_max=0.75, y_max=0.5)
ITEMS = 24


@pytest.mark.parametrize(
    ("labelled", "accuracy", "f1", "ratio", "accepted", "why"),
    [
        (200, 0.0, 0.0, 1.5, True, "1.50 times as fast"),
        (200, 0.5, 0.5, 1.01, True, "at most 0.5"),
        (200, -2.0, -1.0, 2.0, True, "at most 0.5"),
        (200, 0.2, None, 2.0, True, "at most 0.5"),
        (200, 0.51, 0.0, 2.0, False, "0.51 points of accuracy"),
        (200, 0.0, 0.7, 2.0, False, "0.70 points of macro-F1"),
        (200, 0.0, 0.0, 1.0, False, "not faster"),
        (200, 0.0, 0.0, 0.8, False, "not faster"),
        (200, float("nan"), 0.0, 2.0, False, "accuracy"),
        (0, None, None, 2.0, False, "no validation picture"),
        (199, 0.0, 0.0, 2.0, False, "199 validation items"),
    ],
)
def test_acceptance(
    labelled: int,
    accuracy: float | None,
    f1: float | None,
    ratio: float,
    accepted: bool,
    why: str,
) -> None:
    decided, reason = judge(labelled, accuracy, f1, {}, ratio)
    assert decided is accepted
    assert why in reason


@pytest.mark.parametrize(
    ("loss", "accepted"),
    [
        (Loss(points=0.6, low=0.1, high=1.1), False),
        (Loss(points=0.5, low=0.1, high=0.9), True),
        (Loss(points=3.0, low=-1.0, high=7.0), True),
        (Loss(points=3.0, low=None, high=None), True),
        (Loss(points=-3.0, low=-5.0, high=-1.0), True),
    ],
    ids=["shown", "small", "chance", "too few", "gain"],
)
def test_a_loss_refuses_where_it_is_large_and_more_than_chance(loss: Loss, accepted: bool) -> None:
    decided, reason = judge(200, 0.0, 0.0, {"mask_iou": loss}, 1.5)
    assert decided is accepted
    assert ("0.60 points of mask IoU" in reason) is not accepted


@pytest.fixture
def views(tmp_path: Path) -> list[Example]:
    """Dented and sound items in turn."""
    region = Region(type=DENT, polygon=BAR)
    return [
        example(
            tmp_path,
            f"i{n}",
            grade=exactly(Grade.REPAIRABLE if n % 2 else Grade.NEW),
            present=(DENT,) if n % 2 else (),
            absent=() if n % 2 else (DENT,),
            regions=(region,) if n % 2 else (),
        )
        for n in range(ITEMS)
    ]


def _graded(views: list[Example], blind: set[int]) -> list[Graded]:
    """Right about all, but those that are `blind`: called new, without the dent that is there."""
    items = []
    for n, view in enumerate(views):
        seen = n % 2 == 1 and n not in blind
        maps = np.full((1, 2, 8, 8), 0.05)
        maps[0, 0, 2:4, 2:6] = 0.9 if seen else 0.1
        decided = Grade.REPAIRABLE if seen else Grade.NEW
        items.append(graded(view, decided, maps=maps, boxes=[BOX] if seen else []))
    return items


def test_the_same_answers_lose_nothing(views: list[Example]) -> None:
    found = losses(_graded(views, set()), _graded(views, set()), bundle_manifest(), HOW)
    assert set(found) == {
        "damage_average_precision",
        "box_hit_rate_50",
        "mask_iou",
        "au_pro_30",
        "coverage",
    }
    assert {loss.points for loss in found.values()} == {0.0}
    assert judge(200, 0.0, 0.0, found, 1.5)[0]


def test_damage_that_is_no_longer_seen_refuses(views: list[Example]) -> None:
    blind = _graded(views, {n for n in range(ITEMS) if n % 4 == 1})
    found = losses(_graded(views, set()), blind, bundle_manifest(), HOW)
    assert found["box_hit_rate_50"].points == pytest.approx(50)
    assert found["coverage"].points == pytest.approx(25)
    assert all(loss.low is not None and loss.low > 0 for loss in found.values())
    accepted, reason = judge(200, 0.0, 0.0, found, 1.5)
    assert not accepted
    assert "points of average precision, mean over damage types" in reason
    assert "points of coverage" in reason


def test_as_much_won_as_lost_is_chance(views: list[Example]) -> None:
    a, b = _graded(views, {1, 5, 9}), _graded(views, {3, 7, 11, 15})
    found = losses(a, b, bundle_manifest(), HOW)
    assert found["box_hit_rate_50"].points == pytest.approx(100 / 12)
    assert judge(200, 0.0, 0.0, found, 1.5)[0]


def test_labels_without_damage_leave_coverage_alone(tmp_path: Path) -> None:
    items = [graded(example(tmp_path, f"n{n}", grade=exactly(Grade.NEW))) for n in range(9)]
    assert set(losses(items, items, bundle_manifest(), HOW)) == {"coverage"}
