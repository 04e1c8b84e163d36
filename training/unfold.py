"""A bundle's network as torch weights, so that training can go on from it."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor
from torch.nn import BatchNorm2d

from model.graph import HALF
from model.network import GradingNetwork
from model.norms import normed_convolutions

_PREFIX = "network."
#: A norm that scales a channel by less gets a scale of one there: the filter would grow without bound.
_SMALLEST_SCALE = 1e-3
#: Of a head that earlier bundles have not.
LATER = ("presence.1.weight", "presence.1.bias")


def weights_in(path: Path, network: GradingNetwork) -> dict[str, Tensor]:
    """State dict with which the network answers as the ONNX file does, less what only later files have.

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
        _own_name(entry.name): torch.tensor(numpy_helper.to_array(entry)).float()
        for entry in onnx.load(path).graph.initializer
        if entry.name.startswith(_PREFIX)
    }
    state = dict(network.state_dict())
    plain = set(state)
    for convolution, norm_name in normed_convolutions(network):
        norm = cast("BatchNorm2d", network.get_submodule(norm_name))
        spread = torch.sqrt(state[f"{norm_name}.running_var"] + norm.eps)
        scale = state[f"{norm_name}.weight"] / spread
        scale = torch.where(scale.abs() < _SMALLEST_SCALE, 1.0, scale)
        filters, offsets = saved[f"{convolution}.weight"], saved[f"{convolution}.bias"]
        state[f"{convolution}.weight"] = filters / scale[:, None, None, None]
        state[f"{norm_name}.weight"] = scale * spread
        state[f"{norm_name}.bias"] = offsets + state[f"{norm_name}.running_mean"] * scale
        plain -= {name for name in plain if name.startswith((f"{convolution}.", f"{norm_name}."))}
    for name in plain:
        if name in saved or name not in LATER:
            state[name] = saved[name]
        else:
            del state[name]
    return state


def _own_name(name: str) -> str:
    """The network's name of a weight; a simplifier that folds a norm calls what is left weight_bias."""
    return name.removeprefix(_PREFIX).removesuffix(HALF).replace(".weight_bias", ".bias")
