"""The training step, the schedule and the checkpoint."""

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD
from torch.optim.lr_scheduler import LambdaLR

from model.network import GradingNetwork, Outputs, cumulative, pool
from training.cache import cached_pictures
from training.checkpoint import Checkpoint
from training.config import LossWeights, TrainingConfig
from training.errors import TrainingError
from training.examples import load_examples, of_split, taught_damage_types
from training.fit import Batch, fit, rate_factor, train_one_epoch
from training.progress import silently
from training.sampling import sampling_weights
from training.targets import GRID, Targets, make_targets

WEIGHTS = LossWeights(damage=0.5, maps=0.25, positive=2.0)


class TwoByTwo(nn.Module):
    """A network of one layer, so that its step can be computed by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.grade = nn.Linear(3, 3)
        self.damage = nn.Conv2d(3, 1, 1)

    def forward(self, images: Tensor) -> Outputs:
        maps = self.damage(images.permute(0, 3, 1, 2))
        return Outputs(cumulative(self.grade(images.mean(dim=(1, 2)))), pool(maps), maps, images)


def _batch() -> Batch:
    regions = torch.zeros(2, 1, GRID, GRID)
    regions[1, 0, :10, :10] = 1
    return Batch(
        images=torch.rand(2, 2, 2, 3, generator=torch.Generator().manual_seed(0)),
        regions=regions,
        targets=Targets(
            best=torch.tensor([0, 1]),
            worst=torch.tensor([0, 3]),
            present=torch.tensor([[0.0], [1.0]]),
            known=torch.tensor([[True], [True]]),
            regions=regions.to(torch.uint8),
            everywhere=torch.tensor([[True], [False]]),
        ),
    )


def _loss_by_hand(network: TwoByTwo, batch: Batch) -> Tensor:
    outputs = network(batch.images)
    worse_than_new = outputs.grade_logits[:, 0].sigmoid()
    grade = -(torch.log(1 - worse_than_new[0]) + torch.log(worse_than_new[1])) / 2
    present = outputs.damage_logits[:, 0].sigmoid()
    damage = -(torch.log(1 - present[0]) + 2 * torch.log(present[1])) / 3
    cells = outputs.map_logits[:, 0].sigmoid()
    # Known: the four cells of the intact picture, and the one damaged cell of the other.
    maps = -(torch.log(1 - cells[0]).sum() + 2 * torch.log(cells[1, 0, 0])) / 6
    return grade + 0.5 * damage + 0.25 * maps


def test_one_step_moves_each_weight_by_rate_times_gradient_once() -> None:
    torch.manual_seed(1)
    network = TwoByTwo()
    by_hand = copy.deepcopy(network)
    batch = _batch()
    loss = _loss_by_hand(by_hand, batch)
    torch.autograd.backward(loss)
    optimiser = SGD(network.parameters(), lr=0.1)
    schedule = LambdaLR(optimiser, lambda _: 1.0)
    means = train_one_epoch(network, [batch], optimiser, schedule, WEIGHTS)
    assert means["total"] == pytest.approx(loss.item(), abs=1e-6)
    for trained, before in zip(network.parameters(), by_hand.parameters(), strict=True):
        assert before.grad is not None
        expected = before - 0.1 * before.grad
        torch.testing.assert_close(trained, expected, atol=1e-6, rtol=0)


def test_the_rate_rises_then_falls_to_a_hundredth() -> None:
    rates = [rate_factor(step, 100) for step in range(101)]
    assert rates[0] == pytest.approx(0.2)
    assert max(rates) == pytest.approx(1.0)
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert rates[-1] == pytest.approx(0.01)


def _fit(
    config: TrainingConfig, folder: Path, run_id: str = "run"
) -> tuple[GradingNetwork, list[dict[str, float]]]:
    torch.set_num_threads(1)
    examples = of_split(load_examples(config.data), "train")
    types = taught_damage_types(examples, config.min_damage_examples)
    torch.manual_seed(config.seed)
    network = GradingNetwork.pretrained(len(types))
    pictures = cached_pictures(examples, config.cached_size, config.cache, silently)
    targets, weights = make_targets(examples, types), sampling_weights(examples, 0.5)
    checkpoint = Checkpoint(folder / "c.pt", run_id, types)
    history = fit(network, pictures, targets, weights, config, checkpoint, silently)
    return network, history


def _weights(network: nn.Module) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return torch.cat([p.detach().flatten() for p in network.parameters()]).numpy()


def _for_epochs(config: TrainingConfig, epochs: int) -> TrainingConfig:
    return replace(config, fit=replace(config.fit, epochs=epochs))


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    tiny: TrainingConfig, tmp_path: Path
) -> None:
    runs = []
    for name, config in (("a", tiny), ("b", tiny), ("c", replace(tiny, seed=4))):
        (tmp_path / name).mkdir()
        runs.append(_weights(_fit(config, tmp_path / name)[0]))
    assert np.array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


def test_a_run_that_was_cut_short_ends_as_if_it_had_not_been(
    tiny: TrainingConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = _for_epochs(tiny, 2)
    for name in ("whole", "cut"):
        (tmp_path / name).mkdir()
    whole, history = _fit(config, tmp_path / "whole")

    def stop_after_first(*args: object) -> dict[str, float]:
        if (tmp_path / "cut" / "c.pt").exists():
            raise KeyboardInterrupt
        return train_one_epoch(*args)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr("training.fit.train_one_epoch", stop_after_first)
        with pytest.raises(KeyboardInterrupt):
            _fit(config, tmp_path / "cut")
    resumed, resumed_history = _fit(config, tmp_path / "cut")
    assert resumed_history == history
    assert np.array_equal(_weights(whole), _weights(resumed))


def test_a_checkpoint_of_another_run_is_refused(tiny: TrainingConfig, tmp_path: Path) -> None:
    _fit(tiny, tmp_path)
    with pytest.raises(TrainingError, match="give another --out"):
        _fit(tiny, tmp_path, run_id="another run")
