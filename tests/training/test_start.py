"""A run starts from ImageNet's weights or from an earlier run's."""

from pathlib import Path

import pytest
import torch

from model.contract import DamageType
from model.network import GradingNetwork
from training.checkpoint import Checkpoint
from training.config import Fit
from training.errors import ConfigError
from training.fit import make_optimiser
from training.start import starting_network

EARLIER = (DamageType.DENT, DamageType.SCRATCH)


@pytest.fixture
def earlier(tmp_path: Path) -> tuple[Path, GradingNetwork]:
    network = GradingNetwork(len(EARLIER))
    settings = Fit(1, 0, 1, 1, 0.1, 0.1, 0.0, 0, 0.5)
    optimiser = make_optimiser(network, settings)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda _: 1.0)
    path = tmp_path / "c.pt"
    Checkpoint(path, "run", EARLIER).save(network, optimiser, schedule, [])
    return path, network


def test_damage_types_keep_their_maps_and_new_ones_begin_fresh(
    earlier: tuple[Path, GradingNetwork],
) -> None:
    path, before = earlier
    now = starting_network((DamageType.SCRATCH, DamageType.TEAR), path)
    assert torch.equal(now.backbone.conv_stem.weight, before.backbone.conv_stem.weight)
    assert torch.equal(now.damage.weight[0], before.damage.weight[1])
    assert not torch.equal(now.damage.weight[1], before.damage.weight[0])


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="run the earlier stage first"):
        starting_network(EARLIER, tmp_path / "nowhere.pt")
