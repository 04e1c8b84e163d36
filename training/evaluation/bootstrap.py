"""Bootstrap intervals: groups of near-duplicates are drawn together, within their source.

The percentile interval (Efron and Tibshirani 1993, chapter 13): no figure here needs the jackknife
that BCa costs, and it keeps within the range of its figure. It is widened to the figure itself,
which can lie outside where resampling is biased: the calibration error of a resample is larger than
that of the sample. A share of exactly 0 or 1 does not vary over resamples; its interval is the exact
binomial one (Clopper and Pearson 1934) over the groups. Other figures that do not vary get none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from training.evaluation.figures import Estimate

Floats = NDArray[np.floating[Any]]
Counts = NDArray[np.uint16]

_CELLS_AT_ONCE = 2_000_000
MIN_GROUPS = 5
_MIN_DEFINED = 0.9


@dataclass(frozen=True, slots=True)
class Resampling:
    """How intervals are made."""

    resamples: int = 1000
    seed: int = 0
    level: float = 0.95


def draw(strata: NDArray[np.str_], groups: NDArray[np.str_], how: Resampling) -> Counts:
    """(B, N) how often each of N items is in each resample.

    Args:
        strata: (N,) each keeps its number of groups.
        groups: (N,) drawn whole; a group lies in one stratum.
        how: Number of resamples and seed.
    """
    rng = np.random.default_rng(how.seed)
    counts = np.zeros((how.resamples, len(groups)), np.uint16)
    for stratum in np.unique(strata):
        members = strata == stratum
        names, place = np.unique(groups[members], return_inverse=True)
        drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), how.resamples)
        counts[:, members] = drawn[:, place]
    return counts


def blocks(counts: Counts) -> Iterator[Floats]:
    """The resamples as float weights, few enough at once to fit in memory."""
    step = max(_CELLS_AT_ONCE // max(counts.shape[1], 1), 1)
    for start in range(0, len(counts), step):
        yield counts[start : start + step].astype(float)


def draws(figure: Callable[[Floats], Floats], counts: Counts) -> Floats:
    """(B,) the figure of each resample, NaN where it is not defined."""
    return np.concatenate([figure(block) for block in blocks(counts)])


def estimate(
    figure: Callable[[Floats], Floats],
    counts: Counts,
    level: float,
    *,
    n: int,
    groups: int,
    is_share: bool = False,
) -> Estimate:
    """The figure with its interval.

    Args:
        figure: (B, N) weights -> (B,).
        counts: (B, N) resamples.
        level: Of the interval.
        n: Number that the figure rests on, to be shown with it.
        groups: Number of independent groups among them.
        is_share: Whether the figure is a share of them.
    """
    value = float(figure(np.ones((1, counts.shape[1])))[0])
    if np.isnan(value):
        return Estimate(value=None, low=None, high=None, n=n)
    low, high = interval(draws(figure, counts), level, groups)
    if low is not None and high is not None and high > low:
        return Estimate(value=value, low=min(low, value), high=max(high, value), n=n)
    if is_share and value in (0.0, 1.0):
        exact = binomtest(round(value * groups), groups).proportion_ci(level, "exact")
        return Estimate(value=value, low=float(exact.low), high=float(exact.high), n=n)
    return Estimate(value=value, low=None, high=None, n=n)


def interval(drawn: Floats, level: float, groups: int) -> tuple[float | None, float | None]:
    """Percentile interval of (B,) draws.

    None of fewer than five groups, whose resamples are too few to tell, and none where more than a
    tenth of the draws are not defined.
    """
    defined = drawn[~np.isnan(drawn)]
    if groups < MIN_GROUPS or len(defined) < max(_MIN_DEFINED * len(drawn), 1):
        return None, None
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
