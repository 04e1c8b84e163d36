"""The faces of hard-plastic products: parting line, vents, ports, ribs, logo, sticker."""

from __future__ import annotations

import numpy as np

from datasets.render import artwork, palettes
from datasets.render.arrays import Floats, floats
from datasets.render.artwork import Canvas
from datasets.render.grades import Product
from datasets.render.kinds import Kind, Material
from datasets.render.layers import Layers
from datasets.render.parts import Bar, Block, Fixture, Paint
from datasets.render.spec import Colour, Face, ItemSpec, Rng, Style
from datasets.render.surface import FACES, RoundedBox

_DARK: Colour = (0.03, 0.03, 0.035)
SIDES = (Face.X_POS, Face.X_NEG, Face.Y_POS, Face.Y_NEG)


def _draw(item: ItemSpec, box: RoundedBox, rng: Rng) -> dict[Face, Canvas]:
    """Artwork of every face of a plastic shell."""
    faces = {face: Canvas(*box.extent(face), item.colour) for face in FACES}
    seam = artwork.toned(item.colour, 0.3)
    parting = float(rng.uniform(0.42, 0.6))
    for face in SIDES:
        canvas = faces[face]
        canvas.rectangle(0, canvas.height_mm * parting, canvas.width_mm, 1.2, seam)
    if item.style is Style.ROUTER:
        _router(item, faces, rng)
    else:
        _case(item, faces, rng)
    return faces


def _router(item: ItemSpec, faces: dict[Face, Canvas], rng: Rng) -> None:
    top = faces[Face.TOP]
    w, h = top.width_mm, top.height_mm
    slots = int(rng.integers(6, 14))
    length = float(rng.uniform(0.18, 0.42)) * w
    for slot in range(slots):
        top.rectangle(w * 0.5 - length / 2, h * 0.62 + slot * 3.6, length, 1.6, _DARK)
    _logo(item, top, rng, w * 0.1, h * 0.14, h * 0.1)
    lit: Colour = (0.3, 0.85, 0.45) if rng.uniform() < 0.5 else (0.4, 0.65, 0.95)
    for led in range(5):
        colour = lit if rng.uniform() < 0.5 else (0.25, 0.27, 0.26)
        top.ellipse(w * 0.5 + (led - 2) * 9, h * 0.9, 2.4, 2.4, colour)
    back = faces[Face.Y_POS]
    for port in range(5):
        x = back.width_mm * 0.2 + port * 17
        back.rectangle(x, back.height_mm * 0.5, 12, back.height_mm * 0.3, _DARK)
        back.rectangle(x + 2, back.height_mm * 0.5, 8, 2, (0.75, 0.6, 0.25))


def _case(item: ItemSpec, faces: dict[Face, Canvas], rng: Rng) -> None:
    top = faces[Face.TOP]
    w, h = top.width_mm, top.height_mm
    plate_w, plate_h = w * float(rng.uniform(0.35, 0.55)), h * float(rng.uniform(0.2, 0.32))
    x, y = (w - plate_w) / 2, h * float(rng.uniform(0.2, 0.45))
    top.rectangle(x, y, plate_w, plate_h, item.accent)
    top.shine(x, y, plate_w, plate_h)
    _logo(item, top, rng, x + plate_w * 0.1, y + plate_h * 0.2, plate_h * 0.4)
    if rng.uniform() < 0.6:
        label = artwork.shipping_label(rng, 62, 44)
        top.paste(label, w * 0.08, h * float(rng.uniform(0.55, 0.72)), float(rng.normal(0, 4)))


def _logo(item: ItemSpec, canvas: Canvas, rng: Rng, x: float, y: float, height: float) -> None:
    luma = sum(item.colour) / 3 if item.style is Style.ROUTER else sum(item.accent) / 3
    ink: Colour = (0.85, 0.85, 0.86) if luma < 0.45 else (0.15, 0.15, 0.17)
    canvas.text(x, y, artwork.brand(rng), height, ink)


def press_dark(item: ItemSpec, layers: Layers, _: Rng) -> None:
    """Press what is drawn near black (seams, vents, ports) into the shell."""
    luma, body = layers.colour.mean(-1), float(np.mean(item.colour))
    layers.relief[luma < min(0.045, 0.5 * body)] -= 1.5


def _ribbed(item: ItemSpec, layers: Layers, rng: Rng) -> None:
    """Press what is dark, and raise ribs along the edges of the lid."""
    press_dark(item, layers, rng)
    height_mm, count = float(rng.uniform(0.8, 2.0)), float(rng.integers(3, 7))
    index = FACES.index(Face.TOP)
    x = layers.points[index, ..., 0] / (item.size_mm[0] / 2)
    y = layers.points[index, ..., 1] / (item.size_mm[1] / 2)
    band = _bands(floats(x), count) * (np.abs(y) < 0.86) * (np.abs(y) > 0.5)
    layers.relief[index] += height_mm * band.astype(np.float32)


def _bands(x: Floats, count: float) -> Floats:
    return floats(np.clip(np.cos(x * np.pi * count) * 3, 0, 1))


def _antennas(item: ItemSpec) -> tuple[Fixture, ...]:
    plastic = Paint((0.05, 0.05, 0.055), 0.5 - 0.2 * item.glossiness)
    rng = np.random.default_rng([item.seed, 2])
    length, depth, height = item.size_mm
    count = int(rng.integers(2, 5))
    lean = float(rng.uniform(-0.5, 0.3))
    rise, back = 120 * float(np.cos(lean)), 120 * float(np.sin(lean))
    fixtures = []
    for share in np.linspace(-0.38, 0.38, count):
        x, z = float(share * length), float(rng.uniform(-4, 4))
        base = (x, depth / 2 + 7, z)
        tip = (float(x + rng.normal(0, 8)), depth / 2 + 7 - back, rise)
        inner, outer = (x, depth / 2 - 6, z), (x, depth / 2 + 13, z)
        parts = (Bar(base, tip, 6, plastic), Bar(inner, outer, 7, plastic))
        stub = (Bar(inner, (x, depth / 2 + 4, z), 5, Paint((0.70, 0.58, 0.30), 0.35, 0.8)),)
        fixtures.append(Fixture(Face.Y_POS, -2 * float(share), 2 * z / height, 12, parts, stub))
    return tuple(fixtures)


def _latches_and_handle(item: ItemSpec) -> tuple[Fixture, ...]:
    plastic = Paint(item.accent, 0.5 - 0.2 * item.glossiness)
    bared = Paint((0.62, 0.62, 0.60), 0.4, 0.7)
    length, depth, height = item.size_mm
    front, grip = -depth / 2, min(130.0, length * 0.4)
    fixtures = []
    for side in (-1, 1):
        at = (side * length * 0.3, front - 3, 0.0)
        tall = min(52.0, height * 0.6)
        pins = tuple(
            Bar((at[0] + x, front + 4, 0), (at[0] + x, front - 4, 0), 2.5, bared) for x in (-12, 12)
        )
        latch = (Block(at, (38.0, 12.0, tall), plastic, 3),)
        fixtures.append(Fixture(Face.Y_NEG, side * 0.6, 0, 20, latch, pins))
    left, right = (-grip / 2 - 6, front - 34, -8), (grip / 2 + 6, front - 34, -8)
    handle = [Bar(left, right, 9, plastic)]
    for side in (-1, 1):
        start, end = (side * grip / 2, front + 4, -8), (side * grip / 2, front - 34, -8)
        handle.append(Bar(start, end, 7, plastic))
    fixtures.append(Fixture(Face.Y_NEG, 0, -16 / height, 0, tuple(handle)))
    return tuple(fixtures)


KINDS = {
    Style.ROUTER: Kind(
        product=Product.DEVICE,
        weight=0.07,
        material=Material.PLASTIC,
        small=(190, 130, 34),
        large=(290, 190, 62),
        radius_mm=(12, 16),
        colours=palettes.SHELLS[:5],
        accents=palettes.ACCENTS,
        draw=_draw,
        finish=press_dark,
        fixtures=_antennas,
    ),
    Style.TOOL_CASE: Kind(
        product=Product.DEVICE,
        weight=0.07,
        material=Material.PLASTIC,
        small=(280, 210, 85),
        large=(400, 300, 140),
        radius_mm=(18, 34),
        colours=palettes.SHELLS,
        accents=palettes.ACCENTS,
        draw=_draw,
        finish=_ribbed,
        fixtures=_latches_and_handle,
    ),
}
