"""The finished skin of an item: artwork and damages painted onto its layers."""

from __future__ import annotations

import numpy as np
from PIL import Image

from datasets.render import boxes, dents, shells, stains, strokes, tears
from datasets.render.arrays import Floats, floats
from datasets.render.artwork import Canvas
from datasets.render.grades import Product
from datasets.render.layers import Layers
from datasets.render.spec import DamageSpec, Face, ItemSpec, Style
from datasets.render.surface import FACES, RoundedBox
from model.contract import DamageType


def paint(item: ItemSpec, box: RoundedBox, texels: int) -> Layers:
    """Layers of an item, ``texels`` wide on each face."""
    rng = np.random.default_rng([item.seed, 1])
    layers = Layers.blank(box, texels)
    draw = boxes.draw if item.product is Product.PARCEL else shells.draw
    ground = 0.88 if item.style is Style.BROWN_BOX else 0.62 - 0.2 * item.glossiness
    if item.product is Product.DEVICE:
        ground = 0.55 - 0.25 * item.glossiness
    for face, canvas in draw(item, box, rng).items():
        _lay(canvas, layers, face, ground)
    if item.product is Product.DEVICE:
        _mould(item, layers, rng)
    for channel, damage in enumerate(item.damages):
        _damage(damage, item, box, layers, channel)
    return layers


def _lay(canvas: Canvas, layers: Layers, face: Face, ground: float) -> None:
    index, texels = FACES.index(face), layers.colour.shape[1]
    colour = canvas.image.resize((texels, texels), Image.Resampling.LANCZOS)
    gloss = canvas.gloss.resize((texels, texels), Image.Resampling.BILINEAR)
    layers.colour[index] = np.flipud(np.asarray(colour, np.float32) / 255)
    shine = np.flipud(np.asarray(gloss, np.float32) / 255)
    layers.roughness[index] = ground * (1 - shine) + 0.28 * shine
    layers.relief[index] = 0.12 * shine


def _mould(item: ItemSpec, layers: Layers, rng: np.random.Generator) -> None:
    """Press what is drawn near black (seams, vents, ports) into the shell, and raise ribs."""
    luma = layers.colour.mean(-1)
    body = float(np.mean(item.colour))
    layers.relief[luma < min(0.045, 0.5 * body)] -= 1.5
    height_mm, count = shells.ribs(item, rng)
    if count:
        index = FACES.index(Face.TOP)
        x = layers.points[index, ..., 0] / (item.size_mm[0] / 2)
        y = layers.points[index, ..., 1] / (item.size_mm[1] / 2)
        band = _bands(x, count) * (np.abs(y) < 0.86) * (np.abs(y) > 0.5)
        layers.relief[index] += height_mm * band.astype(np.float32)


def _bands(x: Floats, count: float) -> Floats:
    wave = np.cos(x * np.pi * count)
    return floats(np.clip(wave * 3, 0, 1))


def _damage(
    damage: DamageSpec, item: ItemSpec, box: RoundedBox, layers: Layers, channel: int
) -> None:
    match damage.type:
        case DamageType.DENT:
            dents.paint(damage, box, layers, channel)
        case DamageType.TEAR:
            tears.paint(damage, item.style, box, layers, channel)
        case DamageType.STAIN:
            stains.paint(damage, item.product, box, layers, channel)
        case DamageType.SCRATCH:
            strokes.paint_scratch(damage, item.style, box, layers, channel)
        case DamageType.CRACK:
            strokes.paint_crack(damage, box, layers, channel)
        case _:
            raise ValueError(f"{damage.type} cannot be painted")
