"""Augmentation: random geometry, colour and resolution for a batch, with its regions in step."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from training.config import Augmentation

_TO_YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
_TO_RGB = torch.linalg.inv(_TO_YIQ)


@dataclass(frozen=True, slots=True)
class Dice:
    """Random numbers from one generator for a whole batch, of which this process keeps its share.

    Every process rolls for the whole batch, so a picture's changes do not depend on how many share
    the work.
    """

    generator: Generator
    """On the CPU, so that every device changes pictures alike."""
    count: int
    share: slice = field(default_factory=lambda: slice(None))
    device: torch.device | str = "cpu"

    def uniform(self, low: float, high: float) -> Tensor:
        """(own share of count,) in [low, high)."""
        rolled = torch.rand(self.count, generator=self.generator)[self.share]
        return (low + (high - low) * rolled).to(self.device)

    def chance(self, odds: float) -> Tensor:
        """(own share of count,) bool, True for about `odds` of them."""
        return self.uniform(0.0, 1.0) < odds


def augment(
    pictures: Tensor, regions: Tensor, settings: Augmentation, side: int, dice: Dice
) -> tuple[Tensor, Tensor]:
    """Change a batch at random.

    Args:
        pictures: (B, S, S, 3) uint8.
        regions: (B, T, G, G) int8.
        settings: How much.
        side: Side of the pictures to return, px.
        dice: Source of all randomness; its share has B entries.

    Returns:
        (B, side, side, 3) float32 in 0..255 and (B, T, G, G) float32, moved alike.
    """
    theta = _geometry(settings, dice)
    x = pictures.permute(0, 3, 1, 2).to(torch.float32)
    x = _warp(x, theta, side, padding="reflection")
    moved = _warp(regions.to(torch.float32), theta, regions.shape[-1], padding="zeros")
    x = _recolour(x, settings, dice)
    x = _degrade(x, settings, dice)
    x = _erase(x, settings, dice)
    return x.clamp(0, 255).permute(0, 2, 3, 1).contiguous(), moved


def plain(pictures: Tensor, side: int) -> Tensor:
    """(B, S, S, 3) uint8 -> (B, side, side, 3) float32, only resized."""
    x = pictures.permute(0, 3, 1, 2).to(torch.float32)
    if x.shape[-1] != side:
        x = F.interpolate(x, size=(side, side), mode="bilinear", antialias=True)
    return x.permute(0, 2, 3, 1).contiguous()


def own_parts(mixup: float, dice: Dice) -> Tensor:
    """(own share of count,) parts in 0.5..1 that pictures keep of themselves when others are blended in.

    Args:
        mixup: Share of pictures that are blended; the others keep all of themselves.
        dice: Source of all randomness.
    """
    return torch.where(dice.chance(mixup), dice.uniform(0.5, 1.0), 1.0)


def blended(pictures: Tensor, own: Tensor) -> Tensor:
    """Mixup (Zhang et al., ICLR 2018): each picture with its mirror place in the batch.

    Args:
        pictures: (B, ...) float.
        own: (B,) part that each keeps of itself.
    """
    own = own.view(-1, *[1] * (pictures.ndim - 1))
    return own * pictures + (1 - own) * pictures.flip(0)


def _geometry(settings: Augmentation, dice: Dice) -> Tensor:
    scale = dice.uniform(settings.min_crop, 1.0)
    angle = dice.uniform(-1.0, 1.0) * math.radians(settings.max_rotation_deg)
    across = torch.where(dice.chance(0.5 * (settings.flip != "none")), -1.0, 1.0)
    down = torch.where(dice.chance(0.5 * (settings.flip == "both")), -1.0, 1.0)
    free = 1.0 - scale
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    rows = [cos * across, -sin * down, dice.uniform(-1, 1) * free, sin * across, cos * down]
    return torch.stack([*rows, dice.uniform(-1, 1) * free], dim=1).view(-1, 2, 3)


def _warp(x: Tensor, theta: Tensor, side: int, *, padding: str) -> Tensor:
    grid = F.affine_grid(theta, [len(x), 1, side, side], align_corners=False)
    return F.grid_sample(x, grid, padding_mode=padding, align_corners=False)


def _recolour(x: Tensor, settings: Augmentation, dice: Dice) -> Tensor:
    """One matrix per picture joins hue, saturation and contrast; brightness is its offset."""
    hue = dice.uniform(-1, 1) * math.radians(settings.hue_deg)
    saturation = 1 + dice.uniform(-1, 1) * settings.saturation
    saturation = torch.where(dice.chance(settings.grey), 0.0, saturation)
    contrast = 1 + dice.uniform(-1, 1) * settings.contrast
    offset = 255 * dice.uniform(-1, 1) * settings.brightness
    turn = torch.zeros(len(x), 3, 3, device=x.device)
    turn[:, 0, 0] = 1
    turn[:, 1, 1] = turn[:, 2, 2] = torch.cos(hue) * saturation
    turn[:, 1, 2] = -torch.sin(hue) * saturation
    turn[:, 2, 1] = torch.sin(hue) * saturation
    matrix = (_TO_RGB.to(x.device) @ turn @ _TO_YIQ.to(x.device)) * contrast[:, None, None]
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


def _erase(x: Tensor, settings: Augmentation, dice: Dice) -> Tensor:
    """Random erasing (Zhong et al., AAAI 2020) with mid grey; damage types keep their labels."""
    side = x.shape[-1]
    area, stretch = dice.uniform(0.02, 0.2), dice.uniform(-1, 1).exp()
    heights = (side * torch.sqrt(area * stretch)).long().clamp(1, side)
    widths = (side * torch.sqrt(area / stretch)).long().clamp(1, side)
    tops = (dice.uniform(0, 1) * (side - heights + 1)).long()
    lefts = (dice.uniform(0, 1) * (side - widths + 1)).long()
    for n in torch.nonzero(dice.chance(settings.erase))[:, 0].tolist():
        top, left = int(tops[n]), int(lefts[n])
        x[n, :, top : top + int(heights[n]), left : left + int(widths[n])] = 127.0
    return x
