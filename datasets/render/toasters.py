"""Toasters: a sheet-metal body with slots, a lever and knobs."""

from __future__ import annotations

import numpy as np

from datasets.render import artwork, palettes
from datasets.render.artwork import Canvas
from datasets.render.grades import Product
from datasets.render.kinds import Kind, Material
from datasets.render.parts import Bar, Block, Fixture, Paint
from datasets.render.shells import press_dark
from datasets.render.spec import Colour, Face, ItemSpec, Rng, Style
from datasets.render.surface import FACES, RoundedBox

_DARK: Colour = (0.03, 0.03, 0.035)


def _draw(item: ItemSpec, box: RoundedBox, rng: Rng) -> dict[Face, Canvas]:
    faces = {face: Canvas(*box.extent(face), item.colour) for face in FACES}
    top = faces[Face.TOP]
    w, h = top.width_mm, top.height_mm
    for y in (0.33, 0.67):
        top.rectangle(w * 0.14, h * y - 15, w * 0.72, 30, artwork.toned(item.colour, 0.8))
        top.rectangle(w * 0.16, h * y - 12, w * 0.68, 24, _DARK)
    for face in (Face.Y_POS, Face.Y_NEG):
        side = faces[face]
        ink = artwork.toned(item.colour, 0.4)
        side.text(
            side.width_mm * 0.34, side.height_mm * 0.3, artwork.brand(rng),
            side.height_mm * 0.13, ink,
        )  # fmt: skip
    front = faces[Face.X_POS]
    w, h = front.width_mm, front.height_mm
    front.rectangle(w * 0.5 - 3, h * 0.12, 6, h * 0.42, _DARK)
    for face in (Face.X_POS, Face.X_NEG, Face.Y_POS, Face.Y_NEG):
        canvas = faces[face]
        canvas.rectangle(0, canvas.height_mm * 0.9, canvas.width_mm, 40, (0.1, 0.1, 0.1))
    for mark in range(7):
        turn = np.pi * (0.1 + 0.8 * mark / 6)
        x, y = w * 0.5 - 22 * np.cos(turn), h * 0.72 - 22 * np.sin(turn)
        front.ellipse(float(x) - 1, float(y) - 1, 2, 2, (0.1, 0.1, 0.1))
    return faces


def _fixtures(item: ItemSpec) -> tuple[Fixture, ...]:
    length, _, height = item.size_mm
    rng = np.random.default_rng([item.seed, 2])
    face, knob_z, lever_z = length / 2, -height * 0.22, height * float(rng.uniform(0.14, 0.3))
    knob = Paint(item.accent, 0.35)
    shaft = Paint((0.75, 0.75, 0.73), 0.35, 0.8)
    mark = Paint((0.9, 0.9, 0.88), 0.4)
    turned = (
        Bar((face - 2, 0, knob_z), (face + 16, 0, knob_z), 15, knob),
        Block((face + 16, 0, knob_z + 8), (1.4, 2, 9), mark, 0.3),
    )
    stub = (Bar((face - 2, 0, knob_z), (face + 9, 0, knob_z), 3.2, shaft),)
    lever = (
        Block((face + 10, 0, lever_z), (22, 5, 4), shaft, 1),
        Block((face + 20, 0, lever_z), (18, 36, 13), knob, 4),
    )
    stub_lever = (Block((face + 4, 0, lever_z), (10, 5, 4), shaft, 0.5),)
    foot = Paint((0.06, 0.06, 0.06), 0.8)
    feet = tuple(
        Bar((x * length * 0.38, y * 50.0, -height / 2), (x * length * 0.38, y * 50.0, -height / 2 - 2), 9, foot)
        for x in (-1, 1) for y in (-1, 1)
    )  # fmt: skip
    return (
        Fixture(Face.X_POS, 0, 2 * knob_z / height, 21, turned, stub),
        Fixture(Face.X_POS, 0, 2 * lever_z / height, 17, lever, stub_lever),
        Fixture(Face.BOTTOM, 0, 0, 0, feet),
    )


KINDS = {
    Style.TOASTER: Kind(
        product=Product.APPLIANCE,
        weight=0.09,
        material=Material.METAL,
        small=(250, 150, 160),
        large=(310, 190, 205),
        radius_mm=(16, 34),
        plan_share=(0.3, 0.5),
        colours=(*palettes.METALS, *palettes.METALS, (0.55, 0.12, 0.10), (0.16, 0.16, 0.17)),
        accents=(palettes.ACCENTS[0], palettes.ACCENTS[4]),
        draw=_draw,
        rough=(0.16, 0.34),
        metallic=0.85,
        fill=0.85,
        v_range=(-0.3, 0.7),
        finish=press_dark,
        fixtures=_fixtures,
    ),
}
