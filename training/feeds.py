"""Feeds: where a step's batch comes from, pictures changed on the way or activations kept before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from model.network import MAP_STRIDE
from training.augment import Dice, augment, blended, own_parts
from training.config import TrainingConfig
from training.objective import Batch, cells_of
from training.targets import Targets


class Feed(Protocol):
    """Gives batches."""

    @property
    def part(self) -> int | None:
        """Part of the backbone at which the inputs enter; None: they are pictures."""

    def batch(self, chosen: Tensor, share: slice, generator: Generator) -> Batch:
        """The share of one process.

        Args:
            chosen: (B,) numbers of all the step's pictures.
            share: Which of them to give.
            generator: Source of all randomness, in the same state in each process.
        """


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures, changed at random each time."""

    pixels: NDArray[np.uint8]
    """(N, S, S, 3), may be mapped from a file."""
    targets: Targets
    config: TrainingConfig
    device: torch.device

    @property
    def part(self) -> None:
        """They enter at the stem."""
        return

    def batch(self, chosen: Tensor, share: slice, generator: Generator) -> Batch:
        """Read, move to the device and change there."""
        mine = chosen[share]
        dice = Dice(generator, len(chosen), share, self.device)
        images, cells = changed(
            torch.from_numpy(self.pixels[mine.numpy()]).to(self.device),
            self.targets.regions[mine].to(self.device),
            self.config,
            dice,
        )
        batch = labelled(mine, images, (), cells, self.targets)
        if not self.config.augment.mixup:
            return batch
        own = own_parts(self.config.augment.mixup, dice)
        return batch._replace(inputs=blended(images, own), own=own)


def changed(
    pixels: Tensor, regions: Tensor, config: TrainingConfig, dice: Dice
) -> tuple[Tensor, Tensor]:
    """Augmented pictures (B, S, S, 3) in 0..255 and the cells (B, T, h, w) of their maps."""
    images, moved = augment(pixels, regions, config.augment, config.input_size, dice)
    return images, cells_of(moved, config.input_size // MAP_STRIDE)


def labelled(
    chosen: Tensor,
    inputs: Tensor,
    levels: tuple[Tensor, ...],
    cells: Tensor,
    targets: Targets,
) -> Batch:
    """A batch with the targets of the chosen pictures, on the inputs' device."""
    own = (targets.best, targets.worst, targets.present, targets.known, targets.everywhere)
    return Batch(chosen, inputs, levels, cells, *(part[chosen].to(inputs.device) for part in own))
