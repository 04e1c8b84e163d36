"""A box teaches nothing of the cells within it, and that they are free nowhere."""

import torch

from model.network import Outputs
from training.config import LossWeights
from training.objective import Batch, cells_of, sums_of
from training.targets import GRID

WEIGHTS = LossWeights(damage=0.5, maps=1.0, positive=2.0)


def _maps_loss(logits: torch.Tensor, regions: torch.Tensor) -> float:
    """Of one picture, whose cells outside its regions are known."""
    batch = Batch(
        chosen=torch.tensor([0]),
        inputs=torch.zeros(1),
        levels=(),
        cells=cells_of(regions, 2),
        best=torch.tensor([0]),
        worst=torch.tensor([3]),
        present=torch.tensor([[1.0]]),
        known=torch.tensor([[True]]),
        everywhere=torch.tensor([[True]]),
    )
    nothing = torch.zeros(1, 1)
    outputs = Outputs(torch.zeros(1, 3), nothing, nothing, logits, nothing, nothing)
    _, _, cells, overlap, pooled = sums_of(outputs, batch, WEIGHTS)
    assert pooled.tolist() == [0, 0]
    return float(sum(total / weight.clamp(min=1) for total, weight in (cells, overlap)))


def test_cells_that_a_box_touches_add_nothing_to_the_loss() -> None:
    regions = torch.zeros(1, 1, GRID, GRID)
    regions[..., : GRID // 2 - 1, : GRID // 2] = -1
    logits = torch.tensor([[[[5.0, -1.0], [-1.0, -1.0]]]])
    other = logits.clone()
    other[..., 0, 0] = -5
    assert _maps_loss(logits, regions) == _maps_loss(other, regions)
    free = torch.zeros(1, 1, GRID, GRID)
    assert _maps_loss(logits, free) > _maps_loss(other, free)


def test_damage_that_is_outlined_within_a_box_is_taught() -> None:
    regions = torch.full((1, 1, GRID, GRID), -1.0)
    regions[..., :4, :4] = 1
    sure, unsure = torch.full((1, 1, 2, 2), -1.0), torch.full((1, 1, 2, 2), -1.0)
    sure[..., 0, 0] = 3
    assert _maps_loss(sure, regions) < _maps_loss(unsure, regions)
