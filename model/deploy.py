"""The network as it is deployed: norms folded in, weights that 16 bits hold."""

from __future__ import annotations

import copy

import torch
from torch.nn.utils.fusion import fuse_conv_bn_weights

from model.network import GradingNetwork


@torch.no_grad()
def deployed(network: GradingNetwork) -> GradingNetwork:
    """A copy with each batch norm folded into its convolution and every weight rounded to 16 bits.

    What is calibrated, proved and exported is this copy, so the file keeps its weights in half the
    bytes without another loss. It computes in 32 bits.
    """
    copied = copy.deepcopy(network).eval()
    for name, _, norm in copied.normed_convolutions():
        convolution = copied.get_submodule(name)
        convolution.weight, convolution.bias = fuse_conv_bn_weights(
            convolution.weight,
            convolution.bias,
            norm.running_mean,
            norm.running_var,
            norm.eps,
            norm.weight,
            norm.bias,
        )
        norm.reset_parameters()  # from here on it changes nothing
        norm.eps = 0.0
    for weights in copied.parameters():
        weights.copy_(weights.half().float())
    return copied
