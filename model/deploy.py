"""The network as it is deployed: norms folded in, weights that 16 bits hold."""

from __future__ import annotations

import copy
from typing import cast

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from model.network import GradingNetwork


@torch.no_grad()
def deployed(network: GradingNetwork) -> GradingNetwork:
    """A copy with each batch norm folded into its convolution and every weight rounded to 16 bits.

    What is calibrated, proved and exported is this copy, so the file keeps its weights in half the
    bytes without another loss. It computes in 32 bits.
    """
    copied = copy.deepcopy(network).eval()
    for name, _, norm in list(copied.normed_convolutions()):
        convolution = cast("nn.Conv2d", copied.get_submodule(name))
        copied.set_submodule(name, fuse_conv_bn_eval(convolution, norm))
        norm.reset_parameters()  # from here on it changes nothing
        norm.eps = 0.0
    for weights in copied.parameters():
        weights.copy_(weights.half().float())
    return copied
