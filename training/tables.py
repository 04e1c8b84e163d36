"""Tables of figures for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

_COLUMNS = (
    "items",
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "quadratic_kappa",
    "interval_accuracy",
    "damaged_auroc",
    "ece_after",
    "coverage",
    "review_share",
)


def print_report(figures: Mapping[str, Any]) -> None:
    """Print figures by source and by damage type to standard output."""
    table = Table("source", *(name.replace("_", " ") for name in _COLUMNS))
    for source, found in (*figures["by_source"].items(), ("all", figures["all"])):
        table.add_row(source, *(_shown(found[name]) for name in _COLUMNS))
    damages = Table("damage", "average precision", "present", "absent")
    for kind, found in figures["damage_average_precision"].items():
        damages.add_row(kind, *(_shown(value) for value in found.values()))
    console = Console()
    console.print(table)
    console.print(damages)


def _shown(value: float | None) -> str:
    match value:
        case None:
            return "-"
        case int():
            return str(value)
        case _:
            return f"{value:.3f}"
