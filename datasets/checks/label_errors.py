"""Likely label errors: labels that the rest of their own source contradicts.

Confident learning (Northcutt, Jiang, Chuang 2021, arXiv:1911.00068) by ``cleanlab`` on out-of-fold
predictions. Each source is judged by itself, since sources label differently. A source's labels are
ranges of grades; a picture is a suspect only where its range and the predicted one share no grade.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from cleanlab.filter import find_label_issues
from sklearn.metrics import balanced_accuracy_score

from datasets.checks.findings import Finding, Section, Severity, Shown
from datasets.checks.folds import MIN_UNITS, Matrix, Numbers, on_features, out_of_fold
from datasets.manifest import LabelledPicture
from datasets.wording import counted, grade_text
from model.contract import GradeInterval

_MAX_FIT = 0.5
"""Probability of all labels that go together with a suspect's own."""
_ADVICE = (
    "Look at them, the least fitting first, and correct what is wrong in the source's own labels; "
    "a hard picture whose label is right stays as it is."
)


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of one source."""

    source: str
    pictures: int
    """How many were judged; 0 where the labels do not allow it."""
    balanced_accuracy: float = 0.0
    """Of the out-of-fold predictions: the worse, the less its suspects mean."""
    suspects: tuple[Shown, ...] = ()
    """The least fitting first."""


def judge_labels(
    source: str,
    rows: Sequence[LabelledPicture],
    numbers: Sequence[int],
    features: Matrix,
    units: Numbers,
) -> Judged:
    """Look for suspects in one source.

    Args:
        source: The source.
        rows: N rows with readable pictures, of all sources.
        numbers: Their entries' numbers.
        features: (N, D)
        units: (N,)
    """
    labels = _labels(source, rows, units)
    if all(one.overlaps(other) for one in labels for other in labels):
        return Judged(source, 0)
    kept = [n for n, row in enumerate(rows) if row.source == source and row.grade in labels]
    given = np.array([labels.index(grade) for n in kept if (grade := rows[n].grade)])
    predicted = out_of_fold(on_features(), features[kept], given, units[kept])
    ranked = find_label_issues(
        given,
        predicted,
        filter_by="confident_learning",
        return_indices_ranked_by="self_confidence",
        n_jobs=1,
    )
    suspects = []
    for n in ranked:
        own, other = labels[given[n]], labels[int(predicted[n].argmax())]
        fits = sum(p for p, each in zip(predicted[n], labels, strict=True) if own.overlaps(each))
        if fits < _MAX_FIT and not own.overlaps(other):
            note = f"looks {grade_text(other)}; its label fits by {fits:.0%}"
            suspects.append(Shown(numbers[kept[n]], note))
    accuracy = float(balanced_accuracy_score(given, predicted.argmax(axis=1)))
    return Judged(source, len(kept), accuracy, tuple(suspects))


def check_labels(judged: Judged) -> list[Finding]:
    """One finding for all suspects of a source."""
    if not judged.suspects:
        return []
    count = counted(len(judged.suspects), "picture")
    title = f"{judged.source}: {count} of {judged.pictures:,} judged may be mislabelled"
    return [Finding(Section.LABELS, Severity.WARNING, title, _ADVICE, judged.suspects)]


def _labels(source: str, rows: Sequence[LabelledPicture], units: Numbers) -> list[GradeInterval]:
    """A source's labels that enough units have, the best grades first."""
    pairs = {
        (row.grade, int(unit))
        for row, unit in zip(rows, units, strict=True)
        if row.source == source and row.grade is not None
    }
    counts = Counter(label for label, _ in pairs)
    common = [label for label, count in counts.items() if count >= MIN_UNITS]
    return sorted(common, key=lambda label: (label.best.rank, label.worst.rank))
