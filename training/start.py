"""Starting weights: ImageNet's, or those of an earlier run."""

from __future__ import annotations

from pathlib import Path

import torch

from model.contract import DamageType
from model.network import GradingNetwork
from training.errors import ConfigError

_PER_TYPE = ("damage.weight", "damage.bias")


def starting_network(types: tuple[DamageType, ...], start: Path | None) -> GradingNetwork:
    """A network for these damage types; a type that the earlier run did not know starts at random.

    Args:
        types: Damage types of the run.
        start: Checkpoint of an earlier run; None: ImageNet weights and random heads.

    Raises:
        ConfigError: The checkpoint cannot be read.
    """
    network = GradingNetwork.pretrained(len(types))
    if start is None:
        return network
    try:
        earlier = torch.load(start, weights_only=True)
    except OSError as error:
        raise ConfigError(
            f"start: {start}: {error.strerror}; run the earlier stage first"
        ) from error
    known = [DamageType(name) for name in earlier["damage_types"]]
    weights = earlier["network"]
    own = network.state_dict()
    for name in _PER_TYPE:
        rows = own[name].clone()
        for number, kind in enumerate(types):
            if kind in known:
                rows[number] = weights[name][known.index(kind)]
        weights[name] = rows
    network.load_state_dict(weights)
    return network
