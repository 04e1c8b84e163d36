"""Each damage type beside what a random ranking would reach, over all items and by data set."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.training.evaluation.factories import HOW, bundle_manifest, columns
from training.evaluation.bootstrap import draw
from training.evaluation.columns import Columns
from training.evaluation.damage import damage_by_source, damage_figures


def _dents() -> Columns:
    """Twenty items of `left`, five dented and told apart; ten of `right`, all dented."""
    items = columns([0] * 30, [0] * 30, source=["left"] * 20 + ["right"] * 10)
    present, known = np.zeros((30, 2), bool), np.zeros((30, 2), bool)
    present[:5, 0], present[20:, 0], known[:, 0] = True, True, True
    damage = np.full((30, 2), 0.1)
    damage[:5, 0], damage[20:, 0] = 0.9, 0.8
    return replace(items, present=present, known=known, damage=damage)


def test_a_random_ranking_reaches_the_share_that_has_the_damage() -> None:
    items = _dents()
    luck = replace(items, damage=np.full((30, 2), 0.5))
    counts = draw(items.source, items.group, HOW)
    dent = damage_figures(luck, counts, bundle_manifest(), HOW)["dent"]
    assert dent.prevalence == pytest.approx(15 / 30)
    assert dent.average_precision.value == pytest.approx(dent.prevalence)
    tear = damage_figures(items, counts, bundle_manifest(), HOW)["tear"]
    assert (tear.prevalence, tear.average_precision.value) == (None, None)


def test_by_data_set_a_type_needs_both_kinds() -> None:
    items = _dents()
    counts = draw(items.source, items.group, HOW)
    found = damage_by_source(items, counts, bundle_manifest(), HOW)
    assert {source: [*kinds] for source, kinds in found.items()} == {"left": ["dent"]}
    dent = found["left"]["dent"]
    assert (dent.present, dent.absent, dent.prevalence) == (5, 15, 0.25)
    assert dent.average_precision.value == 1.0
