"""Fitting: the loop over epochs, readable from top to bottom."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import structlog
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Generator, Tensor, nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from model.losses import interval_loss, masked_bce
from model.network import HEADS_ONLY, GradingNetwork, Outputs
from training.augment import augment
from training.checkpoint import Checkpoint, History
from training.config import Fit, LossWeights, TrainingConfig
from training.progress import Track
from training.sampling import batches
from training.targets import Targets

_log = structlog.get_logger(__name__)
_LARGEST_GRADIENT = 5.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Pictures with their targets."""

    images: Tensor
    """(B, S, S, 3) float32 in 0..255."""
    regions: Tensor
    """(B, T, G, G) float32, moved with the pictures: 1 damaged, below 0 somewhere in a box."""
    targets: Targets


@dataclass(frozen=True, slots=True)
class Losses:
    """Mean losses, and their weighted sum."""

    total: Tensor
    grade: Tensor
    damage: Tensor
    maps: Tensor


def losses_of(outputs: Outputs, batch: Batch, weights: LossWeights) -> Losses:
    """Compare outputs with targets; what the labels leave unknown adds nothing."""
    targets = batch.targets
    grade = interval_loss(outputs.grade_logits, targets.best, targets.worst).mean()
    damage = masked_bce(outputs.damage_logits, targets.present, targets.known, weights.positive)
    cells = (F.adaptive_max_pool2d(batch.regions, outputs.map_logits.shape[-2:]) > 0.5).float()
    doubtful = F.adaptive_max_pool2d(-batch.regions, outputs.map_logits.shape[-2:]) > 0
    known = (targets.everywhere[:, :, None, None] & ~doubtful) | (cells > 0)
    maps = masked_bce(outputs.map_logits, cells, known, weights.positive)
    total = grade + weights.damage * damage + weights.maps * maps
    return Losses(total, grade, damage, maps)


def train_one_epoch(
    network: nn.Module,
    stream: Iterable[Batch],
    optimiser: Optimizer,
    schedule: LRScheduler,
    weights: LossWeights,
) -> dict[str, float]:
    """One pass: for each batch forward, backward, one clipped step.

    Returns:
        Mean of each loss over the batches.
    """
    network.train()
    sums = dict.fromkeys(("total", "grade", "damage", "maps"), 0.0)
    count = 0
    for batch in stream:
        optimiser.zero_grad(set_to_none=True)
        losses = losses_of(network(batch.images), batch, weights)
        torch.autograd.backward(losses.total)
        nn.utils.clip_grad_norm_(network.parameters(), _LARGEST_GRADIENT)
        optimiser.step()
        schedule.step()
        count += 1
        for name in sums:
            sums[name] += float(getattr(losses, name).detach())
    return {name: value / count for name, value in sums.items()}


def fit(
    network: GradingNetwork,
    pictures: NDArray[np.uint8],
    targets: Targets,
    weights: Tensor,
    config: TrainingConfig,
    checkpoint: Checkpoint,
    track: Track,
) -> History:
    """Train the network in place; goes on from the checkpoint where there is one.

    Args:
        network: Moves to channels-last memory, which is several times faster on a CPU.
        pictures: (N, S, S, 3) uint8, may be mapped from a file.
        targets: Of the N pictures.
        weights: (N,) sampling probabilities.
        config: The run.
        checkpoint: Keeps the state after each epoch.
        track: Shows progress.

    Returns:
        Mean losses of each epoch.
    """
    settings = config.fit
    network.to(memory_format=torch.channels_last)
    optimiser = make_optimiser(network, settings)
    steps = math.ceil(settings.pictures_per_epoch / settings.batch_size)
    schedule = LambdaLR(optimiser, _rate_of(settings.epochs * steps))
    history = checkpoint.load(network, optimiser, schedule)
    for epoch in range(len(history), settings.epochs):
        warming_up = epoch < settings.warmup_epochs
        network.train_from(HEADS_ONLY if warming_up else settings.first_trainable_part)
        seed = config.seed * 1_000 + epoch
        torch.manual_seed(seed)  # dropout
        stream = _stream(pictures, targets, weights, config, Generator().manual_seed(seed))
        tracked = track(stream, f"epoch {epoch + 1} of {settings.epochs}", steps)
        history.append(train_one_epoch(network, tracked, optimiser, schedule, config.loss))
        checkpoint.save(network, optimiser, schedule, history)
        rounded = {name: round(value, 4) for name, value in history[-1].items()}
        _log.info("epoch_done", epoch=epoch + 1, epochs=settings.epochs, **rounded)
    return history


def make_optimiser(network: GradingNetwork, settings: Fit) -> AdamW:
    """AdamW with one rate for the backbone and one for the heads; no decay of biases and norms."""
    groups = []
    for rate, in_backbone in ((settings.backbone_rate, True), (settings.heads_rate, False)):
        for decay, is_matrix in ((settings.weight_decay, True), (0.0, False)):
            chosen = [
                parameter
                for name, parameter in network.named_parameters()
                if name.startswith("backbone.") == in_backbone and (parameter.ndim > 1) == is_matrix
            ]
            groups.append({"params": chosen, "lr": rate, "weight_decay": decay})
    return AdamW(groups)


def rate_factor(step: int, steps: int) -> float:
    """Learning rate relative to its peak: a short linear rise, then half a cosine down to 1 %."""
    rise = max(1, steps // 20)
    if step < rise:
        return (step + 1) / rise
    through = (step - rise) / max(1, steps - rise)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, through)))


def _rate_of(steps: int) -> Callable[[int], float]:
    return lambda step: rate_factor(step, steps)


def _stream(
    pictures: NDArray[np.uint8],
    targets: Targets,
    weights: Tensor,
    config: TrainingConfig,
    generator: Generator,
) -> Iterator[Batch]:
    settings = config.fit
    for chosen in batches(weights, settings.pictures_per_epoch, settings.batch_size, generator):
        chosen_targets = targets[chosen]
        images, regions = augment(
            torch.from_numpy(pictures[chosen.numpy()]),
            chosen_targets.regions,
            config.augment,
            config.input_size,
            generator,
        )
        yield Batch(images, regions, chosen_targets)
