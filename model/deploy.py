"""The network as it is deployed: norms folded in, weights that 16 bits hold."""

from __future__ import annotations

import copy

import torch

from model.network import GradingNetwork
from model.norms import fold_norms


@torch.no_grad()
def deployed(network: GradingNetwork) -> GradingNetwork:
    """A copy with each batch norm folded into its convolution and every weight rounded to 16 bits.

    What is calibrated, proved and exported is this copy, so the file keeps its weights in half the
    bytes without another loss. It computes in 32 bits.
    """
    copied = copy.deepcopy(network).eval()
    fold_norms(copied)
    for weights in copied.parameters():
        weights.copy_(weights.half().float())
    return copied
