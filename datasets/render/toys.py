"""Toy cars: a glossy body, a cabin with windows, four wheels."""

from __future__ import annotations

import numpy as np

from datasets.render import artwork, palettes
from datasets.render.arrays import Floats, floats
from datasets.render.artwork import Canvas
from datasets.render.grades import Product
from datasets.render.kinds import Kind, Material
from datasets.render.noise import smoothstep
from datasets.render.parts import Bar, Block, Fixture, Paint, Part
from datasets.render.spec import Colour, Face, ItemSpec, Rng, Style
from datasets.render.surface import FACES, RoundedBox

_GLASS: Colour = (0.05, 0.07, 0.09)
_TYRE = Paint((0.05, 0.05, 0.052), 0.75)
_ARCH: Colour = (0.03, 0.03, 0.03)


def _wheel_radius(item: ItemSpec) -> float:
    return min(item.size_mm[2] * 0.46, item.size_mm[0] * 0.12)


def _draw(item: ItemSpec, box: RoundedBox, rng: Rng) -> dict[Face, Canvas]:
    faces = {face: Canvas(*box.extent(face), item.colour) for face in FACES}
    stripe = float(rng.uniform(0.14, 0.3))
    top = faces[Face.TOP]
    if rng.uniform() < 0.6:
        for y in (0.34, 0.66):
            width = top.height_mm * stripe * 0.5
            top.rectangle(0, top.height_mm * y - width / 2, top.width_mm, width, item.accent)
    seam = artwork.toned(item.colour, 0.45)
    for face in (Face.Y_POS, Face.Y_NEG):
        side = faces[face]
        w, h = side.width_mm, side.height_mm
        for x in (0.42, 0.62):
            side.rectangle(w * x, h * 0.05, 0.9, h * 0.6, seam)
        side.rectangle(0, h * 0.4, w, h * 0.08, item.accent)
        number = f"{rng.integers(1, 99)}"
        side.ellipse(w * 0.46, h * 0.08, h * 0.5, h * 0.5, (0.92, 0.92, 0.9))
        side.text(w * 0.46 + h * 0.12, h * 0.16, number, h * 0.24, (0.08, 0.08, 0.09))
        for x in (0.22, 0.78):
            r = _wheel_radius(item) * 1.12
            side.ellipse(w * x - r, h * 0.98 - r, 2 * r, 2 * r, _ARCH)
    for face, lamp in ((Face.X_POS, (0.95, 0.92, 0.75)), (Face.X_NEG, (0.6, 0.05, 0.05))):
        end = faces[face]
        w, h = end.width_mm, end.height_mm
        for x in (0.08, 0.72):
            end.rectangle(w * x, h * 0.28, w * 0.2, h * 0.18, lamp)
        end.rectangle(w * 0.34, h * 0.32, w * 0.32, h * 0.14, (0.1, 0.1, 0.1))
        end.rectangle(0, h * 0.66, w, h * 0.16, (0.16, 0.16, 0.17))
    return faces


def _form(item: ItemSpec, rest: Floats) -> Floats:
    """The bonnet slopes down to the front, the boot a little."""
    half = floats(item.size_mm) / floats(2)
    x, high = floats(rest[:, 0] / half[0]), smoothstep(-0.2, 0.9, floats(rest[:, 2] / half[2]))
    slope = 0.42 * smoothstep(0.25, 1.05, x) + 0.18 * smoothstep(-0.6, -1.05, x)
    moved = np.zeros_like(rest)
    moved[:, 2] = -slope * high * half[2]
    return moved


def _fixtures(item: ItemSpec) -> tuple[Fixture, ...]:
    length, depth, height = item.size_mm
    rng = np.random.default_rng([item.seed, 2])
    radius, low = _wheel_radius(item), -height / 2 + 1.5
    hub = Paint((0.72, 0.72, 0.73) if rng.uniform() < 0.6 else item.accent, 0.3, 0.3)
    axle = Paint((0.62, 0.62, 0.60), 0.4, 0.6)
    wheels = []
    for face, side in ((Face.Y_NEG, -1), (Face.Y_POS, 1)):
        for u in (-0.56, 0.56):
            x = -side * u * length / 2
            near, far = side * (depth / 2 - 9), side * (depth / 2 + 5)
            parts: tuple[Part, ...] = (
                Bar((x, near, low), (x, far, low), radius, _TYRE),
                Bar((x, near, low), (x, far + side * 0.8, low), radius * 0.6, hub),
                Bar((x, near, low), (x, far + side * 1.6, low), radius * 0.18, _TYRE),
            )
            stub = (Bar((x, side * depth * 0.3, low), (x, far - side, low), 2.6, axle),)
            wheels.append(Fixture(face, u, -0.96, radius * 1.12, parts, stub))
    return (*wheels, _cabin(item))


def _cabin(item: ItemSpec) -> Fixture:
    length, depth, height = item.size_mm
    rng = np.random.default_rng([item.seed, 6])
    top, tall = height / 2, height * float(rng.uniform(0.5, 0.75))
    long, back = length * float(rng.uniform(0.36, 0.46)), -length * float(rng.uniform(0.02, 0.1))
    windows = Paint(_GLASS, 0.08)
    roof = Paint(item.colour if rng.uniform() < 0.7 else item.accent, 0.3)
    parts: list[Part] = [
        Block((back, 0, top + tall * 0.3), (long, depth * 0.8, tall), windows, tall * 0.3),
        Block((back, 0, top + tall * 0.74), (long * 0.78, depth * 0.76, tall * 0.26), roof, 3),
    ]
    for x in (-0.45, -0.02, 0.42):
        centre = (back + x * long, 0.0, top + tall * 0.3)
        parts.append(Block(centre, (5, depth * 0.81, tall * 0.96), roof, 1.5))
    return Fixture(Face.TOP, 0, 0, 0, tuple(parts))


KINDS = {
    Style.TOY_CAR: Kind(
        product=Product.TOY,
        weight=0.10,
        material=Material.PLASTIC,
        small=(140, 66, 30),
        large=(240, 110, 52),
        radius_mm=(5, 11),
        plan_share=(0.25, 0.5),
        colours=palettes.TOYS,
        accents=(*palettes.ACCENTS, (0.92, 0.92, 0.90)),
        draw=_draw,
        rough=(0.14, 0.38),
        fill=0.9,
        v_range=(-0.1, 0.6),
        form=_form,
        fixtures=_fixtures,
    ),
}
