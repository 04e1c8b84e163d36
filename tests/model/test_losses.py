"""Losses against values computed by hand."""

import math

import pytest
import torch

from model.losses import interval_loss, masked_bce, soft_dice

LOGITS = torch.tensor([[1.0, -0.5, -2.0]])


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def gradient(loss: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    (found,) = torch.autograd.grad(loss, logits)
    return found


MASS = [
    1 - _sigmoid(1.0),
    _sigmoid(1.0) - _sigmoid(-0.5),
    _sigmoid(-0.5) - _sigmoid(-2.0),
    _sigmoid(-2.0),
]


@pytest.mark.parametrize(("best", "worst"), [(b, w) for b in range(4) for w in range(b, 4)])
def test_the_interval_loss_is_the_log_of_the_intervals_mass(best: int, worst: int) -> None:
    loss = interval_loss(LOGITS, torch.tensor([best]), torch.tensor([worst]))
    assert loss.item() == pytest.approx(-math.log(sum(MASS[best : worst + 1])), abs=1e-6)


def test_a_label_that_says_nothing_gives_no_gradient() -> None:
    logits = LOGITS.clone().requires_grad_()
    loss = interval_loss(logits, torch.tensor([0]), torch.tensor([3])).sum()
    assert gradient(loss, logits).tolist() == [[0.0, 0.0, 0.0]]


def test_damaged_moves_only_the_threshold_that_it_determines() -> None:
    logits = LOGITS.clone().requires_grad_()
    loss = interval_loss(logits, torch.tensor([1]), torch.tensor([3])).sum()
    moved = gradient(loss, logits)[0].tolist()
    assert moved == pytest.approx([_sigmoid(1.0) - 1, 0.0, 0.0], abs=1e-6)
    assert moved[1:] == [0.0, 0.0]


def test_extreme_logits_stay_finite() -> None:
    logits = torch.tensor([[90.0, 89.0, 88.0], [0.0, 0.0, 0.0]], requires_grad=True)
    loss = interval_loss(logits, torch.tensor([0, 1]), torch.tensor([0, 1]))
    assert torch.isfinite(loss).all()
    assert torch.isfinite(gradient(loss.sum(), logits)).all()


def test_unknown_entries_have_no_gradient_and_known_ones_their_sum() -> None:
    logits = torch.tensor([[0.3, -1.0, 2.0]], requires_grad=True)
    targets = torch.tensor([[1.0, 1.0, 0.0]])
    known = torch.tensor([[True, False, True]])
    loss, weight = masked_bce(logits, targets, known, positive_weight=3.0)
    by_hand = 3 * -math.log(_sigmoid(0.3)) - math.log(1 - _sigmoid(2.0))
    assert loss.item() == pytest.approx(by_hand, abs=1e-6)
    assert weight.item() == 3 + 1
    moved = gradient(loss, logits)[0].tolist()
    assert moved[1] == 0.0
    assert 0.0 not in (moved[0], moved[2])


def test_nothing_known_costs_nothing() -> None:
    logits = torch.zeros(2, 3, requires_grad=True)
    loss, weight = masked_bce(logits, torch.ones(2, 3), torch.zeros(2, 3, dtype=torch.bool), 3.0)
    assert loss.item() == weight.item() == 0.0
    assert not gradient(loss, logits).any()


def test_the_overlap_counts_marked_maps_and_prefers_the_mark_to_a_haze() -> None:
    marks = torch.zeros(2, 1, 4, 4)
    marks[0, 0, 1, 1] = 1
    counted = torch.tensor([[True], [True]])
    sharp = torch.where(marks > 0, 6.0, -6.0)
    haze = torch.full_like(marks, -1.0)
    (of_sharp, weight), (of_haze, _) = (soft_dice(m, marks, counted) for m in (sharp, haze))
    assert weight == 1  # the second map has no mark
    assert of_sharp < 0.05 < of_haze
    assert soft_dice(haze, marks, torch.tensor([[False], [True]]))[1] == 0
