"""Batch norms as pretraining leaves them."""

import torch
from torch import nn


def scatter_norms(network: nn.Module, seed: int = 0) -> None:
    """Give every batch norm statistics, scales and offsets that change something."""
    random = torch.Generator().manual_seed(seed)
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            assert norm.running_mean is not None
            assert norm.running_var is not None
            with torch.no_grad():
                nn.init.uniform_(norm.running_mean, -0.2, 0.2, generator=random)
                nn.init.uniform_(norm.running_var, 0.5, 2.0, generator=random)
                nn.init.uniform_(norm.weight, 0.5, 1.5, generator=random)
                nn.init.uniform_(norm.bias, -0.2, 0.2, generator=random)
