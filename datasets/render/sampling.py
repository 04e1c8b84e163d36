"""Which item a seed and an index name: pure functions, with no Blender in them."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from datasets.render.grades import APPLICABLE, Product
from datasets.render.spec import (
    MAX_DAMAGES,
    CameraSpec,
    Colour,
    DamageSpec,
    Face,
    ItemSpec,
    LampSpec,
    Rng,
    StationSpec,
    Style,
    item_id_of,
)
from model.contract import DamageType

T = TypeVar("T")

_STYLES: dict[Product, tuple[tuple[Style, float], ...]] = {
    Product.PARCEL: ((Style.BROWN_BOX, 0.5), (Style.WHITE_BOX, 0.2), (Style.PRINTED_BOX, 0.3)),
    Product.DEVICE: ((Style.ROUTER, 0.5), (Style.TOOL_CASE, 0.5)),
}
_PRODUCTS = ((Product.PARCEL, 0.6), (Product.DEVICE, 0.4))
_DAMAGE_COUNT = ((0, 0.28), (1, 0.46), (2, 0.20), (3, 0.06))

_KRAFT: tuple[Colour, ...] = ((0.60, 0.50, 0.38), (0.55, 0.45, 0.33), (0.65, 0.56, 0.44))
_WHITES: tuple[Colour, ...] = ((0.88, 0.88, 0.86), (0.84, 0.83, 0.79), (0.90, 0.91, 0.91))
_PRINTS: tuple[Colour, ...] = (
    (0.15, 0.24, 0.42), (0.58, 0.17, 0.16), (0.14, 0.36, 0.31), (0.16, 0.16, 0.18),
    (0.74, 0.50, 0.16), (0.36, 0.22, 0.40), (0.34, 0.52, 0.64),
)  # fmt: skip
_SHELLS: tuple[Colour, ...] = (
    (0.13, 0.13, 0.14), (0.20, 0.21, 0.23), (0.82, 0.82, 0.80), (0.55, 0.57, 0.58),
    (0.12, 0.22, 0.38), (0.62, 0.13, 0.10), (0.12, 0.33, 0.22), (0.80, 0.52, 0.08),
)  # fmt: skip
_ACCENTS: tuple[Colour, ...] = (
    (0.08, 0.08, 0.09), (0.75, 0.12, 0.10), (0.85, 0.60, 0.08), (0.15, 0.35, 0.65),
    (0.70, 0.71, 0.72),
)  # fmt: skip


def sample_item(seed: int, index: int) -> ItemSpec:
    """The item that (seed, index) names: always the same, whatever else is rendered.

    Raises:
        ValueError: ``seed`` or ``index`` is negative.
    """
    if seed < 0 or index < 0:
        raise ValueError("seed and index must not be negative")
    rng = np.random.default_rng([seed, index])
    product = _choose(rng, _PRODUCTS)
    style = _choose(rng, _STYLES[product])
    size_mm, radius_mm = _shape(rng, style)
    colour, accent = _colours(rng, style)
    yaw = float(rng.uniform(-0.45, 0.45))
    cameras = (_camera(rng, -1), _camera(rng, 1))
    return ItemSpec(
        item_id=item_id_of(seed, index),
        seed=_sub_seed(rng),
        product=product,
        style=style,
        size_mm=size_mm,
        radius_mm=radius_mm,
        colour=colour,
        accent=accent,
        glossiness=float(rng.uniform(0, 1)),
        yaw_rad=yaw,
        offset_mm=(float(rng.uniform(-40, 40)), float(rng.uniform(-40, 40))),
        damages=_damages(rng, product, yaw, cameras),
        station=_station(rng),
        cameras=cameras,
    )


def _choose(rng: Rng, weighted: tuple[tuple[T, float], ...]) -> T:
    draw = rng.uniform(0, sum(weight for _, weight in weighted))
    for value, weight in weighted:
        draw -= weight
        if draw < 0:
            return value
    return weighted[-1][0]


def _sub_seed(rng: Rng) -> int:
    return int(rng.integers(2**31))


def _jitter(rng: Rng, colour: Colour, amount: float) -> Colour:
    shade = rng.uniform(-amount, amount)
    r, g, b = (float(np.clip(c + shade + rng.uniform(-0.02, 0.02), 0.02, 0.95)) for c in colour)
    return r, g, b


def _shape(rng: Rng, style: Style) -> tuple[tuple[float, float, float], float]:
    match style:
        case Style.ROUTER:
            return _size(rng, (190, 130, 34), (290, 190, 62)), float(rng.uniform(12, 16))
        case Style.TOOL_CASE:
            return _size(rng, (280, 210, 85), (400, 300, 140)), float(rng.uniform(18, 34))
        case Style.BROWN_BOX | Style.WHITE_BOX | Style.PRINTED_BOX:
            return _size(rng, (210, 160, 80), (430, 300, 240)), float(rng.uniform(2.5, 5))


def _size(
    rng: Rng, low: tuple[float, float, float], high: tuple[float, float, float]
) -> tuple[float, float, float]:
    length, depth, height = (float(value) for value in rng.uniform(low, high))
    return length, depth, height


def _colours(rng: Rng, style: Style) -> tuple[Colour, Colour]:
    bodies = {
        Style.BROWN_BOX: _KRAFT,
        Style.WHITE_BOX: _WHITES,
        Style.PRINTED_BOX: _PRINTS,
        Style.ROUTER: _SHELLS[:5],
        Style.TOOL_CASE: _SHELLS,
    }[style]
    accents = _PRINTS if style is Style.WHITE_BOX else _ACCENTS
    body = bodies[rng.integers(len(bodies))]
    accent = accents[rng.integers(len(accents))]
    return _jitter(rng, body, 0.05), _jitter(rng, accent, 0.03)


def _camera(rng: Rng, side: int) -> CameraSpec:
    azimuth = side * (np.pi / 2 + rng.uniform(-0.75, 0.75))
    return CameraSpec(
        azimuth_rad=float(azimuth),
        elevation_rad=float(rng.uniform(0.55, 0.95)),
        focal_mm=float(rng.uniform(28, 50)),
        f_number=float(rng.uniform(2.8, 8)),
        fill=float(rng.uniform(0.64, 0.82)),
        roll_rad=float(rng.normal(0, 0.015)),
        aim_offset=(float(rng.uniform(-0.06, 0.06)), float(rng.uniform(-0.06, 0.06))),
    )


def facing(face: Face, yaw_rad: float, camera: CameraSpec) -> float:
    """Cosine between a face's outward normal and the direction to the camera."""
    if face in (Face.TOP, Face.BOTTOM):
        rise = float(np.sin(camera.elevation_rad))
        return rise if face is Face.TOP else -rise
    turns = {Face.X_POS: 0.0, Face.Y_POS: 0.5, Face.X_NEG: 1.0, Face.Y_NEG: 1.5}[face]
    normal = yaw_rad + turns * np.pi
    return float(np.cos(normal - camera.azimuth_rad) * np.cos(camera.elevation_rad))


def _damages(
    rng: Rng, product: Product, yaw_rad: float, cameras: tuple[CameraSpec, CameraSpec]
) -> tuple[DamageSpec, ...]:
    count = _choose(rng, _DAMAGE_COUNT)
    kinds = list(APPLICABLE[product])
    damages = []
    for _ in range(min(count, MAX_DAMAGES)):
        kind = kinds[rng.integers(len(kinds))]
        face = _visible_face(rng, kind, yaw_rad, cameras)
        damages.append(
            DamageSpec(
                type=kind,
                face=face,
                u=float(rng.uniform(-0.7, 0.7)),
                v=float(rng.uniform(-0.55, 0.7)),
                angle_rad=float(rng.uniform(-np.pi, np.pi)),
                severity=float(rng.beta(1.1, 1.1)),
                seed=_sub_seed(rng),
            )
        )
    return tuple(damages)


def _visible_face(
    rng: Rng, kind: DamageType, yaw_rad: float, cameras: tuple[CameraSpec, CameraSpec]
) -> Face:
    seen = {
        face: max(0.0, *(facing(face, yaw_rad, camera) - 0.3 for camera in cameras))
        for face in Face
    }
    if kind is DamageType.SCRATCH:
        seen[Face.TOP] *= 2
    return _choose(rng, tuple(seen.items()))


def _station(rng: Rng) -> StationSpec:
    steel = rng.uniform(0.45, 0.7)
    rails: tuple[Colour, ...] = (
        (steel, steel, steel * 1.02), (0.15, 0.25, 0.42), (0.70, 0.55, 0.10), (0.22, 0.30, 0.26),
    )  # fmt: skip
    belts: tuple[Colour, ...] = (
        (0.13, 0.13, 0.135), (0.17, 0.17, 0.17), (0.10, 0.13, 0.12), (0.16, 0.19, 0.22),
    )  # fmt: skip
    floors: tuple[Colour, ...] = ((0.47, 0.46, 0.44), (0.38, 0.38, 0.39), (0.52, 0.50, 0.46))
    lamps = _lamps(rng)
    return StationSpec(
        rollers=bool(rng.uniform() < 0.22),
        belt_colour=_jitter(rng, belts[rng.integers(len(belts))], 0.02),
        belt_wear=float(rng.uniform(0.1, 1)),
        rail_height_mm=float(rng.uniform(8, 30)),
        rail_colour=rails[rng.choice(len(rails), p=[0.55, 0.15, 0.15, 0.15])],
        belt_width_mm=float(rng.uniform(520, 700)),
        floor_colour=_jitter(rng, floors[rng.integers(len(floors))], 0.05),
        clutter=int(rng.integers(2, 7)),
        lamps=lamps,
        ambient=float(rng.uniform(0.15, 0.5)),
        exposure_ev=float(rng.normal(0, 0.25)),
    )


def _lamps(rng: Rng) -> tuple[LampSpec, ...]:
    count = int(rng.integers(1, 4))
    shares = rng.dirichlet(np.full(count, 2.0))
    kelvin = float(rng.uniform(3600, 6800))
    turn = rng.uniform(-np.pi, np.pi)
    return tuple(
        LampSpec(
            azimuth_rad=float(turn + 2 * np.pi * i / count + rng.uniform(-0.5, 0.5)),
            elevation_rad=float(rng.uniform(0.6, 1.5)),
            distance_m=float(rng.uniform(1.1, 2.2)),
            size_m=(float(rng.uniform(0.1, 0.5)), float(rng.uniform(0.6, 1.4))),
            share=float(shares[i]),
            kelvin=kelvin + float(rng.normal(0, 250)),
        )
        for i in range(count)
    )
