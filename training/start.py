"""Starting weights: ImageNet's, or those of an earlier run."""

from __future__ import annotations

from pathlib import Path

from model.contract import DamageType
from model.network import GradingNetwork
from training.checkpoint import read_checkpoint
from training.config import TrainingConfig
from training.errors import ConfigError

_PER_TYPE = ("damage.weight", "damage.bias")


def starting_network(types: tuple[DamageType, ...], config: TrainingConfig) -> GradingNetwork:
    """The run's network; a damage type that an earlier run did not know starts at random.

    Args:
        types: Damage types of the run.
        config: The run; its `start` is the checkpoint of an earlier one, or None for ImageNet
            weights and random heads.

    Raises:
        ConfigError: The checkpoint cannot be read or is of another kind of network, or the package
            with the backbone's weights is not installed.
    """
    try:
        network = GradingNetwork.pretrained(
            len(types),
            config.backbone,
            softmax=config.loss.grade == "cross_entropy",
            dropout=config.fit.dropout,
            drop_path=config.fit.drop_path,
        )
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"backbone {config.backbone}: its weights are missing: pip install {error.name}"
        ) from error
    if config.start is not None:
        _take_over(network, types, config.start)
    return network


def _take_over(network: GradingNetwork, types: tuple[DamageType, ...], start: Path) -> None:
    earlier = read_checkpoint(start)
    known = [DamageType(name) for name in earlier["damage_types"]]
    weights = earlier["average"]
    own = network.state_dict()
    for name in _PER_TYPE:
        rows = own[name].clone()
        for number, kind in enumerate(types):
            if kind in known:
                rows[number] = weights[name][known.index(kind)]
        weights[name] = rows
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise ConfigError(
            f"start: {start} is of another backbone or grade loss than this configuration asks for"
        ) from error
