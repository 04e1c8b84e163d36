"""Sampling: no source and no grade within a source drowns the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import torch
from torch import Generator, Tensor

from training.examples import Example


def sampling_weights(examples: Sequence[Example], source_power: float) -> Tensor:
    """(N,) probabilities: sources by size to a power, grade labels within a source alike.

    Balancing the labels inside each source keeps the source from telling the grade more than its
    own labels make it.
    """
    sizes = Counter(example.row.source for example in examples)
    labels = Counter((example.row.source, example.row.grade) for example in examples)
    kinds = Counter(source for source, _ in labels)
    weights = torch.tensor(
        [
            sizes[row.source] ** source_power / kinds[row.source] / labels[row.source, row.grade]
            for row in (example.row for example in examples)
        ],
        dtype=torch.float64,
    )
    return weights / weights.sum()


def batches(weights: Tensor, count: int, size: int, generator: Generator) -> Iterator[Tensor]:
    """Indices of `count` pictures drawn by weight, `size` at a time."""
    drawn = torch.multinomial(weights, count, replacement=True, generator=generator)
    yield from torch.split(drawn, size)
