"""Augmentation: random geometry, colour and resolution for a batch, with its regions in step."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from training.config import Augmentation

_TO_YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
_TO_RGB = torch.linalg.inv(_TO_YIQ)


@dataclass(frozen=True, slots=True)
class Dice:
    """Random numbers from one generator."""

    generator: Generator
    count: int

    def uniform(self, low: float, high: float) -> Tensor:
        """(count,) in [low, high)."""
        return low + (high - low) * torch.rand(self.count, generator=self.generator)

    def chance(self, share: float) -> Tensor:
        """(count,) bool, True for about `share`."""
        return torch.rand(self.count, generator=self.generator) < share


def augment(
    pictures: Tensor, regions: Tensor, settings: Augmentation, side: int, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Change a batch at random.

    Args:
        pictures: (B, S, S, 3) uint8.
        regions: (B, T, G, G) int8.
        settings: How much.
        side: Side of the pictures to return, px.
        generator: Source of all randomness.

    Returns:
        (B, side, side, 3) float32 in 0..255 and (B, T, G, G) float32, moved alike.
    """
    dice = Dice(generator, len(pictures))
    theta = _geometry(settings, dice)
    x = pictures.permute(0, 3, 1, 2).to(torch.float32)
    x = _warp(x, theta, side, padding="reflection")
    moved = _warp(regions.to(torch.float32), theta, regions.shape[-1], padding="zeros")
    x = _recolour(x, settings, dice)
    x = _degrade(x, settings, dice)
    return x.clamp(0, 255).permute(0, 2, 3, 1).contiguous(), moved


def plain(pictures: Tensor, side: int) -> Tensor:
    """(B, S, S, 3) uint8 -> (B, side, side, 3) float32, only resized."""
    x = pictures.permute(0, 3, 1, 2).to(torch.float32)
    if x.shape[-1] != side:
        x = F.interpolate(x, size=(side, side), mode="bilinear", antialias=True)
    return x.permute(0, 2, 3, 1).contiguous()


def _geometry(settings: Augmentation, dice: Dice) -> Tensor:
    scale = dice.uniform(settings.min_crop, 1.0)
    angle = dice.uniform(-1.0, 1.0) * math.radians(settings.max_rotation_deg)
    mirror = torch.where(dice.chance(0.5), -1.0, 1.0)
    free = 1.0 - scale
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    rows = [cos * mirror, -sin, dice.uniform(-1, 1) * free, sin * mirror, cos]
    return torch.stack([*rows, dice.uniform(-1, 1) * free], dim=1).view(-1, 2, 3)


def _warp(x: Tensor, theta: Tensor, side: int, *, padding: str) -> Tensor:
    grid = F.affine_grid(theta, [len(x), x.shape[1], side, side], align_corners=False)
    return F.grid_sample(x, grid, padding_mode=padding, align_corners=False)


def _recolour(x: Tensor, settings: Augmentation, dice: Dice) -> Tensor:
    """One matrix per picture joins hue, saturation and contrast; brightness is its offset."""
    hue = dice.uniform(-1, 1) * math.radians(settings.hue_deg)
    saturation = 1 + dice.uniform(-1, 1) * settings.saturation
    saturation = torch.where(dice.chance(settings.grey), 0.0, saturation)
    contrast = 1 + dice.uniform(-1, 1) * settings.contrast
    offset = 255 * dice.uniform(-1, 1) * settings.brightness
    turn = torch.zeros(dice.count, 3, 3)
    turn[:, 0, 0] = 1
    turn[:, 1, 1] = turn[:, 2, 2] = torch.cos(hue) * saturation
    turn[:, 1, 2] = -torch.sin(hue) * saturation
    turn[:, 2, 1] = torch.sin(hue) * saturation
    matrix = (_TO_RGB @ turn @ _TO_YIQ) * contrast[:, None, None]
    middle = 127.5 * (1 - contrast) + offset
    mixed = torch.einsum("bij,bjhw->bihw", matrix, x)
    return mixed + middle[:, None, None, None]


def _degrade(x: Tensor, settings: Augmentation, dice: Dice) -> Tensor:
    side = x.shape[-1]
    sizes = dice.uniform(min(settings.min_degraded_px, side), side).long()
    for n in torch.nonzero(dice.chance(settings.degrade))[:, 0].tolist():
        size = int(sizes[n])
        small = F.interpolate(x[n : n + 1], size=(size, size), mode="bilinear", antialias=True)
        x[n] = F.interpolate(small, size=(side, side), mode="bilinear")[0]
    return x
