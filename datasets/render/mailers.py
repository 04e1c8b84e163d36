"""Poly mailers: a film bag that bulges over what is in it, with a seal, a label and wrinkles."""

from __future__ import annotations

import numpy as np

from datasets.render import artwork
from datasets.render.arrays import Floats, floats
from datasets.render.artwork import Canvas
from datasets.render.grades import Product
from datasets.render.kinds import Kind, Material
from datasets.render.noise import noise3, smoothstep
from datasets.render.spec import Colour, Face, ItemSpec, Rng, Style
from datasets.render.surface import FACES, RoundedBox

SEAL_MM = 22.0
_FILMS: tuple[Colour, ...] = (
    (0.86, 0.86, 0.86), (0.55, 0.57, 0.60), (0.12, 0.12, 0.13), (0.30, 0.32, 0.36),
    (0.80, 0.66, 0.46), (0.55, 0.36, 0.52), (0.22, 0.40, 0.42),
)  # fmt: skip
_CONTENTS: tuple[Colour, ...] = (
    (0.75, 0.72, 0.68), (0.20, 0.24, 0.40), (0.55, 0.14, 0.14), (0.30, 0.38, 0.30),
)  # fmt: skip


def _draw(item: ItemSpec, box: RoundedBox, rng: Rng) -> dict[Face, Canvas]:
    faces = {face: Canvas(*box.extent(face), item.colour) for face in FACES}
    top = faces[Face.TOP]
    w, h = top.width_mm, top.height_mm
    pale = sum(item.colour) > 1.6
    ink: Colour = (0.25, 0.25, 0.27) if pale else (0.82, 0.82, 0.84)
    if rng.uniform() < 0.6:
        name, size = artwork.brand(rng), h * float(rng.uniform(0.08, 0.16))
        for row in range(int(rng.integers(1, 4))):
            top.text(w * 0.12, h * (0.1 + 0.28 * row), name, size, ink)
    top.rectangle(0, 0, SEAL_MM * 0.18, h, artwork.toned(item.colour, 0.85))
    for x in (SEAL_MM * 0.5, w - SEAL_MM * 0.6):
        top.rectangle(x, 0, 0.8, h, artwork.toned(item.colour, 0.75))
    width, height = min(102.0, w * 0.5), min(150.0, h * 0.75)
    label = artwork.shipping_label(rng, width, min(height, width * 1.2))
    x, y = float(rng.uniform(0.2, 0.9)) * (w - width), float(rng.uniform(0.1, 0.9)) * (h - height)
    top.paste(label, x, y, float(rng.normal(0, 6)))
    if rng.uniform() < 0.5:
        faces[Face.BOTTOM].text(w * 0.1, h * 0.3, artwork.brand(rng), h * 0.14, ink)
    return faces


def _form(item: ItemSpec, rest: Floats) -> Floats:
    """Flat at the seals, bulging over the contents, wrinkled."""
    half = floats(item.size_mm) / floats(2)
    u, v = np.abs(rest[:, 0] / half[0]), np.abs(rest[:, 1] / half[1])
    warp = 0.16 * noise3(rest * floats((1, 1, 0)), 130, item.seed, 2)
    bulge = (1 - np.clip(u + warp, 0, 1) ** 3.2) * (1 - np.clip(v + warp, 0, 1) ** 3.0)
    flat = 0.06 + 0.94 * np.clip(bulge, 0, 1)
    coarse = noise3(rest * floats((1, 0.45, 0)), 70, item.seed + 1, 3)
    fine = np.abs(noise3(rest * floats((0.7, 1, 0)), 34, item.seed + 2, 3))
    above = smoothstep(-0.6, 0.6, floats(rest[:, 2] / half[2]))
    moved = np.zeros_like(rest)
    floor = -half[2]
    moved[:, 2] = floor + (rest[:, 2] - floor) * flat - rest[:, 2]
    moved[:, 2] += above * (4.5 * coarse - 5.0 * fine * (0.3 + bulge)) * (0.25 + 0.75 * flat)
    edge = noise3(rest * floats((1, 1, 0)), 60, item.seed + 3, 2)
    moved[:, :2] += 5.0 * edge[:, None] * rest[:, :2] / half[:2]
    moved[:, 2] = np.maximum(moved[:, 2], floor - rest[:, 2])
    return moved


KINDS = {
    Style.MAILER: Kind(
        product=Product.MAILER,
        weight=0.10,
        material=Material.FILM,
        small=(230, 170, 22),
        large=(380, 290, 52),
        radius_mm=(3, 6),
        colours=_FILMS,
        accents=_CONTENTS,
        draw=_draw,
        flat=True,
        rough=(0.24, 0.42),
        v_range=(-0.55, 0.55),
        form=_form,
    ),
}
