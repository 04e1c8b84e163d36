"""What is put together with an item's body: values, with no Blender in them. Millimetres, item's axes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from datasets.render.arrays import Floats
from datasets.render.spec import Colour, Face

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Paint:
    """How a part looks.

    Attributes:
        channel: The item's damage that the part shows, if any.
        ragged: Depth in millimetres of its uneven surface.
    """

    colour: Colour
    roughness: float = 0.5
    metallic: float = 0.0
    channel: int | None = None
    ragged: float = 0.0


@dataclass(frozen=True)
class Block:
    """A box with bevelled edges."""

    centre: Point
    size: Point
    paint: Paint
    bevel: float = 2.0


@dataclass(frozen=True)
class Bar:
    """A closed round bar."""

    start: Point
    end: Point
    radius: float
    paint: Paint


@dataclass(frozen=True)
class Sheet:
    """A grid of points (R, C, 3): its front looks where rows x columns point."""

    points: Floats
    front: Paint
    back: Paint


@dataclass(frozen=True)
class Panel:
    """A piece of the body's own skin that has moved: points (R, C, 3) and their face coordinates."""

    points: Floats
    face: Face
    u: Floats
    v: Floats
    back: Paint


Part: TypeAlias = Block | Bar | Sheet | Panel


@dataclass(frozen=True)
class Fixture:
    """Parts that are attached together, and what is left when they are lost.

    Attributes:
        face: Face that it is fixed to, with the place in face coordinates.
        socket_mm: Radius of the mark that it leaves there; 0 when it cannot be lost.
        stub: Parts that show in its stead.
        mouth_mm: Length of the hollow neck that it closes, 0 for none.
    """

    face: Face
    u: float
    v: float
    socket_mm: float
    parts: tuple[Part, ...]
    stub: tuple[Block | Bar, ...] = ()
    mouth_mm: float = 0.0

    @property
    def can_be_lost(self) -> bool:
        """Whether the generator takes it off."""
        return self.socket_mm > 0

    def lost(self, channel: int) -> tuple[Part, ...]:
        """Parts that show when it is missing, as damage ``channel``."""
        return tuple(
            replace(part, paint=replace(part.paint, channel=channel)) for part in self.stub
        )
