"""Balance: labels that a source, a split or a damage type has too few of."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from datasets.checks.entries import Entry
from datasets.checks.findings import Finding, Section, Severity
from datasets.manifest import SPLITS
from datasets.wording import counted, damages_text, grade_text
from model.contract import DamageType, GradeInterval

MIN_EXAMPLES = 20
MIN_PER_SPLIT = 5
MAX_RATIO = 10.0
UNASSIGNED = "no split yet"

Label = GradeInterval | None
Counts = dict[str, dict[str, Counter[Label]]]
"""Pictures by source, split and grade label."""


def label_counts(entries: Sequence[Entry]) -> Counts:
    """Count grade labels; splits in their order."""
    counts: Counts = {}
    for source in sorted({entry.row.source for entry in entries}):
        rows = [entry.row for entry in entries if entry.row.source == source]
        found: defaultdict[str, Counter[Label]] = defaultdict(Counter)
        for row in rows:
            found[row.split or UNASSIGNED][row.grade] += 1
        counts[source] = {split: found[split] for split in (*SPLITS, UNASSIGNED) if found[split]}
    return counts


def check_balance(entries: Sequence[Entry]) -> Iterator[Finding]:
    """Judge grade labels by source and split, and damage types over all training pictures."""
    for source, by_split in label_counts(entries).items():
        yield from _check_source(source, by_split)
    yield from _check_damages(entries)


def _check_source(source: str, by_split: dict[str, Counter[Label]]) -> Iterator[Finding]:
    total: Counter[Label] = sum(by_split.values(), Counter())
    (most, many), (least, few) = total.most_common()[0], total.most_common()[-1]
    if len(total) == 1:
        yield _finding(
            Severity.NOTE,
            f"{source}: every picture is labelled {grade_text(most)}",
            "The set itself then tells the grade: never read figures over all sources alone, and "
            "add pictures of other grades taken the same way.",
        )
    elif many > MAX_RATIO * few:
        yield _finding(
            Severity.WARNING,
            f"{source}: {many:,} pictures are {grade_text(most)}, {few:,} are {grade_text(least)}",
            "Plain accuracy hides the rare label: read balanced figures, and label more of it.",
        )
    for split, counts in by_split.items():
        few_of = [label for label in total if counts[label] < MIN_PER_SPLIT and split != UNASSIGNED]
        if few_of and len(total) > 1:
            held = ", ".join(f"{counts[label]} {grade_text(label)}" for label in few_of)
            yield _finding(
                Severity.WARNING,
                f"{source}: {split} holds only {held}",
                "Its figures hang on single pictures; `regrade data split` gives each label its share.",
            )


def _check_damages(entries: Sequence[Entry]) -> Iterator[Finding]:
    rows = [entry.row for entry in entries if entry.row.split in ("train", None)]
    present = Counter(kind for row in rows for kind in row.present)
    absent = Counter(kind for row in rows for kind in row.absent)
    for kind in (kind for kind in DamageType if present[kind]):
        if min(present[kind], absent[kind]) < MIN_EXAMPLES:
            yield _finding(
                Severity.WARNING,
                f"{damages_text([kind])}: {counted(present[kind], 'training picture')} with it, "
                f"{absent[kind]:,} without",
                f"Fewer than {MIN_EXAMPLES} of one kind teach and prove little; label or render more.",
            )
    if never := [kind for kind in DamageType if not present[kind]]:
        yield _finding(
            Severity.NOTE,
            f"No training picture shows: {damages_text(never)}",
            "A model trained on these pictures cannot find what none of them shows.",
        )


def _finding(severity: Severity, title: str, advice: str) -> Finding:
    return Finding(Section.BALANCE, severity, title, advice)
