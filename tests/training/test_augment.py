"""Augmentation moves pictures and regions together and depends on its generator alone."""

from dataclasses import replace

import pytest
import torch
from torch import Generator, Tensor

from training.augment import augment, plain
from training.config import Augmentation, TrainingConfig

SIDE = 56


@pytest.fixture
def still(tiny: TrainingConfig) -> Augmentation:
    """Crops, turns and flips only."""
    return replace(
        tiny.augment, brightness=0, contrast=0, saturation=0, hue_deg=0, grey=0, degrade=0
    )


def _square() -> tuple[Tensor, Tensor]:
    pictures = torch.zeros(16, SIDE, SIDE, 3, dtype=torch.uint8)
    pictures[:, 10:30, 20:44] = 200
    return pictures, (pictures[..., 0] > 0).to(torch.uint8)[:, None]


def test_regions_move_with_the_picture(still: Augmentation) -> None:
    pictures, regions = _square()
    moved, moved_regions = augment(pictures, regions, still, SIDE, Generator().manual_seed(0))
    assert torch.equal(moved[..., 0] > 100, moved_regions[:, 0] > 0.5)
    assert not torch.equal(moved_regions[:, 0] > 0.5, regions[:, 0] > 0)


def test_the_same_generator_state_gives_the_same_batch(tiny: TrainingConfig) -> None:
    pictures, regions = _square()
    one, other, third = (
        augment(pictures, regions, tiny.augment, SIDE, Generator().manual_seed(seed))[0]
        for seed in (5, 5, 6)
    )
    assert torch.equal(one, other)
    assert not torch.equal(one, third)


def test_colours_keep_grey_grey_when_only_the_hue_turns(still: Augmentation) -> None:
    pictures = torch.full((8, SIDE, SIDE, 3), 90, dtype=torch.uint8)
    turned = replace(still, hue_deg=180.0, saturation=0.9)
    regions = torch.zeros(8, 1, SIDE, SIDE, dtype=torch.uint8)
    moved, _ = augment(pictures, regions, turned, SIDE, Generator().manual_seed(1))
    torch.testing.assert_close(moved, torch.full_like(moved, 90.0), atol=0.5, rtol=0)


def test_degraded_pictures_lose_detail_but_keep_their_size(still: Augmentation) -> None:
    noise = torch.randint(0, 256, (8, SIDE, SIDE, 3), dtype=torch.uint8)
    regions = torch.zeros(8, 1, SIDE, SIDE, dtype=torch.uint8)
    coarse = replace(still, degrade=1.0, min_degraded_px=8)
    sharp, _ = augment(noise, regions, still, SIDE, Generator().manual_seed(2))
    blurred, _ = augment(noise, regions, coarse, SIDE, Generator().manual_seed(2))
    assert blurred.shape == sharp.shape == (8, SIDE, SIDE, 3)
    assert blurred.var() < 0.7 * sharp.var()


def test_plain_only_resizes() -> None:
    pictures, _ = _square()
    assert torch.equal(plain(pictures, SIDE), pictures.float())
    assert plain(pictures, 28).shape == (16, 28, 28, 3)
