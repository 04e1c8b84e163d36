"""Coordinates are kept, clipped by at most a pixel, or refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.importers.geometry import GeometryError, box_within, polygon_within

inside = st.floats(0, 1)
anywhere = st.floats(allow_nan=True, allow_infinity=True)
sides = st.integers(1, 5000)


@settings(deadline=None)
@given(st.lists(st.tuples(inside, inside), min_size=3, max_size=8), sides, sides)
def test_an_outline_within_the_picture_is_kept_as_it_is(
    points: list[tuple[float, float]], width: int, height: int
) -> None:
    xs, ys = {x for x, _ in points}, {y for _, y in points}
    area = (max(xs) - min(xs)) * (max(ys) - min(ys))
    if area > 0:
        assert polygon_within(points, width, height) == tuple(points)
    else:
        with pytest.raises(GeometryError, match="no area"):
            polygon_within(points, width, height)


@settings(deadline=None)
@given(st.lists(st.tuples(anywhere, anywhere), max_size=8), sides, sides)
def test_any_outline_ends_up_in_the_picture_or_is_refused(
    points: list[tuple[float, float]], width: int, height: int
) -> None:
    try:
        kept = polygon_within(points, width, height)
    except GeometryError:
        return
    for (x, y), (was_x, was_y) in zip(kept, points, strict=True):
        assert 0 <= x <= 1
        assert 0 <= y <= 1
        assert abs(x - was_x) * width <= 1.01
        assert abs(y - was_y) * height <= 1.01


@settings(deadline=None)
@given(st.tuples(anywhere, anywhere, anywhere, anywhere), sides, sides)
def test_any_box_ends_up_in_the_picture_or_is_refused(
    box: tuple[float, float, float, float], width: int, height: int
) -> None:
    try:
        kept = box_within(box, width, height)
    except GeometryError:
        return
    for side, was, pixels in zip(
        (kept.x_min, kept.y_min, kept.x_max, kept.y_max),
        box,
        (width, height, width, height),
        strict=True,
    ):
        assert abs(side - was) * pixels <= 1.01


@pytest.mark.parametrize(("over", "kept"), [(0.0, True), (1.0, True), (1.1, False), (40.0, False)])
def test_the_tolerance_is_one_pixel(over: float, kept: bool) -> None:
    box = (0.5, 0.5, (640 + over) / 640, 0.75)
    if kept:
        assert box_within(box, 640, 480).x_max == 1
    else:
        with pytest.raises(GeometryError, match="lies outside the picture of 640 px"):
            box_within(box, 640, 480)


def test_a_box_in_the_tolerated_rim_has_nothing_in_the_picture() -> None:
    with pytest.raises(GeometryError, match="outside the picture"):
        box_within((-1 / 640, 0.1, 0.0, 0.2), 640, 480)
