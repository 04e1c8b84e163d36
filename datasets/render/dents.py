"""Dents in cardboard: facets pressed in, folded along creases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datasets.render.arrays import Floats, floats
from datasets.render.layers import Layers
from datasets.render.noise import noise3, smoothstep
from datasets.render.spec import DamageSpec, Face
from datasets.render.surface import AXES, RoundedBox

_MASK_FROM_MM = 1.2
"""A dent is where the surface lies this much lower than before."""


@dataclass(frozen=True)
class Dent:
    """A field of displacement in space: the surface moves along ``direction`` by ``depth``."""

    centre: Floats
    direction: Floats
    facets: Floats
    """Gradients of the facets in 1/mm, (K, 3)."""
    depth_mm: float
    reach_mm: float
    seed: int

    @classmethod
    def of(cls, damage: DamageSpec, box: RoundedBox) -> Dent:
        """The dent that a damage describes."""
        rng = np.random.default_rng(damage.seed)
        u, v = _toward_edge(damage, rng)
        centre, normal = box.place(damage.face, floats(u), floats(v))
        small = float(min(box.size_mm))
        radius = (0.16 + 0.34 * damage.severity) * min(small * 1.3, 190) + 8
        depth = min(3.5 + 0.42 * radius * (0.35 + 0.65 * damage.severity), small * 0.4)
        count = int(rng.integers(5, 8))
        directions = rng.normal(size=(count, 3))
        directions -= 0.7 * (directions @ normal)[:, None] * normal
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        reach = radius * rng.uniform(0.65, 1.35, size=(count, 1))
        return cls(
            centre=centre,
            direction=_inward(normal, rng),
            facets=(directions / reach).astype(np.float32),
            depth_mm=float(depth),
            reach_mm=float(radius * 2.6),
            seed=damage.seed,
        )

    def profile(self, points: Floats) -> tuple[Floats, Floats]:
        """Share of the depth at points (..., 3), 0..1, and how near a crease they lie, 0..1."""
        away = points - self.centre
        warp = 0.10 * noise3(points, 45, self.seed, 2)
        slopes = floats(np.sort(away @ self.facets.T, axis=-1))
        radial = np.linalg.norm(away, axis=-1) / (self.reach_mm / 1.5)
        steepest = np.maximum(slopes[..., -1], radial) + warp
        share = np.clip(1 - steepest, 0, 1).astype(np.float32)
        folded = smoothstep(0.06, 0.0, slopes[..., -1] - slopes[..., -2])
        rim = smoothstep(0.07, 0.0, floats(np.abs(share - 0.03)))
        return share, floats(np.maximum(folded, 0.6 * rim) * (share > 0))

    def displacement(self, points: Floats) -> Floats:
        """Millimetres by which points (N, 3) move, (N, 3)."""
        share, _ = self.profile(points)
        return (self.depth_mm * share)[..., None] * self.direction


def paint(damage: DamageSpec, box: RoundedBox, layers: Layers, channel: int) -> None:
    """Wear the creases of a dent and mark its mask."""
    dent = Dent.of(damage, box)
    near = layers.near(dent.centre, dent.reach_mm)
    share, crease = dent.profile(layers.points[near])
    wear = (crease * (0.25 + 0.35 * damage.severity))[:, None]
    worn = 0.55 * layers.colour[near] + 0.45 * floats((0.80, 0.70, 0.56))
    layers.colour[near] = layers.colour[near] * (1 - wear) + worn * wear
    layers.relief[near] += 0.7 * crease
    layers.mark(near, channel, share * dent.depth_mm > _MASK_FROM_MM)


def _toward_edge(damage: DamageSpec, rng: np.random.Generator) -> tuple[float, float]:
    """Most dents are at the edges and corners: snap there."""
    u, v = damage.u, damage.v
    draw = rng.uniform()
    if draw < 0.7:
        v = 1.0 if damage.face is not Face.TOP else float(np.copysign(1, v))
    if draw < 0.4:
        u = float(np.copysign(1, u))
    return u, v


def _inward(normal: Floats, rng: np.random.Generator) -> Floats:
    direction = -normal + 0.25 * rng.normal(size=3)
    flat = AXES[Face.TOP][0] * 0.15
    direction = direction - flat
    return floats(direction / np.linalg.norm(direction))
