"""Fitting: the loop over steps, readable from top to bottom."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import structlog
import torch
from lightning_fabric import Fabric
from lightning_fabric.wrappers import _FabricModule, _FabricOptimizer
from timm.utils.model_ema import ModelEmaV3
from torch import Generator, Tensor
from torch.optim import AdamW

from datasets.progress import Track
from model.network import HEADS_ONLY, GradingNetwork, part_of
from training.checkpoint import Checkpoint, State
from training.config import Fit, TrainingConfig
from training.errors import StoppedError, TrainingError
from training.feeds import Feed
from training.logbook import Logbook
from training.objective import LOSSES, Batch, Objective
from training.sampling import dice_of, drawn, share_of
from training.stopping import Stop

_log = structlog.get_logger(__name__)
_LARGEST_GRADIENT = 5.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a fit works with beside the network and the pictures."""

    fabric: Fabric
    checkpoint: Checkpoint
    logbook: Logbook
    track: Track
    """Shows progress."""
    held_out: Callable[[GradingNetwork], dict[str, float]]
    """Figures of the average network after each epoch; they are logged and decide nothing."""


def begin(network: GradingNetwork, settings: Fit, device: torch.device) -> State:
    """The state before the first step, on the device.

    The network moves to channels-last memory, which is several times faster on a CPU.
    """
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = ModelEmaV3(network, decay=settings.ema, use_warmup=True)
    return State(network, average, make_optimiser(network, settings))


def fit(
    state: State, feed: Feed, weights: Tensor, config: TrainingConfig, around: Surroundings
) -> None:
    """Train from where the state stands to the end; ``state.average`` holds the result.

    Args:
        state: Is moved on.
        feed: Gives the batches.
        weights: (N,) sampling probabilities of the feed's pictures.
        config: The run.
        around: Process, files and terminal.

    Raises:
        StoppedError: A signal asked to stop; the state is saved.
        TrainingError: The loss is not finite.
    """
    settings = config.fit
    steps = math.ceil(settings.pictures_per_epoch / settings.batch_size)
    with Stop() as stop:
        while len(state.history) < settings.epochs:
            epoch = len(state.history)
            within = state.step - epoch * steps  # all of them: stopped before the figures
            warming_up = epoch < settings.warmup_epochs
            state.network.train_from(HEADS_ONLY if warming_up else settings.first_trainable_part)
            stream = _batches(feed, weights, config, around.fabric, epoch, within)
            description = f"epoch {epoch + 1} of {settings.epochs}"
            tracked = around.track(stream, description, steps - within)
            _run_epoch(state, tracked, feed.part, config, around, stop)
            _end_epoch(state, epoch, steps, around)
        if _asked(stop, around.fabric):
            raise StoppedError(str(around.checkpoint.path))


def _run_epoch(
    state: State,
    stream: Iterator[Batch],
    part: int | None,
    config: TrainingConfig,
    around: Surroundings,
    stop: Stop,
) -> None:
    fabric, settings = around.fabric, config.fit
    objective = fabric.setup_module(Objective(state.network, config.loss, part))
    optimiser = cast("_FabricOptimizer", fabric.setup_optimizers(state.optimiser))
    if state.scaler:
        fabric.strategy.precision.load_state_dict(state.scaler)
    total = settings.epochs * math.ceil(settings.pictures_per_epoch / settings.batch_size)
    objective.train()
    saved = before = time.monotonic()
    for batch in stream:
        factor = rate_factor(state.step, total)
        for group in state.optimiser.param_groups:
            group["lr"] = group["peak"] * factor
        torch.manual_seed(dice_of(config.seed, "dropout", state.step, fabric.global_rank))
        losses = train_one_step(objective, optimiser, batch, fabric)
        state.step += 1
        state.average.update(state.network, state.step)
        state.scaler = fabric.strategy.precision.state_dict()
        for name, value in losses.items():
            state.sums[name] = state.sums.get(name, 0.0) + value
        now = time.monotonic()
        figures = {
            **losses,
            "rate": settings.heads_rate * factor,
            "pictures_per_s": len(batch.chosen) * fabric.world_size / max(now - before, 1e-9),
        }
        around.logbook.write(state.step, figures)
        if not math.isfinite(losses["total"]):
            raise TrainingError(
                f"the loss is no longer a number at step {state.step}; lower the learning rates"
            )
        if _asked(stop, fabric):
            _save(state, around)
            raise StoppedError(str(around.checkpoint.path))
        if now - saved >= config.checkpoint_minutes * 60:
            _save(state, around)
            saved = now
        before = time.monotonic()


def train_one_step(
    objective: _FabricModule, optimiser: _FabricOptimizer, batch: Batch, fabric: Fabric
) -> dict[str, float]:
    """Forward, backward, one clipped step.

    Losses are means over the pictures of all processes, so that the step does not depend on how many
    share the batch.

    Returns:
        The mean of each loss and their weighted sum.
    """
    optimiser.zero_grad(set_to_none=True)
    own = objective(batch)
    over_all = _summed(own.detach().clone(), fabric)
    weight = over_all[:, 1].clamp(min=1.0)
    factors = cast("Objective", objective.module).factors().to(own.device)
    # Gradients are averaged over the processes, so each gives its sum times their number.
    fabric.backward(fabric.world_size * (factors * own[:, 0] / weight).sum())
    fabric.clip_gradients(
        objective, optimiser, max_norm=_LARGEST_GRADIENT, error_if_nonfinite=False
    )
    optimiser.step()
    means = over_all[:, 0] / weight
    named = dict(zip(LOSSES, means.tolist(), strict=True))
    return {"total": float((factors * means).sum()), **named}


def make_optimiser(network: GradingNetwork, settings: Fit) -> AdamW:
    """AdamW; rates fall from the heads down the backbone; no decay of biases and norms."""
    groups: dict[tuple[int, bool], list[Tensor]] = {}
    for name, parameter in network.named_parameters():
        groups.setdefault((part_of(name), parameter.ndim > 1), []).append(parameter)
    return AdamW(
        [
            {
                "params": parameters,
                "lr": 0.0,
                "peak": _peak_rate(part, settings),
                "weight_decay": settings.weight_decay if is_matrix else 0.0,
            }
            for (part, is_matrix), parameters in groups.items()
        ]
    )


def _peak_rate(part: int, settings: Fit) -> float:
    if part == HEADS_ONLY:
        return settings.heads_rate
    return settings.backbone_rate * settings.layer_decay ** (HEADS_ONLY - 1 - part)


def rate_factor(step: int, steps: int) -> float:
    """Learning rate relative to its peak: a short linear rise, then half a cosine down to 1 %."""
    rise = max(1, steps // 20)
    if step < rise:
        return (step + 1) / rise
    through = (step - rise) / max(1, steps - rise)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, through)))


def _batches(
    feed: Feed, weights: Tensor, config: TrainingConfig, fabric: Fabric, epoch: int, within: int
) -> Iterator[Batch]:
    """This process's share of the epoch's batches, from the one numbered `within` on."""
    settings = config.fit
    dice = Generator().manual_seed(dice_of(config.seed, "draw", epoch))
    batches = drawn(weights, settings.pictures_per_epoch, settings.batch_size, dice)
    share = share_of(fabric.global_rank, fabric.world_size)
    for number, chosen in enumerate(batches[within:], start=within):
        changes = Generator().manual_seed(dice_of(config.seed, "change", epoch, number))
        yield feed.batch(chosen, share, changes)


def _end_epoch(state: State, epoch: int, steps: int, around: Surroundings) -> None:
    means = {name: value / steps for name, value in state.sums.items()}
    state.sums = {}
    if around.fabric.is_global_zero:
        means |= around.held_out(state.average.module)
    state.history.append(means)
    around.logbook.write(state.step, {f"epoch/{name}": value for name, value in means.items()})
    _save(state, around)
    rounded = {name: round(value, 4) for name, value in means.items()}
    if around.fabric.is_global_zero:
        _log.info("epoch_done", epoch=epoch + 1, **rounded)


def _save(state: State, around: Surroundings) -> None:
    if around.fabric.is_global_zero:
        around.checkpoint.save(state)


def _asked(stop: Stop, fabric: Fabric) -> bool:
    """Whether any process was asked to stop: all end after the same step."""
    return float(_summed(torch.tensor(float(stop.asked), device=fabric.device), fabric)) > 0


def _summed(tensor: Tensor, fabric: Fabric) -> Tensor:
    """Sum over all processes."""
    return cast("Tensor", fabric.all_reduce(tensor, reduce_op="sum"))
