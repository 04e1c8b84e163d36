"""Torn cardboard: a tongue of the liner peeled back, the fluting bared, holes where it is heavy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datasets.render.arrays import Floats, Texels, floats
from datasets.render.kinds import Material
from datasets.render.noise import noise3, smoothstep
from datasets.render.parts import Paint, Part, Sheet
from datasets.render.piece import Piece
from datasets.render.spec import Colour, DamageSpec, Face
from datasets.render.surface import AXES, FACES, RoundedBox

_RAGGED_MM = 2.5
_FLUTE_MM = 7.0


@dataclass(frozen=True)
class Tear:
    """A tongue on one face: from its hinge along ``angle`` to its tip.

    Attributes:
        hinge: Middle of the hinge in millimetres from the face's centre, (2,).
        curl_rad: Angle by which the peeled tongue is rolled up at its tip.
    """

    face: Face
    hinge: Floats
    angle_rad: float
    length_mm: float
    width_mm: float
    curl_rad: float
    hole: float
    seed: int

    @classmethod
    def of(cls, damage: DamageSpec, box: RoundedBox) -> Tear:
        """The tear that a damage describes; its tip often reaches the face's edge."""
        rng = np.random.default_rng(damage.seed)
        half = floats(box.extent(damage.face)) / 2
        centre = floats((damage.u, damage.v)) * half
        direction = floats((np.cos(damage.angle_rad), np.sin(damage.angle_rad)))
        to_edge = np.min(
            (np.sign(direction) * half - centre) / np.where(direction == 0, 1, direction)
        )
        across = float(min(half) * 2)
        length = min(22 + (0.15 + 0.4 * damage.severity) * across, across * 0.7)
        tip = centre + direction * min(float(to_edge), length if rng.uniform() < 0.4 else 1e3)
        return cls(
            face=damage.face,
            hinge=(tip - direction * length).astype(np.float32),
            angle_rad=damage.angle_rad,
            length_mm=float(length),
            width_mm=float(length * rng.uniform(0.35, 0.75)),
            curl_rad=float(rng.uniform(1.7, 3.6)),
            hole=float(np.clip((damage.severity - 0.6) * 2.2, 0, 0.8)),
            seed=damage.seed,
        )

    def half_width(self, along: Floats, side: int) -> Floats:
        """Half of the tongue's width at distances (N,) from the hinge, ragged like fibre."""
        s = np.clip(along / self.length_mm, 0, 1)
        shape = np.sqrt(np.clip(1 - s**3, 0, 1)) * (1 - 0.25 * s)
        at = np.stack([along, np.full_like(along, 40.0 * side), np.zeros_like(along)], -1)
        ragged = noise3(at, 16, self.seed, 4) * _RAGGED_MM * 2.2
        return floats(np.maximum(self.width_mm / 2 * shape + ragged * (0.3 + s), 0))

    def local(self, flat: Floats) -> tuple[Floats, Floats]:
        """Along and across the tongue, of points (N, 2) of the face in millimetres."""
        c, s = np.cos(self.angle_rad), np.sin(self.angle_rad)
        away = flat - self.hinge
        return floats(away @ floats((c, s))), floats(away @ floats((-s, c)))


def paint(damage: DamageSpec, piece: Piece, channel: int) -> None:
    """Bare what is under the tongue and mark its mask."""
    tear, layers = Tear.of(damage, piece.box), piece.layers
    index = FACES.index(damage.face)
    flat = piece.flat(damage)
    along, across = tear.local(flat)
    rows, columns = np.nonzero(
        (along > -6) & (along < tear.length_mm + 8) & (np.abs(across) < tear.width_mm + 10)
    )
    near = (np.full(len(rows), index), rows, columns)
    along, across = along[rows, columns], across[rows, columns]
    edge = np.where(across > 0, tear.half_width(along, 1), tear.half_width(along, -1))
    inside = np.minimum(edge - np.abs(across), along).astype(np.float32)
    inside = np.minimum(inside, tear.length_mm - along)
    if piece.material is Material.FILM:
        _lay_open(tear, piece, near, inside)
    else:
        _bare(tear, piece, near, flat[rows, columns], inside)
    layers.mark(near, channel, inside > -1.0)


def _lay_open(tear: Tear, piece: Piece, near: Texels, inside: Floats) -> None:
    """Torn film: stretched white edges, the contents behind."""
    layers, points = piece.layers, piece.layers.points[near]
    fold = noise3(points * floats((1, 0.5, 1)), 24, tear.seed + 1, 3)
    open_ = smoothstep(-0.4, 0.4, inside)[:, None]
    edge = smoothstep(-4.5, -0.4, floats(inside + 1.5 * noise3(points, 8, tear.seed + 2, 3)))
    lip = edge[:, None] * (1 - open_)
    behind = piece.pulp * (0.6 + 0.3 * fold[:, None])
    behind = behind * (0.2 + 0.8 * smoothstep(0.3, 6.0, inside))[:, None]
    stretched = floats(np.minimum(0.92, layers.colour[near] * 0.35 + 0.58))
    colour = layers.colour[near] * (1 - 0.8 * lip) + stretched * 0.8 * lip
    layers.colour[near] = colour * (1 - open_) + behind * open_
    layers.roughness[near] += (0.85 - layers.roughness[near]) * open_[:, 0]
    layers.relief[near] += 1.2 * lip[:, 0] - open_[:, 0] * (2.5 - 0.8 * fold)


def parts(damage: DamageSpec, piece: Piece, channel: int) -> tuple[Part, ...]:
    """The tongue of board that is peeled back."""
    if piece.material is Material.FILM:
        return ()
    tear = Tear.of(damage, piece.box)
    outside = Paint(_colour_beside(tear, piece), 0.8, channel=channel)
    r, g, b = (float(value) for value in piece.pulp * floats(0.92))
    inside = Paint((r, g, b), 0.9, channel=channel, ragged=0.4)
    return (Sheet(flap(tear, piece.box), outside, inside),)


def _colour_beside(tear: Tear, piece: Piece) -> Colour:
    """Colour of the face just behind a tear's hinge."""
    width, height = piece.box.extent(tear.face)
    texels = piece.layers.colour.shape[1]
    direction = floats((np.cos(tear.angle_rad), np.sin(tear.angle_rad)))
    x, y = tear.hinge - 8 * direction
    column = int(np.clip((x / width + 0.5) * texels, 0, texels - 1))
    row = int(np.clip((y / height + 0.5) * texels, 0, texels - 1))
    r, g, b = piece.layers.colour[FACES.index(tear.face), row, column]
    return float(r), float(g), float(b)


def _bare(tear: Tear, piece: Piece, near: Texels, flat: Floats, inside: Floats) -> None:
    layers = piece.layers
    points = layers.points[near]
    fibre = noise3(points * floats((1, 1, 0.35)), 5, tear.seed + 1, 4)
    layered = smoothstep(-0.1, 0.15, noise3(points, 28, tear.seed + 2, 4))
    flutes = 0.5 + 0.5 * np.cos(2 * np.pi * flat[:, 0] / _FLUTE_MM)
    torn = smoothstep(-0.4, 0.4, inside)
    rim = smoothstep(-3.0, -0.3, inside) * (1 - torn)
    shade = (1 - 0.22 * (1 - flutes) * (1 - layered) + 0.10 * fibre)[:, None]
    colour = piece.pulp * shade * (0.94 + 0.08 * layered[:, None])
    ground = layers.colour[near]
    frayed = (0.55 * rim * smoothstep(-0.3, 0.5, fibre))[:, None]
    ground = floats(ground * (1 - frayed) + floats((0.88, 0.80, 0.67)) * frayed)
    colour = ground * (1 - torn[:, None]) + colour * torn[:, None]
    hole = smoothstep(0.0, 0.06, tear.hole - 0.45 + 0.5 * noise3(points, 40, tear.seed + 3, 4))
    hole = hole * smoothstep(2, 5, inside) * (1.0 if tear.hole > 0 else 0.0)
    layers.colour[near] = colour * (1 - hole[:, None]) + floats((0.03, 0.02, 0.015)) * hole[:, None]
    layers.roughness[near] += (0.95 - layers.roughness[near]) * torn
    relief = -0.7 * torn + torn * (1 - layered) * (0.9 * flutes - 1.0) + 0.25 * torn * fibre
    layers.relief[near] += relief - 6 * hole


def flap(tear: Tear, box: RoundedBox, steps: int = 24) -> Floats:
    """The peeled tongue, rolled up from its hinge: points (steps, steps, 3) in the item's millimetres."""
    length = tear.length_mm * 0.85
    s = np.linspace(0, 1, steps, dtype=np.float32)
    bend = tear.curl_rad * s**1.2
    step = length / (steps - 1)
    forward = np.concatenate([[0], np.cumsum(np.cos(bend[:-1]) * step)])
    lift = np.concatenate([[0], np.cumsum(np.sin(bend[:-1]) * step)]) + 0.4
    rest = s * length
    left, right = tear.half_width(rest, 1) * 0.97, tear.half_width(rest, -1) * 0.97
    t = np.linspace(-1, 1, steps, dtype=np.float32)
    across = np.where(t > 0, t * left[:, None], t * right[:, None])
    wave = noise3(
        np.stack(np.broadcast_arrays(rest[:, None], across, floats(0)), -1),
        30,
        tear.seed + 5,
        2,
    )
    height = lift[:, None] + 3.0 * s[:, None] * wave + 0.04 * s[:, None] * np.abs(across)
    c, sn = np.cos(tear.angle_rad), np.sin(tear.angle_rad)

    x = tear.hinge[0] + c * forward[:, None] - sn * across
    y = tear.hinge[1] + sn * forward[:, None] + c * across
    normal, along_axis, up_axis = AXES[tear.face]
    base = float(abs(normal) @ box.half)
    points = (
        x[..., None] * along_axis + y[..., None] * up_axis + (base + height)[..., None] * normal
    )
    return floats(points)
