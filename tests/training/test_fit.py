"""The training step, the schedule, and runs that are cut short."""

import copy
import json
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import SGD

from datasets.progress import Track, silently
from model.network import GradingNetwork, Outputs, cumulative, pool
from training.checkpoint import History, read_checkpoint
from training.config import LossWeights, TrainingConfig
from training.devices import launch
from training.errors import ConfigError, StoppedError, TrainingError
from training.examples import load_examples, of_split, taught_damage_types
from training.fit import make_optimiser, rate_factor, train_one_step
from training.objective import Batch, Objective, cells_of, sums_of
from training.run import fitted

WEIGHTS = LossWeights(damage=0.5, maps=0.25, positive=2.0)


class TwoByTwo(nn.Module):
    """A network of one layer, so that its step can be computed by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.grade = nn.Linear(3, 3)
        self.damage = nn.Conv2d(3, 1, 1)
        self.presence = nn.Linear(3, 1)

    def forward(self, images: Tensor) -> Outputs:
        mean = images.mean(dim=(1, 2))
        maps, presence = self.damage(images.permute(0, 3, 1, 2)), self.presence(mean)
        grades = cumulative(self.grade(mean))
        return Outputs(grades, pool(maps) + presence, presence, maps, images, mean)


def _batch() -> Batch:
    regions = torch.zeros(2, 1, 56, 56)
    regions[1, 0, :10, :10] = 1
    return Batch(
        chosen=torch.arange(2),
        inputs=torch.rand(2, 2, 2, 3, generator=torch.Generator().manual_seed(0)),
        levels=(),
        cells=cells_of(regions, 2),
        best=torch.tensor([0, 1]),
        worst=torch.tensor([0, 3]),
        present=torch.tensor([[0.0], [1.0]]),
        known=torch.tensor([[True], [True]]),
        everywhere=torch.tensor([[True], [False]]),
    )


def _loss_by_hand(network: TwoByTwo, batch: Batch) -> Tensor:
    outputs = network(batch.inputs)
    worse_than_new = outputs.grade_logits[:, 0].sigmoid()
    grade = -(torch.log(1 - worse_than_new[0]) + torch.log(worse_than_new[1])) / 2
    pooled = pool(outputs.map_logits)[:, 0]
    present = (outputs.presence_logits[:, 0] + pooled.detach()).sigmoid()
    damage = -(torch.log(1 - present[0]) + 2 * torch.log(present[1])) / 3
    cells = outputs.map_logits[:, 0].sigmoid()
    # Known: the four cells of the intact picture, and the one damaged cell of the other.
    maps = -(torch.log(1 - cells[0]).sum() + 2 * torch.log(cells[1, 0, 0])) / 6
    # The other is not marked completely: its map learns that the damage is somewhere.
    somewhere = -torch.log(pooled[1].sigmoid())
    return grade + 0.5 * damage + 0.25 * maps + 0.5 * somewhere


def test_labels_of_a_blended_picture_count_by_its_parts() -> None:
    torch.manual_seed(1)
    network, batch = TwoByTwo(), _batch()
    objective = Objective(cast("GradingNetwork", network), LossWeights(), None)
    plain, turned = objective(batch), objective(batch.mirrored(torch.ones(2)))
    for part in (1.0, 0.75):
        mixed = objective(batch._replace(own=torch.tensor([part, part])))
        torch.testing.assert_close(mixed, part * plain + (1 - part) * turned)
    assert not torch.allclose(plain[:, 0], turned[:, 0])


def test_one_step_moves_each_weight_by_rate_times_gradient_once() -> None:
    torch.manual_seed(1)
    network: Any = TwoByTwo()
    by_hand = copy.deepcopy(network)
    batch = _batch()
    loss = _loss_by_hand(by_hand, batch)
    torch.autograd.backward(loss)
    fabric = Fabric(accelerator="cpu", devices=1)
    objective = fabric.setup_module(Objective(network, WEIGHTS, None))
    optimiser: Any = fabric.setup_optimizers(SGD(network.parameters(), lr=0.1))
    losses = train_one_step(objective, optimiser, batch, fabric)
    assert losses["total"] == pytest.approx(loss.item(), abs=1e-6)
    for trained, before in zip(network.parameters(), by_hand.parameters(), strict=True):
        assert before.grad is not None
        expected = before - 0.1 * before.grad
        torch.testing.assert_close(trained, expected, atol=1e-6, rtol=0)


def test_a_plain_cross_entropy_learns_from_exact_grades_only() -> None:
    torch.manual_seed(1)
    batch = _batch()
    outputs = TwoByTwo()(batch.inputs)
    plain = sums_of(outputs, batch, replace(WEIGHTS, grade="cross_entropy"))
    new = torch.log(1 - outputs.grade_logits[0, 0].sigmoid())  # the other label is a range
    assert plain[0].tolist() == pytest.approx([-new.item(), 1.0], abs=1e-6)


def test_the_rate_rises_then_falls_to_a_hundredth() -> None:
    rates = [rate_factor(step, 100) for step in range(101)]
    assert rates[0] == pytest.approx(0.2)
    assert max(rates) == pytest.approx(1.0)
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert rates[-1] == pytest.approx(0.01)


def test_rates_fall_from_the_heads_down_the_backbone(tiny: TrainingConfig) -> None:
    settings = replace(tiny.fit, heads_rate=1.0, backbone_rate=0.5, layer_decay=0.8)
    network = GradingNetwork(1)
    rates = {
        id(parameter): (group["peak"], group["weight_decay"])
        for group in make_optimiser(network, settings).param_groups
        for parameter in group["params"]
    }
    assert len(rates) == len(list(network.parameters()))
    for parameter, part in (
        (network.grade[1].weight, None),
        (network.backbone.conv_head.weight, 8),
        (network.backbone.blocks[6][0].conv_pw.weight, 7),
        (network.backbone.conv_stem.weight, 0),
    ):
        expected = 1.0 if part is None else 0.5 * 0.8 ** (8 - part)
        assert rates[id(parameter)] == pytest.approx((expected, settings.weight_decay))
    assert rates[id(network.backbone.bn1.weight)][1] == 0.0


def _fit(
    config: TrainingConfig, folder: Path, track: Track = silently
) -> tuple[GradingNetwork, History]:
    examples = load_examples(config.data)
    types = taught_damage_types(of_split(examples, "train"), config.min_damage_examples)
    return fitted(config, examples, types, folder, launch(config), track)


def _weights(network: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in network.parameters()])


def _with(config: TrainingConfig, **settings: Any) -> TrainingConfig:
    return replace(config, fit=replace(config.fit, **settings))


def _at_step(number: int, act: Callable[[], None]) -> Track:
    """A track that acts before the batch of this number."""
    step = 0

    def track(items: Iterable[Any], description: str, total: int, /) -> Iterator[Any]:
        nonlocal step
        for item in items:
            if isinstance(item, Batch):
                step += 1
                if step == number:
                    act()
            yield item

    return track


def _metrics(folder: Path) -> list[dict[str, float]]:
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    found = [json.loads(line) for line in lines]
    return [{k: v for k, v in line.items() if k != "pictures_per_s"} for line in found]


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    tiny: TrainingConfig, tmp_path: Path
) -> None:
    same, again, other = (
        _weights(_fit(config, tmp_path / name)[0])
        for name, config in (("a", tiny), ("b", tiny), ("c", replace(tiny, seed=4)))
    )
    assert torch.equal(same, again)
    assert not torch.equal(same, other)


class _KilledError(Exception):
    pass


def _die() -> None:
    raise _KilledError


@pytest.mark.parametrize("minutes", [0.0, 60.0], ids=["saved each step", "saved each epoch"])
def test_a_run_that_was_cut_short_ends_as_if_it_had_not_been(
    tiny: TrainingConfig, tmp_path: Path, minutes: float
) -> None:
    config = replace(_with(tiny, epochs=2, drop_path=0.2), checkpoint_minutes=minutes)
    whole, history = _fit(config, tmp_path / "whole")
    cut = tmp_path / "cut"
    with pytest.raises(_KilledError):
        _fit(config, cut, _at_step(4, _die))
    assert read_checkpoint(cut / "checkpoint.pt")["step"] == (3 if minutes == 0 else 2)
    resumed, resumed_history = _fit(config, cut)
    assert resumed_history == history
    assert torch.equal(_weights(whole), _weights(resumed))
    assert _metrics(cut) == _metrics(tmp_path / "whole")


@pytest.mark.parametrize("step", [1, 2])
def test_a_signal_ends_the_run_between_steps_and_nothing_is_lost(
    tiny: TrainingConfig, tmp_path: Path, step: int
) -> None:
    """The second step is the last one of the first epoch, before that epoch's figures."""
    config = _with(tiny, epochs=2)
    before = signal.getsignal(signal.SIGTERM)
    ask = _at_step(step, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(StoppedError):
        _fit(config, tmp_path / "cut", ask)
    assert signal.getsignal(signal.SIGTERM) is before
    assert read_checkpoint(tmp_path / "cut" / "checkpoint.pt")["step"] == step
    whole, history = _fit(config, tmp_path / "whole")
    resumed, resumed_history = _fit(config, tmp_path / "cut")
    assert resumed_history == history
    assert torch.equal(_weights(resumed), _weights(whole))


def test_the_bundle_gets_the_average_of_the_weights(tiny: TrainingConfig, tmp_path: Path) -> None:
    for decay, is_last in ((0.0, True), (0.9, False)):
        folder = tmp_path / str(decay)
        network, _ = _fit(_with(tiny, ema=decay), folder)
        table = read_checkpoint(folder / "checkpoint.pt")
        assert torch.equal(
            network.state_dict()["grade.1.weight"], table["average"]["grade.1.weight"]
        )
        last = torch.equal(table["average"]["grade.1.weight"], table["network"]["grade.1.weight"])
        assert last == is_last


def test_every_epoch_has_figures_of_the_calibration_split(
    tiny: TrainingConfig, tmp_path: Path
) -> None:
    _, history = _fit(_with(tiny, epochs=2), tmp_path)
    assert [set(epoch) for epoch in history] == [
        {"total", "grade", "damage", "maps", "overlap", "pooled"}
        | {"held_out_grade", "held_out_interval", "held_out_damage", "held_out_macro_f1"}
    ] * 2
    steps = [line["step"] for line in _metrics(tmp_path)]
    assert steps == [1, 2, 2, 3, 4, 4]
    assert _metrics(tmp_path)[2]["epoch/grade"] == history[0]["grade"]


def test_mixed_precision_trains_too(tiny: TrainingConfig, tmp_path: Path) -> None:
    full, mixed = (
        _fit(replace(tiny, precision=precision), tmp_path / precision)
        for precision in ("32", "bf16")
    )
    assert mixed[1][0]["total"] == pytest.approx(full[1][0]["total"], rel=0.05)
    assert not torch.equal(_weights(mixed[0]), _weights(full[0]))
    assert {p.dtype for p in mixed[0].parameters()} == {torch.float32}


@pytest.mark.parametrize("processor", ["avx512_bf16", None])
def test_automatic_precision_is_what_the_processor_computes(
    processor: str | None, tiny: TrainingConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {processor: True})
    fabric = launch(replace(tiny, precision="auto", accelerator="cpu"))
    assert fabric.strategy.precision.precision == ("bf16-mixed" if processor else "32-true")


def test_a_loss_that_is_not_a_number_stops_the_run(tiny: TrainingConfig, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="lower the learning rates"):
        _fit(_with(tiny, heads_rate=1e30, pictures_per_epoch=64), tmp_path)


def test_a_checkpoint_of_another_run_is_refused(tiny: TrainingConfig, tmp_path: Path) -> None:
    _fit(tiny, tmp_path)
    with pytest.raises(TrainingError, match="give another --out"):
        _fit(replace(tiny, seed=5), tmp_path)


def test_what_this_machine_cannot_do_is_named(
    tiny: TrainingConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="accelerator cuda: torch finds none here"):
        launch(replace(tiny, accelerator="cuda"))
    with pytest.raises(ConfigError, match="precision 16 needs a GPU"):
        launch(replace(tiny, accelerator="auto", precision="16"))
    monkeypatch.setenv("WORLD_SIZE", "5")
    with pytest.raises(ConfigError, match="does not go round 5 processes"):
        launch(_with(tiny, batch_size=4))
