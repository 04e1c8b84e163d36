"""Objective: the network with its losses; what the labels leave unknown adds nothing."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.losses import interval_loss, masked_bce, soft_dice
from model.network import Activations, GradingNetwork, Outputs, pool
from training.config import LossWeights

#: maps: of the marked cells; overlap: of maps with marks; pooled: of maps without marks, as one logit.
LOSSES = ("grade", "damage", "maps", "overlap", "pooled")


_LABELS = ("cells", "best", "worst", "present", "known", "everywhere")


class Batch(NamedTuple):
    """One process's share of the pictures of a step, with their targets."""

    chosen: Tensor
    """(B,) int64, numbers of the pictures."""
    inputs: Tensor
    """(B, S, S, 3) pixels in 0..255, or activations of the backbone that were kept."""
    levels: tuple[Tensor, ...]
    """Activations for the maps that were kept with them."""
    cells: Tensor
    """(B, T, h, w) int8, cells of the maps: 1 damaged, -1 somewhere in a box, 0 neither."""
    best: Tensor
    worst: Tensor
    present: Tensor
    known: Tensor
    everywhere: Tensor
    """As in ``training.targets.Targets``."""
    own: Tensor | None = None
    """(B,) part of each input that is its own picture; the rest is the picture at the mirror place in the
    batch. None: all of it."""

    def mirrored(self, own: Tensor) -> Batch:
        """With the labels of the mirror places, which count by `own`."""
        labels = {name: getattr(self, name).flip(0) for name in _LABELS}
        return self._replace(**labels, own=own)


class Objective(nn.Module):
    """The network with its losses, as one module to wrap for several processes."""

    def __init__(self, network: GradingNetwork, weights: LossWeights, part: int | None) -> None:
        """Join them.

        Args:
            network: To train.
            weights: Of the losses.
            part: Of the backbone at which the batches' inputs enter; None: they are pictures.
        """
        super().__init__()
        self.network = network
        self.weights = weights
        self.part = part

    def forward(self, batch: Batch) -> Tensor:
        """(5, 2): for each of `LOSSES` the sum and the weight that it is a sum over."""
        if self.part is None:
            outputs = self.network(batch.inputs)
        else:
            outputs = self.network.judge(Activations(batch.inputs, batch.levels), self.part)
        sums = sums_of(outputs, batch, self.weights)
        if batch.own is not None:
            sums = sums + sums_of(outputs, batch.mirrored(1 - batch.own), self.weights)
        return sums

    def factors(self) -> Tensor:
        """(5,) weight of each loss in the total."""
        of_damage, of_maps = self.weights.damage, self.weights.maps
        return torch.tensor([1.0, of_damage, of_maps, of_maps, of_damage])


def sums_of(outputs: Outputs, batch: Batch, weights: LossWeights) -> Tensor:
    """(5, 2): for each of `LOSSES` the sum over a batch and the weight that it is a sum over.

    Maps learn where damage is from the pictures that have it marked, and from the others only that it
    is somewhere. The image-level loss does not reach them: it would have them cover all that goes
    with damage. A picture's labels count by the part of the input that is its own.
    """
    grades, presence, maps = (
        logits.float()  # a sum of exponentials needs more than 16 bits
        for logits in (outputs.grade_logits, outputs.presence_logits, outputs.map_logits)
    )
    pooled = pool(maps)
    damaged = (batch.cells > 0).to(maps.dtype)
    is_marked = batch.everywhere if weights.maps else torch.zeros_like(batch.everywhere)
    cells_known = batch.everywhere[:, :, None, None] & (batch.cells >= 0) | (batch.cells > 0)
    whole = batch.everywhere & (batch.cells >= 0).all(dim=(2, 3))
    own = maps.new_ones(len(maps)) if batch.own is None else batch.own
    types, cells = own[:, None], own[:, None, None, None]
    positive = weights.positive
    pairs = (
        _of_grades(grades, batch, own, weights),
        masked_bce(presence + pooled.detach(), batch.present, batch.known * types, positive),
        masked_bce(maps, damaged, cells_known * cells, positive),
        soft_dice(maps, damaged, whole * types),
        masked_bce(pooled, batch.present, (batch.known & ~is_marked) * types, positive),
    )
    return torch.stack([torch.stack(pair) for pair in pairs])


def _of_grades(
    logits: Tensor, batch: Batch, own: Tensor, weights: LossWeights
) -> tuple[Tensor, Tensor]:
    losses = interval_loss(logits, batch.best, batch.worst)
    says = (batch.best > 0) | (batch.worst < logits.shape[1])
    if weights.grade == "cross_entropy":
        says = batch.best == batch.worst
    counted = says * own
    return (losses * counted).sum(), counted.sum()


def cells_of(regions: Tensor, side: int) -> Tensor:
    """(B, T, G, G) regions in -1..1 -> (B, T, side, side) int8, as in `Batch.cells`."""
    if regions.shape[1] == 0:  # labels that tell grades only; torch pools no empty tensor
        return torch.zeros(len(regions), 0, side, side, dtype=torch.int8, device=regions.device)
    damaged = F.adaptive_max_pool2d(regions, (side, side)) > 0.5
    doubtful = F.adaptive_max_pool2d(-regions, (side, side)) > 0
    return damaged.to(torch.int8) - (doubtful & ~damaged).to(torch.int8)
