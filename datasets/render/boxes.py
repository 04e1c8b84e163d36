"""The faces of cardboard boxes: kraft or print, seams, tape, label, marks."""

from __future__ import annotations

from dataclasses import dataclass

from datasets.render import artwork, palettes
from datasets.render.arrays import Floats, floats
from datasets.render.artwork import Canvas
from datasets.render.grades import Product
from datasets.render.kinds import Kind, Material
from datasets.render.noise import noise3
from datasets.render.spec import Colour, Face, ItemSpec, Rng, Style
from datasets.render.surface import FACES, RoundedBox

_WHITE: Colour = (0.92, 0.92, 0.90)


@dataclass(frozen=True)
class _Tape:
    width_mm: float
    overhang_mm: float
    colour: Colour
    opacity: float


def _draw(item: ItemSpec, box: RoundedBox, rng: Rng) -> dict[Face, Canvas]:
    """Artwork of every face of a box."""
    faces = {}
    for face in FACES:
        shade = float(rng.uniform(-0.02, 0.02))
        r, g, b = item.colour
        faces[face] = Canvas(*box.extent(face), (r + shade, g + shade, b + shade))
    match item.style:
        case Style.PRINTED_BOX:
            _print_all(item, faces, rng)
        case Style.WHITE_BOX:
            _print_sparsely(item, faces, rng)
        case _:
            _stamp(faces, rng)
    _close(faces, rng, item)
    _stick_label(faces, rng)
    return faces


def _stamp(faces: dict[Face, Canvas], rng: Rng) -> None:
    ink: Colour = (0.16, 0.12, 0.10) if rng.uniform() < 0.7 else (0.35, 0.10, 0.08)
    for face in (Face.Y_NEG, Face.Y_POS, Face.X_NEG, Face.X_POS):
        canvas = faces[face]
        if rng.uniform() < 0.55:
            size = min(34.0, canvas.height_mm * 0.3)
            x = float(rng.uniform(0.06, 0.3)) * canvas.width_mm
            artwork.handling_marks(canvas, rng, x, canvas.height_mm * 0.62, size, ink)
        if rng.uniform() < 0.5:
            height = min(26.0, canvas.height_mm * 0.2)
            x, y = rng.uniform(0.08, 0.45) * canvas.width_mm, rng.uniform(0.12, 0.3)
            canvas.text(float(x), float(y) * canvas.height_mm, artwork.brand(rng), height, ink)


def _print_sparsely(item: ItemSpec, faces: dict[Face, Canvas], rng: Rng) -> None:
    name = artwork.brand(rng)
    for face in FACES:
        canvas = faces[face]
        height = canvas.height_mm * (0.14 if face is not Face.TOP else 0.1)
        canvas.text(canvas.width_mm * 0.07, canvas.height_mm * 0.1, name, height, item.accent)
        canvas.rectangle(
            0, canvas.height_mm * 0.9, canvas.width_mm, canvas.height_mm * 0.05, item.accent
        )
        lines = int(rng.integers(2, 5))
        artwork.small_print(
            canvas, rng, canvas.width_mm * 0.07, canvas.height_mm * 0.55, lines, (0.3, 0.3, 0.32)
        )
    barcode_face = faces[Face.X_POS]
    artwork.barcode(
        barcode_face, rng, barcode_face.width_mm * 0.6, barcode_face.height_mm * 0.5, 40, 22
    )


def _print_all(item: ItemSpec, faces: dict[Face, Canvas], rng: Rng) -> None:
    name, cut = artwork.brand(rng), float(rng.uniform(0.5, 0.75))
    pale = artwork.toned(item.colour, 0.35, 0.62)
    for face in FACES:
        canvas = faces[face]
        w, h = canvas.width_mm, canvas.height_mm
        canvas.polygon([(w * cut, 0), (w, 0), (w, h), (w * (cut - 0.18), h)], pale)
        _product_picture(canvas, rng, w * (cut + 0.02), h * 0.2, min(w * 0.3, h * 0.6), item.accent)
        canvas.text(w * 0.06, h * 0.12, name, h * 0.15, _WHITE)
        canvas.text(w * 0.06, h * 0.36, artwork.slogan(rng, 2), h * 0.07, _WHITE)
        artwork.small_print(canvas, rng, w * 0.06, h * 0.56, int(h * 0.32 // 4.2), pale)
    side = faces[Face.X_NEG]
    side.rectangle(side.width_mm * 0.55, side.height_mm * 0.6, 44, 26, _WHITE)
    artwork.barcode(side, rng, side.width_mm * 0.55 + 4, side.height_mm * 0.6 + 3, 36, 18)


def _product_picture(
    canvas: Canvas, rng: Rng, x: float, y: float, size: float, accent: Colour
) -> None:
    body = float(rng.uniform(0.12, 0.3))
    canvas.ellipse(x, y + size * 0.82, size, size * 0.16, (0.55, 0.55, 0.56))
    canvas.ellipse(x + size * 0.05, y, size * 0.9, size * 0.9, (body, body, body * 1.05))
    canvas.ellipse(x + size * 0.2, y + size * 0.12, size * 0.6, size * 0.6, accent)
    canvas.ellipse(x + size * 0.3, y + size * 0.2, size * 0.25, size * 0.2, (0.85, 0.86, 0.88))


def _close(faces: dict[Face, Canvas], rng: Rng, item: ItemSpec) -> None:
    top = faces[Face.TOP]
    seam = artwork.toned(item.colour, 0.35)
    top.rectangle(0, top.height_mm / 2 - 0.6, top.width_mm, 1.2, seam)
    if item.style is not Style.BROWN_BOX and rng.uniform() < 0.45:
        return
    tapes = (
        _Tape(52, 55, (0.56, 0.40, 0.24), 0.82),
        _Tape(50, 45, (0.80, 0.74, 0.62), 0.30),
        _Tape(60, 60, (0.88, 0.87, 0.83), 0.86),
    )
    tape = tapes[rng.choice(3, p=[0.5, 0.38, 0.12])]
    shift = float(rng.uniform(-5, 5))
    y = top.height_mm / 2 - tape.width_mm / 2 + shift
    top.blend(-1, y, top.width_mm + 2, tape.width_mm, tape.colour, tape.opacity)
    for face, sign in ((Face.X_POS, -1), (Face.X_NEG, 1)):
        end = faces[face]
        x = end.width_mm / 2 - tape.width_mm / 2 + sign * shift
        hang = tape.overhang_mm * float(rng.uniform(0.7, 1.2))
        end.blend(x, -1, tape.width_mm, min(hang, end.height_mm * 0.6), tape.colour, tape.opacity)


def _stick_label(faces: dict[Face, Canvas], rng: Rng) -> None:
    if rng.uniform() > 0.9:
        return
    roomy = [face for face in FACES if face is not Face.BOTTOM and faces[face].height_mm > 105]
    face = roomy[rng.integers(len(roomy))] if roomy and rng.uniform() < 0.35 else Face.TOP
    canvas = faces[face]
    width = min(102.0, canvas.width_mm * 0.6)
    height = min(150.0, canvas.height_mm * 0.78, width * 1.45)
    label = artwork.shipping_label(rng, width, height)
    x = float(rng.uniform(0.08, 0.92)) * (canvas.width_mm - width)
    y = float(rng.uniform(0.1, 0.9)) * (canvas.height_mm - height)
    canvas.paste(label, x, y, float(rng.normal(0, 3)))


def _sag(item: ItemSpec, rest: Floats) -> Floats:
    """Cardboard is never quite flat."""
    outward = (rest / (floats(item.size_mm) / 2)) ** 9
    return floats(1.6 * noise3(rest, 220, item.seed, 2)[:, None] * outward)


def _box(product: Product, weight: float, colours: tuple[Colour, ...], rough: float) -> Kind:
    return Kind(
        product=product,
        weight=weight,
        material=Material.CARDBOARD,
        small=(190, 150, 60) if product is Product.PARCEL else (150, 110, 60),
        large=(430, 300, 240) if product is Product.PARCEL else (340, 240, 230),
        radius_mm=(2.5, 5),
        colours=colours,
        accents=palettes.ACCENTS if product is Product.PARCEL else palettes.PRINTS,
        draw=_draw,
        rough=(rough - 0.2, rough),
        form=_sag,
    )


KINDS = {
    Style.BROWN_BOX: _box(Product.PARCEL, 0.15, palettes.KRAFT, 0.88),
    Style.WHITE_BOX: _box(Product.PARCEL, 0.06, palettes.WHITES, 0.62),
    Style.PRINTED_BOX: _box(Product.RETAIL_BOX, 0.13, palettes.PRINTS, 0.55),
}
