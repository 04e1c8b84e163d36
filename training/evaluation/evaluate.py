"""Evaluation: a bundle grades labelled items exactly as the server would; figures of all kinds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from datasets.manifest import fingerprint
from datasets.progress import Track
from model.contract import GRADES, Bundle, Manifest, Precision
from model.contract.bundle import NETWORK
from model.runtime import Grader
from training.evaluation import weighted
from training.evaluation.bootstrap import Resampling, draw
from training.evaluation.columns import SIZE_BINS, Columns, columns_of
from training.evaluation.damage import damage_by_source, damage_figures
from training.evaluation.familiarity import (
    Foreign,
    familiarity,
    unfamiliarity_of,
)
from training.evaluation.figures import (
    BundleRef,
    DataRef,
    Figures,
    Intervals,
    Reliability,
    ReliabilityBin,
    Slice,
)
from training.evaluation.graded import Graded, grade_items
from training.evaluation.localisation import locate
from training.evaluation.located import localisation
from training.evaluation.measures import MEASURES, Stakes, resting_on, slice_of, top
from training.evaluation.selective import coverage, selective
from training.examples import Example

Floats = NDArray[np.floating[Any]]

DEFAULT_RESAMPLING = Resampling()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The items of an evaluation, and the figures over them."""

    manifest: Manifest
    graded: tuple[Graded, ...]
    figures: Figures


def evaluate(
    bundle: Path,
    examples: Iterable[Example],
    track: Track,
    threads: int,
    precision: Precision = Precision.FP32,
    foreign: Sequence[Foreign] = (),
    how: Resampling = DEFAULT_RESAMPLING,
) -> Evaluation:
    """Grade labelled pictures with a bundle's ONNX file.

    Args:
        bundle: Its folder.
        examples: Labelled pictures.
        track: Shows progress.
        threads: For ONNX Runtime.
        precision: Which of its networks grades.
        foreign: Pictures that the bundle should find unfamiliar.
        how: How intervals are made.

    Raises:
        BundleError: The bundle cannot be used.
        DataError: A picture cannot be read.
    """
    grader = Grader(Bundle.load(bundle), threads=threads, precision=precision)
    grader.verify()
    return evaluate_with(grader, examples, track, foreign, how)


def evaluate_with(
    grader: Grader,
    examples: Iterable[Example],
    track: Track,
    foreign: Sequence[Foreign] = (),
    how: Resampling = DEFAULT_RESAMPLING,
) -> Evaluation:
    """As `evaluate`, with a grader at hand."""
    manifest = grader.bundle.manifest
    strange = {one.name: unfamiliarity_of(grader, one, track) for one in foreign}
    graded = tuple(grade_items(grader, examples, track))
    return Evaluation(manifest, graded, figures_of(graded, manifest, strange, how))


def figures_of(
    graded: Sequence[Graded],
    manifest: Manifest,
    foreign: Mapping[str, Floats],
    how: Resampling = DEFAULT_RESAMPLING,
) -> Figures:
    """Every figure over the items.

    Args:
        graded: N items.
        manifest: Of the bundle that graded them.
        foreign: Name -> (M,) unfamiliarity of pictures that are not its own.
        how: How intervals are made.
    """
    items = columns_of(graded, manifest)
    counts = draw(items.source, items.group, how)
    stakes = Stakes.of(manifest)

    def by(keys: NDArray[np.str_]) -> dict[str, Slice]:
        names = [name for name in np.unique(keys).tolist() if name]
        return {
            name: slice_of(items[keys == name], counts[:, keys == name], stakes, how)
            for name in names
        }

    rows = [view.row for item in graded for view in item.views]
    return Figures(
        bundle=BundleRef(
            name=manifest.name,
            version=manifest.version,
            network_sha256=manifest.files.get(NETWORK, ""),
        ),
        data=DataRef(
            fingerprint=fingerprint(rows),
            splits=tuple(sorted({row.split for row in rows})),
            pictures=len(rows),
            items=len(graded),
        ),
        intervals=Intervals(resamples=how.resamples, seed=how.seed, level=how.level),
        all=slice_of(items, counts, stakes, how),
        by_source=by(items.source),
        by_grade=_ordered(by(_exact_grade(items)), GRADES),
        by_category=by(items.category),
        by_picture_size=_ordered(by(items.size), SIZE_BINS),
        confusion=_confusions(items),
        damage=damage_figures(items, counts, manifest, how),
        damage_by_source=damage_by_source(items, counts, manifest, how),
        localisation=localisation(locate(graded, manifest), counts, how),
        reliability=_reliability(items, manifest),
        coverage=coverage(items, counts, manifest, how),
        selective=selective(items, counts, stakes, how),
        familiarity=familiarity(items, foreign, counts, how),
    )


def point_figures(graded: Sequence[Graded], manifest: Manifest) -> dict[str, float | None]:
    """Every figure over all items, without intervals; None: the labels do not allow it."""
    items = columns_of(graded, manifest)
    stakes = Stakes.of(manifest)
    found = {}
    for measure in MEASURES:
        rest = items[resting_on(items, measure.rests)]
        value = float(measure.compute(rest, np.ones((1, len(rest))), stakes)[0])
        found[measure.key] = None if np.isnan(value) else value
    return found


def _exact_grade(items: Columns) -> NDArray[np.str_]:
    names = np.array([*GRADES, ""], np.str_)
    grades: NDArray[np.str_] = names[np.where(items.exact, items.best, len(GRADES))]
    return grades


def _ordered(slices: Mapping[str, Slice], order: Sequence[str]) -> dict[str, Slice]:
    return {str(name): slices[name] for name in order if name in slices}


def _confusions(items: Columns) -> dict[str, tuple[tuple[int, ...], ...]]:
    exact = items[items.exact]
    if not len(exact):
        return {}
    chosen = {"all": np.ones(len(exact), bool)}
    chosen |= {name: exact.source == name for name in np.unique(exact.source).tolist()}
    return {
        name: tuple(
            tuple(row)
            for row in confusion_matrix(
                exact.best[rows], exact.decided[rows], labels=range(len(GRADES))
            ).tolist()
        )
        for name, rows in chosen.items()
    }


def _reliability(items: Columns, manifest: Manifest) -> Reliability:
    exact = items[items.exact]
    return Reliability(
        temperature=manifest.calibration.grade_temperature,
        before=reliability_bins(exact.uncalibrated, exact.best),
        after=reliability_bins(exact.probabilities, exact.best),
    )


def reliability_bins(
    probabilities: Floats, truth: NDArray[np.integer[Any]]
) -> tuple[ReliabilityBin, ...]:
    """Ten bins of equal width by the top probability of (N, 4)."""
    confidence = top(probabilities)
    right = probabilities.argmax(axis=1) == truth
    bins = weighted.bin_of(confidence)

    def mean(values: NDArray[Any], chosen: NDArray[np.bool_]) -> float | None:
        return float(values[chosen].mean()) if chosen.any() else None

    return tuple(
        ReliabilityBin(
            items=int((bins == b).sum()),
            confidence=mean(confidence, bins == b),
            accuracy=mean(right, bins == b),
        )
        for b in range(weighted.BINS)
    )
