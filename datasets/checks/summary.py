"""The summary on the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from datasets.checks.balance import UNASSIGNED
from datasets.checks.examine import Examination
from datasets.checks.findings import Section, Severity
from datasets.checks.shortcuts import LOOKING
from datasets.manifest import SPLITS, LabelledPicture
from datasets.splits import Assignment
from datasets.wording import counted

_STYLES: Mapping[Severity, str] = {
    Severity.ERROR: "bold red",
    Severity.WARNING: "yellow",
    Severity.NOTE: "cyan",
}
_LINES = 3


def print_summary(found: Examination, console: Console) -> None:
    """Print counts by section, the first findings of each, and the strongest shortcuts."""
    table = Table("section", *(f"{severity}s" for severity in Severity), "for example")
    for section in Section:
        findings = found.of(section)
        titles = [*dict.fromkeys(finding.title for finding in findings)]
        cells = []
        for severity in Severity:
            count = sum(finding.severity is severity for finding in findings)
            cells.append(f"[{_STYLES[severity]}]{count}[/]" if count else "-")
        table.add_row(section, *cells, "\n".join(titles[:_LINES]))
    console.print(table)
    looking = {(s.scope, s.question): s for s in found.looked.shortcuts if s.predictor == LOOKING}
    risks = sorted(
        (shortcut for shortcut in found.looked.shortcuts if shortcut.is_risk),
        key=lambda shortcut: -shortcut.auroc,
    )
    if risks:
        names = ("tells", "in", "by", "AUROC", "balanced", "chance", "the picture itself")
        ranked = Table(*names, title="shortcuts")
        for risk in risks:
            ranked.add_row(
                risk.question,
                risk.scope,
                risk.predictor,
                f"{risk.auroc:.3f}",
                f"{risk.balanced_accuracy:.3f}",
                f"{risk.chance:.2f}",
                f"{looking[risk.scope, risk.question].auroc:.3f}",
            )
        console.print(ranked)


def print_splits(rows: Sequence[LabelledPicture], assignment: Assignment) -> None:
    """Print pictures by source and split, and what could not be assigned."""
    counts = Counter((row.source, row.split) for row in rows)
    columns = (*SPLITS, None)
    table = Table("source", *(split or UNASSIGNED for split in columns))
    for source in sorted({row.source for row in rows}):
        table.add_row(source, *(f"{counts[source, split]:,}" for split in columns))
    console = Console()
    console.print(table)
    console.print(f"{counted(len(assignment.new), 'picture')} assigned now")
    if assignment.withheld:
        copies = counted(len(assignment.withheld), "picture")
        console.print(f"{copies} left without a split: copies or items of what is held out")
    if assignment.torn:
        console.print(
            f"{len(assignment.torn):,} items or photographs are in several splits already; see `regrade data check`, and --withhold-leaks or --again to mend it",
            style="yellow",
        )
