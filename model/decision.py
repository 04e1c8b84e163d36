"""From the network's raw outputs for one item to an assessment: pure, and the same everywhere.

Training calibrates with these functions, evaluation scores with them and the server answers with
them, so that a figure measured in training is the figure of the line.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from model.contract import (
    GRADES,
    Assessment,
    Box,
    Damage,
    DamageType,
    Grade,
    Manifest,
    ReviewReason,
    ViewQuality,
)

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class RawOutputs:
    """What the network gives for V pictures (see ``model.contract.bundle``)."""

    grade_logits: Floats
    """(V, 3)"""
    damage_logits: Floats
    """(V, T)"""
    damage_maps: Floats
    """(V, T, h, w), probabilities"""
    unfamiliarity: Floats
    """(V,)"""

    def __post_init__(self) -> None:
        views = self.grade_logits.shape[0]
        types = self.damage_logits.shape[-1]
        expected = {
            "grade_logits": (views, len(GRADES) - 1),
            "damage_logits": (views, types),
            "damage_maps": (views, types, *self.damage_maps.shape[2:]),
            "unfamiliarity": (views,),
        }
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} is {getattr(self, name).shape}, expected {shape}")

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """The outputs for the pictures of all parts, in their order."""
        return cls(
            np.concatenate([part.grade_logits for part in parts]),
            np.concatenate([part.damage_logits for part in parts]),
            np.concatenate([part.damage_maps for part in parts]),
            np.concatenate([part.unfamiliarity for part in parts]),
        )

    def __getitem__(self, views: slice) -> RawOutputs:
        return RawOutputs(
            self.grade_logits[views],
            self.damage_logits[views],
            self.damage_maps[views],
            self.unfamiliarity[views],
        )


def assess(raw: RawOutputs, quality: Sequence[ViewQuality], manifest: Manifest) -> Assessment:
    """Judge one item by all its views: the worst evidence counts, and one view is exact.

    Args:
        raw: Outputs for the V views of the item, V >= 1.
        quality: One entry per view.
        manifest: Calibration and thresholds of the bundle.
    """
    thresholds = manifest.thresholds
    probabilities = grade_probabilities(
        fuse(raw.grade_logits), manifest.calibration.grade_temperature
    )
    grade, cost = least_cost(probabilities, thresholds.costs)
    unfamiliarity = float(raw.unfamiliarity.max()) / thresholds.max_unfamiliarity
    checks = (
        (ReviewReason.UNCERTAIN_GRADE, cost > thresholds.review_cost),
        (ReviewReason.UNFAMILIAR, unfamiliarity > 1.0),
        (ReviewReason.POOR_IMAGE, any(view.issues for view in quality)),
    )
    reasons = tuple(reason for reason, found in checks if found)
    present = sigmoid(fuse(raw.damage_logits) / manifest.calibration.damage_temperature)
    damage = dict(zip(manifest.damage_types, present.tolist(), strict=True))
    limits = {
        kind: thresholds.damage[kind] if probability >= thresholds.list_damage_from else math.inf
        for kind, probability in damage.items()
    }
    return Assessment(
        grade=grade,
        probabilities=dict(zip(GRADES, probabilities.tolist(), strict=True)),
        prediction_set=prediction_set(probabilities, manifest.conformal.quantiles),
        expected_cost=cost,
        damage_probabilities=damage,
        damages=tuple(find_damages(raw.damage_maps, manifest.damage_types, limits)),
        unfamiliarity=unfamiliarity,
        quality=tuple(quality),
        needs_review=bool(reasons),
        review_reasons=reasons,
    )


def least_cost(probabilities: Floats, costs: Sequence[Sequence[float]]) -> tuple[Grade, float]:
    """The grade that is cheapest to act on, and what it is expected to cost.

    Args:
        probabilities: (4,) of the true grade.
        costs: [true][decided], 4 x 4.
    """
    expected = probabilities @ np.asarray(costs)
    decided = int(np.argmin(expected))
    return GRADES[decided], float(expected[decided])


def sigmoid(logits: Floats) -> Floats:
    """Logistic function without overflow, in float64."""
    softplus: Floats = np.logaddexp(0.0, -np.asarray(logits, dtype=np.float64))
    probabilities: Floats = np.exp(-softplus)
    return probabilities


def fuse(logits: Floats) -> Floats:
    """(V, K) -> (K,): for each logit the view with the worst evidence."""
    fused: Floats = logits.max(axis=0)
    return fused


def grade_probabilities(cumulative_logits: Floats, temperature: float) -> Floats:
    """(..., 3) logits of P(grade worse than k), falling along k -> (..., 4) probabilities."""
    worse = sigmoid(np.asarray(cumulative_logits, dtype=np.float64) / temperature)
    edges = np.concatenate(
        [np.ones_like(worse[..., :1]), worse, np.zeros_like(worse[..., :1])], axis=-1
    )
    probabilities = np.clip(edges[..., :-1] - edges[..., 1:], 0.0, 1.0)
    normalised: Floats = probabilities / probabilities.sum(axis=-1, keepdims=True)
    return normalised


def conformal_scores(probabilities: Floats) -> Floats:
    """Score of each grade: the mass that a grown set already holds when it reaches the grade.

    The set grows from the most probable grade to its more probable neighbour, so that it stays
    contiguous (ordinal adaptive prediction sets, Lu, Angelopoulos and Pomerantz, MICCAI 2022).
    The grade's own mass is left out: with four grades it would make sets of sure answers as wide
    as those of unsure ones, far beyond the nominal coverage.

    Args:
        probabilities: (4,)

    Returns:
        (4,), 0 at the mode and largest for the last grade added.
    """
    low = high = int(np.argmax(probabilities))
    mass = float(probabilities[low])
    scores = np.zeros(len(probabilities))
    while high - low + 1 < len(probabilities):
        below = probabilities[low - 1] if low > 0 else -1.0
        above = probabilities[high + 1] if high + 1 < len(probabilities) else -1.0
        if below >= above:
            low -= 1
            added = low
        else:
            high += 1
            added = high
        scores[added] = min(mass, 1.0)
        mass += float(probabilities[added])
    return scores


def prediction_set(probabilities: Floats, quantiles: Mapping[Grade, float]) -> tuple[Grade, ...]:
    """Grades whose score is within their own quantile, and those between them.

    A quantile for each grade holds the coverage for each (label-conditional conformal prediction,
    Vovk 2012), so that a rare grade is not left out of its sets to the profit of a common one.

    Returns:
        Contiguous in grade order, and never without the mode.
    """
    scores = conformal_scores(probabilities)
    held = [
        grade.rank for grade, score in zip(GRADES, scores, strict=True) if score <= quantiles[grade]
    ]
    return GRADES[held[0] : held[-1] + 1]


def find_damages(
    maps: Floats, types: Sequence[DamageType], thresholds: dict[DamageType, float]
) -> Iterator[Damage]:
    """Boxes around the connected cells whose probability reaches their type's threshold.

    Args:
        maps: (V, T, h, w) probabilities.
        types: T damage types, in the order of the maps.
        thresholds: One for each type.

    Yields:
        Damages by view, then type; the probability is that of the region's strongest cell.
    """
    views, kinds, height, width = maps.shape
    limits = np.array([thresholds[damage_type] for damage_type in types], dtype=maps.dtype)
    # An empty column at the end of each row: regions do not go round the edge.
    cells = np.zeros((views, kinds, height, width + 1), maps.dtype)
    cells[..., :-1] = maps
    marked = np.zeros(cells.shape, np.bool_)
    np.greater_equal(maps, limits[:, None, None], out=marked[..., :-1])
    flat = (views, kinds, height * (width + 1))
    cells, marked = cells.reshape(flat), marked.reshape(flat)
    bits = np.packbits(marked, axis=-1, bitorder="little")
    for view in range(views):
        for number, damage_type in enumerate(types):
            for region in _regions(bits[view, number].tobytes(), width + 1):
                yield Damage(
                    type=damage_type,
                    probability=min(region.strongest(cells[view, number]), 1.0),
                    view=view,
                    box=Box(
                        x_min=region.left / width,
                        y_min=region.top / height,
                        x_max=(region.right + 1) / width,
                        y_max=(region.bottom + 1) / height,
                    ),
                )


@dataclass(frozen=True, slots=True)
class _Region:
    """Cells that hang together, and the first and last row and column that have one."""

    bits: int
    """A bit a cell, row after row."""
    top: int
    bottom: int
    left: int
    right: int

    def strongest(self, cells: Floats) -> float:
        """The largest value that one of its cells has in a flat map."""
        data = np.frombuffer(self.bits.to_bytes(-(-cells.size // 8), "little"), np.uint8)
        held = np.unpackbits(data, count=cells.size, bitorder="little").view(np.bool_)
        return float(cells[held].max())


def _regions(marked: bytes, stride: int) -> Iterator[_Region]:
    """Each 8-connected region, in the order of their first cells.

    The map is one integer, a bit a cell, so that a region grows by whole steps in every direction at
    once. The last cell of each row is empty.
    """
    left = int.from_bytes(marked, "little")
    while left:
        region, grown = 0, left & -left
        while grown != region:
            region = grown
            wide = region | region << 1 | region >> 1
            grown = (wide | wide << stride | wide >> stride) & left
        left ^= region
        yield _region(region, stride)


def _region(bits: int, stride: int) -> _Region:
    top, bottom = _first(bits) // stride, _last(bits) // stride
    columns = 0
    for row in range(top, bottom + 1):
        columns |= bits >> row * stride & (1 << stride) - 1
    return _Region(bits, top, bottom, _first(columns), _last(columns))


def _first(bits: int) -> int:
    """Number of the lowest bit that is set."""
    return (bits & -bits).bit_length() - 1


def _last(bits: int) -> int:
    return bits.bit_length() - 1
