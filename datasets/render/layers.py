"""What covers an item's surface: colour, roughness, relief and damage masks over its six faces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datasets.render.arrays import Floats, Texels, floats
from datasets.render.spec import MAX_DAMAGES
from datasets.render.surface import FACES, RoundedBox

_COLUMNS, _ROWS = 3, 2


@dataclass(frozen=True)
class Layers:
    """Texels of the six faces, F x T x T, row 0 at the bottom of the face. The arrays are painted in place.

    Attributes:
        points: Millimetres from the item's centre, (F, T, T, 3).
        colour: sRGB in 0..1, (F, T, T, 3).
        roughness: 0..1, (F, T, T).
        relief: Millimetres above the surface, (F, T, T).
        masks: 1 where damage i of the item is, (F, T, T, MAX_DAMAGES).
    """

    points: Floats
    colour: Floats
    roughness: Floats
    relief: Floats
    masks: Floats

    @classmethod
    def blank(cls, box: RoundedBox, texels: int) -> Layers:
        """Black layers over a box, ``texels`` wide on each face."""
        axis = floats((np.arange(texels) + 0.5) / texels * 2 - 1)
        v, u = (floats(way) for way in np.meshgrid(axis, axis, indexing="ij"))
        points = [box.place(face, u, v)[0] for face in FACES]
        shape = (len(FACES), texels, texels)
        return cls(
            points=np.stack(points),
            colour=np.zeros((*shape, 3), np.float32),
            roughness=np.ones(shape, np.float32),
            relief=np.zeros(shape, np.float32),
            masks=np.zeros((*shape, MAX_DAMAGES), np.float32),
        )

    def near(self, centre: Floats, radius_mm: float) -> Texels:
        """Index of the texels within a ball."""
        distance = np.linalg.norm(self.points - centre, axis=-1)
        return np.nonzero(distance < radius_mm)

    def mark(self, texels: Texels, channel: int, damaged: NDArray[np.bool_]) -> None:
        """Add texels to the mask of one damage, where ``damaged`` is true of them."""
        mask = self.masks[..., channel]
        mask[texels] = np.maximum(mask[texels], damaged)

    def appearance_atlas(self) -> Floats:
        """Colour and, in the alpha channel, roughness: (2T, 3T, 4), row 0 at the bottom."""
        return _atlas(np.concatenate([self.colour, self.roughness[..., None]], axis=-1))

    def mask_atlas(self) -> Floats:
        """Damage masks and, in the alpha channel, relief: (2T, 3T, 4), row 0 at the bottom."""
        return _atlas(np.concatenate([self.masks, self.relief[..., None]], axis=-1))


def _atlas(faces: Floats) -> Floats:
    _, texels, _, channels = faces.shape
    grid = faces.reshape(_ROWS, _COLUMNS, texels, texels, channels).transpose(0, 2, 1, 3, 4)
    return np.ascontiguousarray(grid.reshape(_ROWS * texels, _COLUMNS * texels, channels))


def atlas_uv(face_index: int, u: Floats, v: Floats, texels: int) -> Floats:
    """Texture coordinates (..., 2) in the atlas of face coordinates in -1..1."""
    row, column = divmod(face_index, _COLUMNS)
    inset = 1 - 1 / texels
    x = (column + (u * inset + 1) / 2) / _COLUMNS
    y = (row + (v * inset + 1) / 2) / _ROWS
    return floats(np.stack([x, y], axis=-1))
