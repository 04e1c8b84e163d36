"""How models compare with people."""

from __future__ import annotations

import pytest

from inference.models.records import Pairs
from inference.models.scores import Confusion, Proportion, Score, ShadowComparison
from model.contract import Grade, ModelRef

MODEL = ModelRef(name="tiny", version="1")
NEW, USED, BROKEN, DEAD = Grade.NEW, Grade.LIGHTLY_USED, Grade.REPAIRABLE, Grade.SALVAGE
COSTS = ((0, 1, 2, 3), (4, 0, 1, 2), (8, 4, 0, 1), (12, 8, 4, 0))


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    # Newcombe, Statistics in Medicine 17 (1998), table I: method 3.
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_intervals_are_those_that_were_published(
    count: int, of: int, low: float, high: float
) -> None:
    found = Proportion.of_count(count, of)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_of_no_answers_nothing_is_said() -> None:
    assert Score.of_answers(MODEL, {}, COSTS).mean_cost is None
    assert Proportion.of_count(0, 0) == Proportion(of=0, share=None, low=None, high=None)


def test_a_score_tells_costly_mistakes_from_cheap_ones() -> None:
    said_then_decided = {(NEW, NEW): 6, (DEAD, NEW): 1, (NEW, USED): 3}
    score = Score.of_answers(MODEL, said_then_decided, COSTS)
    assert score.agreed.share == 0.6
    assert score.too_good.share == 0.1
    assert score.too_bad.share == pytest.approx(0.3)
    assert score.mean_cost == (12 + 3) / 10
    assert Score.of_answers(MODEL, said_then_decided, None).mean_cost is None


def test_the_shadow_is_better_where_only_it_was_right() -> None:
    confusion = Confusion.of_captures({(NEW, NEW): 5, (NEW, DEAD): 2, (USED, NEW): 1})
    assert confusion.counts == ((5, 0, 0, 2), (1, 0, 0, 0), (0, 0, 0, 0), (0, 0, 0, 0))
    assert confusion.disagreed.share == 3 / 8
    score = Score.of_answers(MODEL, {}, COSTS)
    pairs = Pairs(both=90, only_shadow=9, only_champion=1, neither=3)
    found = ShadowComparison.of_pairs(confusion, score, score, pairs)
    assert found.shadow_right.share == 0.9
    assert found.shadow_right.low is not None
    assert found.shadow_right.low > 0.5
