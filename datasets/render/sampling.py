"""Which item a seed and an index name: pure functions, with no Blender in them."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np

from datasets.render.catalogue import KINDS
from datasets.render.grades import APPLICABLE, MODERATE
from datasets.render.kinds import Kind
from datasets.render.spec import (
    MAX_DAMAGES,
    Belt,
    CameraSpec,
    Colour,
    DamageSpec,
    Face,
    ItemSpec,
    LampSpec,
    Pose,
    Rng,
    StationSpec,
    item_id_of,
)
from datasets.render.surface import AXES
from model.contract import DamageType

T = TypeVar("T")

_DAMAGE_COUNT = ((0, 0.27), (1, 0.47), (2, 0.20), (3, 0.06))
_ONCE = {DamageType.OPENED, DamageType.MISSING_PART, DamageType.CRUSH}
"""Types that an item has at most once."""
_CAMERAS = ((2, 0.7), (3, 0.3))
_STYLES = tuple((style, kind.weight) for style, kind in KINDS.items())
_BELTS = ((Belt.RUBBER, 0.5), (Belt.RIBBED, 0.13), (Belt.MODULAR, 0.15), (Belt.ROLLERS, 0.22))


def sample_item(seed: int, index: int) -> ItemSpec:
    """The item that (seed, index) names: always the same, whatever else is rendered.

    Raises:
        ValueError: ``seed`` or ``index`` is negative.
    """
    if seed < 0 or index < 0:
        raise ValueError("seed and index must not be negative")
    rng = np.random.default_rng([seed, index])
    style = _choose(rng, _STYLES)
    kind = KINDS[style]
    size_mm = _size(rng, kind)
    item = ItemSpec(
        item_id=item_id_of(seed, index),
        seed=_sub_seed(rng),
        product=kind.product,
        style=style,
        size_mm=size_mm,
        radius_mm=float(rng.uniform(*kind.radius_mm)),
        plan_radius_mm=float(rng.uniform(*kind.plan_share)) * min(size_mm[:2]) / 2,
        pose=_choose(rng, kind.poses),
        colour=_jitter(rng, kind.colours[rng.integers(len(kind.colours))], 0.05),
        accent=_jitter(rng, kind.accents[rng.integers(len(kind.accents))], 0.03),
        glossiness=float(rng.uniform(0, 1)),
        yaw_rad=float(rng.uniform(-0.45, 0.45)),
        offset_mm=(float(rng.uniform(-40, 40)), float(rng.uniform(-40, 40))),
        damages=(),
        station=_station(rng),
        cameras=(),
    )
    fill = kind.fill * (0.82 if item.pose is Pose.UPRIGHT and size_mm[2] > 0.9 * size_mm[0] else 1)
    turns = _camera_turns(rng)
    item = replace(item, cameras=tuple(_camera(rng, turn, fill) for turn in turns))
    item = replace(item, damages=_damages(rng, item, kind))
    return _stand_back(item) if any(_has_flaps_up(damage) for damage in item.damages) else item


def _has_flaps_up(damage: DamageSpec) -> bool:
    return damage.type is DamageType.OPENED and damage.severity >= MODERATE


def _stand_back(item: ItemSpec) -> ItemSpec:
    """Leave room in the pictures for what stands out of an open box."""
    return replace(item, cameras=tuple(replace(c, fill=0.8 * c.fill) for c in item.cameras))


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


def _size(rng: Rng, kind: Kind) -> tuple[float, float, float]:
    length, depth, height = (float(value) for value in rng.uniform(kind.small, kind.large))
    return (length, length, height) if kind.round else (length, depth, height)


def _camera_turns(rng: Rng) -> list[float]:
    """Azimuths from opposite sides, or around the item."""
    count = _choose(rng, _CAMERAS)
    first = -np.pi / 2 + rng.uniform(-0.75, 0.75)
    return [float(first + 2 * np.pi * i / count + rng.uniform(-0.35, 0.35)) for i in range(count)]


def _camera(rng: Rng, azimuth: float, fill: float) -> CameraSpec:
    return CameraSpec(
        azimuth_rad=azimuth,
        elevation_rad=float(rng.uniform(0.5, 1.15)),
        focal_mm=float(rng.uniform(26, 55)),
        f_number=float(rng.uniform(2.8, 8)),
        fill=fill * float(rng.uniform(0.60, 0.86)),
        roll_rad=float(rng.normal(0, 0.02)),
        aim_offset=(float(rng.uniform(-0.08, 0.08)), float(rng.uniform(-0.08, 0.08))),
        exposure_ev=float(np.clip(rng.normal(0, 0.38), -1.0, 0.8)),
        balance_k=float(rng.normal(0, 450)),
        dirt=float(rng.uniform(0.2, 1)) if rng.uniform() < 0.15 else 0.0,
    )


def facing(face: Face, item: ItemSpec, camera: CameraSpec) -> float:
    """Cosine between a face's outward normal and the direction to the camera."""
    x, y, z = (float(value) for value in AXES[face][0])
    match item.pose:
        case Pose.LYING:
            y, z = z, -y
        case Pose.FLIPPED:
            y, z = -y, -z
        case Pose.UPRIGHT:
            pass
    c, s = np.cos(item.yaw_rad), np.sin(item.yaw_rad)
    x, y = c * x - s * y, s * x + c * y
    level = np.cos(camera.elevation_rad)
    toward = (np.cos(camera.azimuth_rad) * level, np.sin(camera.azimuth_rad) * level)
    return float(x * toward[0] + y * toward[1] + z * np.sin(camera.elevation_rad))


def _damages(rng: Rng, item: ItemSpec, kind: Kind) -> tuple[DamageSpec, ...]:
    places = {one: _places(one, item, kind) for one in APPLICABLE[item.product]}
    damages: list[DamageSpec] = []
    for _ in range(min(_choose(rng, _DAMAGE_COUNT), MAX_DAMAGES)):
        done = {made.type for made in damages} & _ONCE
        left = [one for one, faces in places.items() if faces and one not in done]
        chosen = left[rng.integers(len(left))]
        damages.append(_damage(rng, item, kind, chosen, places[chosen]))
    return tuple(damages)


def _places(type_: DamageType, item: ItemSpec, kind: Kind) -> dict[Face, float]:
    """Faces that a camera sees and on which this damage can be, and how often it is there."""
    seen = {face: max(facing(face, item, camera) for camera in item.cameras) - 0.3 for face in Face}
    places = {face: share for face, share in seen.items() if share > 0}
    if type_ is DamageType.OPENED:
        allowed = {Face.TOP}
    elif type_ is DamageType.MISSING_PART:
        allowed = {f.face for f in kind.fixtures(item) if f.can_be_lost}
    elif kind.flat:
        allowed = {Face.TOP, Face.BOTTOM}
    elif kind.round:
        allowed = set(Face) - {Face.TOP, Face.BOTTOM}
    else:
        allowed = set(Face)
    if type_ is DamageType.SCRATCH and Face.TOP in places:
        places[Face.TOP] *= 2
    return {face: share for face, share in places.items() if face in allowed}


def _damage(
    rng: Rng, item: ItemSpec, kind: Kind, type_: DamageType, places: dict[Face, float]
) -> DamageSpec:
    face = _choose(rng, tuple(places.items()))
    low, high = (-0.7, 0.7) if face in (Face.TOP, Face.BOTTOM) else kind.v_range
    u, v = float(rng.uniform(-0.7, 0.7)), float(rng.uniform(low, high))
    if type_ is DamageType.MISSING_PART:
        losable = [f for f in kind.fixtures(item) if f.can_be_lost and f.face is face]
        chosen = losable[rng.integers(len(losable))]
        u, v = chosen.u, chosen.v
    return DamageSpec(
        type=type_,
        face=face,
        u=u,
        v=v,
        angle_rad=float(rng.uniform(-np.pi, np.pi)),
        severity=float(rng.beta(1.1, 1.1)),
        seed=_sub_seed(rng),
    )


_RUBBERS: tuple[Colour, ...] = (
    (0.13, 0.13, 0.135), (0.17, 0.17, 0.17), (0.10, 0.13, 0.12), (0.16, 0.19, 0.22),
    (0.10, 0.26, 0.18), (0.30, 0.31, 0.31), (0.62, 0.61, 0.57),
)  # fmt: skip
_MODULES: tuple[Colour, ...] = (
    (0.13, 0.30, 0.55), (0.60, 0.61, 0.61), (0.22, 0.23, 0.24), (0.80, 0.80, 0.78),
)  # fmt: skip
_FLOORS: tuple[Colour, ...] = ((0.47, 0.46, 0.44), (0.38, 0.38, 0.39), (0.52, 0.50, 0.46))


def _station(rng: Rng) -> StationSpec:
    steel = rng.uniform(0.45, 0.7)
    rails: tuple[Colour, ...] = (
        (steel, steel, steel * 1.02), (0.15, 0.25, 0.42), (0.70, 0.55, 0.10), (0.22, 0.30, 0.26),
    )  # fmt: skip
    belt = _choose(rng, _BELTS)
    belts = _MODULES if belt is Belt.MODULAR else _RUBBERS
    shares = [0.24, 0.2, 0.14, 0.14, 0.1, 0.1, 0.08] if belts is _RUBBERS else None
    return StationSpec(
        belt=belt,
        belt_colour=_jitter(rng, belts[rng.choice(len(belts), p=shares)], 0.02),
        stripe=bool(rng.uniform() < 0.2),
        belt_wear=float(rng.uniform(0.1, 1)),
        rail_height_mm=float(rng.uniform(8, 30)),
        rail_colour=rails[rng.choice(len(rails), p=[0.55, 0.15, 0.15, 0.15])],
        belt_width_mm=float(rng.uniform(520, 700)),
        floor_colour=_jitter(rng, _FLOORS[rng.integers(len(_FLOORS))], 0.05),
        clutter=int(rng.integers(2, 7)),
        neighbours=int(rng.choice(3, p=[0.6, 0.28, 0.12])),
        scraps=int(rng.choice((0, 3, 8), p=[0.55, 0.3, 0.15])),
        lamps=_lamps(rng),
        ambient=float(rng.uniform(0.15, 0.5)),
        motion_mm=float(rng.uniform(0.8, 5)) if rng.uniform() < 0.25 else 0.0,
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
