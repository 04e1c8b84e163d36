"""A bundle's network as torch weights, so that training can go on from it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from model.network import GradingNetwork

_PREFIX = "network."
#: A norm that scales a channel by less gets a scale of one there: the filter would grow without bound.
_SMALLEST_SCALE = 1e-3
#: Of a head that earlier bundles have not; the network's own say nothing until they are trained.
_LATER = ("presence.1.weight", "presence.1.bias")


def weights_in(path: Path, network: GradingNetwork) -> dict[str, Tensor]:
    """State dict with which the network answers as the ONNX file does.

    Export folds each batch norm into the convolution before it (Jacob et al., CVPR 2018, section 3.2).
    Here the norms keep their statistics and scales, and the convolutions take what was folded in, so
    that a fine-tune goes on at the scale of the pretrained weights.

    Args:
        path: A bundle's ``model.onnx``.
        network: Of the same backbone, with pretrained norms; is not changed.

    Raises:
        KeyError: The file lacks a weight that this kind of network has; the argument names it.
    """
    saved = {
        initializer.name.removeprefix(_PREFIX): torch.tensor(numpy_helper.to_array(initializer))
        for initializer in onnx.load(path).graph.initializer
        if initializer.name.startswith(_PREFIX)
    }
    state = dict(network.state_dict())
    plain = set(state)
    for convolution, norm_name, norm in _normed_convolutions(network):
        spread = torch.sqrt(state[f"{norm_name}.running_var"] + norm.eps)
        scale = state[f"{norm_name}.weight"] / spread
        scale = torch.where(scale.abs() < _SMALLEST_SCALE, 1.0, scale)
        filters, offsets = saved[f"{convolution}.weight"], saved[f"{convolution}.weight_bias"]
        state[f"{convolution}.weight"] = filters / scale[:, None, None, None]
        state[f"{norm_name}.weight"] = scale * spread
        state[f"{norm_name}.bias"] = offsets + state[f"{norm_name}.running_mean"] * scale
        plain -= {name for name in plain if name.startswith((f"{convolution}.", f"{norm_name}."))}
    return state | {name: saved[name] for name in plain if name not in _LATER or name in saved}


def _normed_convolutions(network: GradingNetwork) -> Iterator[tuple[str, str, nn.BatchNorm2d]]:
    """Each convolution of the backbone with the norm after it."""
    layers = [
        (name, module)
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d | nn.BatchNorm2d)
    ]
    for (convolution, _), (name, norm) in pairwise(layers):
        if isinstance(norm, nn.BatchNorm2d):
            yield convolution, name, norm
