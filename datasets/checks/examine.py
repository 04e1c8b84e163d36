"""The examination: all checks over all entries, in an order that reads each file once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets.checks.balance import Counts, check_balance, label_counts
from datasets.checks.cache import Cache
from datasets.checks.copies import check_copies
from datasets.checks.duplicates import Picture, find_pairs, groups_of
from datasets.checks.entries import Entry
from datasets.checks.facts import Facts, Measured, measure_all
from datasets.checks.features import Extractor, features_of
from datasets.checks.files import check_files
from datasets.checks.findings import Finding, Section, Severity
from datasets.checks.label_errors import Judged, check_labels, judge_labels
from datasets.checks.leakage import check_leakage
from datasets.checks.lookalikes import check_lookalikes
from datasets.checks.shortcuts import Shortcut, check_shortcuts, measure_shortcuts
from datasets.frozen import FrozenSet
from datasets.manifest import LabelledPicture, ManifestError
from datasets.progress import Track
from datasets.units import units_of
from datasets.wording import counted


@dataclass(frozen=True, slots=True)
class Looked:
    """What needed a network's features."""

    extractor: str | None = None
    """The network; None: these checks were left out."""
    labels: tuple[Judged, ...] = ()
    """Every source in turn."""
    shortcuts: tuple[Shortcut, ...] = ()
    """By scope and question, the best predictor first."""
    lookalikes: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Examination:
    """All that was found."""

    entries: tuple[Entry, ...]
    findings: tuple[Finding, ...]
    """By section, the severest first."""
    counts: Counts
    photographs: int
    """Distinct ones among the readable pictures."""
    looked: Looked

    def count(self, severity: Severity) -> int:
        """Findings of one severity."""
        return sum(finding.severity is severity for finding in self.findings)

    def of(self, section: Section) -> list[Finding]:
        """Findings of one section."""
        return [finding for finding in self.findings if finding.section is section]


@dataclass(frozen=True, slots=True)
class Tools:
    """What the checks work with."""

    cache: Path
    threads: int
    track: Track
    extractor: Extractor | None
    """None leaves out the checks that need a network."""


def readable(entries: Sequence[Entry], measured: Sequence[Measured]) -> list[Picture]:
    """The pictures that could be decoded."""
    return [
        Picture(number, one.sha256, entries[number].path, one.found)
        for number, one in enumerate(measured)
        if one.sha256 is not None and isinstance(one.found, Facts)
    ]


def examine(entries: Sequence[Entry], frozen: FrozenSet | None, tools: Tools) -> Examination:
    """Run every check.

    Raises:
        ManifestError: Not one picture can be read.
    """
    cache = Cache(tools.cache)
    rows = [entry.row for entry in entries]
    measured = measure_all(entries, cache, tools.threads, tools.track)
    pictures = readable(entries, measured)
    if not pictures:
        raise ManifestError(
            f"none of {counted(len(entries), 'picture')} can be read, {entries[0].path} for example; "
            "give --root, the folder that the manifest's paths start from"
        )
    pairs = find_pairs(pictures, cache, tools.threads, tools.track)
    groups = groups_of(pairs, len(entries))
    units = units_of(rows, [(pair.first, pair.second) for pair in pairs])
    findings: list[Finding] = [
        *check_leakage(entries, pairs, groups),
        *check_files(entries, measured),
        *check_copies(entries, pairs, groups),
        *check_balance(entries),
    ]
    if frozen is not None:
        findings += _check_frozen(frozen, rows)
    looked = _look(rows, pictures, units, cache, tools)
    for judged in looked.labels:
        findings += check_labels(judged)
    findings += (*check_shortcuts(looked.shortcuts), *looked.lookalikes)
    return Examination(
        entries=tuple(entries),
        findings=tuple(sorted(findings, key=_order)),
        counts=label_counts(entries),
        photographs=len(pictures) - sum(len(group) - 1 for group in groups),
        looked=looked,
    )


def _look(
    rows: Sequence[LabelledPicture],
    pictures: Sequence[Picture],
    units: Sequence[int],
    cache: Cache,
    tools: Tools,
) -> Looked:
    """The checks that need a network's features."""
    if tools.extractor is None:
        return Looked()
    extractor, track = tools.extractor, tools.track
    files = [(picture.sha256, picture.path) for picture in pictures]
    features = features_of(files, extractor, cache, tools.threads, track)
    numbers = [picture.number for picture in pictures]
    seen = [rows[number] for number in numbers]
    chosen = np.array([units[number] for number in numbers])
    sources = sorted({row.source for row in seen})
    labels = [
        judge_labels(source, seen, numbers, features, chosen)
        for source in track(sources, "label errors", len(sources))
    ]
    facts = [picture.facts for picture in pictures]
    shortcuts = measure_shortcuts(seen, facts, features, chosen, track)
    lookalikes = check_lookalikes(seen, numbers, features, chosen)
    return Looked(extractor.name, tuple(labels), tuple(shortcuts), tuple(lookalikes))


def _order(finding: Finding) -> tuple[int, int]:
    return [*Section].index(finding.section), [*Severity].index(finding.severity)


def _check_frozen(frozen: FrozenSet, rows: Sequence[LabelledPicture]) -> Iterator[Finding]:
    for problem in frozen.differences(rows):
        yield Finding(
            Section.FROZEN,
            Severity.ERROR,
            f"The test set is not the frozen one: {problem}",
            "Figures on it do not compare with earlier ones. Put it back, or remove the lock and "
            "freeze a new test set with `regrade data split --freeze`.",
        )
