"""Outlines and boxes of labels: clipped by at most a pixel, else refused."""

from __future__ import annotations

import math
from collections.abc import Iterable

from datasets.importers.sightings import Point
from model.contract import Box

_TOLERANCE_PX = 1.0
# Labels in text have few decimals, and fractions of pixels do not add up exactly.
_SLACK = 1e-6


class GeometryError(ValueError):
    """A box or an outline cannot be where the label says; the message says why."""


def polygon_within(points: Iterable[Point], width: int, height: int) -> tuple[Point, ...]:
    """An outline in fractions, clipped where it leaves the picture by up to a pixel.

    Args:
        points: In fractions of the picture.
        width: Of the picture, px.
        height: Of the picture, px.

    Raises:
        GeometryError: Too few points, no area, not finite, or outside the picture.
    """
    clipped = tuple((_clip(x, width), _clip(y, height)) for x, y in points)
    if len(clipped) < 3:
        raise GeometryError(f"the outline has {len(clipped)} points; it needs at least 3")
    if _area(clipped) <= 0:
        raise GeometryError("the outline has no area")
    return clipped


def box_within(box: tuple[float, float, float, float], width: int, height: int) -> Box:
    """A box (left, top, right, bottom) in fractions, clipped as `polygon_within` does.

    Raises:
        GeometryError: No area, not finite, or outside the picture.
    """
    left, top, right, bottom = box
    if not all(map(math.isfinite, box)):
        raise GeometryError(f"the box has a number that is not finite: {_numbers(box)}")
    if right <= left or bottom <= top:
        raise GeometryError(
            f"the box has no area: {(right - left) * width:g} x {(bottom - top) * height:g} px"
        )
    clipped = (_clip(left, width), _clip(top, height), _clip(right, width), _clip(bottom, height))
    if clipped[2] <= clipped[0] or clipped[3] <= clipped[1]:
        raise GeometryError("the box lies outside the picture")
    return Box(x_min=clipped[0], y_min=clipped[1], x_max=clipped[2], y_max=clipped[3])


def _clip(fraction: float, side: int) -> float:
    if not math.isfinite(fraction):
        raise GeometryError("a coordinate is not a finite number")
    tolerance = _TOLERANCE_PX / side + _SLACK
    if not -tolerance <= fraction <= 1 + tolerance:
        raise GeometryError(
            f"a coordinate of {fraction * side:.1f} px lies outside the picture of {side} px"
        )
    return min(max(fraction, 0.0), 1.0)


def _area(points: tuple[Point, ...]) -> float:
    """The rectangle around the points: an outline as thin as a scratch still has one."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return (max(xs) - min(xs)) * (max(ys) - min(ys))


def _numbers(values: Iterable[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)
