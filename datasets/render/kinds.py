"""What a product module says of one kind of goods; ``catalogue`` lists them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from datasets.render.arrays import Floats
from datasets.render.artwork import Canvas
from datasets.render.grades import Product
from datasets.render.layers import Layers
from datasets.render.parts import Fixture
from datasets.render.spec import Colour, Face, ItemSpec, Pose, Rng
from datasets.render.surface import RoundedBox

Size = tuple[float, float, float]
Range = tuple[float, float]


class Material(StrEnum):
    """What the body is made of: decides the shader, and how damage looks."""

    CARDBOARD = "cardboard"
    PLASTIC = "plastic"
    GLASS = "glass"
    METAL = "metal"
    FILM = "film"


def _no_fixtures(_: ItemSpec) -> tuple[Fixture, ...]:
    return ()


def _no_form(_: ItemSpec, rest: Floats) -> Floats:
    return np.zeros_like(rest)


def _no_relief(_item: ItemSpec, _layers: Layers, _rng: Rng) -> None:
    return


@dataclass(frozen=True)
class Kind:
    """One kind of goods.

    Attributes:
        weight: How often it is made, against the others.
        small, large: Corners of the range of its length, depth, height in mm.
        radius_mm: Range of the rounding of its edges.
        plan_share: Range of the rounding of its outline, as a share of half of its depth.
        round: It is turned: its length equals its depth, and damages lie on its side.
        flat: Damages lie on its top and bottom alone.
        rough: Roughness of a glossy and of a matt one.
        shine: Roughness of the glossy parts of its artwork.
        poses: Poses and how often.
        fill: Factor of the share of the picture that it takes.
        v_range: Where damages lie up its side faces.
        draw: Artwork of its faces.
        finish: Relief of its own, onto the layers.
        form: Millimetres by which its body departs from the box, (N, 3), of points (N, 3).
        fixtures: What is attached to it.
    """

    product: Product
    weight: float
    material: Material
    small: Size
    large: Size
    radius_mm: Range
    colours: tuple[Colour, ...]
    accents: tuple[Colour, ...]
    draw: Callable[[ItemSpec, RoundedBox, Rng], dict[Face, Canvas]]
    plan_share: Range = (0.0, 0.0)
    round: bool = False
    flat: bool = False
    rough: Range = (0.30, 0.55)
    shine: float = 0.28
    metallic: float = 0.0
    poses: tuple[tuple[Pose, float], ...] = field(default=((Pose.UPRIGHT, 1.0),))
    fill: float = 1.0
    v_range: Range = (-0.55, 0.7)
    finish: Callable[[ItemSpec, Layers, Rng], None] = _no_relief
    form: Callable[[ItemSpec, Floats], Floats] = _no_form
    fixtures: Callable[[ItemSpec], tuple[Fixture, ...]] = _no_fixtures
