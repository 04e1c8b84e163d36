"""Shortcuts: can the grade be told without looking at the item?

A forest tries to tell it out of fold from nothing but size, file format, light, border colour or the
data set's name; logistic regression on a network's features is what looking at the picture gives.
The area under the ROC curve of a rule that knows nothing is 0.5, with a standard error by Mann and Whitney that
shrinks with the number of units.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from datasets.checks.facts import Facts
from datasets.checks.findings import Finding, Section, Severity
from datasets.checks.folds import (
    MIN_UNITS,
    Matrix,
    Numbers,
    on_features,
    on_trivia,
    out_of_fold,
    units_per_class,
)
from datasets.manifest import LabelledPicture
from datasets.progress import Track
from model.contract import Grade

ALL = "all sources"
LOOKING = "the picture itself"
_RISK = 0.6
_STANDARD_ERRORS = 3.0

_ADVICE = {
    "picture size": "Size: bring all pictures to one, lose resolution at random in training, and read figures "
    "by picture size.",
    "file and compression": "File: save all pictures with one program and quality, or re-encode at random in "
    "training.",
    "light and colour": "Light and colour: vary them in training and photograph all grades in one place, unless it "
    "is the damage itself that shows, as a missing part does.",
    "border colour": "Border: crop to the item, or photograph all grades on the same background.",
    "data set": "Data set: read figures by source, never over all, draw labels evenly within each, and find "
    "sources that hold several grades.",
}


@dataclass(frozen=True, slots=True)
class Shortcut:
    """How well one predictor tells one question in one scope."""

    scope: str
    question: str
    predictor: str
    pictures: int
    auroc: float
    """Out of fold; of several classes the mean of one against the rest."""
    balanced_accuracy: float
    chance: float
    """Balanced accuracy of a rule that knows nothing."""
    limit: float
    """AUROC above which the predictor counts as a risk."""

    @property
    def is_risk(self) -> bool:
        """A trivial predictor beats chance by more than it could by luck."""
        return self.predictor != LOOKING and self.auroc >= self.limit


@dataclass(frozen=True, slots=True)
class _Question:
    scope: str
    name: str
    chosen: Numbers
    classes: Numbers


def measure_shortcuts(
    rows: Sequence[LabelledPicture],
    facts: Sequence[Facts],
    features: Matrix,
    units: Numbers,
    track: Track,
) -> list[Shortcut]:
    """Try every trivial predictor on every question that the labels can ask.

    Args:
        rows: N rows with readable pictures.
        facts: Of each.
        features: (N, D) of a frozen network.
        units: (N,)
        track: Shows progress.

    Returns:
        By scope and question, the best predictor first.
    """
    trivia = _trivia(rows, facts)
    questions = [*_questions(rows, units)]
    results: list[Shortcut] = []
    for question in track(questions, "shortcuts", len(questions)) if questions else ():
        predictors: dict[str, tuple[Any, Matrix]] = {
            name: (on_trivia(), matrix)
            for name, matrix in trivia.items()
            if name != "data set" or question.scope == ALL
        }
        predictors[LOOKING] = (on_features(), features)
        found = [
            _judge(question, name, model, matrix, units)
            for name, (model, matrix) in predictors.items()
        ]
        results += sorted(found, key=lambda shortcut: -shortcut.auroc)
    return results


def check_shortcuts(shortcuts: Sequence[Shortcut]) -> Iterator[Finding]:
    """Say for each scope and question what tells it too well, the strongest first."""
    asked: dict[tuple[str, str], list[Shortcut]] = {}
    for shortcut in shortcuts:
        asked.setdefault((shortcut.scope, shortcut.question), []).append(shortcut)
    for (scope, question), tried in asked.items():
        risks = sorted((each for each in tried if each.is_risk), key=lambda each: -each.auroc)
        looking = next(each for each in tried if each.predictor == LOOKING)
        if risks:
            named = ", ".join(f"{risk.predictor} ({risk.auroc:.2f})" for risk in risks)
            yield Finding(
                Section.SHORTCUTS,
                Severity.WARNING,
                f"{scope}: {question} is told by {named} alone; by the picture ({looking.auroc:.2f})",
                "A model can reach these AUROCs without seeing any damage. "
                + " ".join(_ADVICE[risk.predictor] for risk in risks),
            )


def _judge(question: _Question, name: str, model: Any, matrix: Matrix, units: Numbers) -> Shortcut:
    chosen, classes = question.chosen, question.classes
    probabilities = out_of_fold(model, matrix[chosen], classes, units[chosen])
    count = probabilities.shape[1]
    scores = probabilities[:, 1] if count == 2 else probabilities
    counts = units_per_class(classes, units[chosen])
    error = max(_standard_error(each, sum(counts) - each) for each in counts)
    return Shortcut(
        scope=question.scope,
        question=question.name,
        predictor=name,
        pictures=len(chosen),
        auroc=float(roc_auc_score(classes, scores, multi_class="ovr")),
        balanced_accuracy=float(balanced_accuracy_score(classes, probabilities.argmax(axis=1))),
        chance=1 / count,
        limit=max(_RISK, 0.5 + _STANDARD_ERRORS * error),
    )


def _standard_error(positives: int, negatives: int) -> float:
    """Of the AUROC of a score that knows nothing."""
    return float(np.sqrt((positives + negatives + 1) / (12 * positives * negatives)))


def _questions(rows: Sequence[LabelledPicture], units: Numbers) -> Iterator[_Question]:
    sources = sorted({row.source for row in rows})
    for scope in (*sources, ALL) if len(sources) > 1 else sources:
        within = [n for n, row in enumerate(rows) if scope in (row.source, ALL)]
        damaged = {n: known for n in within if (known := _damaged(rows[n])) is not None}
        exact = {n: grade.rank for n in within if (grade := _exact(rows[n])) is not None}
        asked = (("damaged or new", damaged), ("the grade", exact))
        for name, labels in asked:
            question = _question(scope, name, labels, units)
            if question is not None:
                yield question


def _question(scope: str, name: str, labels: dict[int, int], units: Numbers) -> _Question | None:
    """The question over classes that enough units have, None where fewer than two remain."""
    chosen = np.array([*labels], dtype=np.int64)
    values = np.array([*labels.values()], dtype=np.int64)
    common = [
        k for k in np.unique(values) if len(np.unique(units[chosen[values == k]])) >= MIN_UNITS
    ]
    if len(common) < 2:
        return None
    kept = np.isin(values, common)
    return _Question(scope, name, chosen[kept], np.searchsorted(common, values[kept]))


def _damaged(row: LabelledPicture) -> int | None:
    """1 damaged or used, 0 new, None not known."""
    if row.grade is None:
        return None
    if row.grade.worst is Grade.NEW:
        return 0
    return 1 if Grade.NEW not in row.grade else None


def _exact(row: LabelledPicture) -> Grade | None:
    return row.grade.exact if row.grade else None


def _trivia(rows: Sequence[LabelledPicture], facts: Sequence[Facts]) -> dict[str, Matrix]:
    """What needs no look at the item, each (N, ...)."""
    formats = [f"{each.format} {each.mode}" for each in facts]
    files = [
        (each.quantisation, np.log(each.bytes * 8 / (each.width * each.height))) for each in facts
    ]
    return {
        "picture size": np.array(
            [(each.width, each.height, each.width / each.height) for each in facts], dtype=float
        ),
        "file and compression": np.column_stack([np.array(files), _one_hot(formats)]),
        "light and colour": np.array([each.style for each in facts]),
        "border colour": np.array([each.border for each in facts]),
        "data set": _one_hot([row.source for row in rows]),
    }


def _one_hot(names: Sequence[str]) -> Matrix:
    known = sorted(set(names))
    return np.array([[name == each for each in known] for name in names], dtype=float)
