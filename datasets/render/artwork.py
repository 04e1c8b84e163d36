"""Flat artwork in Pillow: shipping labels, barcodes, marks, print. Coordinates in millimetres."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from datasets.render.spec import Colour, Rng

PIXELS_PER_MM = 2.5
_BRANDS = ("Halden", "OSTRA", "kelvio", "Mirano", "TARN", "Voltan", "kubo", "NORRA")
_WORDS = [
    "home",
    "series",
    "smart",
    "pack",
    "plus",
    "daily",
    "wireless",
    "kit",
    "compact",
    "pro",
    "studio",
    "air",
    "set",
    "basic",
]


def rgb(colour: Colour) -> tuple[int, int, int]:
    """8-bit colour for Pillow."""
    r, g, b = (round(255 * c) for c in colour)
    return r, g, b


def toned(colour: Colour, factor: float, lift: float = 0.0) -> Colour:
    """A colour times ``factor`` plus ``lift``, at most 0.95."""
    r, g, b = (min(0.95, c * factor + lift) for c in colour)
    return r, g, b


class Canvas:
    """A picture of one face, drawn in millimetres with the origin at the top left."""

    def __init__(self, width_mm: float, height_mm: float, colour: Colour) -> None:
        self.width_mm, self.height_mm, self.ground = width_mm, height_mm, colour
        size = (round(width_mm * PIXELS_PER_MM), round(height_mm * PIXELS_PER_MM))
        self.image = Image.new("RGB", size, rgb(colour))
        self.gloss = Image.new("L", size, 0)
        """255 where something glossier than the ground lies."""
        self._draw = ImageDraw.Draw(self.image)
        self._gloss = ImageDraw.Draw(self.gloss)

    def rectangle(self, x: float, y: float, width: float, height: float, colour: Colour) -> None:
        """Fill a rectangle."""
        self._draw.rectangle(_scaled(x, y, x + width, y + height), fill=rgb(colour))

    def ellipse(self, x: float, y: float, width: float, height: float, colour: Colour) -> None:
        """Fill an ellipse."""
        self._draw.ellipse(_scaled(x, y, x + width, y + height), fill=rgb(colour))

    def polygon(self, corners: list[tuple[float, float]], colour: Colour) -> None:
        """Fill a polygon."""
        self._draw.polygon(
            [(x * PIXELS_PER_MM, y * PIXELS_PER_MM) for x, y in corners], fill=rgb(colour)
        )

    def text(self, x: float, y: float, words: str, height_mm: float, colour: Colour) -> None:
        """Write a line of text with its top left corner at (x, y)."""
        font = ImageFont.load_default(max(4.0, height_mm * PIXELS_PER_MM * 1.3))
        self._draw.text((x * PIXELS_PER_MM, y * PIXELS_PER_MM), words, font=font, fill=rgb(colour))

    def blend(
        self, x: float, y: float, width: float, height: float, colour: Colour, opacity: float
    ) -> None:
        """Lay a translucent glossy film (tape) over a rectangle."""
        left, top, right, bottom = (round(value) for value in _scaled(x, y, x + width, y + height))
        area = (
            max(0, left),
            max(0, top),
            min(self.image.width, right),
            min(self.image.height, bottom),
        )
        if area[0] >= area[2] or area[1] >= area[3]:
            return
        below = self.image.crop(area)
        film = Image.new("RGB", below.size, rgb(colour))
        self.image.paste(Image.blend(below, film, opacity), area[:2])
        self._gloss.rectangle(area, fill=255)

    def shine(self, x: float, y: float, width: float, height: float) -> None:
        """Make a rectangle glossier than the ground."""
        self._gloss.rectangle(_scaled(x, y, x + width, y + height), fill=150)

    def polish(self, x: float, y: float, width: float, height: float) -> None:
        """Make a rectangle as glossy as the product can be."""
        self._gloss.rectangle(_scaled(x, y, x + width, y + height), fill=255)

    def crop_onto(self, strip: Canvas, left: float, top: float) -> None:
        """Lay on, from edge to edge at height ``top``, the piece of a strip that starts at ``left``."""
        x, y = round(left * PIXELS_PER_MM), round(top * PIXELS_PER_MM)
        piece = strip.image.crop((x, 0, x + self.image.width, strip.image.height))
        self.image.paste(piece, (0, y))
        self.gloss.paste(Image.new("L", piece.size, 255), (0, y))

    def paste(self, other: Canvas, x: float, y: float, degrees: float) -> None:
        """Lay another canvas on this one, turned about its centre, as a glossy sheet."""
        cover = Image.new("L", other.image.size, 255).rotate(degrees, expand=True)
        sheet = other.image.rotate(degrees, expand=True, resample=Image.Resampling.BICUBIC)
        at = (round(x * PIXELS_PER_MM), round(y * PIXELS_PER_MM))
        self.image.paste(sheet, at, cover)
        self.gloss.paste(Image.new("L", cover.size, 170), at, cover)


def _scaled(*values: float) -> tuple[float, ...]:
    return tuple(value * PIXELS_PER_MM for value in values)


def brand(rng: Rng) -> str:
    """An invented brand."""
    return _BRANDS[rng.integers(len(_BRANDS))]


def slogan(rng: Rng, words: int) -> str:
    """A few words of print."""
    return " ".join(_WORDS[i] for i in rng.integers(len(_WORDS), size=words))


def barcode(canvas: Canvas, rng: Rng, x: float, y: float, width: float, height: float) -> None:
    """Bars over a rectangle."""
    at = x
    while at < x + width - 2:
        bar = float(rng.choice([0.5, 0.5, 1.0, 1.5]))
        canvas.rectangle(at, y, bar, height, (0.06, 0.06, 0.07))
        at += bar + float(rng.choice([0.5, 1.0, 1.0, 1.5]))


def shipping_label(rng: Rng, width: float, height: float) -> Canvas:
    """A carrier's label with address, sort code and barcode."""
    ink = (0.08, 0.08, 0.09)
    shade = float(rng.uniform(0.86, 0.93))
    label = Canvas(width, height, (shade, shade, shade * 0.985))
    m = width * 0.05
    label.text(m, m, brand(rng).upper() + " EXPRESS", height * 0.06, ink)
    label.rectangle(m, height * 0.13, width - 2 * m, 0.6, ink)
    for line in range(4):
        text = f"{slogan(rng, 2)} {rng.integers(1, 999)}"
        label.text(m, height * (0.16 + 0.055 * line), text, height * 0.036, ink)
    if rng.uniform() < 0.6:
        label.rectangle(width * 0.68, height * 0.16, width * 0.26, height * 0.2, ink)
        code = f"{rng.integers(10, 99)}"
        label.text(width * 0.72, height * 0.18, code, height * 0.11, (0.9, 0.9, 0.9))
    label.rectangle(m, height * 0.41, width - 2 * m, 0.6, ink)
    label.text(m, height * 0.44, "RETURN" if rng.uniform() < 0.5 else "PARCEL", height * 0.08, ink)
    barcode(label, rng, m * 1.6, height * 0.58, width - 3.2 * m, height * 0.27)
    label.text(m * 2, height * 0.88, f"{rng.integers(10**11, 10**12)}", height * 0.05, ink)
    return label


def handling_marks(canvas: Canvas, rng: Rng, x: float, y: float, size: float, ink: Colour) -> None:
    """'This side up' arrows, a glass or an umbrella, printed side by side."""
    ground = canvas.ground
    for column, mark in enumerate(rng.permutation(3)[: int(rng.integers(2, 4))]):
        left, inner = x + column * size * 1.15, size * 0.9
        canvas.rectangle(left, y, inner, inner, ink)
        canvas.rectangle(left + 1, y + 1, inner - 2, inner - 2, ground)
        match int(mark):
            case 0:
                _arrows(canvas, left, y, inner, ink)
            case 1:
                _glass(canvas, left, y, inner, ink)
            case _:
                _umbrella(canvas, left, y, inner, ink)


def _arrows(canvas: Canvas, x: float, y: float, s: float, ink: Colour) -> None:
    for offset in (0.12, 0.53):
        left = x + offset * s
        canvas.polygon(
            [
                (left, y + 0.45 * s),
                (left + 0.18 * s, y + 0.15 * s),
                (left + 0.36 * s, y + 0.45 * s),
            ],
            ink,
        )
        canvas.rectangle(left + 0.11 * s, y + 0.44 * s, 0.14 * s, 0.32 * s, ink)
    canvas.rectangle(x + 0.12 * s, y + 0.82 * s, 0.76 * s, 0.05 * s, ink)


def _glass(canvas: Canvas, x: float, y: float, s: float, ink: Colour) -> None:
    bowl = [(0.28, 0.12), (0.72, 0.12), (0.62, 0.48), (0.38, 0.48)]
    canvas.polygon([(x + a * s, y + b * s) for a, b in bowl], ink)
    canvas.rectangle(x + 0.46 * s, y + 0.46 * s, 0.08 * s, 0.34 * s, ink)
    canvas.rectangle(x + 0.3 * s, y + 0.8 * s, 0.4 * s, 0.06 * s, ink)


def _umbrella(canvas: Canvas, x: float, y: float, s: float, ink: Colour) -> None:
    dome = [(0.5 + 0.38 * np.cos(a), 0.5 - 0.34 * np.sin(a)) for a in np.linspace(0, np.pi, 14)]
    canvas.polygon([(x + float(a) * s, y + float(b) * s) for a, b in dome], ink)
    canvas.rectangle(x + 0.475 * s, y + 0.45 * s, 0.05 * s, 0.4 * s, ink)


def small_print(canvas: Canvas, rng: Rng, x: float, y: float, lines: int, ink: Colour) -> None:
    """A block of small text."""
    for line in range(lines):
        canvas.text(x, y + 4.2 * line, slogan(rng, int(rng.integers(3, 6))), 2.4, ink)
