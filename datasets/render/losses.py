"""Missing parts: the mark where one was fixed, and which of an item's fixtures are lost."""

from __future__ import annotations

import numpy as np

from datasets.render.arrays import Floats, floats
from datasets.render.grades import HEAVY
from datasets.render.noise import noise3, smoothstep
from datasets.render.parts import Fixture
from datasets.render.piece import Piece
from datasets.render.spec import DamageSpec


def lost(damage: DamageSpec, fixtures: tuple[Fixture, ...]) -> tuple[int, ...]:
    """Which fixtures a damage takes off: the nearest to its place, and a second one if it is heavy."""
    there = [
        (abs(f.u - damage.u) + abs(f.v - damage.v), i)
        for i, f in enumerate(fixtures)
        if f.face is damage.face and f.can_be_lost
    ]
    count = 2 if damage.severity >= HEAVY else 1
    return tuple(index for _, index in sorted(there)[:count])


def displace(damage: DamageSpec, piece: Piece, points: Floats) -> Floats:
    """Millimetres by which points (N, 3) of the body move, (N, 3): a neck is hollow."""
    moved = np.zeros_like(points)
    fixtures = piece.kind.fixtures(piece.item)
    for index in lost(damage, fixtures):
        if fixtures[index].mouth_mm:
            radius = np.linalg.norm(points[:, :2], axis=-1) / float(piece.box.half[0])
            inside = smoothstep(0.86, 0.74, floats(radius)) * (points[:, 2] > piece.box.half[2] - 1)
            moved[:, 2] -= fixtures[index].mouth_mm * inside
    return moved


def paint(damage: DamageSpec, piece: Piece, channel: int) -> None:
    """Paint what is left of the parts and mark the mask."""
    fixtures = piece.kind.fixtures(piece.item)
    for index in lost(damage, fixtures):
        if fixtures[index].mouth_mm:
            _open_mouth(fixtures[index], piece, channel)
        else:
            _socket(fixtures[index], damage, piece, channel)


def _socket(fixture: Fixture, damage: DamageSpec, piece: Piece, channel: int) -> None:
    layers, radius = piece.layers, fixture.socket_mm
    centre, _ = piece.box.place(fixture.face, floats(fixture.u), floats(fixture.v))
    near = layers.near(centre, radius * 1.5)
    points = layers.points[near]
    rough = noise3(points, radius * 0.8, damage.seed, 3)
    distance = floats(np.linalg.norm(points - centre, axis=-1) / radius + 0.12 * rough)
    hole = smoothstep(0.58, 0.52, distance)
    scar = smoothstep(1.02, 0.9, distance) * (1 - hole)
    ground = layers.colour[near]
    pale = float(ground.mean()) < 0.5
    bare = floats(0.55 * ground + 0.36) if pale else floats(0.55 * ground)
    share = (scar * (0.7 + 0.25 * rough))[:, None]
    colour = ground * (1 - share) + bare * share
    layers.colour[near] = colour * (1 - hole[:, None]) + floats((0.02, 0.02, 0.02)) * hole[:, None]
    layers.roughness[near] += (0.8 - layers.roughness[near]) * np.maximum(scar, hole)
    layers.relief[near] -= 3.0 * hole - 0.4 * scar * rough
    layers.mark(near, channel, distance < 1.0)


def _open_mouth(fixture: Fixture, piece: Piece, channel: int) -> None:
    layers, top = piece.layers, float(piece.box.half[2])
    near = np.nonzero(layers.points[..., 2] > top - fixture.mouth_mm)
    points = layers.points[near]
    radius = np.linalg.norm(points[:, :2], axis=-1) / float(piece.box.half[0])
    hole = smoothstep(0.84, 0.78, floats(radius)) * (points[:, 2] > top - 1)
    dark = floats(piece.item.colour) * floats(0.12)
    layers.colour[near] = layers.colour[near] * (1 - hole[:, None]) + dark * hole[:, None]
    layers.roughness[near] += (0.6 - layers.roughness[near]) * hole
    layers.mark(near, channel, np.ones(len(points), bool))
