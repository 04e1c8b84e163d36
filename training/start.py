"""Starting weights: ImageNet's, those of an earlier run, or those of a bundle."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from model.contract import Bundle, BundleError, DamageType
from model.network import GradingNetwork
from training.checkpoint import read_checkpoint
from training.config import TrainingConfig
from training.errors import ConfigError
from training.unfold import LATER, weights_in

_PER_TYPE = ("damage.weight", "damage.bias", "presence.1.weight", "presence.1.bias")


def starting_network(types: tuple[DamageType, ...], config: TrainingConfig) -> GradingNetwork:
    """The run's network; a damage type that the start did not know begins at random.

    Args:
        types: Damage types of the run.
        config: The run; its `start` is the checkpoint of an earlier one, a bundle's folder, or None
            for ImageNet weights and random heads.

    Raises:
        ConfigError: The start cannot be read or is of another kind of network, or the package with
            the backbone's weights is not installed.
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


def keep_some(network: GradingNetwork, start: GradingNetwork, share: float) -> None:
    """Move a trained network a part of the way back (WiSE-FT, Wortsman et al., CVPR 2022).

    Args:
        network: Is changed.
        start: Where its training started.
        share: Of the starting weights, 0..1; norms' statistics go along, counts stay.
    """
    before = start.state_dict()
    network.load_state_dict(
        {
            name: torch.lerp(value, before[name], share) if value.is_floating_point() else value
            for name, value in network.state_dict().items()
        }
    )


def _take_over(network: GradingNetwork, types: tuple[DamageType, ...], start: Path) -> None:
    other_kind = (
        f"start: {start} is of another backbone or grade loss than this configuration asks for"
    )
    known, weights = _of_bundle(start, network, other_kind) if start.is_dir() else _of_run(start)
    own = network.state_dict()
    try:
        for name in _PER_TYPE:
            rows = own[name].clone()
            for number, kind in enumerate(types):
                if kind in known and (name in weights or name not in LATER):
                    rows[number] = weights[name][known.index(kind)]
            weights[name] = rows
        network.load_state_dict(weights)
    except (KeyError, RuntimeError) as error:
        raise ConfigError(other_kind) from error


def _of_run(checkpoint: Path) -> tuple[list[DamageType], dict[str, Tensor]]:
    earlier = read_checkpoint(checkpoint)
    return [DamageType(name) for name in earlier["damage_types"]], earlier["average"]


def _of_bundle(
    folder: Path, network: GradingNetwork, other_kind: str
) -> tuple[list[DamageType], dict[str, Tensor]]:
    try:
        bundle = Bundle.load(folder)
    except BundleError as error:
        raise ConfigError(f"start: {error}") from error
    try:
        return list(bundle.manifest.damage_types), weights_in(bundle.network, network)
    except (KeyError, RuntimeError) as error:
        raise ConfigError(other_kind) from error
