"""Phones and tablets: a glass front, a coloured back, a frame with buttons."""

from __future__ import annotations

import numpy as np

from datasets.render import palettes
from datasets.render.artwork import Canvas, brand, toned
from datasets.render.grades import Product
from datasets.render.kinds import Kind, Material
from datasets.render.parts import Bar, Block, Fixture, Paint
from datasets.render.spec import Colour, Face, ItemSpec, Pose, Rng, Style
from datasets.render.surface import FACES, RoundedBox

_GLASS: Colour = (0.02, 0.02, 0.025)


def _draw(item: ItemSpec, box: RoundedBox, rng: Rng) -> dict[Face, Canvas]:
    faces = {face: Canvas(*box.extent(face), item.accent) for face in FACES}
    front, back = faces[Face.TOP], Canvas(*box.extent(Face.BOTTOM), item.colour)
    faces[Face.BOTTOM] = back
    w, h = front.width_mm, front.height_mm
    front.rectangle(0, 0, w, h, _GLASS)
    front.polish(0, 0, w, h)
    bezel = float(rng.uniform(2.2, 4.5))
    if rng.uniform() < 0.4:
        _lock_screen(front, rng, bezel)
    else:
        front.rectangle(bezel, bezel, w - 2 * bezel, h - 2 * bezel, (0.03, 0.03, 0.034))
    front.ellipse(w * 0.03, h / 2 - 1.5, 3, 3, (0.0, 0.0, 0.0))
    back.polish(0, 0, w, h)
    ink = toned(item.colour, 0.6) if sum(item.colour) > 0.9 else toned(item.colour, 1.0, 0.3)
    back.text(w * 0.55, h * 0.42, brand(rng), min(w, h) * 0.09, ink)
    return faces


def _lock_screen(front: Canvas, rng: Rng, bezel: float) -> None:
    """A picture in bands from one colour to another, with a clock and notes."""
    w, h = front.width_mm - 2 * bezel, front.height_mm - 2 * bezel
    ends = rng.uniform(0.05, 0.6, size=(2, 3))
    bands = 60
    for band in range(bands):
        r, g, b = ends[0] + (ends[1] - ends[0]) * band / bands
        front.rectangle(bezel + w * band / bands, bezel, w / bands + 0.5, h, (r, g, b))
    for row in range(int(rng.integers(1, 4))):
        x = bezel + w * (0.4 + 0.13 * row)
        front.rectangle(x, bezel + h * 0.08, w * 0.1, h * 0.84, (0.75, 0.76, 0.78))


def _fixtures(item: ItemSpec) -> tuple[Fixture, ...]:
    length, depth, height = item.size_mm
    rng = np.random.default_rng([item.seed, 2])
    button = Paint(toned(item.accent, 0.9), 0.3, 0.6)
    x = -length * 0.2
    buttons = tuple(
        Block((x + 24 * i, depth / 2 + 0.2, 0), (14 + 8 * i, 1.6, height * 0.3), button, 0.4)
        for i in range(2)
    )
    lens, ring = Paint((0.02, 0.02, 0.03), 0.05), Paint(toned(item.accent, 0.8), 0.25, 0.7)
    low, count = -height / 2, int(rng.integers(1, 4))
    cx, cy = -length / 2 + 20, depth / 2 - 18
    island: list[Block | Bar] = [
        Block((cx, cy, low), (26, 26, 3.0), Paint(toned(item.colour, 0.85), 0.2), 1.2)
    ]
    for i in range(count):
        at = (cx - 6 + 12 * (i % 2), cy - 6 + 12 * (i // 2))
        island.append(Bar((*at, low), (*at, low - 2.6), 4.6, ring))
        island.append(Bar((*at, low), (*at, low - 2.8), 3.6, lens))
    return (
        Fixture(Face.Y_POS, -0.4, 0, 0, buttons),
        Fixture(Face.BOTTOM, -0.8, 0.7, 0, tuple(island)),
    )


_POSES = ((Pose.UPRIGHT, 0.72), (Pose.FLIPPED, 0.28))
_BACKS = (*palettes.SHELLS[:5], (0.70, 0.62, 0.66), (0.42, 0.52, 0.46), (0.80, 0.74, 0.62))
_FRAMES = ((0.10, 0.10, 0.11), (0.70, 0.70, 0.71), (0.62, 0.56, 0.48))

KINDS = {
    Style.PHONE: Kind(
        product=Product.PHONE,
        weight=0.10,
        material=Material.GLASS,
        small=(138, 66, 7.6),
        large=(168, 80, 10.5),
        radius_mm=(1.6, 3.6),
        plan_share=(0.2, 0.34),
        colours=_BACKS,
        accents=_FRAMES,
        draw=_draw,
        flat=True,
        rough=(0.22, 0.42),
        shine=0.05,
        poses=_POSES,
        fill=1.08,
        v_range=(-0.6, 0.6),
        fixtures=_fixtures,
    ),
    Style.TABLET: Kind(
        product=Product.PHONE,
        weight=0.05,
        material=Material.GLASS,
        small=(200, 130, 7.2),
        large=(270, 190, 10.0),
        radius_mm=(1.4, 3.2),
        plan_share=(0.08, 0.16),
        colours=_BACKS,
        accents=_FRAMES,
        draw=_draw,
        flat=True,
        rough=(0.22, 0.42),
        shine=0.05,
        poses=_POSES,
        v_range=(-0.6, 0.6),
        fixtures=_fixtures,
    ),
}
