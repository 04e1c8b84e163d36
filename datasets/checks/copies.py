"""What duplicates mean: labels that contradict each other, pictures that count several times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from datasets.checks.duplicates import Likeness, Pair
from datasets.checks.entries import Entry
from datasets.checks.findings import Finding, Section, Severity, Shown
from datasets.manifest import LabelledPicture
from datasets.wording import damages_text, grade_text

Group = tuple[int, ...]


def check_copies(
    entries: Sequence[Entry], pairs: Sequence[Pair], groups: Sequence[Group]
) -> Iterator[Finding]:
    """Contradictions first, then copies within one split; those in two splits are leakage."""
    notes = likeness_notes(pairs)
    plain = []
    for group in groups:
        rows = [entries[number].row for number in group]
        shown = tuple(Shown(number, notes.get(number, "")) for number in group)
        if reasons := contradictions(rows):
            yield Finding(
                Section.DUPLICATES,
                Severity.ERROR,
                f"One photograph, labels that contradict each other: {'; '.join(reasons)}",
                "At most one label is right: decide by the picture, or widen both to a range of "
                "grades in the rubric where the sources mean different things.",
                shown,
            )
        elif not _known(rows, group, pairs):
            plain.append(
                Finding(
                    Section.DUPLICATES,
                    Severity.WARNING,
                    f"{len(group)} copies of one photograph",
                    "It counts several times; keep one, or give all the same `group`.",
                    shown,
                )
            )
    yield from plain


def contradictions(rows: Sequence[LabelledPicture]) -> list[str]:
    """Reasons why the labels of one photograph cannot all be right."""
    reasons = set()
    for one, other in combinations(rows, 2):
        if one.grade and other.grade and not one.grade.overlaps(other.grade):
            reasons.add(" against ".join(sorted((grade_text(one.grade), grade_text(other.grade)))))
        for present, absent in ((one, other), (other, one)):
            if both := [kind for kind in present.present if kind in absent.absent]:
                reasons.add(f"{damages_text(both)} present against absent")
    return sorted(reasons)


def likeness_notes(pairs: Sequence[Pair]) -> dict[int, str]:
    """For the later picture of each pair, how it is the earlier one."""
    ordered = sorted(pairs, key=lambda pair: [*Likeness].index(pair.likeness), reverse=True)
    return {
        max(pair.first, pair.second): (
            f"{pair.likeness}"
            if pair.correlation == 1.0
            else f"{pair.likeness}, {pair.correlation:.2f}"
        )
        for pair in ordered
    }


def _known(rows: Sequence[LabelledPicture], group: Group, pairs: Sequence[Pair]) -> bool:
    """The manifest says itself that they belong together, or they are reported as leakage."""
    if len({row.split for row in rows}) > 1:
        return True
    same = any(
        pair.likeness in (Likeness.SAME_FILE, Likeness.SAME_PIXELS)
        for pair in pairs
        if pair.first in group
    )
    return len({row.group for row in rows}) == 1 and not same
