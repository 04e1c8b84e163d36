"""One tiny real render: its masks are where the picture changes."""

from __future__ import annotations

import dataclasses
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec

import numpy as np
import pytest

from datasets.render.exposure import Quality
from datasets.render.sampling import sample_item
from datasets.render.spec import DamageSpec, Face, Style
from datasets.render.worker import photograph
from model.contract import DamageType

BOX = next(item for i in range(99) if (item := sample_item(3, i)).style is Style.WHITE_BOX)
STAIN = DamageSpec(DamageType.STAIN, Face.TOP, 0.0, 0.0, 0.3, 0.8, seed=11)
TEAR = DamageSpec(DamageType.TEAR, Face.TOP, -0.3, 0.2, 2.0, 0.9, seed=5)
QUALITY = Quality(width=96, height=72, samples=8)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("bpy") is None, reason="Blender's module is not installed")
@pytest.mark.timeout(180)
def test_a_damage_shows_where_its_mask_is() -> None:
    clean_item = dataclasses.replace(BOX, damages=())
    damaged_item = dataclasses.replace(BOX, damages=(STAIN, TEAR))
    # A process of its own: Blender's module keeps global state and prints as it likes.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        plain, _ = process.submit(photograph, clean_item, QUALITY, 1).result()
        marked, _ = process.submit(photograph, damaged_item, QUALITY, 1).result()
        again, _ = process.submit(photograph, clean_item, QUALITY, 1).result()
    clean, damaged, coverage = plain.rgb, marked.rgb, marked.coverage
    assert clean.shape == (72, 96, 3)
    assert not plain.coverage.any()
    assert np.array_equal(again.rgb, clean), "what was rendered before must not matter"
    assert coverage.min() >= 0
    assert coverage.max() <= 1.001
    change = np.abs(damaged.astype(float) - clean).mean(-1)
    for channel in (0, 1):
        mask = coverage[..., channel] > 0.5
        assert 20 < mask.sum() < mask.size / 2
        assert change[mask].mean() > 4 * change[coverage.max(-1) == 0].mean()
    assert not coverage[..., 2].any()
