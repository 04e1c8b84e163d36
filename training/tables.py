"""Tables of figures for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from training.evaluation.compare import Comparison
from training.evaluation.figures import Estimate, Figures, Slice
from training.evaluation.measures import BY_KEY
from training.evaluation.wording import number, span, weak_spots, words

_GRADES = ("accuracy", "macro_f1", "quadratic_kappa", "interval_accuracy", "damaged_auroc")
_MOST_PROBABLE = ("accuracy_most_probable", "macro_f1_most_probable", "two_way_accuracy")
_DECISIONS = ("ece_after", "coverage", "review_share", "accuracy_without_review", "cost_per_item")


def print_report(found: Figures | Mapping[str, Any]) -> None:
    """Print figures by source and by damage type, and what is weak, to standard output.

    Args:
        found: Figures, or what a bundle's manifest holds of them.
    """
    figures, console = Figures.model_validate(found), Console()
    slices = {**figures.by_source, "all": figures.all}
    for keys in (_GRADES, _MOST_PROBABLE, _DECISIONS):
        console.print(_sources(slices, keys))
    damages = _table("damage", "average precision", "random ranking", "AUROC", "present", "absent")
    for kind, damage in figures.damage.items():
        numbers = (
            _cell(damage.average_precision),
            number(damage.prevalence),
            _cell(damage.auroc),
        )
        damages.add_row(words(kind), *numbers, str(damage.present), str(damage.absent))
    console.print(damages)
    for line in weak_spots(figures):
        console.print(f"- {line}", markup=False, highlight=False)


def _sources(slices: Mapping[str, Slice], keys: Sequence[str]) -> Table:
    table = _table("data set", "items", *(BY_KEY[key].title for key in keys))
    for name, found in slices.items():
        table.add_row(words(name), str(found.items), *(_cell(found.estimates[key]) for key in keys))
    return table


def print_comparison(comparison: Comparison) -> None:
    """Print what differs between two bundles, over all items and by source."""
    console = Console()
    for name, part in (*comparison.by_source.items(), ("all", comparison.all)):
        table = _table("figure", "A", "B", "B - A", "finding")
        table.title = f"{words(name)}, {part.items} items"
        for key, found in part.differences.items():
            if found.finding == "cannot be told":
                continue
            difference = found.difference
            change = f"{number(difference.value, signed=True)} {span(difference, signed=True)}"
            numbers = (number(found.a), number(found.b))
            table.add_row(BY_KEY[key].title, *numbers, change, found.finding)
        console.print(table)
        test = part.mcnemar
        p_value = "nothing to test" if test.p_value is None else f"p = {test.p_value:.2g}"
        console.print(
            f"only A right: {test.only_a}, only B right: {test.only_b}; "
            f"McNemar exact over {test.groups} groups: {p_value}\n"
        )


def _table(*columns: str) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _cell(estimate: Estimate) -> str:
    if estimate.value is None:
        return "-"
    if estimate.low is None:
        return number(estimate.value)
    return f"{number(estimate.value)}\n{span(estimate).strip('[]').replace(', ', '-')}"
