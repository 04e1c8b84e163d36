"""Devices: one CPU, one GPU, or the processes that torchrun started."""

from __future__ import annotations

import os
import platform
from datetime import timedelta

import structlog
import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy

from training.config import TrainingConfig
from training.errors import ConfigError

_log = structlog.get_logger(__name__)
#: What a processor that computes bf16 itself calls it.
_BF16 = ("avx512_bf16", "amx_bf16")
_PRECISIONS = {"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}
#: One process decodes pictures for all; the others wait for it this long.
_PATIENCE = timedelta(hours=12)


def launch(config: TrainingConfig) -> Fabric:
    """Set threads, device, precision and processes.

    Raises:
        ConfigError: This machine, or the number of processes, does not fit the configuration.
    """
    torch.set_num_threads(config.threads)
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    _require_full_shares(config, processes)
    _require_device(config)
    precision = _precision(config)
    on_this_node = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    together = "TORCHELASTIC_RUN_ID" in os.environ
    try:
        fabric = Fabric(
            accelerator=config.accelerator,
            devices=on_this_node,
            num_nodes=processes // on_this_node,
            strategy=DDPStrategy(timeout=_PATIENCE) if together else "auto",
            precision=_PRECISIONS[precision],  # type: ignore[arg-type]  # a Literal
        )
        fabric.launch()
    except (RuntimeError, ValueError) as error:
        raise ConfigError(
            f"accelerator {config.accelerator}, {processes} processes: {error}"
        ) from error
    return fabric


def described(fabric: Fabric) -> str:
    """What the run works on, in a line."""
    device = fabric.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type.upper()
    return (
        f"{platform.machine()}, {fabric.world_size} x {name}, "
        f"{torch.get_num_threads()} threads, torch {torch.__version__}"
    )


def _precision(config: TrainingConfig) -> str:
    on_gpu = config.accelerator != "cpu" and torch.cuda.is_available()
    capabilities = torch.cpu.get_capabilities()
    fast = (
        torch.cuda.is_bf16_supported(including_emulation=False)
        if on_gpu
        else any(capabilities.get(name, False) for name in _BF16)
    )
    if config.precision == "auto":
        return "bf16" if fast else "32"
    if config.precision == "bf16" and not fast:
        _log.warning("bf16_is_emulated_here", do="set precision to auto or 32; it is far slower")
    return config.precision


def _require_device(config: TrainingConfig) -> None:
    found = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not found.get(config.accelerator, True):
        raise ConfigError(
            f"accelerator {config.accelerator}: torch finds none here; take auto or cpu"
        )
    if config.precision == "16" and not any(found.values()):
        raise ConfigError("precision 16 needs a GPU and torch finds none; a CPU takes 32 or bf16")


def _require_full_shares(config: TrainingConfig, processes: int) -> None:
    fit = config.fit
    smallest = fit.pictures_per_epoch % fit.batch_size or fit.batch_size
    if smallest < processes:
        raise ConfigError(
            f"a batch of {smallest} pictures does not go round {processes} processes; "
            "make fit.pictures_per_epoch a multiple of fit.batch_size, and that at least as large"
        )
