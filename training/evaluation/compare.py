"""Two bundles on the same items: what differs, and what chance alone would explain.

Both are measured on the same resamples, so that what is hard about an item cancels (paired
bootstrap). McNemar's exact test asks whether the items that only one of them gets right are split
evenly, near-duplicates counting as one trial (see `training.evaluation.sign_flips`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from datasets.progress import Track
from training.errors import DataError
from training.evaluation import sign_flips, weighted
from training.evaluation.bootstrap import Counts, Resampling, draw, draws, interval
from training.evaluation.columns import Columns, columns_of
from training.evaluation.evaluate import DEFAULT_RESAMPLING, Evaluation, evaluate
from training.evaluation.figures import BundleRef, DataRef, Estimate, Intervals
from training.evaluation.graded import Graded
from training.evaluation.localisation import locate
from training.evaluation.located import statistics
from training.evaluation.measures import (
    MEASURES,
    Better,
    Measure,
    Stakes,
    resting_on,
)
from training.examples import Example

Floats = NDArray[np.floating[Any]]
Finding = Literal["B better", "B worse", "differs", "no difference shown", "cannot be told"]

FORMAT: Literal["regrade.comparison/2"] = "regrade.comparison/2"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Difference(_Part):
    """One figure of two bundles."""

    a: float | None
    b: float | None
    difference: Estimate = Field(description="B - A, with the paired interval.")
    finding: Finding


class McNemar(_Part):
    """Correct grades of exactly labelled items."""

    only_a: int = Field(description="Items that only A grades right.")
    only_b: int
    groups: int = Field(description="Groups of near-duplicates of which one grades more right.")
    p_value: float | None = Field(
        description="Exact, two-sided, over groups; None where they never differ."
    )


class SliceComparison(_Part):
    """Some items."""

    items: int
    exactly_labelled: int
    mcnemar: McNemar
    differences: dict[str, Difference]


class Comparison(_Part):
    """Two bundles on the same items."""

    format: Literal["regrade.comparison/2"] = FORMAT
    a: BundleRef
    b: BundleRef
    data: DataRef
    intervals: Intervals
    all: SliceComparison
    by_source: dict[str, SliceComparison]
    damage: dict[str, Difference] = Field(description="Average precision by type, over all items.")
    localisation: dict[str, Difference] = Field(description="Over all items and shared types.")


@dataclass(frozen=True, slots=True)
class Compared:
    """Both evaluations, and what differs between them."""

    a: Evaluation
    b: Evaluation
    comparison: Comparison


def compare_bundles(
    a: Path,
    b: Path,
    examples: Iterable[Example],
    track: Track,
    threads: int,
    how: Resampling = DEFAULT_RESAMPLING,
) -> Compared:
    """Evaluate both bundles on the same pictures and test the differences.

    Raises:
        BundleError: A bundle cannot be used.
        DataError: A picture cannot be read.
    """
    pictures = list(examples)
    first, second = (evaluate(path, pictures, track, threads, how=how) for path in (a, b))
    return Compared(first, second, compare(first, second, how))


def compare(a: Evaluation, b: Evaluation, how: Resampling = DEFAULT_RESAMPLING) -> Comparison:
    """Differences of two evaluations of the same items.

    Raises:
        DataError: They are not of the same items.
    """
    if a.figures.data != b.figures.data:
        raise DataError("the two evaluations are not of the same pictures; evaluate both again")
    ours, theirs = columns_of(a.graded, a.manifest), columns_of(b.graded, b.manifest)
    stakes = Stakes.of(a.manifest)
    counts = draw(ours.source, ours.group, how)

    def over(chosen: NDArray[np.bool_]) -> SliceComparison:
        return _slice(ours[chosen], theirs[chosen], counts[:, chosen], stakes, how)

    return Comparison(
        a=a.figures.bundle,
        b=b.figures.bundle,
        data=a.figures.data,
        intervals=a.figures.intervals,
        all=over(np.ones(len(ours), bool)),
        by_source={name: over(ours.source == name) for name in np.unique(ours.source).tolist()},
        damage=_damage(a, b, counts, how),
        localisation=_localisation(a, b, counts, how),
    )


def _slice(
    a: Columns, b: Columns, counts: Counts, stakes: Stakes, how: Resampling
) -> SliceComparison:
    return SliceComparison(
        items=len(a),
        exactly_labelled=int(a.exact.sum()),
        mcnemar=mcnemar(
            (a.decided == a.best)[a.exact],
            (b.decided == b.best)[b.exact],
            a.group[a.exact],
        ),
        differences={m.key: _difference(m, a, b, counts, stakes, how) for m in MEASURES},
    )


def _difference(
    measure: Measure, a: Columns, b: Columns, counts: Counts, stakes: Stakes, how: Resampling
) -> Difference:
    chosen_a, chosen_b = resting_on(a, measure.rests), resting_on(b, measure.rests)
    either = chosen_a | chosen_b
    return differing(
        lambda weights: measure.compute(a[chosen_a], weights[:, chosen_a], stakes),
        lambda weights: measure.compute(b[chosen_b], weights[:, chosen_b], stakes),
        counts,
        how,
        n=int(either.sum()),
        groups=len(np.unique(a.group[either])),
        better=measure.better,
    )


def differing(
    a: Callable[[Floats], Floats],
    b: Callable[[Floats], Floats],
    counts: Counts,
    how: Resampling,
    *,
    n: int,
    groups: int,
    better: Better,
) -> Difference:
    """Two figures on the same resamples; each is a function of (B, N) weights."""
    one, other = (float(figure(np.ones((1, counts.shape[1])))[0]) for figure in (a, b))
    found = Estimate(value=None, low=None, high=None, n=n)
    if not np.isnan(other - one):
        drawn = draws(lambda weights: b(weights) - a(weights), counts)
        low, high = interval(drawn, how.level, groups)
        found = Estimate(value=other - one, low=low, high=high, n=n)
    return Difference(
        a=None if np.isnan(one) else one,
        b=None if np.isnan(other) else other,
        difference=found,
        finding=finding(found, better),
    )


def _damage(a: Evaluation, b: Evaluation, counts: Counts, how: Resampling) -> dict[str, Difference]:
    """Average precision of each damage type that both bundles know."""
    ours, theirs = columns_of(a.graded, a.manifest), columns_of(b.graded, b.manifest)
    found = {}
    for kind in a.manifest.damage_types:
        if kind not in b.manifest.damage_types:
            continue
        t, u = a.manifest.damage_types.index(kind), b.manifest.damage_types.index(kind)
        known = ours.known[:, t]
        found[str(kind)] = differing(
            _precision(ours.damage[known, t], ours.present[known, t]),
            _precision(theirs.damage[known, u], ours.present[known, t]),
            counts[:, known],
            how,
            n=int(known.sum()),
            groups=len(np.unique(ours.group[known])),
            better=Better.HIGHER,
        )
    return found


def _precision(scores: Floats, present: NDArray[np.bool_]) -> Callable[[Floats], Floats]:
    return lambda weights: weighted.average_precision(scores, present, weights)


def _localisation(
    a: Evaluation, b: Evaluation, counts: Counts, how: Resampling
) -> dict[str, Difference]:
    """Over the damage types that both bundles know."""
    shared = set(a.manifest.damage_types) & set(b.manifest.damage_types)
    ours, theirs = (
        statistics([f for f in locate(one.graded, one.manifest) if f.kind in shared])
        for one in (a, b)
    )
    return {
        name: differing(
            one.figure,
            theirs[name].figure,
            counts,
            how,
            n=one.n,
            groups=one.groups,
            better=Better.HIGHER,
        )
        for name, one in ours.items()
    }


def finding(difference: Estimate, better: Better) -> Finding:
    """What an interval of B - A says."""
    if difference.low is None or difference.high is None:
        return "cannot be told"
    if difference.low <= 0 <= difference.high:
        return "no difference shown"
    if better is Better.NEITHER:
        return "differs"
    return "B better" if (difference.low > 0) is (better is Better.HIGHER) else "B worse"


def mcnemar(
    a_right: NDArray[np.bool_], b_right: NDArray[np.bool_], groups: NDArray[np.str_]
) -> McNemar:
    """McNemar's exact test over (N,) paired answers, whose groups of near-duplicates are whole."""
    only_a, only_b = int((a_right & ~b_right).sum()), int((~a_right & b_right).sum())
    lead = sign_flips.leads(a_right, b_right, groups)
    return McNemar(
        only_a=only_a,
        only_b=only_b,
        groups=int(np.count_nonzero(lead)),
        p_value=sign_flips.p_value(lead) if only_a + only_b else None,
    )


def disagreements(compared: Compared, most: int) -> list[tuple[Graded, Graded]]:
    """Pairs of answers to the same item whose grades differ, the costliest first."""
    costs = np.array(compared.a.manifest.thresholds.costs)
    pairs = [
        (one, other)
        for one, other in zip(compared.a.graded, compared.b.graded, strict=True)
        if one.assessment.grade is not other.assessment.grade
    ]
    return sorted(pairs, key=lambda pair: -_largest_cost(pair, costs))[:most]


def _largest_cost(pair: Sequence[Graded], costs: Floats) -> float:
    return max(cost_of(item, costs) or 0.0 for item in pair)


def cost_of(item: Graded, costs: Floats) -> float | None:
    """Least cost of the decided grade over the grades that the label allows; None without one."""
    if item.grade is None:
        return None
    allowed = slice(item.grade.best.rank, item.grade.worst.rank + 1)
    return float(costs[allowed, item.assessment.grade.rank].min())
