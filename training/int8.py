"""The INT8 network of a bundle: made from calibration pictures, kept only if it earns its place.

Ranges and recipe come from the calibration split, acceptance from the validation split.
"""

from __future__ import annotations

import math
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datasets.progress import Track
from model.contract import Bundle, Manifest, Precision
from model.contract.bundle import INT8_NETWORK, Graph, Int8, SweepResult, Trial
from model.decision import RawOutputs, assess, grade_probabilities
from model.quantise import RangeMethod, Recipe, quantise
from model.runtime import Grader, Network
from training.acceptance import judge, losses
from training.cache import cached_pictures
from training.errors import DataError
from training.evaluation.evaluate import point_figures
from training.evaluation.graded import grade_items
from training.examples import Example
from training.packaging import golden_answers, seal
from training.provenance import processor

Pictures = NDArray[np.uint8]

RECIPES = (
    Recipe(RangeMethod.MIN_MAX, 0),
    Recipe(RangeMethod.PERCENTILE, 0),
    Recipe(RangeMethod.ENTROPY, 0),
    Recipe(RangeMethod.MIN_MAX, 4),
    Recipe(RangeMethod.MIN_MAX, 8),
    Recipe(RangeMethod.MIN_MAX, 16),
)
_CLOSE = 0.005
"""Half a point: a mean difference of the probabilities up to which a network counts as the same."""
_RANGE_PICTURES = 64
FEWEST_PICTURES = 8
_BATCH = 16
_LOSSES = ("interval_accuracy", "macro_f1", "quadratic_kappa", "damaged_auroc", "coverage")
_ROUNDS = 60


@dataclass(frozen=True, slots=True)
class Candidate:
    """An INT8 network and how close it comes to the float one on the calibration split."""

    recipe: Recipe
    path: Path
    graph: Graph
    result: SweepResult


def add_int8(
    manifest: Manifest,
    folder: Path,
    calibration: Sequence[Example],
    held_out: Sequence[Example],
    track: Track,
) -> Manifest:
    """Try an INT8 network and leave it in `folder` if it is accepted.

    Args:
        manifest: Manifest of the bundle, with the answers of its golden pictures.
        folder: The bundle, whole; it is sealed anew.
        calibration: Pictures that choose ranges and recipe.
        held_out: Pictures that decide whether it is accepted.
        track: Shows progress.

    Returns:
        The manifest, with the trial's record and, if accepted, the network's facts.

    Raises:
        DataError: A picture cannot be read, or there are too few.
    """
    if len(calibration) < FEWEST_PICTURES:
        raise DataError(
            f"{len(calibration)} pictures to calibrate INT8 with; it needs {FEWEST_PICTURES} in the "
            "split 'calibration'"
        )
    plain = manifest.model_copy(update={"int8": None, "int8_trial": None})
    (folder / INT8_NETWORK).unlink(missing_ok=True)
    bundle = seal(plain, folder)
    with tempfile.TemporaryDirectory() as scratch:
        pictures = cached_pictures(calibration, plain.input_size, Path(scratch), track)
        expected = _answers(bundle.network, pictures)
        candidates = best_first(_sweep(bundle, pictures, expected, Path(scratch), track))
        shutil.copy(candidates[0].path, folder / INT8_NETWORK)
    unproved = Int8(graph=candidates[0].graph, golden=plain.golden)
    offered = plain.model_copy(update={"int8": unproved})
    goldens = golden_answers(Grader(seal(offered, folder), precision=Precision.INT8))
    offered = plain.model_copy(update={"int8": unproved.model_copy(update={"golden": goldens})})
    trial = _try(seal(offered, folder), held_out, tuple(c.result for c in candidates), track)
    if trial.accepted:
        return offered.model_copy(update={"int8_trial": trial})
    (folder / INT8_NETWORK).unlink()
    return plain.model_copy(update={"int8_trial": trial})


def _sweep(
    bundle: Bundle, pictures: Pictures, expected: RawOutputs, folder: Path, track: Track
) -> list[Candidate]:
    chosen = np.linspace(0, len(pictures) - 1, min(len(pictures), _RANGE_PICTURES)).astype(int)
    found = []
    for number, recipe in enumerate(track(RECIPES, "INT8: try recipes", len(RECIPES))):
        path = folder / f"{number}.onnx"
        graph = quantise(bundle.network, pictures[chosen], recipe, path)
        answers = _answers(path, pictures)
        temperature = bundle.manifest.calibration.grade_temperature
        apart = np.abs(
            grade_probabilities(answers.grade_logits, temperature)
            - grade_probabilities(expected.grade_logits, temperature)
        )
        result = SweepResult(
            recipe=str(recipe),
            mean_probability_difference=float(apart.mean()),
            decisions_differ=sum(
                assess(answers[n : n + 1], (), bundle.manifest).decision
                != assess(expected[n : n + 1], (), bundle.manifest).decision
                for n in range(len(pictures))
            ),
        )
        found.append(Candidate(recipe, path, graph, result))
    return found


def best_first(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The fastest that is close to the float network, else the closest one."""

    def rank(candidate: Candidate) -> tuple[bool, int, float]:
        apart = candidate.result.mean_probability_difference
        close = apart <= _CLOSE
        return not close, candidate.recipe.float_to_stride if close else 0, apart

    return sorted(candidates, key=rank)


def _answers(path: Path, pictures: Pictures) -> RawOutputs:
    network = Network(path)
    return RawOutputs.joined(
        [network.run(pictures[n : n + _BATCH]) for n in range(0, len(pictures), _BATCH)]
    )


def _try(
    bundle: Bundle, held_out: Sequence[Example], sweep: tuple[SweepResult, ...], track: Track
) -> Trial:
    of_floats = Grader(bundle)
    of_ints = Grader(bundle, precision=Precision.INT8)
    floats, ints = (grade_items(grader, held_out, track) for grader in (of_floats, of_ints))
    of_both = [point_figures(graded, bundle.manifest) for graded in (floats, ints)]
    lost = {name: _points(*(each[name] for each in of_both)) for name in _LOSSES}
    pairs = [(a.assessment, b.assessment) for a, b in zip(floats, ints, strict=True)]
    labelled = sum(item.grade is not None for item in floats)
    ratio = speed_ratio(of_floats.network, of_ints.network, bundle.manifest.input_size)
    shown = losses(floats, ints, bundle.manifest)
    accepted, reason = judge(labelled, lost["interval_accuracy"], lost["macro_f1"], shown, ratio)
    return Trial(
        accepted=accepted,
        reason=reason,
        items=len(floats),
        accuracy_lost=lost["interval_accuracy"],
        macro_f1_lost=lost["macro_f1"],
        kappa_lost=lost["quadratic_kappa"],
        auroc_lost=lost["damaged_auroc"],
        coverage_lost=lost["coverage"],
        losses=shown,
        decisions_differ=sum(a.decision != b.decision for a, b in pairs),
        grades_differ=sum(a.grade is not b.grade for a, b in pairs),
        speed_ratio=ratio,
        machine=processor(),
        sweep=sweep,
    )


def _points(ours: float | None, theirs: float | None) -> float | None:
    return None if ours is None or theirs is None else 100 * (ours - theirs)


def speed_ratio(floats: Network, ints: Network, side: int) -> float:
    """Median processor time of `floats` over that of `ints` for one picture, measured in turns.

    Processor time, so that other work on the machine does not decide.
    """
    picture = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), dtype=np.uint8)
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(_ROUNDS):
        for network, taken in zip((floats, ints), times, strict=True):
            began = time.process_time()
            network.run(picture)
            taken.append(time.process_time() - began)
    ratio = statistics.median(times[0]) / statistics.median(times[1])
    return ratio if math.isfinite(ratio) else 0.0
