"""Checkpoints: plain tensors and numbers in one file that is replaced in one step."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from timm.utils.model_ema import ModelEmaV3
from torch.optim import Optimizer

from model.contract import DamageType
from model.network import GradingNetwork
from training.errors import ConfigError, TrainingError

History = list[dict[str, float]]


@dataclass(slots=True)
class State:
    """All that a run has come to. Randomness follows from the seed and `step` (``sampling.dice_of``)."""

    network: GradingNetwork
    average: ModelEmaV3
    """Moving average of the network's weights."""
    optimiser: Optimizer
    step: int = 0
    """Optimiser steps done."""
    history: History = field(default_factory=list)
    """Figures of the epochs done."""
    sums: dict[str, float] = field(default_factory=dict)
    """Sums over the steps of the epoch that is under way."""
    scaler: dict[str, Any] = field(default_factory=dict)
    """Loss scale of 16-bit precision."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The file that holds a run's state."""

    path: Path
    run_id: str
    """Names configuration and data; a run goes on only from a state of its own."""
    damage_types: tuple[DamageType, ...]
    """Types that the network's maps stand for."""

    def save(self, state: State) -> None:
        """Write the state; a crash, of the machine too, leaves the previous file whole."""
        partial = self.path.with_suffix(".partial")
        table = {
            "run_id": self.run_id,
            "damage_types": [str(kind) for kind in self.damage_types],
            "network": state.network.state_dict(),
            "average": state.average.module.state_dict(),
            "optimiser": state.optimiser.state_dict(),
            "scaler": state.scaler,
            "step": state.step,
            "history": state.history,
            "sums": state.sums,
        }
        with partial.open("wb") as file:
            torch.save(table, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.path)

    def load(self, state: State) -> None:
        """Restore the state; an absent file means a fresh start.

        Raises:
            TrainingError: The file is of another run.
        """
        if not self.path.exists():
            return
        table = read_checkpoint(self.path)
        if table["run_id"] != self.run_id:
            raise TrainingError(
                f"{self.path} is of another configuration or other data; "
                "give another --out, or delete it to start again"
            )
        state.network.load_state_dict(table["network"])
        state.average.module.load_state_dict(table["average"])
        state.optimiser.load_state_dict(table["optimiser"])
        state.scaler = table["scaler"]
        state.step = table["step"]
        state.history = table["history"]
        state.sums = table["sums"]


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The file's table, on the CPU.

    Raises:
        ConfigError: The file is missing or is not a checkpoint of this version.
    """
    try:
        table: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; run the earlier stage first") from error
    except (UnpicklingError, RuntimeError, EOFError) as error:
        raise ConfigError(f"{path}: not a checkpoint; delete it to start again") from error
    if not isinstance(table, dict) or "average" not in table:
        raise ConfigError(f"{path}: a checkpoint of another version; delete it to start again")
    return table
