"""The rounded box that every product is made from: positions and normals over its six faces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datasets.render.arrays import Floats, floats
from datasets.render.spec import Face

FACES: tuple[Face, ...] = tuple(Face)

#: Of each face: outward normal, direction of u, direction of v (u x v = normal).
AXES: dict[Face, Floats] = {
    face: np.array(axes, np.float32)
    for face, axes in {
        Face.TOP: ((0, 0, 1), (1, 0, 0), (0, 1, 0)),
        Face.X_POS: ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
        Face.X_NEG: ((-1, 0, 0), (0, -1, 0), (0, 0, 1)),
        Face.Y_POS: ((0, 1, 0), (-1, 0, 0), (0, 0, 1)),
        Face.Y_NEG: ((0, -1, 0), (1, 0, 0), (0, 0, 1)),
        Face.BOTTOM: ((0, 0, -1), (1, 0, 0), (0, -1, 0)),
    }.items()
}


@dataclass(frozen=True)
class RoundedBox:
    """A box with rounded edges, centred at the origin; lengths in millimetres."""

    size_mm: tuple[float, float, float]
    radius_mm: float

    @property
    def half(self) -> Floats:
        """Half of the size, (3,)."""
        return floats(self.size_mm) / floats(2)

    def extent(self, face: Face) -> tuple[float, float]:
        """Width and height of a face in millimetres."""
        _, u, v = AXES[face]
        size = 2 * self.half
        return float(abs(u) @ size), float(abs(v) @ size)

    def place(self, face: Face, u: Floats, v: Floats) -> tuple[Floats, Floats]:
        """Positions and unit normals, each (..., 3), at face coordinates in -1..1."""
        normal, along, up = AXES[face]
        cube = (normal + u[..., None] * along + v[..., None] * up) * self.half
        core = np.clip(cube, self.radius_mm - self.half, self.half - self.radius_mm)
        outward = cube - core
        outward = outward / np.linalg.norm(outward, axis=-1, keepdims=True)
        return core + self.radius_mm * outward, outward

    def knots(self, length_mm: float, cells: int) -> Floats:
        """Grid lines along a face of this length, in -1..1, close together in the rounding."""
        flat = 1 - 2 * self.radius_mm / length_mm
        rounding = 1 - (1 - flat) * np.linspace(0, 1, 5)[:-1]
        inner = np.linspace(-flat, flat, cells + 1)
        return floats(np.concatenate([-rounding, inner, rounding[::-1]]))
