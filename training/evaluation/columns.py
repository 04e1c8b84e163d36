"""Graded items as columns, so that figures are array operations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from model.contract import GRADES, DamageType, Manifest
from training.evaluation.graded import Graded

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]
Bools = NDArray[np.bool_]

UNKNOWN = -1
_SIZE_EDGES_PX = (256, 512, 1024)
SIZE_BINS = (
    f"under {_SIZE_EDGES_PX[0]} px",
    *(f"{low} to {high - 1} px" for low, high in pairwise(_SIZE_EDGES_PX)),
    f"{_SIZE_EDGES_PX[-1]} px and more",
)


@dataclass(frozen=True, slots=True)
class Columns:
    """N items; T damage types in the order of the bundle's manifest."""

    source: NDArray[np.str_]
    category: NDArray[np.str_]
    group: NDArray[np.str_]
    """(N,) source and group: items that share it are near-duplicates, drawn together."""
    size: NDArray[np.str_]
    """(N,) bin of the shorter side, px."""
    best: Ints
    """(N,) best rank that the label allows, -1 where the grade is unknown."""
    worst: Ints
    decided: Ints
    probabilities: Floats
    """(N, 4) calibrated."""
    uncalibrated: Floats
    """(N, 4) at temperature 1."""
    in_set: Bools
    """(N, 4) whether the conformal set holds the grade."""
    expected_cost: Floats
    review: Bools
    unfamiliarity: Floats
    damage: Floats
    """(N, T) calibrated probability of each type."""
    present: Bools
    """(N, T)"""
    known: Bools
    """(N, T) whether the labels say if the type is there."""

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, chosen: Bools | Ints) -> Self:
        return type(self)(*(getattr(self, field.name)[chosen] for field in fields(self)))

    @property
    def probable(self) -> Ints:
        """(N,) rank of the most probable grade; the decided one weighs costs too."""
        probable: Ints = self.probabilities.argmax(axis=1)
        return probable

    @property
    def exact(self) -> Bools:
        """(N,) whether the label is one grade."""
        exact: Bools = (self.best >= 0) & (self.best == self.worst)
        return exact

    @property
    def labelled(self) -> Bools:
        """(N,) whether the label bounds the grade: 'new to salvage' would make every answer right."""
        labelled: Bools = (self.best > 0) | ((self.best == 0) & (self.worst < len(GRADES) - 1))
        return labelled


def columns_of(graded: Sequence[Graded], manifest: Manifest) -> Columns:
    """The items as columns, in their order."""
    types = manifest.damage_types
    return Columns(
        source=_texts(item.source for item in graded),
        category=_texts(item.views[0].row.category for item in graded),
        group=_texts(f"{item.source}\n{item.views[0].row.group}" for item in graded),
        size=_texts(size_bin(item.shorter_side_px) for item in graded),
        best=_ranks(item.grade.best.rank if item.grade else UNKNOWN for item in graded),
        worst=_ranks(item.grade.worst.rank if item.grade else UNKNOWN for item in graded),
        decided=_ranks(item.assessment.grade.rank for item in graded),
        probabilities=_table(
            [[item.assessment.probabilities[g] for g in GRADES] for item in graded], len(GRADES)
        ),
        uncalibrated=_table([item.uncalibrated for item in graded], len(GRADES)),
        in_set=_table(
            [[g in item.assessment.prediction_set for g in GRADES] for item in graded], len(GRADES)
        ).astype(bool),
        expected_cost=np.array([item.assessment.expected_cost for item in graded], float),
        review=np.array([item.assessment.needs_review for item in graded], bool),
        unfamiliarity=np.array([item.assessment.unfamiliarity for item in graded], float),
        damage=_table(
            [[item.assessment.damage_probabilities[t] for t in types] for item in graded],
            len(types),
        ),
        present=_known(graded, types, present=True),
        known=_known(graded, types, present=True) | _known(graded, types, present=False),
    )


def size_bin(shorter_side_px: int) -> str:
    """Name of the bin that a picture's shorter side falls in."""
    return SIZE_BINS[sum(shorter_side_px >= edge for edge in _SIZE_EDGES_PX)]


def _texts(values: Any) -> NDArray[np.str_]:
    return np.array(list(values), dtype=np.str_)


def _ranks(values: Any) -> Ints:
    return np.array(list(values), dtype=np.int64)


def _table(rows: Sequence[Any], width: int) -> Floats:
    return np.array(rows, dtype=float).reshape(len(rows), width)


def _known(graded: Sequence[Graded], types: Sequence[DamageType], *, present: bool) -> Bools:
    said = [item.present if present else item.absent for item in graded]
    return _table([[kind in kinds for kind in types] for kinds in said], len(types)).astype(bool)
