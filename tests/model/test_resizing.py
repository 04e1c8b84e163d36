"""The fast filter is Pillow's, so that what was learnt with one holds with the other."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from model.pictures import squash
from model.resizing import exactly, quickly


def noise(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng(width + height).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels)


def test_this_machine_has_the_fast_one() -> None:
    pytest.importorskip("cykooz_resizer")
    assert quickly is not exactly


@pytest.mark.parametrize(
    ("width", "height"), [(640, 480), (17, 19), (3000, 16), (224, 300), (449, 1200)]
)
def test_no_channel_is_more_than_one_step_from_pillow(width: int, height: int) -> None:
    image = noise(width, height)
    ours, pillows = np.asarray(quickly(image, 224)), np.asarray(exactly(image, 224))
    assert ours.shape == (224, 224, 3)
    assert np.abs(ours.astype(int) - pillows).max() <= 1


def test_threads_do_not_share_their_resizers_memory() -> None:
    images = [noise(300 + 10 * number, 200) for number in range(16)]
    alone = [quickly(image, 64) for image in images]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda image: quickly(image, 64), images * 4))
    for number, pixels in enumerate(together):
        assert np.array_equal(np.asarray(pixels), np.asarray(alone[number % 16]))


@pytest.mark.parametrize(("side", "reduced"), [(64, False), (16, True)])
def test_only_a_picture_that_was_decoded_smaller_is_squashed_quickly(
    monkeypatch: pytest.MonkeyPatch, side: int, reduced: bool
) -> None:
    used = []

    def quick(image: Image.Image, side: int) -> Image.Image:
        used.append(image.size)
        return exactly(image, side)

    monkeypatch.setattr("model.pictures.quickly", quick)
    data = io.BytesIO()
    noise(160, 120).save(data, "JPEG")
    squash(data.getvalue(), side)
    assert used == ([(80, 60)] if reduced else [])
