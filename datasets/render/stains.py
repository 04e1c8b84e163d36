"""Stains: wet ones with a dark rim, and dirt."""

from __future__ import annotations

import numpy as np

from datasets.render.arrays import floats
from datasets.render.kinds import Material
from datasets.render.noise import noise3, smoothstep
from datasets.render.piece import Piece
from datasets.render.spec import DamageSpec
from datasets.render.surface import AXES

_MASK_FROM = 0.3
"""A stain is where it covers this share of the ground colour."""


def paint(damage: DamageSpec, piece: Piece, channel: int) -> None:
    """Lay a stain over the layers and mark its mask."""
    box, layers = piece.box, piece.layers
    absorbs = piece.material is Material.CARDBOARD
    rng = np.random.default_rng(damage.seed)
    centre, _ = box.place(damage.face, floats(damage.u), floats(damage.v))
    radius = (0.10 + 0.26 * damage.severity) * min(float(np.mean(box.size_mm)), 260) + 6
    near = layers.near(centre, radius * 2.0)
    points = layers.points[near]
    _, along, up = AXES[damage.face]
    turned = np.cos(damage.angle_rad) * along + np.sin(damage.angle_rad) * up
    away = points - centre
    stretch = float(rng.uniform(0.0, 0.45))
    away = away - stretch * (away @ turned)[:, None] * turned
    distance = np.linalg.norm(away, axis=-1) / radius
    distance = distance + 0.55 * noise3(points, radius * 1.3, damage.seed, 2)
    distance = distance + 0.16 * noise3(points, radius * 0.25, damage.seed + 4, 3)
    dirt = not absorbs or rng.uniform() < 0.45
    if dirt:
        patchy = noise3(points, 14, damage.seed + 1, 3)
        cover = smoothstep(1.15, 0.35, distance) * smoothstep(-0.55, 0.2, patchy + 0.3)
        tints = ((0.16, 0.13, 0.10), (0.10, 0.10, 0.10), (0.36, 0.27, 0.17), (0.55, 0.50, 0.40))
        tint = floats(tints[rng.choice(4, p=[0.35, 0.25, 0.25, 0.15])])
        if not absorbs and layers.colour[near].mean() < 0.35:
            tint = floats((0.58, 0.52, 0.42))
        opacity = (0.5 + 0.42 * damage.severity) * cover
        layers.roughness[near] += (0.85 - layers.roughness[near]) * cover
        layers.relief[near] += 0.12 * cover * (1 + patchy)
    else:
        blotch = 0.75 + 0.35 * noise3(points, radius * 0.5, damage.seed + 5, 2)
        cover = smoothstep(1.05, 0.94, distance)
        rim = smoothstep(0.86, 0.99, distance) * cover
        tints = ((0.42, 0.28, 0.15), (0.30, 0.19, 0.10), (0.48, 0.38, 0.24), (0.35, 0.16, 0.10))
        tint = floats(tints[rng.integers(4)]) * np.minimum(1, layers.colour[near] * 1.4)
        opacity = cover * (0.34 + 0.34 * damage.severity) * blotch + rim * 0.2
        wet = float(rng.uniform(0.0, 0.7))
        layers.roughness[near] *= 1 - wet * 0.6 * cover
        layers.relief[near] += 0.5 * cover * noise3(points, 25, damage.seed + 2, 2)
    mixed = np.clip(opacity, 0, 0.95)[:, None]
    layers.colour[near] = layers.colour[near] * (1 - mixed) + tint * mixed
    layers.mark(near, channel, cover > _MASK_FROM)
