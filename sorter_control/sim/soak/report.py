"""What a soak says of itself: a line while it runs, and a table of faults at the end."""

from __future__ import annotations

from rich.table import Table

from sorter_control.sim.soak.faults import ABOUT, Kind
from sorter_control.sim.soak.run import Totals

_NOTHING = "without effect"


def fault_table(totals: Totals) -> Table:
    """Each kind of fault: how often, and what showed it."""
    table = Table(title="Faults", title_justify="left")
    table.add_column("no.", justify="right")
    table.add_column("fault")
    table.add_column("injected", justify="right")
    table.add_column("noticed", justify="right")
    table.add_column("without effect", justify="right")
    table.add_column("noticed by")
    for kind in sorted(Kind, key=lambda kind: (ABOUT[kind].number or 99, kind.value)):
        signs = totals.noticed.get(kind)
        if not signs:
            continue
        noticed = {name: count for name, count in signs.most_common() if name != _NOTHING}
        table.add_row(
            str(ABOUT[kind].number or ""),
            kind.value.replace("_", " "),
            f"{totals.injected[kind]:,}",
            f"{sum(noticed.values()):,}",
            f"{signs[_NOTHING]:,}",
            ", ".join(f"{name} {count:,}" for name, count in noticed.items()),
        )
    return table


def summary(totals: Totals) -> Table:
    """The invariants and the counts."""
    table = Table(show_header=False)
    table.add_column()
    table.add_column(justify="right")
    violations = totals.failed.verified.violations if totals.failed else []
    double = sum("diverted" in violation for violation in violations)
    silent = sum("nothing in the record" in violation for violation in violations)
    for name, value in (
        ("items", f"{totals.items:,}"),
        ("shifts", f"{totals.shifts:,}"),
        ("in a lane of their grade", f"{totals.in_lane:,}"),
        ("in the manual lane", f"{totals.manual:,}"),
        ("in a wrong graded lane, reported", f"{totals.reported:,}"),
        ("recorded as lost", f"{totals.lost:,}"),
        ("mis-sorts unreported", f"{silent:,}"),
        ("double diverts", f"{double:,}"),
        ("invariants violated", f"{len(violations):,}"),
        ("virtual hours", f"{totals.virtual_s / 3600:,.1f}"),
        ("items per minute", f"{totals.items_per_minute:,.0f}"),
    ):
        table.add_row(name, value)
    return table
