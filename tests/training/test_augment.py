"""Augmentation moves pictures and regions together and depends on its generator alone."""

from dataclasses import replace
from typing import Literal

import pytest
import torch
from torch import Generator, Tensor

from training.augment import Dice, augment, blended, own_parts, plain
from training.config import Augmentation, TrainingConfig

SIDE = 56


@pytest.fixture
def still(tiny: TrainingConfig) -> Augmentation:
    """Crops, turns and flips only."""
    return replace(
        tiny.augment, brightness=0, contrast=0, saturation=0, hue_deg=0, grey=0, degrade=0
    )


def _dice(seed: int, count: int = 16) -> Dice:
    return Dice(Generator().manual_seed(seed), count)


def _square() -> tuple[Tensor, Tensor]:
    pictures = torch.zeros(16, SIDE, SIDE, 3, dtype=torch.uint8)
    pictures[:, 10:30, 20:44] = 200
    return pictures, (pictures[..., 0] > 0).to(torch.uint8)[:, None]


def test_regions_move_with_the_picture(still: Augmentation) -> None:
    pictures, regions = _square()
    moved, moved_regions = augment(pictures, regions, still, SIDE, _dice(0))
    assert torch.equal(moved[..., 0] > 100, moved_regions[:, 0] > 0.5)
    assert not torch.equal(moved_regions[:, 0] > 0.5, regions[:, 0] > 0)


def test_the_same_generator_state_gives_the_same_batch(tiny: TrainingConfig) -> None:
    pictures, regions = _square()
    one, other, third = (
        augment(pictures, regions, tiny.augment, SIDE, _dice(seed))[0] for seed in (5, 5, 6)
    )
    assert torch.equal(one, other)
    assert not torch.equal(one, third)


def test_colours_keep_grey_grey_when_only_the_hue_turns(still: Augmentation) -> None:
    pictures = torch.full((8, SIDE, SIDE, 3), 90, dtype=torch.uint8)
    turned = replace(still, hue_deg=180.0, saturation=0.9)
    regions = torch.zeros(8, 1, SIDE, SIDE, dtype=torch.uint8)
    moved, _ = augment(pictures, regions, turned, SIDE, _dice(1, 8))
    torch.testing.assert_close(moved, torch.full_like(moved, 90.0), atol=0.5, rtol=0)


def test_degraded_pictures_lose_detail_but_keep_their_size(still: Augmentation) -> None:
    noise = torch.randint(0, 256, (8, SIDE, SIDE, 3), dtype=torch.uint8)
    regions = torch.zeros(8, 1, SIDE, SIDE, dtype=torch.uint8)
    coarse = replace(still, degrade=1.0, min_degraded_px=8)
    sharp, _ = augment(noise, regions, still, SIDE, _dice(2, 8))
    blurred, _ = augment(noise, regions, coarse, SIDE, _dice(2, 8))
    assert blurred.shape == sharp.shape == (8, SIDE, SIDE, 3)
    assert blurred.var() < 0.7 * sharp.var()


def test_plain_only_resizes() -> None:
    pictures, _ = _square()
    assert torch.equal(plain(pictures, SIDE), pictures.float())
    assert plain(pictures, 28).shape == (16, 28, 28, 3)


def test_processes_that_share_a_batch_change_pictures_as_one_would(tiny: TrainingConfig) -> None:
    pictures, regions = _square()
    settings = replace(tiny.augment, erase=0.5)
    whole, whole_regions = augment(pictures, regions, settings, SIDE, _dice(4))
    for rank in range(3):
        mine = slice(rank, None, 3)
        dice = Dice(Generator().manual_seed(4), 16, mine)
        share, share_regions = augment(pictures[mine], regions[mine], settings, SIDE, dice)
        torch.testing.assert_close(share, whole[mine])
        torch.testing.assert_close(share_regions, whole_regions[mine])


@pytest.mark.parametrize(
    ("flip", "expected"),
    [
        ("none", {(False, False)}),
        ("horizontal", {(False, False), (True, False)}),
        ("both", {(False, False), (True, False), (False, True), (True, True)}),
    ],
)
def test_flips_turn_pictures_over_only_as_asked(
    still: Augmentation, flip: Literal["none", "horizontal", "both"], expected: set[object]
) -> None:
    corner = torch.zeros(32, SIDE, SIDE, 3, dtype=torch.uint8)
    corner[:, : SIDE // 2, : SIDE // 2] = 200
    regions = torch.zeros(32, 1, SIDE, SIDE, dtype=torch.uint8)
    settings = replace(still, flip=flip, min_crop=1.0, max_rotation_deg=0)
    moved, _ = augment(corner, regions, settings, SIDE, _dice(3, 32))
    places = {
        (bool(picture[:, -1].max() > 100), bool(picture[-1].max() > 100))
        for picture in moved[..., 0]
    }
    assert places == expected


def test_erasing_hides_up_to_a_fifth_under_grey(still: Augmentation) -> None:
    pictures = torch.full((8, SIDE, SIDE, 3), 200, dtype=torch.uint8)
    regions = torch.ones(8, 1, SIDE, SIDE, dtype=torch.uint8)
    flat = replace(still, min_crop=1.0, max_rotation_deg=0)
    for erase, low, high in ((0.0, 0.0, 0.0), (1.0, 0.005, 0.25)):
        moved, _ = augment(pictures, regions, replace(flat, erase=erase), SIDE, _dice(5, 8))
        hidden = (moved[..., 0] - 127).abs() < 1
        shares = hidden.float().mean(dim=(1, 2))
        assert ((shares >= low) & (shares <= high)).all()


def test_mixup_blends_a_share_of_the_pictures_with_their_mirror_places() -> None:
    own = own_parts(0.6, _dice(4, 1000))
    assert 0.55 < float((own < 1).float().mean()) < 0.65
    assert float(own.min()) >= 0.5
    pictures = torch.tensor([10.0, 20.0, 60.0]).view(3, 1, 1, 1)
    mixed = blended(pictures, torch.tensor([0.8, 0.5, 1.0])).view(3)
    torch.testing.assert_close(mixed, torch.tensor([20.0, 20.0, 60.0]))
