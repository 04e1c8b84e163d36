"""The faces of hard-plastic products: parting line, vents, ports, ribs, logo, sticker."""

from __future__ import annotations

from datasets.render import artwork
from datasets.render.artwork import Canvas
from datasets.render.spec import Colour, Face, ItemSpec, Rng, Style
from datasets.render.surface import FACES, RoundedBox

_DARK: Colour = (0.03, 0.03, 0.035)
SIDES = (Face.X_POS, Face.X_NEG, Face.Y_POS, Face.Y_NEG)


def draw(item: ItemSpec, box: RoundedBox, rng: Rng) -> dict[Face, Canvas]:
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


def ribs(item: ItemSpec, rng: Rng) -> tuple[float, float]:
    """Height in millimetres and number of the moulded ribs on a case's lid; (0, 0) for none."""
    if item.style is not Style.TOOL_CASE:
        return 0.0, 0.0
    return float(rng.uniform(0.8, 2.0)), float(rng.integers(3, 7))
