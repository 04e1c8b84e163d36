"""Items as the bundle judges them: by all their views, the worst evidence first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from model.decision import fuse
from training.examples import Example, views_of
from training.predict import Predictions
from training.targets import Targets

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Judged:
    """Fused logits of N items and what their labels say together."""

    group: NDArray[np.str_]
    """(N,) items that share it are near-duplicates."""
    grade_logits: Floats
    """(N, 3)"""
    damage_logits: Floats
    """(N, T)"""
    best: NDArray[np.int64]
    """(N,) best rank that the labels of all views allow."""
    worst: NDArray[np.int64]
    present: Floats
    """(N, T) 1 where some view shows the type."""
    known: NDArray[np.bool_]
    """(N, T) some view shows the type, or each is known to be free of it."""

    @classmethod
    def of(cls, examples: Sequence[Example], answers: Predictions, targets: Targets) -> Self:
        """Join the answers and targets of the examples' pictures by item."""
        items = views_of(examples)
        grades, damages = answers.grade_logits.numpy(), answers.damage_logits.numpy()
        best, worst = targets.best.numpy(), targets.worst.numpy()
        present, known = targets.present.numpy(), targets.known.numpy()
        shown = np.stack([present[views].max(axis=0) for views in items])
        return cls(
            np.array([examples[views[0]].row.group for views in items], dtype=np.str_),
            np.stack([fuse(grades[views]) for views in items]),
            np.stack([fuse(damages[views]) for views in items]),
            np.array([best[views].max() for views in items]),
            np.array([worst[views].max() for views in items]),
            shown,
            (shown > 0) | np.stack([known[views].all(axis=0) for views in items]),
        )
