"""Feature cache: the frozen part of the backbone runs once, and the rest trains on what it gave."""

from __future__ import annotations

import hashlib
import math
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from numpy.typing import NDArray
from torch import Generator, Tensor

from datasets.progress import Track
from model.contract import DamageType
from model.network import Activations, GradingNetwork, normalise
from training.augment import Dice
from training.config import FeatureCache, TrainingConfig
from training.errors import ConfigError
from training.examples import Example
from training.feeds import Pictures, changed, labelled
from training.objective import Batch
from training.sampling import dice_of
from training.targets import Targets

_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class KeptActivations:
    """Activations of K augmented copies of each of N pictures, mapped from files."""

    reached: NDArray[np.float16]
    """(K * N, C, h, w): all pictures' first copies, then all second ones, ..."""
    levels: tuple[NDArray[np.float16], ...]
    """Each (K * N, C', h', w'): levels for the maps that lie before `reached`."""
    cells: NDArray[np.int8]
    """(K * N, T, m, m), as in ``training.objective.Batch``."""
    targets: Targets
    part: int
    device: torch.device

    def batch(self, chosen: Tensor, share: slice, generator: Generator) -> Batch:
        """One copy of each picture, at random."""
        pictures = len(self.targets.best)
        copies = torch.randint(len(self.cells) // pictures, chosen.shape, generator=generator)
        mine = chosen[share]
        rows = (copies[share] * pictures + mine).numpy()
        levels = tuple(self._tensor(level[rows]) for level in self.levels)
        cells = torch.from_numpy(self.cells[rows]).to(self.device)
        return labelled(mine, self._tensor(self.reached[rows]), levels, cells, self.targets)

    def _tensor(self, kept: NDArray[np.float16]) -> Tensor:
        moved = torch.from_numpy(kept).to(self.device, torch.float32)
        return moved.contiguous(memory_format=torch.channels_last)


def kept_activations(
    network: GradingNetwork,
    pictures: Pictures,
    examples: Sequence[Example],
    types: Sequence[DamageType],
    settings: FeatureCache,
    track: Track,
) -> KeptActivations:
    """The cache of these pictures, made on first use.

    Args:
        network: On the pictures' device; its frozen parts are run.
        pictures: What is changed and looked at.
        examples: The same pictures' labels and hashes.
        types: Damage types of the run.
        settings: Copies and bound.
        track: Shows progress.

    Raises:
        ConfigError: The files would be larger than allowed.
    """
    config = pictures.config
    part = config.fit.first_trainable_part
    folder = config.cache / f"features-{_key(network, config, examples, types, settings)}"
    config.cache.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):  # two runs may want the same features
        if not folder.exists():
            partial = folder.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            _write(partial, network, pictures, settings, track)
            partial.replace(folder)
    found = {file.stem: np.load(file, mmap_mode="r") for file in folder.glob("*.npy")}
    return KeptActivations(
        found["reached"],
        tuple(found[name] for name in sorted(found) if name.startswith("level")),
        found["cells"],
        pictures.targets,
        part,
        pictures.device,
    )


def _write(
    folder: Path,
    network: GradingNetwork,
    pictures: Pictures,
    settings: FeatureCache,
    track: Track,
) -> None:
    count = len(pictures.pixels)
    starts = [
        (copy, start) for copy in range(settings.copies) for start in range(0, count, _AT_ONCE)
    ]
    network.eval()
    files: dict[str, NDArray[np.generic]] = {}
    parts = _activations(network, pictures, track(starts, "features of train", len(starts)))
    for row, arrays in parts:
        if not files:
            files = _open(folder, arrays, settings, count)
        for name, array in arrays.items():
            files[name][row : row + len(array)] = array


@torch.inference_mode()
def _activations(
    network: GradingNetwork, pictures: Pictures, starts: Iterator[tuple[int, int]]
) -> Iterator[tuple[int, dict[str, NDArray[np.generic]]]]:
    """First row and arrays of each run of pictures."""
    config, count = pictures.config, len(pictures.pixels)
    for copy, start in starts:
        generator = Generator().manual_seed(dice_of(config.seed, "keep", copy, start))
        pixels = torch.from_numpy(pictures.pixels[start : start + _AT_ONCE].copy())
        images, cells = changed(
            pixels.to(pictures.device),
            pictures.targets.regions[start : start + _AT_ONCE].to(pictures.device),
            config,
            Dice(generator, len(pixels), device=pictures.device),
        )
        after = network.advance(Activations(normalise(images)), 0, config.fit.first_trainable_part)
        arrays: dict[str, NDArray[np.generic]] = {"cells": cells.cpu().numpy()}
        arrays["reached"] = after.reached.half().cpu().numpy()
        for number, level in enumerate(after.levels):
            if level is not after.reached:
                arrays[f"level{number}"] = level.half().cpu().numpy()
        yield copy * count + start, arrays


def _open(
    folder: Path, arrays: dict[str, NDArray[np.generic]], settings: FeatureCache, count: int
) -> dict[str, NDArray[np.generic]]:
    rows = settings.copies * count
    size = sum(rows * math.prod(a.shape[1:]) * a.itemsize for a in arrays.values()) / 1e9
    if size > settings.max_gb:
        raise ConfigError(
            f"the kept features would take {size:.1f} GB, more than features.max_gb "
            f"{settings.max_gb:g}; raise it, take fewer features.copies, or a later "
            "fit.first_trainable_part"
        )
    return {
        name: np.lib.format.open_memmap(
            folder / f"{name}.npy", mode="w+", dtype=array.dtype, shape=(rows, *array.shape[1:])
        )
        for name, array in arrays.items()
    }


def _key(
    network: GradingNetwork,
    config: TrainingConfig,
    examples: Sequence[Example],
    types: Sequence[DamageType],
    settings: FeatureCache,
) -> str:
    """Names all that the kept activations and cells depend on."""
    part = config.fit.first_trainable_part
    sizes = (config.cached_size, config.input_size, config.seed, settings.copies, part)
    digest = hashlib.sha256(repr((sizes, config.augment, [str(kind) for kind in types])).encode())
    for example in examples:
        digest.update(example.row.model_dump_json().encode())
    for value in network.frozen_before(part):
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
