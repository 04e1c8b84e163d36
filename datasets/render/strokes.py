"""Scratches and cracks: thin strokes over one face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datasets.render.arrays import Floats, Texels, floats
from datasets.render.kinds import Material
from datasets.render.layers import Layers
from datasets.render.noise import noise3, smoothstep
from datasets.render.piece import Piece
from datasets.render.spec import DamageSpec, Rng, Style
from datasets.render.surface import FACES, RoundedBox

_MARGIN_MM = 2.0
"""A thin stroke's mask is the stroke grown by this much, so that it can be seen in a picture."""


@dataclass(frozen=True)
class _Stroke:
    line: Floats
    """Corners in millimetres from the face's centre, (N, 2)."""
    width_mm: float


def paint_scratch(damage: DamageSpec, piece: Piece, channel: int) -> None:
    """Scratch the surface: pale stress marks in plastic, bared paper in print, scuffs in kraft."""
    style, box, layers = piece.item.style, piece.box, piece.layers
    rng = np.random.default_rng(damage.seed)
    bared = {
        Style.BROWN_BOX: (0.88, 0.78, 0.62),
        Style.WHITE_BOX: (0.55, 0.47, 0.37),
        Style.PRINTED_BOX: (0.90, 0.87, 0.82),
    }
    bare = floats(bared.get(style, _stressed(layers, damage)))
    for stroke in _scratch_strokes(damage, box, rng):
        near, distance = _distances(stroke, damage, box, layers)
        broken = 0.5 + 0.9 * noise3(layers.points[near], 9, damage.seed + 3, 3)
        depth = smoothstep(stroke.width_mm / 2 + 0.35, stroke.width_mm / 2 - 0.35, distance)
        cover = depth * np.clip(broken + 0.25 + 0.5 * damage.severity, 0.15, 1)
        mixed = (0.85 * cover)[:, None]
        layers.colour[near] = layers.colour[near] * (1 - mixed) + bare * mixed
        layers.roughness[near] += (0.75 - layers.roughness[near]) * cover
        layers.relief[near] -= 0.45 * cover
        layers.mark(near, channel, distance < stroke.width_mm / 2 + _MARGIN_MM)


def _stressed(layers: Layers, damage: DamageSpec) -> Floats:
    """Colour of scratched plastic: paler than a dark shell, darker than a pale one."""
    ground = np.median(layers.colour[FACES.index(damage.face)], axis=(0, 1))
    return floats(0.45 * ground + 0.5 if ground.mean() < 0.48 else 0.42 * ground)


def paint_crack(damage: DamageSpec, piece: Piece, channel: int) -> None:
    """Crack a shell: a dark branching line in plastic, a pale star in glass; chips where it is heavy."""
    box, layers = piece.box, piece.layers
    if piece.material is Material.GLASS:
        _shatter(damage, piece, channel)
        return
    rng = np.random.default_rng(damage.seed)
    for stroke in _crack_strokes(damage, box, rng):
        near, distance = _distances(stroke, damage, box, layers)
        core = smoothstep(stroke.width_mm / 2 + 0.3, stroke.width_mm / 2 - 0.3, distance)
        lip = smoothstep(stroke.width_mm / 2 + 1.6, stroke.width_mm / 2 + 0.4, distance) - core
        _darken(layers, near, core, lip)
        layers.mark(near, channel, distance < stroke.width_mm / 2 + _MARGIN_MM)
    if damage.severity > 0.55:
        _chip(damage, box, layers, channel)


def _shatter(damage: DamageSpec, piece: Piece, channel: int) -> None:
    """Cracked glass: rays from where it was hit, rings between them, a crushed spot in the middle."""
    rng = np.random.default_rng(damage.seed)
    layers = piece.layers
    for stroke in _star_strokes(damage, piece.box, rng):
        near, distance = _distances(stroke, damage, piece.box, layers)
        core = smoothstep(stroke.width_mm / 2 + 0.3, stroke.width_mm / 2 - 0.3, distance)
        shimmer = 0.55 + 0.45 * noise3(layers.points[near], 14, damage.seed + 2, 2)
        light = (core * np.clip(shimmer, 0.2, 1))[:, None]
        layers.colour[near] = layers.colour[near] * (1 - light) + floats((0.84, 0.86, 0.87)) * light
        layers.roughness[near] += (0.5 - layers.roughness[near]) * core
        layers.relief[near] -= 0.8 * core
        layers.mark(near, channel, distance < stroke.width_mm / 2 + _MARGIN_MM)
    centre, _ = piece.box.place(damage.face, floats(damage.u), floats(damage.v))
    radius = 2.5 + 0.07 * min(piece.box.extent(damage.face)) * damage.severity
    near = layers.near(centre, radius * 1.6)
    points = layers.points[near]
    distance = floats(np.linalg.norm(points - centre, axis=-1) / radius)
    splinters = noise3(points, max(2.0, radius * 0.35), damage.seed + 3, 3)
    crushed = smoothstep(1.1, 0.5, floats(distance + 0.35 * splinters))
    tone = (0.25 + 0.6 * smoothstep(-0.3, 0.4, splinters))[:, None]
    if damage.severity > 0.7:
        tone = tone * smoothstep(0.35, 0.5, distance)[:, None] + 0.01
    share = (0.9 * crushed)[:, None]
    layers.colour[near] = layers.colour[near] * (1 - share) + tone * floats((0.97, 1, 1)) * share
    layers.roughness[near] += (0.6 - layers.roughness[near]) * crushed
    layers.relief[near] += crushed * splinters * 0.8
    layers.mark(near, channel, crushed > 0.4)


def _star_strokes(damage: DamageSpec, box: RoundedBox, rng: Rng) -> list[_Stroke]:
    width, height = box.extent(damage.face)
    centre = floats((damage.u * width / 2, damage.v * height / 2))
    length = (0.16 + 0.75 * damage.severity) * max(0.5 * (width + height), 40)
    count = int(4 + damage.severity * rng.uniform(5, 10))
    turns = (
        damage.angle_rad + (np.arange(count) + rng.uniform(-0.35, 0.35, count)) * 2 * np.pi / count
    )
    widest = 0.55 + 0.0022 * (width + height)
    strokes, rays = [], []
    for turn in turns:
        reach = length * float(rng.uniform(0.3, 1.0))
        ray = _walk(rng, centre, float(turn), reach, max(reach / 9, 3.0), 0.14)
        rays.append(ray)
        strokes.append(_Stroke(ray, widest * float(rng.uniform(0.6, 1.1))))
        if rng.uniform() < damage.severity:
            at = ray[int(rng.integers(1, len(ray)))]
            fork = float(turn + rng.choice([-1, 1]) * rng.uniform(0.3, 0.9))
            strokes.append(_Stroke(_walk(rng, at, fork, reach * 0.5, 5.0, 0.2), widest * 0.6))
    for ring in range(int(damage.severity * 4)):
        far = length * (0.08 + 0.1 * ring)
        for one, other in zip(rays, [*rays[1:], rays[0]], strict=True):
            if rng.uniform() < 0.65:
                a, b = _at_distance(one, centre, far), _at_distance(other, centre, far)
                strokes.append(_Stroke(floats(np.stack([a, b])), widest * 0.6))
    return strokes


def _at_distance(ray: Floats, centre: Floats, far: float) -> Floats:
    """Corner of a ray that is nearest to this distance from the centre."""
    away = np.linalg.norm(ray - centre, axis=1)
    return floats(ray[int(np.argmin(np.abs(away - far)))])


def _chip(damage: DamageSpec, box: RoundedBox, layers: Layers, channel: int) -> None:
    rng = np.random.default_rng([damage.seed, 1])
    centre, _ = box.place(damage.face, floats(damage.u), floats(damage.v))
    radius = 5 + 26 * (damage.severity - 0.5)
    near = layers.near(centre, radius * 2)
    away = layers.points[near] - centre
    facets = rng.normal(size=(9, 3))
    facets /= np.linalg.norm(facets, axis=1, keepdims=True) * rng.uniform(0.6, 1.4, size=(9, 1))
    distance = np.max(away @ facets.T, axis=-1).astype(np.float32)
    core = smoothstep(radius, radius - 0.6, distance)
    _darken(layers, near, core, smoothstep(radius + 1.8, radius, distance) - core)
    layers.mark(near, channel, core > 0.5)


def _darken(layers: Layers, near: Texels, core: Floats, lip: Floats) -> None:
    inside, edge = core[:, None], 0.5 * lip[:, None]
    colour = layers.colour[near]
    colour = colour * (1 - edge) + np.minimum(1, colour * 1.3 + 0.16) * edge
    layers.colour[near] = colour * (1 - inside) + floats((0.015, 0.014, 0.014)) * inside
    layers.roughness[near] += (0.9 - layers.roughness[near]) * core
    layers.relief[near] -= 2.2 * core


def _distances(
    stroke: _Stroke, damage: DamageSpec, box: RoundedBox, layers: Layers
) -> tuple[Texels, Floats]:
    """Texels of the face near a stroke, and their distance from it in millimetres."""
    index = FACES.index(damage.face)
    width, height = box.extent(damage.face)
    texels = layers.colour.shape[1]
    per_mm = floats((texels / width, texels / height))
    reach = stroke.width_mm / 2 + _MARGIN_MM + 1
    low = np.floor((stroke.line.min(0) - reach) * per_mm + texels / 2).astype(int).clip(0, texels)
    high = np.ceil((stroke.line.max(0) + reach) * per_mm + texels / 2).astype(int).clip(0, texels)
    rows, columns = np.mgrid[low[1] : high[1], low[0] : high[0]]
    at = (np.stack([columns, rows], -1).reshape(-1, 2) + 0.5 - texels / 2) / per_mm
    distance = np.full(len(at), np.inf, np.float32)
    for a, b in zip(stroke.line[:-1], stroke.line[1:], strict=True):
        along = b - a
        t = np.clip((at - a) @ along / max(float(along @ along), 1e-6), 0, 1)
        distance = np.minimum(distance, np.linalg.norm(at - a - t[:, None] * along, axis=1))
    close = distance < reach
    rows, columns = rows.reshape(-1)[close], columns.reshape(-1)[close]
    return (np.full(len(rows), index), rows, columns), distance[close].astype(np.float32)


def _scratch_strokes(damage: DamageSpec, box: RoundedBox, rng: Rng) -> list[_Stroke]:
    width, height = box.extent(damage.face)
    centre = floats((damage.u * width / 2, damage.v * height / 2))
    longest = min(max(width, height) * 0.7, 30 + 190 * damage.severity)
    strokes = []
    for _ in range(1 + int(damage.severity * rng.uniform(3, 9))):
        angle = damage.angle_rad + float(rng.normal(0, 0.12))
        length = longest * float(rng.uniform(0.35, 1))
        t = np.linspace(-0.5, 0.5, 9)
        bend = float(rng.normal(0, 0.07)) * length
        line = floats(np.stack([t * length, bend * (t**2) * 4 + rng.normal(0, 0.35, 9)], -1))
        start = floats(centre + rng.normal(0, 5 + 12 * damage.severity, 2))
        stroke_width = float(rng.uniform(0.8, 1.3 + 2.2 * damage.severity))
        strokes.append(_Stroke(_turned(line, angle, start), stroke_width))
    return strokes


def _crack_strokes(damage: DamageSpec, box: RoundedBox, rng: Rng) -> list[_Stroke]:
    width, height = box.extent(damage.face)
    centre = floats((damage.u * width / 2, damage.v * height / 2))
    length = 34 + 0.55 * min(width, height) * damage.severity + 35 * damage.severity
    widest = 1.1 + 1.4 * damage.severity
    main = _walk(rng, centre, damage.angle_rad, length, length / 9)
    strokes = [_Stroke(main, widest)]
    for _ in range(int(damage.severity * 5)):
        at = main[int(rng.integers(1, len(main) - 1))]
        angle = damage.angle_rad + float(rng.choice([-1, 1]) * rng.uniform(0.4, 1.2))
        branch = _walk(rng, at, angle, length * float(rng.uniform(0.2, 0.5)), length / 12)
        strokes.append(_Stroke(branch, widest * 0.6))
    return strokes


def _walk(
    rng: Rng, start: Floats, angle: float, length: float, step: float, wander: float = 0.25
) -> Floats:
    count = max(3, int(length / step))
    angles = angle + np.cumsum(rng.normal(0, wander, count))
    steps = np.stack([np.cos(angles), np.sin(angles)], -1) * step
    return floats(np.concatenate([[start], start + np.cumsum(steps, 0)]))


def _turned(line: Floats, angle: float, start: Floats) -> Floats:
    c, s = np.cos(angle), np.sin(angle)
    return floats(line @ np.array([[c, s], [-s, c]]) + start)
