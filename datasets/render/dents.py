"""Dents: facets pressed into cardboard, folded along creases; smooth bowls in sheet metal and plastic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datasets.render.arrays import Floats, floats
from datasets.render.kinds import Material
from datasets.render.noise import noise3, smoothstep
from datasets.render.piece import Piece
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
    soft: bool
    """Whether it is a smooth bowl, with neither facets nor creases."""
    seed: int

    @classmethod
    def of(cls, damage: DamageSpec, piece: Piece) -> Dent:
        """The dent that a damage describes."""
        box, rng = piece.box, np.random.default_rng(damage.seed)
        if piece.material is not Material.CARDBOARD:
            return cls._bowl(damage, box, rng)
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
            soft=False,
            seed=damage.seed,
        )

    @classmethod
    def _bowl(cls, damage: DamageSpec, box: RoundedBox, rng: np.random.Generator) -> Dent:
        centre, normal = box.place(damage.face, floats(damage.u), floats(damage.v))
        radius = (0.14 + 0.26 * damage.severity) * min(float(min(box.size_mm)), 150) + 7
        turned = rng.normal(size=3)
        turned -= (turned @ normal) * normal
        turned /= np.linalg.norm(turned)
        across = np.cross(normal, turned)
        long = float(rng.uniform(0.9, 1.9))
        return cls(
            centre=centre,
            direction=floats(-normal),
            facets=floats(np.stack([turned / long, across, normal * 0.5]) / radius),
            depth_mm=float(radius * (0.20 + 0.32 * damage.severity)),
            reach_mm=float(radius * 2.2),
            soft=True,
            seed=damage.seed,
        )

    def profile(self, points: Floats) -> tuple[Floats, Floats]:
        """Share of the depth at points (..., 3), 0..1, and how near a crease they lie, 0..1."""
        away = points - self.centre
        if self.soft:
            distance = np.linalg.norm(away @ self.facets.T, axis=-1)
            distance = floats(distance + 0.16 * noise3(points, 40, self.seed, 2))
            share = 0.75 * smoothstep(1.0, 0.1, distance) + 0.25 * smoothstep(0.75, 0.45, distance)
            return floats(share), np.zeros_like(share)
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


def displace(damage: DamageSpec, piece: Piece, points: Floats) -> Floats:
    """Millimetres by which points (N, 3) move, (N, 3)."""
    return Dent.of(damage, piece).displacement(points)


def paint(damage: DamageSpec, piece: Piece, channel: int) -> None:
    """Wear the creases of a dent and mark its mask."""
    dent, layers = Dent.of(damage, piece), piece.layers
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
