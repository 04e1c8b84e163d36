"""Which station an item passes: pure draws, with no Blender in them."""

from __future__ import annotations

import numpy as np

from datasets.render.draws import choose, jitter
from datasets.render.spec import Belt, Colour, LampSpec, Rng, StationSpec

_BELTS = ((Belt.RUBBER, 0.5), (Belt.RIBBED, 0.13), (Belt.MODULAR, 0.15), (Belt.ROLLERS, 0.22))
_RUBBERS: tuple[Colour, ...] = (
    (0.13, 0.13, 0.135), (0.17, 0.17, 0.17), (0.10, 0.13, 0.12), (0.16, 0.19, 0.22),
    (0.10, 0.26, 0.18), (0.30, 0.31, 0.31), (0.62, 0.61, 0.57),
)  # fmt: skip
_MODULES: tuple[Colour, ...] = (
    (0.13, 0.30, 0.55), (0.60, 0.61, 0.61), (0.22, 0.23, 0.24), (0.80, 0.80, 0.78),
)  # fmt: skip
_FLOORS: tuple[Colour, ...] = ((0.47, 0.46, 0.44), (0.38, 0.38, 0.39), (0.52, 0.50, 0.46))


def sample_station(rng: Rng) -> StationSpec:
    """Draw a conveyor with its lamps and surroundings."""
    steel = rng.uniform(0.45, 0.7)
    rails: tuple[Colour, ...] = (
        (steel, steel, steel * 1.02), (0.15, 0.25, 0.42), (0.70, 0.55, 0.10), (0.22, 0.30, 0.26),
    )  # fmt: skip
    belt = choose(rng, _BELTS)
    belts = _MODULES if belt is Belt.MODULAR else _RUBBERS
    shares = [0.24, 0.2, 0.14, 0.14, 0.1, 0.1, 0.08] if belts is _RUBBERS else None
    return StationSpec(
        belt=belt,
        belt_colour=jitter(rng, belts[rng.choice(len(belts), p=shares)], 0.02),
        stripe=bool(rng.uniform() < 0.2),
        belt_wear=float(rng.uniform(0.1, 1)),
        rail_height_mm=float(rng.uniform(8, 30)),
        rail_colour=rails[rng.choice(len(rails), p=[0.55, 0.15, 0.15, 0.15])],
        belt_width_mm=float(rng.uniform(520, 700)),
        floor_colour=jitter(rng, _FLOORS[rng.integers(len(_FLOORS))], 0.05),
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
