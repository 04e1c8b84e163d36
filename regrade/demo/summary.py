"""What went where, as the server counts it, for a terminal."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from rich.table import Table


class Summary(BaseModel):
    """The part of ``GET /v1/summary`` that the demo shows."""

    model_config = ConfigDict(frozen=True)

    outcomes: int = 0
    graded: int = 0
    in_review: int = 0
    overridden: int = 0
    by_lane: dict[str, int] = {}
    by_rule: dict[str, int] = {}
    by_ending: dict[str, int] = {}

    def line(self) -> str:
        """One line for a log."""
        lanes = ", ".join(f"{lane} {count}" for lane, count in sorted(self.by_lane.items()))
        return f"{self.outcomes} items ended: {lanes}; {self.in_review} wait for a person"


def belt_table(summary: Summary) -> Table:
    """The live table: a row a lane."""
    table = Table(title=f"{summary.outcomes} items sorted, {summary.in_review} wait for a person")
    table.add_column("lane")
    table.add_column("items", justify="right")
    table.add_column("")
    most = max(summary.by_lane.values(), default=1)
    for lane, count in sorted(summary.by_lane.items()):
        table.add_row(lane, str(count), "█" * round(30 * count / most))
    return table


def final_table(summary: Summary) -> Table:
    """The closing table: lanes, then why, then how; each group adds up to the items."""
    table = Table(title=f"{summary.outcomes} items, {summary.graded} graded", show_footer=True)
    table.caption = "diverted: seen in the lane that was chosen for it, the manual lane too"
    table.add_column("", footer="")
    table.add_column("what", footer="every group adds up to")
    table.add_column("items", justify="right", footer=str(summary.outcomes))
    groups = (("lane", summary.by_lane), ("rule", summary.by_rule), ("ending", summary.by_ending))
    for name, counts in groups:
        for key, count in sorted(counts.items(), key=lambda entry: -entry[1]):
            table.add_row(name, key, str(count))
        table.add_section()
    return table
