"""Charts of the report as SVG text; no state is shared between them."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from model.contract import GRADES
from training.evaluation.figures import (
    Coverage,
    CoverageCell,
    DamageFigures,
    Reliability,
    ReliabilityBin,
    Selective,
)

INK, MUTED, ACCENT, WARN = "#1c2733", "#8a96a3", "#1f6f8b", "#c2452d"
_STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 9,
    "svg.fonttype": "none",
    "svg.hashsalt": "regrade",
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
}
GRADE_WORDS = tuple(grade.replace("_", " ") for grade in GRADES)


def confusion(tables: Mapping[str, Sequence[Sequence[int]]]) -> str:
    """Confusion matrices, shaded by the share of each true grade."""
    columns = min(4, len(tables))
    rows = -(-len(tables) // columns)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(2.75 * columns, 3.0 * rows), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for axis, (name, table) in zip(axes, tables.items(), strict=False):
            _confusion(axis, name, np.array(table))
        for axis in axes[len(tables) :]:
            axis.axis("off")
        return _svg(figure)


def _confusion(
    axis: Axes, name: str, table: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
) -> None:
    totals = table.sum(axis=1, keepdims=True)
    shares = table / np.maximum(totals, 1)
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(table):
        if count:
            colour = "white" if shares[row, column] > 0.55 else INK
            axis.text(column, row, str(count), ha="center", va="center", color=colour)
    short = ("new", "used", "repair", "salvage")
    axis.set_xticks(range(4), short, rotation=30)
    axis.set_yticks(range(4), short)
    axis.set_title(f"{name}, n = {table.sum()}")
    axis.set_xlabel("decided")
    axis.set_ylabel("label")


def reliability(found: Reliability) -> str:
    """Confidence against accuracy, before and after the temperature, with the items of each bin."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(9, 3.9), layout="constrained")
        plots = figure.subplots(2, 2, sharex=True, height_ratios=(3, 1))
        titles = ("at temperature 1", f"as calibrated, temperature {found.temperature:.2f}")
        for column, (title, bins) in enumerate(
            zip(titles, (found.before, found.after), strict=True)
        ):
            _reliability(plots[0, column], plots[1, column], title, bins)
        return _svg(figure)


def _reliability(upper: Axes, lower: Axes, title: str, bins: Sequence[ReliabilityBin]) -> None:
    filled = [(n, b) for n, b in enumerate(bins) if b.items]
    width = 1 / len(bins)
    upper.plot([0, 1], [0, 1], color=MUTED, linestyle="--", linewidth=1)
    x = [(n + 0.5) * width for n, _ in filled]
    upper.bar(x, [b.accuracy or 0 for _, b in filled], 0.9 * width, color=ACCENT, alpha=0.35)
    upper.plot(
        [b.confidence or 0 for _, b in filled],
        [b.accuracy or 0 for _, b in filled],
        "o",
        color=ACCENT,
        markersize=4,
    )
    upper.set(title=f"{title}, n = {sum(b.items for b in bins)}", ylabel="accuracy", ylim=(0, 1.02))
    lower.bar(x, [b.items for _, b in filled], 0.9 * width, color=MUTED)
    for place, (_, one) in zip(x, filled, strict=True):
        lower.annotate(
            str(one.items), (place, one.items), ha="center", va="bottom", fontsize=7, color=INK
        )
    lower.margins(y=0.3)
    lower.set(xlabel="confidence of the most probable grade", ylabel="items", xlim=(0, 1))


def risk_coverage(found: Selective) -> str:
    """Error and cost over the share that is decided without a person."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(9, 3.2), layout="constrained")
        left, right = figure.subplots(1, 2)
        decided = [100 * point.decided_share for point in found.curve]
        n = found.aurc.n
        left.plot(decided, [100 * point.error for point in found.curve], color=ACCENT)
        left.set(title=f"error of what is decided alone, n = {n}", ylabel="wrong, %")
        right.plot(decided, [point.cost_per_item for point in found.curve], color=ACCENT)
        right.axhline(found.review_cost, color=MUTED, linestyle="--", linewidth=1)
        right.annotate(
            "a person decides everything",
            (100, found.review_cost),
            (0, 3),
            textcoords="offset points",
            va="bottom",
            ha="right",
            color=MUTED,
            fontsize=8,
        )
        right.set(title=f"cost per item, n = {n}", ylabel="cost")
        right.margins(y=0.12)
        shipped = found.points[0]
        if shipped.review_share.value is not None:
            share = 100 * (1 - shipped.review_share.value)
            for axis, value in (
                (left, None if shipped.error.value is None else 100 * shipped.error.value),
                (right, shipped.cost_per_item.value),
            ):
                if value is not None:
                    axis.plot([share], [value], "o", color=WARN)
                    axis.annotate(
                        "as the bundle decides",
                        (share, value),
                        (5, -12),
                        textcoords="offset points",
                        color=WARN,
                        fontsize=8,
                    )
        for axis in (left, right):
            axis.set_xlabel("decided without a person, %")
            axis.set_ylim(bottom=0)
            axis.set_xlim(0, 101)
        return _svg(figure)


def coverage(found: Coverage) -> str:
    """Coverage of each data set and grade with its interval, against the nominal one."""
    marginal = [c for c in found.cells if "all" in (c.source, c.grade)]
    names = [f"{_cell_name(cell)}, n = {cell.coverage.n}" for cell in marginal]
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(9, 0.9 + 0.27 * max(len(marginal), 1)), layout="constrained")
        axis = figure.subplots()
        for y, cell in enumerate(marginal):
            estimate, colour = cell.coverage, WARN if cell.below else ACCENT
            if estimate.low is not None and estimate.high is not None:
                axis.plot(
                    [100 * estimate.low, 100 * estimate.high], [y, y], color=colour, linewidth=2
                )
            axis.plot([100 * (estimate.value or 0)], [y], "o", color=colour)
        axis.axvline(100 * found.nominal, color=MUTED, linestyle="--", linewidth=1)
        axis.set_yticks(range(len(names)), names)
        axis.invert_yaxis()
        axis.set_xlim(right=101)
        axis.set_xlabel(
            f"sets that hold the labelled grade, % (dashed: nominal {found.nominal:.0%})"
        )
        return _svg(figure)


def _cell_name(cell: CoverageCell) -> str:
    if cell.source == "all":
        return "everything" if cell.grade == "all" else cell.grade.replace("_", " ")
    return cell.source


def precision_recall(found: Mapping[str, DamageFigures]) -> str:
    """Precision over recall of each damage type that occurs."""
    shown = {kind: figures for kind, figures in found.items() if figures.precision_recall}
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(6.5, 3.6), layout="constrained")
        axis = figure.subplots()
        for kind, figures in shown.items():
            recall, precision = zip(*figures.precision_recall, strict=True)
            axis.plot(
                recall,
                precision,
                label=f"{kind.replace('_', ' ')}, {figures.present} of "
                f"{figures.present + figures.absent}",
            )
        axis.set(xlabel="recall", ylabel="precision", xlim=(0, 1.01), ylim=(0, 1.03))
        if shown:
            axis.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
        return _svg(figure)


def _svg(figure: Figure) -> str:
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)

    return out.getvalue()
