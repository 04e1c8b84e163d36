"""All types of damage that the generator makes: a new one is a module and an entry here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from datasets.render import crushes, dents, losses, openings, punctures, stains, strokes, tears
from datasets.render.arrays import Floats
from datasets.render.parts import Part
from datasets.render.piece import Piece
from datasets.render.spec import DamageSpec
from model.contract import DamageType


def _still(_damage: DamageSpec, _piece: Piece, points: Floats) -> Floats:
    return np.zeros_like(points)


def _nothing(_damage: DamageSpec, _piece: Piece, _channel: int) -> tuple[Part, ...]:
    return ()


@dataclass(frozen=True)
class Maker:
    """How one type of damage is made.

    Attributes:
        paint: Changes the layers in place and marks the mask's channel.
        displace: Millimetres by which points (N, 3) of the ideal body move, (N, 3).
        parts: Pieces that stand out, after all is painted.
    """

    paint: Callable[[DamageSpec, Piece, int], None]
    displace: Callable[[DamageSpec, Piece, Floats], Floats] = _still
    parts: Callable[[DamageSpec, Piece, int], tuple[Part, ...]] = _nothing


MAKERS: dict[DamageType, Maker] = {
    DamageType.DENT: Maker(dents.paint, dents.displace),
    DamageType.CRUSH: Maker(crushes.paint, crushes.displace),
    DamageType.TEAR: Maker(tears.paint, parts=tears.parts),
    DamageType.PUNCTURE: Maker(punctures.paint, punctures.displace),
    DamageType.SCRATCH: Maker(strokes.paint_scratch),
    DamageType.CRACK: Maker(strokes.paint_crack),
    DamageType.STAIN: Maker(stains.paint),
    DamageType.MISSING_PART: Maker(losses.paint, losses.displace),
    DamageType.OPENED: Maker(openings.paint, parts=openings.parts),
}
