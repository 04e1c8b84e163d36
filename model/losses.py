"""Losses that take labels for what they say: intervals of grades, and types left unknown."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def interval_loss(cumulative_logits: Tensor, best: Tensor, worst: Tensor) -> Tensor:
    """-log P(best <= grade <= worst) for each picture; exactly 0 for a label that says nothing.

    Args:
        cumulative_logits: (N, K) logits of P(grade worse than k), falling along K.
        best: (N,) int64, best rank that the label allows, 0..K.
        worst: (N,) int64, worst rank that it allows, best..K.

    Returns:
        (N,) losses.
    """
    last = cumulative_logits.shape[1]
    bounded_above, bounded_below = best > 0, worst < last
    above = cumulative_logits.gather(1, (best - 1).clamp(min=0)[:, None])[:, 0]
    below = cumulative_logits.gather(1, worst.clamp(max=last - 1)[:, None])[:, 0]
    # sigmoid(a) - sigmoid(b) = sigmoid(a) * sigmoid(-b) * (1 - exp(b - a)) for a > b
    loss = torch.where(bounded_above, F.softplus(-above), 0.0)
    loss = loss + torch.where(bounded_below, F.softplus(below), 0.0)
    both = bounded_above & bounded_below
    gap = torch.where(both, above - below, 1.0).clamp(min=1e-6)
    return loss - torch.where(both, torch.log(-torch.expm1(-gap)), 0.0)


def masked_bce(
    logits: Tensor, targets: Tensor, counted: Tensor, positive_weight: float
) -> tuple[Tensor, Tensor]:
    """Binary cross-entropy over the known entries, as a sum and the weight that it is a sum over.

    Args:
        logits: Of any shape.
        targets: 0..1, the same shape.
        counted: Weights of the same shape; entries of 0, or False, are unknown and get no gradient.
        positive_weight: Weight of a positive relative to a negative.

    Returns:
        Two scalars; the mean is their quotient, taken over all processes' shares of a batch.
    """
    weight = torch.where(targets > 0.5, positive_weight, 1.0) * counted
    losses = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    return (losses * weight).sum(), weight.sum()


def soft_dice(logits: Tensor, targets: Tensor, counted: Tensor) -> tuple[Tensor, Tensor]:
    """1 - the overlap of maps with marks (Milletari et al., 3DV 2016), as a sum and its weight.

    Where few cells are damaged, cross-entropy is content with a map that is a little everywhere; the
    overlap is not.

    Args:
        logits: (N, T, h, w) of the cells.
        targets: 0 or 1, the same shape.
        counted: (N, T) weights of the maps; 0, or False, where a cell is unknown.

    Returns:
        Two scalars; the weight is that of the counted maps that have a damaged cell.
    """
    cells = (2, 3)
    found = logits.sigmoid()
    marked = targets.sum(cells)
    shared = (found * targets).sum(cells)
    apart = 1 - (2 * shared + 1) / (found.sum(cells) + marked + 1)
    counts = counted * (marked > 0).to(apart.dtype)
    return (apart * counts).sum(), counts.sum()
