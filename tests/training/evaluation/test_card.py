"""The card: figures with intervals, weak spots that follow from them, where the data came from."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets.manifest import Region, fingerprint
from model.contract import Box, DamageType, Grade
from tests.training.evaluation.factories import (
    BAR,
    HOW,
    bundle_manifest,
    exactly,
    example,
    graded,
)
from training.card import RunFacts, write_card
from training.evaluation.evaluate import figures_of
from training.evaluation.figures import Figures
from training.evaluation.wording import weak_spots
from training.examples import Example

FACTS = RunFacts(
    "regrade train --config x.toml",
    "tf_efficientnet_lite0",
    12.4,
    "a machine",
    "abc123",
    "2026-01-01",
)
DENT = DamageType.DENT
DENTED = Box(x_min=0.25, y_min=0.25, x_max=0.75, y_max=0.5)


@pytest.fixture
def pictures(tmp_path: Path) -> list[Example]:
    region = Region(type=DENT, polygon=BAR)
    dented: dict[str, Any] = {
        "present": (DENT,),
        "regions": (region,),
        "grade": exactly(Grade.REPAIRABLE),
    }
    return [
        *(example(tmp_path, f"new{n}", grade=exactly(Grade.NEW), absent=(DENT,)) for n in range(9)),
        *(example(tmp_path, f"dent{n}", source="right", **dented) for n in range(9)),
    ]


def _figures(pictures: list[Example], *, good: bool) -> Figures:
    """All right with dents seen, or all called new with no dent seen and a person always asked."""
    items = []
    for view in pictures:
        maps = np.zeros((1, 2, 8, 8))
        maps[0, 0, 2:4, 2:6] = 0.9 if (DENT in view.row.present) is good else 0.1
        assert view.row.grade
        decided = view.row.grade.best if good else Grade.NEW
        boxes = [DENTED] if good and DENT in view.row.present else []
        items.append(graded(view, decided, maps=maps, boxes=boxes, review=not good))
    foreign = {"noise": np.full(9, 2.0 if good else 0.1)}
    return figures_of(items, bundle_manifest(), foreign, HOW)


def _card(pictures: list[Example], figures: Figures, **more: Any) -> str:
    metrics = {
        "validation": figures.model_dump(mode="json"),
        "export": {"pictures": 18, "largest_logit_difference": 1.5e-5},
        **more,
    }
    return write_card("tiny", pictures, metrics, FACTS)


def test_what_the_card_holds(pictures: list[Example]) -> None:
    card = _card(pictures, _figures(pictures, good=True))
    assert card.startswith("# Model card: tiny\n")
    assert "| left | Apache-2.0 | 0 | 0 | 9 | 0 |" in card
    assert "`regrade train --config x.toml` at commit abc123, 2026-01-01, 12 minutes" in card
    assert "| left | 9 | 9 | 1.000 [0.66, 1.00] |" in card
    assert "| right | 9 | 9 | 1.000 [0.66, 1.00] |" in card
    assert "| dent | 1.000 | 0.500 | 1.000 |" in card
    assert "| tear | - | - | - |" in card
    assert (
        "Every labelled picture of right is damaged. Every labelled picture of left is new." in card
    )
    rows = [picture.row for picture in pictures]
    assert f"Data {fingerprint(rows)[:16]}, val {fingerprint(rows)[:16]}" in card
    assert "INT8" not in card
    assert "1.5e-05" in card
    tables = [block for block in card.split("\n\n") if block.startswith("|")]
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1, table


def test_a_data_set_whose_items_differ_in_damage_has_its_own_rows(pictures: list[Example]) -> None:
    assert "| data set | damage |" not in _card(pictures, _figures(pictures, good=True))
    together = [
        replace(each, row=each.row.model_copy(update={"source": "left"})) for each in pictures
    ]
    assert "| left | dent | 1.000 | 0.500 |" in _card(together, _figures(together, good=True))


def test_weak_spots_follow_from_the_figures(pictures: list[Example]) -> None:
    good, bad = (_figures(pictures, good=good) for good in (True, False))
    assert list(weak_spots(good)) == ["Tear: no item shows it, so nothing is known of it."]
    found = list(weak_spots(bad))
    assert any(
        line.startswith("Prediction sets of right hold the grade in 0.000") for line in found
    )
    assert any(line.startswith("Right: 1.000 [0.66, 1.00] of 9 items go") for line in found)
    assert any(line.startswith("Boxes are rough: 0.000") for line in found)
    assert any(line.startswith("Foreign pictures (noise)") for line in found)
    card = _card(pictures, bad)
    assert all(f"\n- {line}\n" in card for line in found)
