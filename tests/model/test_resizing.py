"""The fast filter is Pillow's, so that what was learnt with one holds with the other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from model.resizing import resized, with_pillow


def noise(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng(width + height).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels)


def test_this_machine_has_the_fast_one() -> None:
    pytest.importorskip("cykooz_resizer")
    assert resized is not with_pillow


@pytest.mark.parametrize(
    ("width", "height"), [(640, 480), (17, 19), (3000, 16), (224, 300), (449, 1200)]
)
def test_no_channel_is_more_than_one_step_from_pillow(width: int, height: int) -> None:
    image = noise(width, height)
    ours, pillows = resized(image, 224), with_pillow(image, 224)
    assert ours.shape == (224, 224, 3)
    assert np.abs(ours.astype(int) - pillows).max() <= 1


def test_threads_do_not_share_their_resizers_memory() -> None:
    images = [noise(300 + 10 * number, 200) for number in range(16)]
    alone = [resized(image, 64) for image in images]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda image: resized(image, 64), images * 4))
    for number, pixels in enumerate(together):
        assert np.array_equal(pixels, alone[number % 16])
