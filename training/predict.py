"""Predicting with the torch network over many pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datasets.progress import Track
from model.network import GradingNetwork
from training.augment import plain

_BATCH = 32


@dataclass(frozen=True, slots=True)
class Predictions:
    """Outputs for N pictures."""

    grade_logits: Tensor
    """(N, 3)"""
    damage_logits: Tensor
    """(N, T)"""
    maps: Tensor
    """(N, T, H / 8, W / 8) probabilities"""
    statistics: Tensor
    """(N, C)"""


@torch.inference_mode()
def predict(
    network: GradingNetwork, pictures: NDArray[np.uint8], side: int, track: Track, what: str
) -> Predictions:
    """Run the network, on the device that it is on, without augmentation."""
    network.eval()
    device = next(network.parameters()).device
    starts = range(0, len(pictures), _BATCH)
    parts = []
    for start in track(starts, what, len(starts)):
        images = torch.from_numpy(pictures[start : start + _BATCH].copy()).to(device)
        outputs = network(plain(images, side))
        maps = outputs.map_logits.sigmoid()
        parts.append((outputs.grade_logits, outputs.damage_logits, maps, outputs.statistics))
    return Predictions(*(torch.cat(column).cpu().clone() for column in zip(*parts, strict=True)))
