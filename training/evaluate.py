"""Evaluation: a bundle grades labelled items exactly as the server would; figures by source."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.contract import (
    GRADES,
    Assessment,
    Bundle,
    DamageType,
    GradeInterval,
    Manifest,
    Precision,
)
from model.decision import assess, grade_probabilities
from model.pictures import PictureError
from model.runtime import Grader
from training.errors import DataError
from training.examples import Example
from training.metrics import (
    accuracy,
    auroc,
    average_precision,
    balanced_accuracy,
    expected_calibration_error,
    macro_f1,
    quadratic_kappa,
)
from training.progress import Track


@dataclass(frozen=True, slots=True)
class Graded:
    """One item: what its labels say and what the bundle made of it."""

    source: str
    grade: GradeInterval | None
    present: frozenset[DamageType]
    absent: frozenset[DamageType]
    assessment: Assessment
    uncalibrated: NDArray[np.floating[Any]]
    """(4,) grade probabilities at temperature 1."""


def grade_items(grader: Grader, examples: Iterable[Example], track: Track) -> list[Graded]:
    """Grade every item with all its views.

    Raises:
        DataError: A picture cannot be read.
    """
    items: dict[tuple[str, str], list[Example]] = {}
    for example in examples:
        items.setdefault((example.row.source, example.row.item_id), []).append(example)
    tracked = track(items.values(), "grade with the ONNX file", len(items))
    return [_grade_item(grader, views) for views in tracked]


def _grade_item(grader: Grader, views: Sequence[Example]) -> Graded:
    try:
        prepared = [grader.prepare(example.read()) for example in views]
    except PictureError as error:
        raise DataError(f"{[view.row.picture for view in views]}: {error}") from error
    raw = grader.run(np.stack([view.pixels for view in prepared]))
    present = frozenset(kind for view in views for kind in view.row.present)
    absent = frozenset.intersection(*(frozenset(view.row.absent) for view in views))
    return Graded(
        source=views[0].row.source,
        grade=_joined([view.row.grade for view in views]),
        present=present,
        absent=absent - present,
        assessment=assess(raw, [view.quality for view in prepared], grader.bundle.manifest),
        uncalibrated=grade_probabilities(raw.grade_logits.max(axis=0), 1.0),
    )


def _joined(grades: Iterable[GradeInterval | None]) -> GradeInterval | None:
    known = [grade for grade in grades if grade is not None]
    if not known:
        return None
    return GradeInterval(
        best=max((grade.best for grade in known), key=GRADES.index),
        worst=max((grade.worst for grade in known), key=GRADES.index),
    )


def figures_of(
    bundle: Path,
    examples: Iterable[Example],
    track: Track,
    threads: int,
    precision: Precision = Precision.FP32,
) -> dict[str, Any]:
    """Figures of a bundle on labelled pictures.

    Raises:
        BundleError: The bundle cannot be used.
        DataError: A picture cannot be read.
    """
    grader = Grader(Bundle.load(bundle), threads=threads, precision=precision)
    grader.verify()
    return report(grade_items(grader, examples, track), grader.bundle.manifest)


def report(graded: Sequence[Graded], manifest: Manifest) -> dict[str, Any]:
    """Figures over all items and by source, ready for JSON. None: the labels do not allow it."""
    sources = sorted({item.source for item in graded})
    by_source = {name: figures([i for i in graded if i.source == name]) for name in sources}
    return {
        "all": figures(graded),
        "by_source": by_source,
        "damage_average_precision": {
            str(kind): _damage_precision(graded, kind) for kind in manifest.damage_types
        },
        "nominal_coverage": manifest.conformal.coverage,
    }


def figures(graded: Sequence[Graded]) -> dict[str, Any]:
    """Figures over some items.

    Of the exactly labelled: accuracy, balanced accuracy, macro-F1, quadratic kappa, calibration
    error, coverage. Of all: interval accuracy, set size, review share. AUROC tells the damaged
    (labels exclude new) from the new.
    """
    exact = [item for item in graded if item.grade is not None and item.grade.exact is not None]
    truth = np.array([item.grade.best.rank for item in exact if item.grade], dtype=np.int64)
    decided = np.array([item.assessment.grade.rank for item in exact], dtype=np.int64)
    calibrated = np.array([[*item.assessment.probabilities.values()] for item in exact])
    raw = np.array([item.uncalibrated for item in exact])
    labelled = [item for item in graded if item.grade is not None]
    return {
        "items": len(graded),
        "exactly_labelled": len(exact),
        "accuracy": accuracy(truth, decided),
        "balanced_accuracy": balanced_accuracy(truth, decided),
        "macro_f1": macro_f1(truth, decided),
        "quadratic_kappa": quadratic_kappa(truth, decided, len(GRADES)) if exact else None,
        "interval_accuracy": _share(
            item.grade is not None and item.assessment.grade in item.grade for item in labelled
        ),
        "damaged_auroc": _damaged_auroc(labelled),
        "ece_before": expected_calibration_error(raw, truth),
        "ece_after": expected_calibration_error(calibrated, truth),
        "coverage": _share(
            GRADES[rank] in item.assessment.prediction_set
            for rank, item in zip(truth, exact, strict=True)
        ),
        "mean_set_size": _mean(len(item.assessment.prediction_set) for item in graded),
        "review_share": _share(item.assessment.needs_review for item in graded),
        "accuracy_without_review": accuracy(*_not_reviewed(exact)),
    }


def _not_reviewed(exact: Sequence[Graded]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    pairs = [
        (item.grade.best.rank, item.assessment.grade.rank)
        for item in exact
        if item.grade and not item.assessment.needs_review
    ]
    table = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _damaged_auroc(labelled: Sequence[Graded]) -> float | None:
    new = GRADES[0]
    clear = [i for i in labelled if i.grade and (i.grade.exact is new or new not in i.grade)]
    scores = np.array([1 - item.assessment.probabilities[new] for item in clear])
    damaged = np.array([item.grade is not None and new not in item.grade for item in clear], bool)
    return auroc(scores, damaged)


def _damage_precision(graded: Sequence[Graded], kind: DamageType) -> dict[str, Any]:
    known = [item for item in graded if kind in item.present or kind in item.absent]
    scores = np.array([item.assessment.damage_probabilities[kind] for item in known])
    present = np.array([kind in item.present for item in known], bool)
    return {
        "average_precision": average_precision(scores, present),
        "present": int(present.sum()),
        "absent": int((~present).sum()),
    }


def _share(hits: Iterable[bool]) -> float | None:
    return _mean(float(hit) for hit in hits)


def _mean(values: Iterable[float]) -> float | None:
    listed = list(values)
    return float(np.mean(listed)) if listed else None
