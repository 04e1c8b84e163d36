"""Seeded value noise in numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from datasets.render.arrays import Floats, floats

_SIDE = 32


def noise3(points: Floats, scale: float, seed: int, octaves: int = 1) -> Floats:
    """Smooth noise in -1..1 at points (..., 3); ``scale`` is the size of its largest features."""
    total = np.zeros(points.shape[:-1], np.float32)
    amplitude, norm = 1.0, 0.0
    for octave in range(octaves):
        table = np.random.default_rng([seed, octave]).uniform(-1, 1, (_SIDE,) * 3)
        total += amplitude * _lattice(points * floats(2**octave / scale), table.astype(np.float32))
        norm += amplitude
        amplitude /= 2
    return total / floats(norm)


def _lattice(points: Floats, table: Floats) -> Floats:
    floor = np.floor(points)
    t = (points - floor).astype(np.float32)
    t = t * t * (3 - 2 * t)
    cell = floor.astype(np.int32)
    strides = np.array((_SIDE * _SIDE, _SIDE, 1), np.int32)
    low, high = (cell % _SIDE) * strides, ((cell + 1) % _SIDE) * strides
    flat = table.ravel()
    x, y, z = t[..., 0], t[..., 1], t[..., 2]

    def edge(i: NDArray[np.int32], j: NDArray[np.int32]) -> Floats:
        at = i[..., 0] + j[..., 1]
        near, far = flat.take(at + low[..., 2]), flat.take(at + high[..., 2])
        return floats(near + (far - near) * z)

    front, back = edge(low, low), edge(high, low)
    lower = front + (back - front) * x
    front, back = edge(low, high), edge(high, high)
    upper = front + (back - front) * x
    return floats(lower + (upper - lower) * y)


def smoothstep(low: float | Floats, high: float | Floats, x: Floats) -> Floats:
    """0 below ``low``, 1 above ``high``, smooth between; falls where low > high."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return floats(t * t * (3 - 2 * t))
