"""The rounded box that every product is made from: positions and normals over its six faces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datasets.render.arrays import Floats, floats
from datasets.render.spec import Face, ItemSpec

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
    """A box with rounded edges, centred at the origin; lengths in millimetres.

    ``plan_radius_mm`` rounds its outline seen from above: half of its width makes it a cylinder.
    """

    size_mm: tuple[float, float, float]
    radius_mm: float
    plan_radius_mm: float = 0.0

    @classmethod
    def of(cls, item: ItemSpec) -> RoundedBox:
        """The box of an item."""
        return cls(item.size_mm, item.radius_mm, item.plan_radius_mm)

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
        edge, plan = self.radius_mm, max(self.radius_mm, self.plan_radius_mm)
        core_xy = np.clip(cube[..., :2], plan - self.half[:2], self.half[:2] - plan)
        out_xy = cube[..., :2] - core_xy
        rho, direction = _square_to_disc(floats(out_xy))
        core_rho = np.minimum(rho, plan - edge)
        core_z = np.clip(cube[..., 2], edge - self.half[2], self.half[2] - edge)
        beyond = np.stack([rho - core_rho, cube[..., 2] - core_z], -1)
        beyond = beyond / np.linalg.norm(beyond, axis=-1, keepdims=True)
        outward = np.concatenate([direction * beyond[..., :1], beyond[..., 1:]], -1)
        core = np.concatenate(
            [core_xy + direction * core_rho[..., None], core_z[..., None]], axis=-1
        )
        return floats(core + edge * outward), floats(outward)

    def knots(self, length_mm: float, cells: int) -> Floats:
        """Grid lines along a face of this length, in -1..1, close together in the rounding."""
        flat = 1 - 2 * self.radius_mm / length_mm
        rounding = 1 - (1 - flat) * np.linspace(0, 1, 5)[:-1]
        inner = np.linspace(-flat, flat, cells + 1)
        return floats(np.concatenate([-rounding, inner, rounding[::-1]]))


def _square_to_disc(offset: Floats) -> tuple[Floats, Floats]:
    """Radii (...) and unit directions (..., 2) that turn a square's offsets into a disc's, at even angles."""
    size = np.abs(offset)
    rho = size.max(-1)
    angle = size.min(-1) / np.maximum(rho, 1e-6) * (np.pi / 4)
    wide = size[..., 0] >= size[..., 1]
    x = np.where(wide, np.cos(angle), np.sin(angle))
    y = np.where(wide, np.sin(angle), np.cos(angle))
    sign = np.where(offset < 0, -1, 1)
    return floats(rho), floats(np.stack([x, y], -1) * sign)
