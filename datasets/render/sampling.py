"""Which item a seed and an index name: pure functions, with no Blender in them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from datasets.render.catalogue import KINDS
from datasets.render.draws import choose, jitter, sub_seed
from datasets.render.grades import APPLICABLE, MODERATE
from datasets.render.kinds import Kind
from datasets.render.spec import (
    MAX_DAMAGES,
    CameraSpec,
    DamageSpec,
    Face,
    ItemSpec,
    Pose,
    Rng,
    item_id_of,
)
from datasets.render.surface import AXES
from datasets.render.surroundings import sample_station
from model.contract import DamageType

_DAMAGE_COUNT = ((0, 0.27), (1, 0.47), (2, 0.20), (3, 0.06))
_ONCE = {DamageType.OPENED, DamageType.MISSING_PART, DamageType.CRUSH}
"""Types that an item has at most once."""
_CAMERAS = ((2, 0.7), (3, 0.3))
_STYLES = tuple((style, kind.weight) for style, kind in KINDS.items())


def sample_item(seed: int, index: int) -> ItemSpec:
    """The item that (seed, index) names: always the same, whatever else is rendered.

    Raises:
        ValueError: ``seed`` or ``index`` is negative.
    """
    if seed < 0 or index < 0:
        raise ValueError("seed and index must not be negative")
    rng = np.random.default_rng([seed, index])
    style = choose(rng, _STYLES)
    kind = KINDS[style]
    size_mm = _size(rng, kind)
    item = ItemSpec(
        item_id=item_id_of(seed, index),
        seed=sub_seed(rng),
        product=kind.product,
        style=style,
        size_mm=size_mm,
        radius_mm=float(rng.uniform(*kind.radius_mm)),
        plan_radius_mm=float(rng.uniform(*kind.plan_share)) * min(size_mm[:2]) / 2,
        pose=choose(rng, kind.poses),
        colour=jitter(rng, kind.colours[rng.integers(len(kind.colours))], 0.05),
        accent=jitter(rng, kind.accents[rng.integers(len(kind.accents))], 0.03),
        glossiness=float(rng.uniform(0, 1)),
        yaw_rad=float(rng.uniform(-0.45, 0.45)),
        offset_mm=(float(rng.uniform(-40, 40)), float(rng.uniform(-40, 40))),
        damages=(),
        station=sample_station(rng),
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


def _size(rng: Rng, kind: Kind) -> tuple[float, float, float]:
    length, depth, height = (float(value) for value in rng.uniform(kind.small, kind.large))
    return (length, length, height) if kind.round else (length, depth, height)


def _camera_turns(rng: Rng) -> list[float]:
    """Azimuths from opposite sides, or around the item."""
    count = choose(rng, _CAMERAS)
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
    for _ in range(min(choose(rng, _DAMAGE_COUNT), MAX_DAMAGES)):
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
    face = choose(rng, tuple(places.items()))
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
        seed=sub_seed(rng),
    )
