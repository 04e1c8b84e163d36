"""Frozen batch norms that cost no pass over the activations, in training as on the line."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import cast

import torch
from timm.layers import BatchNormAct2d, Conv2dSame, pad_same
from torch import Tensor, nn


class NormTakenIn(BatchNormAct2d):
    """A frozen batch norm that the convolution before it takes in: what it does itself is to activate."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, norm: BatchNormAct2d) -> None:
        """Take over a norm's weights, statistics and activation."""
        super().__init__(norm.num_features, eps=norm.eps)
        self.load_state_dict(norm.state_dict())
        self.drop, self.act = norm.drop, norm.act

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) -> the same shape."""
        activated: Tensor = self.act(self.drop(x))
        return activated

    def scale_and_offset(self) -> tuple[Tensor, Tensor]:
        """(C,) and (C,): what the norm does to each channel."""
        scale = self.weight * torch.rsqrt(self.running_var + self.eps)
        return scale, self.bias - self.running_mean * scale


class NormedConv2d(nn.Conv2d):
    """A convolution without offsets that takes in the frozen batch norm after it.

    Scale and offset go into the filters at each call (Jacob et al., CVPR 2018, section 3.2; there with
    statistics that move). Answers and gradients are those of the two layers one after the other, and
    the weights keep their names, scales and meaning.
    """

    def __init__(self, convolution: nn.Conv2d, norm: NormTakenIn) -> None:
        """Take over a convolution's weights; the norm's stay where they are."""
        super().__init__(
            convolution.in_channels,
            convolution.out_channels,
            cast("tuple[int, int]", convolution.kernel_size),
            cast("tuple[int, int]", convolution.stride),
            cast("tuple[int, int]", convolution.padding),
            cast("tuple[int, int]", convolution.dilation),
            convolution.groups,
            bias=False,
        )
        self.weight = convolution.weight
        self._pads = isinstance(convolution, Conv2dSame)
        self._norm = (norm,)  # in a tuple, for it is registered under its own name

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) -> (N, C', h', w'), normed."""
        if self._pads:
            x = pad_same(x, list(self.kernel_size), list(self.stride), list(self.dilation))
        normed: Tensor = self._conv_forward(x, *self.folded())
        return normed

    def folded(self) -> tuple[Tensor, Tensor]:
        """Filters (C', C, k, k) and offsets (C',) that answer as convolution and norm do."""
        scale, offset = self._norm[0].scale_and_offset()
        return self.weight * scale[:, None, None, None], offset

    def plain(self) -> nn.Conv2d:
        """A convolution with offsets that answers alike and needs no norm."""
        kind = Conv2dSame if self._pads else nn.Conv2d
        made = kind(
            self.in_channels,
            self.out_channels,
            cast("tuple[int, int]", self.kernel_size),
            cast("tuple[int, int]", self.stride),
            cast("tuple[int, int]", self.padding),
            cast("tuple[int, int]", self.dilation),
            self.groups,
        )
        filters, offsets = self.folded()
        made.weight, made.bias = nn.Parameter(filters.detach()), nn.Parameter(offsets.detach())
        return made


def normed_convolutions(network: nn.Module) -> Iterator[tuple[str, str]]:
    """Each convolution that a batch norm follows: its name and the norm's."""
    layers = [
        (name, module)
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d | nn.BatchNorm2d)
    ]
    for (convolution, _), (norm, module) in pairwise(layers):
        if isinstance(module, nn.BatchNorm2d):
            yield convolution, norm


def take_in_norms(network: nn.Module) -> None:
    """Let every convolution that a batch norm follows take it in; names in the state dict stay."""
    for convolution_name, norm_name in list(normed_convolutions(network)):
        norm = NormTakenIn(cast("BatchNormAct2d", network.get_submodule(norm_name)))
        convolution = cast("nn.Conv2d", network.get_submodule(convolution_name))
        network.set_submodule(norm_name, norm)
        network.set_submodule(convolution_name, NormedConv2d(convolution, norm))


@torch.no_grad()
def fold_norms(network: nn.Module) -> None:
    """Make plain convolutions with offsets of those that took a norm in; the norms say nothing more."""
    for name, module in list(network.named_modules()):
        if isinstance(module, NormedConv2d):
            network.set_submodule(name, module.plain())
