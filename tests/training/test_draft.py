"""What a bundle's manifest states is measured on items, each by all its views."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from datasets.progress import silently
from model.contract import DamageType
from model.network import GradingNetwork
from training.cache import cached_pictures
from training.config import Data, TrainingConfig
from training.draft import calibrated
from training.examples import Example, load_examples, of_split

VIEWS = 3


@pytest.fixture
def examples(squares: Path) -> list[Example]:
    """The squares, those to calibrate on as items of three views each."""
    found = load_examples([Data(squares / "manifest.jsonl")])
    held_out = of_split(found, "calibration")
    items = [
        replace(
            view,
            row=view.row.model_copy(update={"item_id": f"item-{n // VIEWS}", "source": "left"}),
        )
        for n, view in enumerate(held_out)
    ]
    return [*of_split(found, "train"), *items]


def test_half_the_items_of_several_views_are_familiar_at_the_median(
    tiny: TrainingConfig, examples: list[Example]
) -> None:
    config = replace(tiny, calibration=replace(tiny.calibration, familiarity_quantile=0.5))
    torch.manual_seed(0)
    exported, _ = calibrated(GradingNetwork(1), config, examples, (DamageType.DENT,), silently)
    held_out = of_split(examples, "calibration")
    pictures = cached_pictures(held_out, config.input_size, config.cache, silently)
    farthest = exported.run(np.array(pictures)).unfamiliarity.reshape(-1, VIEWS).max(axis=1)
    assert np.median(farthest) == pytest.approx(1.0, abs=1e-4)
