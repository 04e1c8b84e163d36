"""Checkpoints: plain tensors and numbers in one file that is replaced in one step."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from model.contract import DamageType
from training.errors import TrainingError

History = list[dict[str, float]]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The file that holds a run's state after each epoch."""

    path: Path
    run_id: str
    """Names configuration and data; a run goes on only from a state of its own."""
    damage_types: tuple[DamageType, ...]
    """Types that the network's maps stand for."""

    def save(
        self, network: nn.Module, optimiser: Optimizer, schedule: LRScheduler, history: History
    ) -> None:
        """Write the state; a crash leaves the previous file whole."""
        partial = self.path.with_suffix(".partial")
        state = {
            "run_id": self.run_id,
            "damage_types": [str(kind) for kind in self.damage_types],
            "network": network.state_dict(),
            "optimiser": optimiser.state_dict(),
            "schedule": schedule.state_dict(),
            "history": history,
        }
        torch.save(state, partial)
        partial.replace(self.path)

    def load(self, network: nn.Module, optimiser: Optimizer, schedule: LRScheduler) -> History:
        """Restore the state; an absent file means a fresh start.

        Returns:
            The losses of the epochs done so far.

        Raises:
            TrainingError: The file is of another run.
        """
        if not self.path.exists():
            return []
        state = torch.load(self.path, weights_only=True)
        if state["run_id"] != self.run_id:
            raise TrainingError(
                f"{self.path} is of another configuration or other data; "
                "give another --out, or delete it to start again"
            )
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        schedule.load_state_dict(state["schedule"])
        history: History = state["history"]
        return history
