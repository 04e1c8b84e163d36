"""The finished skin of an item: artwork and damages painted onto its layers."""

from __future__ import annotations

import numpy as np
from PIL import Image

from datasets.render.artwork import Canvas
from datasets.render.catalogue import KINDS
from datasets.render.damages import MAKERS
from datasets.render.kinds import Kind
from datasets.render.layers import Layers
from datasets.render.piece import Piece
from datasets.render.spec import Face, ItemSpec
from datasets.render.surface import FACES, RoundedBox

_SHEET_MM = 0.12
"""Thickness of tape and labels."""


def paint(item: ItemSpec, texels: int) -> Piece:
    """An item with its layers, ``texels`` wide on each face, and damages."""
    rng = np.random.default_rng([item.seed, 1])
    kind, box = KINDS[item.style], RoundedBox.of(item)
    layers = Layers.blank(box, texels)
    glossy, matt = kind.rough
    ground = matt + (glossy - matt) * item.glossiness
    for face, canvas in kind.draw(item, box, rng).items():
        _lay(canvas, layers, face, ground, kind)
    kind.finish(item, layers, rng)
    piece = Piece(item, kind, box, layers)
    for channel, damage in enumerate(item.damages):
        if damage.type not in MAKERS:
            raise ValueError(f"{damage.type} cannot be painted")
        MAKERS[damage.type].paint(damage, piece, channel)
    return piece


def _lay(canvas: Canvas, layers: Layers, face: Face, ground: float, kind: Kind) -> None:
    index, texels = FACES.index(face), layers.colour.shape[1]
    colour = canvas.image.resize((texels, texels), Image.Resampling.LANCZOS)
    gloss = canvas.gloss.resize((texels, texels), Image.Resampling.BILINEAR)
    layers.colour[index] = np.flipud(np.asarray(colour, np.float32) / 255)
    shine = np.flipud(np.asarray(gloss, np.float32) / 255)
    layers.roughness[index] = ground * (1 - shine) + kind.shine * shine
    layers.relief[index] = _SHEET_MM * shine
