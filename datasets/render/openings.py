"""Opened goods: tape slit or laid anew, flaps ajar or standing open, a bag ripped open at its end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datasets.render.arrays import Floats, floats
from datasets.render.grades import MODERATE
from datasets.render.kinds import Material
from datasets.render.noise import noise3, smoothstep
from datasets.render.parts import Paint, Panel, Part, Sheet
from datasets.render.piece import Piece
from datasets.render.spec import Colour, DamageSpec, Face
from datasets.render.surface import FACES

WALL_MM = 3.5
_KRAFT_INSIDE: Colour = (0.62, 0.50, 0.36)
_GREY_INSIDE: Colour = (0.66, 0.64, 0.60)


def stands_open(damage: DamageSpec, piece: Piece) -> bool:
    """Whether the flaps of a box are up, so that its top is open."""
    return piece.material is Material.CARDBOARD and damage.severity >= MODERATE


def paint(damage: DamageSpec, piece: Piece, channel: int) -> None:
    """Paint the opened seal and mark the mask."""
    if piece.material is Material.FILM:
        _rip(damage, piece, channel)
    elif stands_open(damage, piece):
        top = piece.layers.masks[FACES.index(Face.TOP), ..., channel]
        top[:] = 1
        _slit(damage, piece, channel)
    elif np.random.default_rng(damage.seed).uniform() < 0.5:
        _slit(damage, piece, channel)
    else:
        _tape_again(damage, piece, channel)


def _top(piece: Piece) -> tuple[Floats, Floats]:
    points = piece.layers.points[FACES.index(Face.TOP)]
    return points[..., 0], points[..., 1]


def _slit(damage: DamageSpec, piece: Piece, channel: int) -> None:
    """A knife ran along the seam: a dark gap between two frayed edges."""
    layers, index = piece.layers, FACES.index(Face.TOP)
    x, y = _top(piece)
    points = layers.points[index]
    long = float(piece.box.half[0])
    start = damage.u * long * 0.3
    reach = long * (0.35 + 1.6 * damage.severity)
    line = 1.6 * noise3(floats(points * floats((1, 0, 0))), 60, damage.seed, 3)
    open_mm = (1.3 + 3.2 * damage.severity) * smoothstep(
        1.0, 0.75, floats(np.abs(x - start) / reach)
    )
    beside = floats(np.abs(y - line))
    gap = smoothstep(0.4, -0.4, floats(beside - open_mm / 2))
    gap = gap * (open_mm > 0.3)
    frayed = smoothstep(open_mm / 2 + 2.6, open_mm / 2, beside) * (open_mm > 0.3) - gap
    fibre = noise3(points, 6, damage.seed + 1, 3)
    edge = (np.clip(frayed * (0.55 + 0.4 * fibre), 0, 1))[..., None]
    layers.colour[index] = layers.colour[index] * (1 - edge) + piece.pulp * edge * floats(1.1)
    layers.colour[index] *= (1 - 0.96 * gap)[..., None]
    layers.relief[index] += 1.4 * frayed - 4.0 * gap
    layers.roughness[index] += (0.9 - layers.roughness[index]) * gap
    rows, columns = np.nonzero((beside < open_mm / 2 + 2.0) & (open_mm > 0.3))
    layers.mark((np.full(len(rows), index), rows, columns), channel, np.ones(len(rows), bool))


def _tape_again(damage: DamageSpec, piece: Piece, channel: int) -> None:
    """A second tape, crooked and wrinkled, over the first."""
    layers, index = piece.layers, FACES.index(Face.TOP)
    rng = np.random.default_rng([damage.seed, 1])
    x, y = _top(piece)
    points = layers.points[index]
    turn = float(rng.choice([-1, 1]) * rng.uniform(0.05, 0.2))
    away = y * np.cos(turn) - x * np.sin(turn) - float(rng.uniform(-9, 9))
    along = x * np.cos(turn) + y * np.sin(turn)
    half = float(rng.uniform(16, 27))
    length = float(piece.box.half[0]) * float(rng.uniform(0.35, 0.6) + 0.9 * damage.severity)
    ragged = 2.5 * noise3(floats(points * floats((0, 1, 0))), 5, damage.seed, 3)
    cover = smoothstep(0.5, -0.5, floats(np.abs(away) - half))
    cover = cover * smoothstep(0.6, -0.6, floats(np.abs(along) + ragged - length))
    tapes = ((0.62, 0.46, 0.27), (0.86, 0.83, 0.76), (0.93, 0.93, 0.92), (0.70, 0.12, 0.10))
    tint = floats(tapes[rng.integers(4)])
    wrinkle = np.abs(noise3(floats(points * floats((1, 0.18, 1))), 16, damage.seed + 2, 3))
    bubble = noise3(points, 22, damage.seed + 3, 2)
    opacity = (cover * float(rng.uniform(0.5, 0.9)))[..., None]
    shade = (1 - 0.25 * smoothstep(0.12, 0.0, wrinkle) + 0.08 * bubble)[..., None]
    mixed = layers.colour[index] * (1 - opacity) + tint * opacity
    rim = smoothstep(1.6, 0.0, floats(np.abs(np.abs(away) - half))) * cover
    layers.colour[index] = mixed * (1 - cover[..., None] * (1 - shade)) * (1 - 0.2 * rim[..., None])
    layers.roughness[index] += (0.22 - layers.roughness[index]) * cover
    layers.relief[index] += cover * (0.5 + 0.9 * smoothstep(0.14, 0.0, wrinkle) + 0.4 * bubble)
    rows, columns = np.nonzero(cover > 0.5)
    layers.mark((np.full(len(rows), index), rows, columns), channel, np.ones(len(rows), bool))


def _rip(damage: DamageSpec, piece: Piece, channel: int) -> None:
    """A band across the bag, near one end, torn away: white film edges, the contents between."""
    layers, index = piece.layers, FACES.index(Face.TOP)
    x, y = _top(piece)
    points = layers.points[index]
    half = piece.box.half
    side = float(np.copysign(1, damage.u))
    wide = 5 + 34 * damage.severity
    across = float(half[1]) * (0.55 + 0.75 * damage.severity)
    level = points * floats((0, 1, 0))
    line = side * (float(half[0]) * 0.72 - wide / 2) + 6 * noise3(level, 50, damage.seed, 3)
    ends = np.sqrt(np.clip(1 - (np.abs(y - damage.v * 20) / across) ** 2.5, 0, 1))
    edge = wide / 2 * ends * (1 + 0.3 * noise3(level, 22, damage.seed + 1, 4))
    inside = floats(edge - np.abs(x - line))
    gap = smoothstep(-0.5, 0.5, inside) * (ends > 0)
    lip = smoothstep(-5.0, -0.6, floats(inside + 1.5 * noise3(points, 9, damage.seed + 2, 2)))
    lip = lip * (1 - gap) * (ends > 0)
    fold = noise3(points * floats((1, 0.4, 1)), 26, damage.seed + 3, 3)
    cloth = piece.pulp * (0.55 + 0.35 * fold[..., None])
    cloth = cloth * (0.25 + 0.75 * smoothstep(0.5, 6.0, inside))[..., None]
    white = floats(np.minimum(0.92, layers.colour[index] * 0.35 + 0.58))
    colour = layers.colour[index] * (1 - lip[..., None]) + white * lip[..., None]
    layers.colour[index] = colour * (1 - gap[..., None]) + cloth * gap[..., None]
    layers.roughness[index] += (0.85 - layers.roughness[index]) * gap
    layers.relief[index] += 1.2 * lip - gap * (2.5 - 0.8 * fold)
    rows, columns = np.nonzero((inside > -3.0) & (ends > 0))
    layers.mark((np.full(len(rows), index), rows, columns), channel, np.ones(len(rows), bool))


@dataclass(frozen=True)
class _Flap:
    """A flap along one edge: angle by which it is up, and how far it bends on the way."""

    up_rad: float
    bend_rad: float

    def profile(self, length: float, rows: int) -> tuple[Floats, Floats]:
        """Way inward and up at ``rows`` steps from the hinge."""
        s = np.linspace(0, 1, rows)
        angle = self.up_rad + self.bend_rad * (s - 0.3)
        step = length / (rows - 1)
        inward = np.concatenate([[0], np.cumsum(np.cos(angle[:-1]) * step)])
        up = np.concatenate([[0], np.cumsum(np.sin(angle[:-1]) * step)])
        return floats(inward), floats(up)


def parts(damage: DamageSpec, piece: Piece, channel: int) -> tuple[Part, ...]:
    """Flaps, walls and contents of a box that stands open."""
    if not stands_open(damage, piece):
        return ()
    rng = np.random.default_rng([damage.seed, 2])
    inside = _KRAFT_INSIDE if piece.pulp[2] < 0.5 else _GREY_INSIDE
    board = Paint(inside, 0.9, channel=channel)
    most = 0.25 + 2.4 * float(np.clip((damage.severity - MODERATE) / (1 - MODERATE), 0, 1))
    wide_open = most > 1.2
    made: list[Part] = []
    for side in (-1, 1):
        up = most * float(rng.uniform(0.6, 1.1))
        made.append(_long_flap(side, _Flap(up, float(rng.normal(0, 0.12))), piece, board))
    outside = Paint(piece.item.colour, 0.8, channel=channel)
    for side in (-1, 1):
        up = most * float(rng.uniform(0.7, 1.05)) if wide_open else float(rng.uniform(-0.08, 0.0))
        made.append(_short_flap(side, _Flap(up, 0.05), piece, outside, board))
    return (*made, *_inside(piece, rng, board, channel))


def _long_flap(side: int, flap: _Flap, piece: Piece, board: Paint) -> Panel:
    half, rows, columns = piece.box.half, 9, 14
    hinge = float(half[1]) - piece.box.radius_mm
    inward, up = flap.profile(hinge - 0.8, rows)
    y = side * (hinge - inward)
    rest = side * np.linspace(hinge, 0.8, rows)
    if side > 0:
        y, up, rest = y[::-1], up[::-1], rest[::-1]
    reach = float(half[0]) - 1.5
    x = np.linspace(-reach, reach, columns)
    lift = float(half[2]) + up
    points = np.stack(np.broadcast_arrays(x, y[:, None], lift[:, None]), -1)
    v = np.broadcast_to(rest[:, None] / half[1], (rows, columns))
    u = np.broadcast_to(x / half[0], (rows, columns))
    return Panel(floats(points), Face.TOP, floats(u), floats(v), board)


def _short_flap(side: int, flap: _Flap, piece: Piece, outside: Paint, board: Paint) -> Sheet:
    half, rows, columns = piece.box.half, 9, 6
    hinge = float(half[0]) - piece.box.radius_mm
    inward, up = flap.profile(min(float(half[1]), hinge) * 0.97, rows)
    x = side * (hinge - inward)
    if side > 0:
        x, up = x[::-1], up[::-1]
    y = np.linspace(-1, 1, columns) * (float(half[1]) - 5)
    lift = float(half[2]) - 2.5 + up
    points = np.stack(np.broadcast_arrays(x, y[:, None], lift), -1)
    return Sheet(floats(points), outside, board)


def _inside(
    piece: Piece, rng: np.random.Generator, board: Paint, channel: int
) -> tuple[Sheet, ...]:
    """Four walls that face inward, and what lies in the box: crumpled paper over the contents."""
    half = piece.box.half - floats(WALL_MM)
    top, low = float(piece.box.half[2]) - 1.0, -float(half[2])
    walls = []
    for axis, sign in ((0, -1), (0, 1), (1, -1), (1, 1)):
        reach = float(half[1 - axis])
        a = np.linspace(-reach, reach, 6)
        z = np.linspace(low, top, 6)
        points = np.zeros((6, 6, 3), np.float32)
        points[..., axis] = sign * half[axis]
        points[..., 1 - axis], points[..., 2] = a, z[:, None]
        walls.append(Sheet(points, board, board))
    steps = 46
    x = np.linspace(-1, 1, steps) * (half[0] - 1)
    y = np.linspace(-1, 1, steps) * (half[1] - 1)
    grid = np.stack(np.broadcast_arrays(x, y[:, None], 0.0), -1).astype(np.float32)
    seed = int(rng.integers(2**31))
    fill = float(rng.uniform(0.2, 0.8))
    folds = np.abs(noise3(grid, 62, seed, 3))
    grid[..., 2] = low + (top - low) * fill - 24 * folds + 8 * noise3(grid, 110, seed + 1, 1)
    grid[..., 2] = np.minimum(grid[..., 2], top - 12)
    fillings: tuple[Colour, ...] = (
        (0.66, 0.54, 0.38), (0.82, 0.81, 0.78), (0.22, 0.24, 0.30), (0.55, 0.58, 0.60),
    )  # fmt: skip
    paper = Paint(fillings[rng.integers(4)], 0.8, channel=channel, ragged=0.6)
    return (*walls, Sheet(grid, paper, paper))
