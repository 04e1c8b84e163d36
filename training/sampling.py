"""Sampling: no source and no grade within a source drowns the others."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from training.examples import Example


def sampling_weights(
    examples: Sequence[Example], source_power: float, label_power: float
) -> Tensor:
    """(N,) probabilities: sources by size to a power, and so the grade labels within a source.

    With the labels of each source drawn alike, the source does not tell the grade more than its own
    labels make it.
    """
    sizes = Counter(example.row.source for example in examples)
    labels = Counter((example.row.source, example.row.grade) for example in examples)
    shares: defaultdict[str, float] = defaultdict(float)
    for (source, _), count in labels.items():
        shares[source] += count**label_power
    weights = torch.tensor(
        [
            sizes[row.source] ** source_power
            * labels[row.source, row.grade] ** (label_power - 1)
            / shares[row.source]
            for row in (example.row for example in examples)
        ],
        dtype=torch.float64,
    )
    return weights / weights.sum()


def drawn(weights: Tensor, count: int, size: int, generator: Generator) -> tuple[Tensor, ...]:
    """Indices of `count` pictures drawn by weight, `size` at a time."""
    indices = torch.multinomial(weights, count, replacement=True, generator=generator)
    return torch.split(indices, size)


def share_of(rank: int, processes: int) -> slice:
    """The part of each batch that one process works on: together, every picture once."""
    return slice(rank, None, processes)


def dice_of(seed: int, purpose: str, *numbers: int) -> int:
    """A seed for one purpose at one step.

    Randomness that is a function of where a run stands needs no generator's state to be kept: a run
    that goes on, whatever process it goes on in, rolls what it would have rolled.
    """
    text = repr((seed, purpose, numbers)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=7).digest())
