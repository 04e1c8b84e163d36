"""One tiny real render: its masks are where the picture changes."""

from __future__ import annotations

import dataclasses
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec

import numpy as np
import pytest

from datasets.render.exposure import Quality
from datasets.render.sampling import facing, sample_item
from datasets.render.spec import DamageSpec, Face, ItemSpec, Style
from datasets.render.worker import photograph
from model.contract import DamageType


def _first(style: Style) -> ItemSpec:
    """An item with one camera and no damage."""
    item = next(item for i in range(999) if (item := sample_item(3, i)).style is style)
    return dataclasses.replace(item, cameras=item.cameras[:1], damages=())


BOX, CAR = _first(Style.WHITE_BOX), _first(Style.TOY_CAR)
STAIN = DamageSpec(DamageType.STAIN, Face.TOP, 0.0, 0.0, 0.3, 0.8, seed=11)
TEAR = DamageSpec(DamageType.TEAR, Face.TOP, -0.3, 0.2, 2.0, 0.9, seed=5)
QUALITY = Quality(width=96, height=72, samples=8)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("bpy") is None, reason="Blender's module is not installed")
@pytest.mark.timeout(180)
def test_a_damage_shows_where_its_mask_is() -> None:
    damaged_item = dataclasses.replace(BOX, damages=(STAIN, TEAR))
    # A process of its own: Blender's module keeps global state and prints as it likes.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        (plain,) = process.submit(photograph, BOX, QUALITY, 1).result()
        (marked,) = process.submit(photograph, damaged_item, QUALITY, 1).result()
        (again,) = process.submit(photograph, BOX, QUALITY, 1).result()
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


@pytest.mark.slow
@pytest.mark.skipif(find_spec("bpy") is None, reason="Blender's module is not installed")
@pytest.mark.timeout(180)
def test_an_open_box_and_a_lost_wheel_are_marked() -> None:
    """Parts that stand out or are gone count as damage, not only what is painted."""
    opened = DamageSpec(DamageType.OPENED, Face.TOP, 0.0, 0.0, 0.0, 0.9, seed=4)
    side = max((Face.Y_POS, Face.Y_NEG), key=lambda face: facing(face, CAR, CAR.cameras[0]))
    lost = DamageSpec(DamageType.MISSING_PART, side, -0.56, -0.96, 0.0, 0.5, seed=4)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        open_box = dataclasses.replace(BOX, damages=(opened,))
        (box,) = process.submit(photograph, open_box, QUALITY, 1).result()
        (car,) = process.submit(photograph, CAR, QUALITY, 1).result()
        three_wheels = dataclasses.replace(CAR, damages=(lost,))
        (broken,) = process.submit(photograph, three_wheels, QUALITY, 1).result()
    assert 0.05 < (box.coverage[..., 0] > 0.5).mean() < 0.7
    assert not car.coverage.any()
    mask = broken.coverage[..., 0] > 0.5
    assert 3 < mask.sum() < mask.size / 10
    change = np.abs(broken.rgb.astype(float) - car.rgb).mean(-1)
    assert change[mask].mean() > 4 * np.median(change)
