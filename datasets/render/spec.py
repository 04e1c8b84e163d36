"""What one rendered item is: values, with no Blender in them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from datasets.render.grades import Product
from model.contract import DamageType

MAX_DAMAGES = 3
"""Each damage has one colour channel of the mask pass."""

Rng = np.random.Generator
Colour = tuple[float, float, float]
"""Red, green, blue in 0..1, sRGB."""


class Style(StrEnum):
    """How the product is made up."""

    BROWN_BOX = "brown_box"
    WHITE_BOX = "white_box"
    PRINTED_BOX = "printed_box"
    ROUTER = "router"
    TOOL_CASE = "tool_case"
    PHONE = "phone"
    TABLET = "tablet"
    BOTTLE = "bottle"
    JAR = "jar"
    TOY_CAR = "toy_car"
    TOASTER = "toaster"
    MAILER = "mailer"


class Pose(StrEnum):
    """How an item lies on the belt."""

    UPRIGHT = "upright"
    LYING = "lying"
    """Turned over to its side: its face y_neg is up and its top looks along y."""
    FLIPPED = "flipped"
    """Upside down: its bottom is up."""


class Belt(StrEnum):
    """What carries the item."""

    RUBBER = "rubber"
    RIBBED = "ribbed"
    MODULAR = "modular"
    ROLLERS = "rollers"


class Face(StrEnum):
    """Face of an item, in the item's own axes."""

    TOP = "top"
    X_POS = "x_pos"
    X_NEG = "x_neg"
    Y_POS = "y_pos"
    Y_NEG = "y_neg"
    BOTTOM = "bottom"


@dataclass(frozen=True)
class DamageSpec:
    """One damage.

    Attributes:
        face: Face that it lies on.
        u: Centre across the face, -1 (left) to 1 (right).
        v: Centre up the face, -1 (bottom) to 1 (top).
        angle_rad: Direction in the face.
        severity: 0 (barely there) to 1 (worst).
        seed: Of its details.
    """

    type: DamageType
    face: Face
    u: float
    v: float
    angle_rad: float
    severity: float
    seed: int


@dataclass(frozen=True)
class CameraSpec:
    """One camera: it looks at the item from ``azimuth`` and ``elevation``."""

    azimuth_rad: float
    elevation_rad: float
    focal_mm: float
    f_number: float
    fill: float
    """Share of the picture's width that the item's bounding sphere takes."""
    roll_rad: float
    aim_offset: tuple[float, float]
    """Aim beside the item's centre, in fractions of its size."""
    exposure_ev: float
    """Error of the exposure in stops."""
    balance_k: float
    """Error of the white balance in kelvin."""
    dirt: float
    """How dirty the lens is, 0 to 1."""


@dataclass(frozen=True)
class LampSpec:
    """One rectangular lamp above the belt."""

    azimuth_rad: float
    elevation_rad: float
    distance_m: float
    size_m: tuple[float, float]
    share: float
    """Its part of the whole light, the lamps' shares sum to 1."""
    kelvin: float


@dataclass(frozen=True)
class StationSpec:
    """The conveyor and what stands around it."""

    belt: Belt
    belt_colour: Colour
    stripe: bool
    """Whether a painted line runs along the belt."""
    belt_wear: float
    rail_height_mm: float
    rail_colour: Colour
    belt_width_mm: float
    floor_colour: Colour
    clutter: int
    neighbours: int
    """Other goods on the belt."""
    scraps: int
    """Bits of paper, tape and film on the belt."""
    lamps: tuple[LampSpec, ...]
    ambient: float
    motion_mm: float
    """Way that the item moves along the belt while the shutter is open."""


@dataclass(frozen=True)
class ItemSpec:
    """One item with its damages and the station that photographs it."""

    item_id: str
    seed: int
    product: Product
    style: Style
    size_mm: tuple[float, float, float]
    radius_mm: float
    """Of the rounding of its edges."""
    plan_radius_mm: float
    """Of the rounding of its outline seen from above."""
    pose: Pose
    colour: Colour
    accent: Colour
    glossiness: float
    yaw_rad: float
    offset_mm: tuple[float, float]
    damages: tuple[DamageSpec, ...]
    station: StationSpec
    cameras: tuple[CameraSpec, ...]


def item_id_of(seed: int, index: int) -> str:
    """Name of the item with this index."""
    return f"rendered-{seed}-{index:06d}"
