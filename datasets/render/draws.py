"""Draws from a seeded generator that the samplers share."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from datasets.render.spec import Colour, Rng

T = TypeVar("T")


def choose(rng: Rng, weighted: tuple[tuple[T, float], ...]) -> T:
    """One of the values, by their weights."""
    draw = rng.uniform(0, sum(weight for _, weight in weighted))
    for value, weight in weighted:
        draw -= weight
        if draw < 0:
            return value
    return weighted[-1][0]


def sub_seed(rng: Rng) -> int:
    """A seed for what is drawn later."""
    return int(rng.integers(2**31))


def jitter(rng: Rng, colour: Colour, amount: float) -> Colour:
    """A colour a little lighter or darker, and a little off."""
    shade = rng.uniform(-amount, amount)
    r, g, b = (float(np.clip(c + shade + rng.uniform(-0.02, 0.02), 0.02, 0.95)) for c in colour)
    return r, g, b
