"""Crushed goods: a box that gave way at one side and buckled, a bottle that was squeezed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datasets.render import dents
from datasets.render.arrays import Floats, floats
from datasets.render.kinds import Material
from datasets.render.noise import noise3, smoothstep
from datasets.render.piece import Piece
from datasets.render.spec import DamageSpec
from datasets.render.surface import AXES, RoundedBox

_MASK_FROM_MM = 5.0
"""A body is crushed where its surface moved by more than this."""


@dataclass(frozen=True)
class Crush:
    """A box pressed down over one of its upper edges or corners.

    Attributes:
        toward: Level direction to the crushed side, (2,).
        half: Half of the box's size, (3,).
        along: Where on that side it is worst, -1 to 1.
        width: How far along the side it reaches, 1 is half of it.
    """

    toward: Floats
    half: Floats
    along: float
    width: float
    depth_mm: float
    reach_mm: float
    folds: float
    seed: int

    @classmethod
    def of(cls, damage: DamageSpec, box: RoundedBox) -> Crush:
        """The crushed side that a damage describes."""
        rng = np.random.default_rng(damage.seed)
        normal = AXES[damage.face][0][:2]
        if not normal.any():
            turned = np.round(damage.angle_rad / (np.pi / 2)) * (np.pi / 2)
            normal = floats(np.round((np.cos(turned), np.sin(turned))))
        corner = rng.uniform() < 0.6
        height = box.size_mm[2]
        return cls(
            toward=floats(normal),
            half=box.half,
            along=float(np.copysign(1, damage.u)) if corner else damage.u,
            width=float(rng.uniform(0.7, 1.1)) if corner else float(rng.uniform(0.8, 1.6)),
            depth_mm=float((0.16 + 0.40 * damage.severity) * min(height, 170)),
            reach_mm=float((0.35 + 0.75 * damage.severity) * min(box.size_mm[:2]) * 0.8),
            folds=float(rng.uniform(1.0, 2.2)),
            seed=damage.seed,
        )

    def share(self, points: Floats) -> Floats:
        """How far points (..., 3) gave way, 0 to 1."""
        across = floats((-self.toward[1], self.toward[0]))
        far = float(np.abs(self.toward) @ self.half[:2])
        wide = float(np.abs(across) @ self.half[:2])
        warp = noise3(points, 90, self.seed, 2)
        inward = (far - points[..., :2] @ self.toward) / self.reach_mm
        beside = (points[..., :2] @ across / wide - self.along) / self.width
        fall = smoothstep(1.0, 0.0, floats(np.abs(beside) + 0.14 * warp))
        return floats(smoothstep(1.0, -0.25, floats(inward + 0.18 * warp)) * fall)

    def displacement(self, points: Floats) -> Floats:
        """Millimetres by which points (..., 3) move, (..., 3)."""
        share = self.share(points)
        rise = np.clip((points[..., 2] + self.half[2]) / (2 * self.half[2]), 0, 1)
        crumple = self.ridges(points)
        moved = np.zeros_like(points)
        moved[..., 2] = -self.depth_mm * share * rise**1.3 * (0.85 + 0.3 * crumple)
        wave = np.sin(2 * np.pi * self.folds * rise + 3 * noise3(points, 140, self.seed + 1, 2))
        buckle = self.depth_mm * share * (0.24 * wave + 0.14 * (crumple - 0.5))
        buckle = buckle * np.sqrt(np.clip(rise * (1.15 - rise) * 4, 0, 1))
        outward = floats((points[..., :2] / self.half[:2]) ** 9)
        moved[..., :2] += buckle[..., None] * outward
        moved[..., :2] -= (0.30 * self.depth_mm * share * rise)[..., None] * self.toward
        return floats(moved)

    def ridges(self, points: Floats) -> Floats:
        """Sharp folds of crumpled board: 0 in the valleys to 1."""
        return floats(np.clip(2.2 * np.abs(noise3(points, 75, self.seed + 2, 2)), 0, 1))


def displace(damage: DamageSpec, piece: Piece, points: Floats) -> Floats:
    """Millimetres by which points (N, 3) move, (N, 3)."""
    if piece.material is not Material.CARDBOARD:
        return _flatten(damage, piece.box, points)
    return Crush.of(damage, piece.box).displacement(points)


def _flatten(damage: DamageSpec, box: RoundedBox, points: Floats) -> Floats:
    """A squeezed bottle is pressed in from one side, and wider across."""
    squeeze = _squeeze(damage, box)
    normal = -squeeze.direction
    across = floats(np.cross((0, 0, 1), normal))
    level = (points[:, 2] - squeeze.centre[2]) / (0.62 * squeeze.reach_mm)
    share = smoothstep(1.0, 0.1, floats(np.abs(level))) * (0.12 + 0.4 * damage.severity)
    flat = (points @ normal)[:, None] * normal * floats(-0.75)
    wide = (points @ across)[:, None] * across * floats(0.45)
    return floats(squeeze.displacement(points) + share[:, None] * (flat + wide))


def paint(damage: DamageSpec, piece: Piece, channel: int) -> None:
    """Wear the folds of the crushed side and mark its mask."""
    layers = piece.layers
    if piece.material is not Material.CARDBOARD:
        squeeze = _squeeze(damage, piece.box)
        near = layers.near(squeeze.centre, squeeze.reach_mm)
        points = layers.points[near]
        _, crease = squeeze.profile(points)
        layers.relief[near] += 0.9 * crease
        moved = np.linalg.norm(_flatten(damage, piece.box, points), axis=-1)
        layers.mark(near, channel, moved > _MASK_FROM_MM)
        return
    crush = Crush.of(damage, piece.box)
    share = crush.share(layers.points)
    near = np.nonzero(share > 0.02)
    points = layers.points[near]
    moved = np.linalg.norm(crush.displacement(points), axis=-1)
    fold = smoothstep(0.16, 0.0, crush.ridges(points)) * share[near]
    wear = (fold * (0.25 + 0.4 * damage.severity))[:, None]
    worn = 0.45 * layers.colour[near] + 0.55 * piece.pulp * floats(1.12)
    layers.colour[near] = layers.colour[near] * (1 - wear) + worn * wear
    layers.relief[near] -= 0.9 * fold
    layers.mark(near, channel, moved > _MASK_FROM_MM)


def _squeeze(damage: DamageSpec, box: RoundedBox) -> dents.Dent:
    """A bottle pressed flat between two facets."""
    rng = np.random.default_rng(damage.seed)
    centre, normal = box.place(damage.face, floats(damage.u * 0.4), floats(damage.v * 0.6))
    radius = float(box.half[0])
    width = radius * (0.9 + 0.9 * damage.severity)
    directions = rng.normal(size=(6, 3))
    directions -= 0.9 * (directions @ normal)[:, None] * normal
    directions[:, 2] *= 0.6
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    reach = width * rng.uniform(0.8, 1.3, size=(6, 1))
    return dents.Dent(
        centre=centre,
        direction=floats(-normal),
        facets=floats(directions / reach),
        depth_mm=float(radius * (0.3 + 0.4 * damage.severity)),
        reach_mm=float(width * 2.6),
        soft=False,
        seed=damage.seed,
    )
