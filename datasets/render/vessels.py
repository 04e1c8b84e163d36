"""Plastic bottles and glass jars: turned bodies with a label and a screwed cap."""

from __future__ import annotations

import numpy as np

from datasets.render import artwork, palettes
from datasets.render.arrays import Floats, floats
from datasets.render.artwork import Canvas
from datasets.render.grades import Product
from datasets.render.kinds import Kind, Material
from datasets.render.layers import Layers
from datasets.render.noise import smoothstep
from datasets.render.parts import Bar, Fixture, Paint
from datasets.render.spec import Colour, Face, ItemSpec, Pose, Rng, Style
from datasets.render.surface import FACES, RoundedBox

SIDES = (Face.X_POS, Face.Y_POS, Face.X_NEG, Face.Y_NEG)
_SHOULDER = {Style.BOTTLE: (0.36, 0.74), Style.JAR: (0.56, 0.80)}
"""Height, -1 to 1, at which the body starts and ends to narrow to its neck."""


def _neck_share(item: ItemSpec) -> float:
    """Neck's radius as a share of the body's."""
    draw = float(np.random.default_rng([item.seed, 5]).uniform())
    return 0.36 + 0.14 * draw if item.style is Style.BOTTLE else 0.80 + 0.08 * draw


def _form(item: ItemSpec, rest: Floats) -> Floats:
    half = floats(item.size_mm) / floats(2)
    low, high = _SHOULDER[item.style]
    height = floats(rest[:, 2] / half[2])
    narrow = 1 - (1 - _neck_share(item)) * smoothstep(low, high, height)
    waist = 1 - 0.05 * (item.seed % 3) * smoothstep(0.35, 0.0, floats(np.abs(height + 0.15)))
    moved = np.zeros_like(rest)
    moved[:, :2] = rest[:, :2] * (narrow * waist - 1)[:, None]
    return moved


def _draw(item: ItemSpec, box: RoundedBox, rng: Rng) -> dict[Face, Canvas]:
    """One label runs around the body over the four side faces."""
    faces = {face: Canvas(*box.extent(face), item.colour) for face in FACES}
    width, height = box.extent(Face.X_POS)
    top = height * float(rng.uniform(0.34, 0.42))
    tall = height * float(rng.uniform(0.36, 0.5))
    pale: Colour = (0.90, 0.90, 0.87)
    paper = pale if rng.uniform() < 0.5 else item.accent
    ink = item.accent if paper is pale else pale
    strip = Canvas(width * 4, tall, paper)
    name = artwork.brand(rng)
    for side in range(4):
        x = width * side
        if side % 2 == 0:
            strip.rectangle(x, tall * 0.52, width, tall * 0.14, ink)
            strip.text(x + width * 0.1, tall * 0.14, name, min(tall * 0.2, width * 0.2), ink)
            strip.text(x + width * 0.12, tall * 0.74, artwork.slogan(rng, 2), tall * 0.07, ink)
        else:
            artwork.small_print(strip, rng, x + width * 0.1, tall * 0.08, int(tall * 0.4 // 4), ink)
            strip.rectangle(x + width * 0.2, tall * 0.6, width * 0.6, tall * 0.32, pale)
            artwork.barcode(strip, rng, x + width * 0.24, tall * 0.63, width * 0.52, tall * 0.24)
    for side, face in enumerate(SIDES):
        faces[face].crop_onto(strip, width * side, top)
    return faces


def _finish(item: ItemSpec, layers: Layers, _: Rng) -> None:
    """Thread of the neck."""
    for face in SIDES:
        index = FACES.index(face)
        z = layers.points[index, ..., 2]
        neck = smoothstep(0.78, 0.80, floats(z / (item.size_mm[2] / 2)))
        layers.relief[index] += neck * np.where(np.cos(z * 1.7) > 0.4, 1.0, 0.0).astype(np.float32)


def _fixtures(item: ItemSpec) -> tuple[Fixture, ...]:
    radius, top = item.size_mm[0] / 2 * _neck_share(item), item.size_mm[2] / 2
    rng = np.random.default_rng([item.seed, 2])
    cap = Paint(item.accent, 0.35)
    if item.style is Style.JAR and rng.uniform() < 0.6:
        cap = Paint((0.72, 0.66, 0.45) if rng.uniform() < 0.5 else (0.75, 0.75, 0.76), 0.3, 0.8)
    outer = radius + 2.2
    height = top * (0.26 if item.style is Style.BOTTLE else 0.2)
    parts: list[Bar] = [Bar((0, 0, top - height), (0, 0, top + 2.5), outer, cap)]
    if item.style is Style.BOTTLE:
        ridged = 28
        for turn in np.arange(ridged) * 2 * np.pi / ridged:
            x, y = float(np.cos(turn)) * outer, float(np.sin(turn)) * outer
            parts.append(Bar((x, y, top - height + 1), (x, y, top + 1), 0.8, cap))
    return (Fixture(Face.TOP, 0, 0, radius, tuple(parts), mouth_mm=height),)


_BOTTLES: tuple[Colour, ...] = (
    (0.88, 0.88, 0.86), (0.80, 0.82, 0.84), (0.12, 0.30, 0.52), (0.15, 0.42, 0.30),
    (0.55, 0.26, 0.10), (0.86, 0.72, 0.20), (0.14, 0.14, 0.15), (0.72, 0.30, 0.40),
)  # fmt: skip
_FILLINGS: tuple[Colour, ...] = (
    (0.45, 0.20, 0.04), (0.36, 0.04, 0.05), (0.16, 0.08, 0.05), (0.55, 0.42, 0.10),
    (0.30, 0.36, 0.12), (0.72, 0.66, 0.52), (0.20, 0.10, 0.22),
)  # fmt: skip

KINDS = {
    Style.BOTTLE: Kind(
        product=Product.BOTTLE,
        weight=0.10,
        material=Material.PLASTIC,
        small=(62, 62, 165),
        large=(95, 95, 270),
        radius_mm=(3, 7),
        plan_share=(1.0, 1.0),
        round=True,
        colours=_BOTTLES,
        accents=(*palettes.ACCENTS, *palettes.PRINTS),
        draw=_draw,
        rough=(0.16, 0.40),
        poses=((Pose.UPRIGHT, 0.45), (Pose.LYING, 0.55)),
        v_range=(-0.7, 0.3),
        finish=_finish,
        form=_form,
        fixtures=_fixtures,
    ),
    Style.JAR: Kind(
        product=Product.JAR,
        weight=0.08,
        material=Material.GLASS,
        small=(64, 64, 82),
        large=(96, 96, 150),
        radius_mm=(4, 9),
        plan_share=(1.0, 1.0),
        round=True,
        colours=_FILLINGS,
        accents=(*palettes.ACCENTS, *palettes.PRINTS),
        draw=_draw,
        rough=(0.05, 0.09),
        shine=0.4,
        poses=((Pose.UPRIGHT, 0.75), (Pose.LYING, 0.25)),
        fill=0.85,
        v_range=(-0.7, 0.45),
        finish=_finish,
        form=_form,
        fixtures=_fixtures,
    ),
}
