"""Punctures: a hole poked into a face, split in a star, its rim bent in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datasets.render.arrays import Floats, floats
from datasets.render.kinds import Material
from datasets.render.noise import noise3, smoothstep
from datasets.render.piece import Piece, flat_of
from datasets.render.spec import DamageSpec
from datasets.render.surface import AXES, FACES, RoundedBox

_MARGIN_MM = 2.0


@dataclass(frozen=True)
class _Hole:
    centre: Floats
    """On the face, in millimetres from its centre, (2,)."""
    radius_mm: float
    splits_rad: Floats
    """Directions of the star's points, (K,)."""
    split_mm: float
    seed: int

    @classmethod
    def of(cls, damage: DamageSpec, box: RoundedBox) -> _Hole:
        rng = np.random.default_rng(damage.seed)
        half = floats(box.extent(damage.face)) / 2
        radius = min(8 + 26 * damage.severity, float(min(half)) * 0.5)
        count = int(rng.integers(3, 6))
        turns = (np.arange(count) + rng.uniform(-0.25, 0.25, count)) * 2 * np.pi / count
        room = np.maximum(half - radius * 1.6, 0)
        return cls(
            centre=floats(np.clip(floats((damage.u, damage.v)) * half, -room, room)),
            radius_mm=float(radius),
            splits_rad=floats(turns + damage.angle_rad),
            split_mm=float(radius * rng.uniform(0.5, 1.3)),
            seed=damage.seed,
        )

    def beyond(self, flat: Floats) -> tuple[Floats, Floats]:
        """Distance from the centre, and from the ragged edge (negative inside), of (..., 2)."""
        away = flat - self.centre
        distance = np.linalg.norm(away, axis=-1)
        turn = np.arctan2(away[..., 1], away[..., 0])
        ring = np.stack([np.cos(turn) * 20, np.sin(turn) * 20, np.zeros_like(turn)], -1)
        edge = self.radius_mm * (0.8 + 0.3 * noise3(floats(ring), 12, self.seed, 3))
        for split in self.splits_rad:
            gap = np.abs((turn - split + np.pi) % (2 * np.pi) - np.pi)
            edge = edge + self.split_mm * np.clip(1 - gap / 0.32, 0, 1) ** 1.6
        return floats(distance), floats(distance - edge)


def displace(damage: DamageSpec, piece: Piece, points: Floats) -> Floats:
    """Millimetres by which points (N, 3) of the body move, (N, 3)."""
    hole = _Hole.of(damage, piece.box)
    normal = AXES[damage.face][0]
    on_face = points @ normal > float(np.abs(normal) @ piece.box.half) - 1
    distance, beyond = hole.beyond(flat_of(points, damage))
    bowl = 0.42 * hole.radius_mm * smoothstep(hole.radius_mm * 2.6, hole.radius_mm * 0.6, distance)
    through = min(hole.radius_mm * 1.6, 26.0) * smoothstep(0.0, -4.0, beyond)
    return floats(-((bowl + through) * on_face)[:, None] * normal)


def paint(damage: DamageSpec, piece: Piece, channel: int) -> None:
    """Paint the hole and its rim, and mark its mask."""
    hole = _Hole.of(damage, piece.box)
    layers, index = piece.layers, FACES.index(damage.face)
    flat = piece.flat(damage)
    reach = hole.radius_mm * 3 + hole.split_mm
    rows, columns = np.nonzero(np.linalg.norm(flat - hole.centre, axis=-1) < reach)
    near = (np.full(len(rows), index), rows, columns)
    distance, beyond = hole.beyond(flat[rows, columns])
    points = layers.points[near]
    fibre = noise3(points, 4, hole.seed + 1, 3)
    film = piece.material is Material.FILM
    lip = 1.0 if film else 1.5 + 0.22 * hole.radius_mm
    bent = smoothstep(lip, 0.0, floats(beyond + 1.2 * fibre)) * smoothstep(-1.0, 0.2, beyond)
    bent = floats(np.maximum(bent, smoothstep(-3.4, -2.2, beyond) * smoothstep(0.2, -0.6, beyond)))
    hollow = smoothstep(-0.2, -1.4, floats(beyond + (0 if film else 1.4) + 0.8 * fibre))
    rim = piece.pulp * (0.92 + 0.14 * fibre[:, None])
    if film:
        rim = floats(layers.colour[near] * 0.3 + 0.65)
    depth = floats((0.035, 0.026, 0.02))
    if film and damage.severity > 0.5:
        depth = floats(piece.pulp * 0.45)
    dent = 0.10 * smoothstep(hole.radius_mm * 2.6, hole.radius_mm, distance)[:, None]
    colour = layers.colour[near] * (1 - dent)
    colour = colour * (1 - bent[:, None]) + rim * bent[:, None]
    layers.colour[near] = colour * (1 - hollow[:, None]) + depth * hollow[:, None]
    layers.roughness[near] += (0.9 - layers.roughness[near]) * np.maximum(bent, hollow)
    layers.relief[near] += 0.6 * bent * (1 + fibre) - 3.0 * hollow
    layers.mark(near, channel, beyond < _MARGIN_MM)
