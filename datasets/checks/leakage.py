"""Leakage: what a model was taught on shows up where it is measured."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence

from datasets.checks.copies import Group, likeness_notes
from datasets.checks.duplicates import Pair
from datasets.checks.entries import Entry
from datasets.checks.findings import Finding, Section, Severity, Shown
from datasets.manifest import SPLITS

_ADVICE = (
    "Figures of the later split are too good. Put all of it into one split, with "
    "`regrade data split --again` for everything outside a frozen test set."
)


def check_leakage(
    entries: Sequence[Entry], pairs: Sequence[Pair], copies: Iterable[Group]
) -> Iterator[Finding]:
    """Items, groups and photographs that stand in several splits, each reported once."""
    notes = likeness_notes(pairs)
    rows = [entry.row for entry in entries]
    kinds: tuple[tuple[str, Iterable[Group]], ...] = (
        ("item", _alike((row.source, row.item_id) for row in rows)),
        ("group", _alike(row.group for row in rows)),
        ("photograph", copies),
    )
    reported: set[int] = set()
    for kind, groups in kinds:
        for group in groups:
            splits = {rows[number].split for number in group}
            named = [split for split in SPLITS if split in splits]
            if len(named) < 2 or reported.issuperset(group):
                continue
            reported.update(group)
            sources = sorted({rows[number].source for number in group})
            yield Finding(
                Section.LEAKAGE,
                Severity.ERROR,
                f"One {kind} in {' and '.join(named)} ({', '.join(sources)})",
                _ADVICE,
                tuple(Shown(number, notes.get(number, "")) for number in group),
            )


def _alike(keys: Iterable[Hashable]) -> list[Group]:
    members: dict[Hashable, list[int]] = defaultdict(list)
    for number, key in enumerate(keys):
        members[key].append(number)
    return [tuple(numbers) for numbers in members.values() if len(numbers) > 1]
