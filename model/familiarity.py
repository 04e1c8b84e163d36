"""Familiarity: how far a picture lies from those of the training data, by statistics of the network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor, nn

_RIDGE = 1e-3


class Unfamiliarity(nn.Module):
    """Mahalanobis distance to the nearest source, plus what the leading directions leave out.

    It takes any features; `model.network.Outputs.statistics` of early and middle layers tell foreign
    pictures better than the last layer's, which was taught to see grades and little else (Lee, Lee, Lee and
    Shin, NeurIPS 2018, take all layers). Features are reduced to their leading principal directions and whitened by the covariance
    within the sources; the length of the remainder joins as one more coordinate, so that a
    picture that differs in a direction that training never used counts as far too.
    """

    mean: Tensor
    directions: Tensor
    whitening: Tensor
    centres: Tensor
    remainder_scale: Tensor
    scale: Tensor

    def __init__(self, features: int, directions: int, centres: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("directions", torch.zeros(features, directions))
        self.register_buffer("whitening", torch.eye(directions))
        self.register_buffer("centres", torch.zeros(centres, directions))
        self.register_buffer("remainder_scale", torch.ones(()))
        self.register_buffer("scale", torch.ones(()))

    @classmethod
    def fit(cls, features: Tensor, sources: Tensor, directions: int) -> Self:
        """Learn the statistics.

        Args:
            features: (N, D) of the training pictures.
            sources: (N,) int64 in 0..M-1; each occurs.
            directions: Number of principal directions to keep, at most min(N, D).
        """
        count = int(sources.max()) + 1
        fitted = cls(features.shape[1], directions, count)
        fitted.mean = features.mean(dim=0)
        centred = features - fitted.mean
        _, _, axes = torch.linalg.svd(centred, full_matrices=False)
        fitted.directions = axes[:directions].T.contiguous()
        reduced = centred @ fitted.directions
        centres = torch.stack([reduced[sources == number].mean(dim=0) for number in range(count)])
        within = reduced - centres[sources]
        covariance = within.T @ within / len(features)
        floor = _RIDGE * covariance.diagonal().mean() * torch.eye(directions)
        variance, axes = torch.linalg.eigh(covariance + floor)
        fitted.whitening = axes / torch.sqrt(variance)
        fitted.centres = centres @ fitted.whitening
        remainder = centred - reduced @ fitted.directions.T
        fitted.remainder_scale = remainder.norm(dim=1).mean().clamp(min=1e-6)
        return fitted

    def calibrate(self, features: Tensor, items: Sequence[Sequence[int]], quantile: float) -> None:
        """Scale so that `quantile` of these held-out items lie within 1.

        An item is as far as the farthest of its views, as `model.decision.assess` has it: a limit
        over views alone would be exceeded the more often the more views an item has.

        Args:
            features: (N, D) of the views.
            items: The numbers of each item's views.
            quantile: Share of the items that counts as familiar.
        """
        self.scale = torch.ones(())
        distances = self(features)
        farthest = torch.stack([distances[list(views)].max() for views in items])
        self.scale = torch.quantile(farthest, quantile)

    def forward(self, features: Tensor) -> Tensor:
        """(N, D) -> (N,) distances, 1 at the calibrated limit."""
        centred = features - self.mean
        reduced = centred @ self.directions
        remainder = centred - reduced @ self.directions.T
        whitened = reduced @ self.whitening
        to_centres = (whitened[:, None] - self.centres[None]).square().sum(dim=2).amin(dim=1)
        left = remainder.square().sum(dim=1) / self.remainder_scale.square()
        distance: Tensor = torch.sqrt(to_centres / self.centres.shape[1] + left) / self.scale
        return distance
