"""Selective prediction: what deciding only the sure items costs, and conformal coverage."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from model.contract import GRADES, Manifest
from training.evaluation import weighted
from training.evaluation.bootstrap import Counts, Resampling, estimate
from training.evaluation.columns import Bools, Columns, Floats
from training.evaluation.figures import (
    Coverage,
    CoverageCell,
    CurvePoint,
    Estimate,
    OperatingPoint,
    Selective,
)
from training.evaluation.measures import BY_KEY, Stakes, covered, measured, realised_cost

TOLERATED_SHORTFALL = 0.02
_CURVE_POINTS = 100


def selective(items: Columns, counts: Counts, stakes: Stakes, how: Resampling) -> Selective:
    """Risk-coverage curve and operating points of the exactly labelled items."""
    exact = items[items.exact]
    columns = counts[:, items.exact]
    everyone = np.ones(len(exact), bool)
    hindsight = cheapest_threshold(exact, stakes)
    rules: list[tuple[str, float | None, Bools]] = [
        ("as the bundle decides", stakes.review_cost, exact.review),
        ("the model decides everything", None, ~everyone),
        ("a person decides everything", None, everyone),
    ]
    if hindsight is not None:
        rules.append(("cheapest on these items", hindsight, exact.expected_cost > hindsight))
    return Selective(
        review_cost=stakes.review_cost,
        costs=tuple(tuple(row) for row in stakes.costs.tolist()),
        aurc=measured(BY_KEY["aurc"], items, counts, stakes, how),
        curve=risk_coverage(exact, stakes),
        points=tuple(_point(*rule, exact, columns, stakes, how) for rule in rules),
    )


def risk_coverage(exact: Columns, stakes: Stakes) -> tuple[CurvePoint, ...]:
    """Deciding the k items of least expected cost, k = 1 .. N thinned to a hundred."""
    if not len(exact):
        return ()
    order = np.argsort(exact.expected_cost, kind="stable")
    wrong = (exact.best != exact.decided)[order].cumsum()
    cost = realised_cost(exact, stakes)[order].cumsum()
    taken = np.unique(
        np.linspace(1, len(exact), min(_CURVE_POINTS, len(exact))).round().astype(int)
    )
    reviewed = stakes.review_cost * (len(exact) - taken)
    return tuple(
        CurvePoint(decided_share=k / len(exact), error=w / k, cost_per_item=c / len(exact))
        for k, w, c in zip(
            taken.tolist(),
            wrong[taken - 1].tolist(),
            (cost[taken - 1] + reviewed).tolist(),
            strict=True,
        )
    )


def cheapest_threshold(exact: Columns, stakes: Stakes) -> float | None:
    """Expected cost above which a review would have been cheapest on these very items."""
    if not len(exact):
        return None
    order = np.argsort(exact.expected_cost, kind="stable")
    doubt = exact.expected_cost[order]
    saved = (stakes.review_cost - realised_cost(exact, stakes)[order]).cumsum()
    ends = np.append(doubt[1:] != doubt[:-1], True)
    best = int(np.where(ends, saved, -np.inf).argmax())
    return float(doubt[best]) if saved[best] > 0 else 0.0


def _point(
    name: str,
    threshold: float | None,
    reviewed: Bools,
    exact: Columns,
    counts: Counts,
    stakes: Stakes,
    how: Resampling,
) -> OperatingPoint:
    cost = np.where(reviewed, stakes.review_cost, realised_cost(exact, stakes))
    wrong = exact.best != exact.decided

    def share(values: Floats | Bools, of: Bools) -> Estimate:
        return _mean(values[of], exact[of], counts[:, of], how)

    everyone = np.ones(len(exact), bool)
    return OperatingPoint(
        name=name,
        threshold=threshold,
        review_share=share(reviewed, everyone),
        error=share(wrong, ~reviewed),
        cost_per_item=share(cost, everyone),
    )


def _mean(values: Floats | Bools, items: Columns, counts: Counts, how: Resampling) -> Estimate:
    figure: Callable[[Floats], Floats] = lambda weights: weighted.mean(values, weights)  # noqa: E731
    groups, is_share = len(np.unique(items.group)), values.dtype == bool
    return estimate(figure, counts, how.level, n=len(items), groups=groups, is_share=is_share)


def coverage(items: Columns, counts: Counts, manifest: Manifest, how: Resampling) -> Coverage:
    """Share of sets that hold the grade: over all, by source, by grade, and by both."""
    exact = items[items.exact]
    columns = counts[:, items.exact]
    nominal = manifest.conformal.coverage
    cells = []
    for source in ("all", *np.unique(exact.source).tolist()):
        for grade in ("all", *GRADES):
            chosen = np.ones(len(exact), bool) if source == "all" else exact.source == source
            if grade != "all":
                chosen = chosen & (exact.best == GRADES.index(grade))
            if chosen.any():
                cells.append(
                    _cell(source, str(grade), exact[chosen], columns[:, chosen], nominal, how)
                )
    return Coverage(nominal=nominal, cells=tuple(cells))


def _cell(
    source: str, grade: str, exact: Columns, counts: Counts, nominal: float, how: Resampling
) -> CoverageCell:
    held = _mean(covered(exact), exact, counts, how)
    size = _mean(exact.in_set.sum(axis=1).astype(float), exact, counts, how)
    return CoverageCell(
        source=source,
        grade=grade,
        coverage=held,
        mean_set_size=size,
        below=held.high is not None and held.high < nominal - TOLERATED_SHORTFALL,
    )
