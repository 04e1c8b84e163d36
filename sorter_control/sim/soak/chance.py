"""Scenarios at random: the same seed always gives the same one."""

from __future__ import annotations

import random

from sorter_control.sim.geometry import Belt
from sorter_control.sim.soak.faults import ABOUT, Fault, Kind, Scenario

_MEAN_LENGTH_AND_GAP_MM = 650
_NEAR_THE_WRAP = 20_000


def random_fault(kind: Kind, rng: random.Random, until_s: float, diverts: int) -> Fault:
    """A fault of a kind, some time before ``until_s``."""
    about = ABOUT[kind]
    values: dict[str, object] = {"kind": kind, "at_s": round(rng.uniform(2.0, until_s), 2)}
    if about.lane:
        values["lane"] = rng.randint(1, diverts)
    if about.lasts:
        values["for_s"] = round(rng.choice((0.05, 0.5, 3.0, 12.0)) * rng.uniform(0.5, 1.5), 2)
    if about.mm is not None:
        low, high = about.mm
        values["mm"] = round(rng.triangular(low, high, max(low, 0.0)), 1)
    return Fault.model_validate(values)


def random_scenario(seed: int, items: int, belt: Belt, *, items_per_fault: int = 8) -> Scenario:
    """Faults of every kind, mixed, over the time that the items take."""
    rng = random.Random(seed)  # noqa: S311 - chance, not secrets
    until_s = items * _MEAN_LENGTH_AND_GAP_MM / belt.speed_mm_s + 20
    count = items // items_per_fault
    kinds = list(Kind)
    faults = [
        random_fault(rng.choice(kinds), rng, until_s, len(belt.diverts_mm)) for _ in range(count)
    ]
    start = 2**32 - rng.randrange(_NEAR_THE_WRAP) if rng.random() < 0.5 else rng.randrange(2**32)
    return Scenario(
        seed=seed,
        items=items,
        loop=belt.loop_lane > 0,
        encoder_start=start % 2**32,
        fault=tuple(sorted(faults, key=lambda fault: fault.at_s)),
    )
