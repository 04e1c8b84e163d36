"""Draft: what a bundle's manifest states, measured on the calibration split."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import torch

from datasets.manifest import fingerprint
from datasets.progress import Track
from model.contract import GRADES, DamageType, Grade, Manifest
from model.contract.bundle import Calibration, Conformal, Golden, Graph, Thresholds
from model.export import ExportedNetwork
from model.familiarity import Unfamiliarity
from model.network import GradingNetwork
from training.cache import cached_pictures
from training.calibrate import (
    conformal_quantiles,
    cross_fitted,
    damage_temperature,
    grade_temperature,
    map_thresholds,
)
from training.config import TrainingConfig
from training.examples import Example, of_split, source_numbers, views_of
from training.golden import golden_pictures
from training.judged import Judged
from training.objective import cells_of
from training.predict import Predictions, predict
from training.provenance import git_commit
from training.targets import Targets, make_targets


def calibrated(
    network: GradingNetwork,
    config: TrainingConfig,
    examples: list[Example],
    types: tuple[DamageType, ...],
    track: Track,
) -> tuple[ExportedNetwork, Manifest]:
    """Measure on the calibration split all that the manifest states.

    Returns:
        What the ONNX file is to compute, and the manifest but for goldens, files and figures.

    Raises:
        DataError: A split is empty.
    """
    taught, held_out = of_split(examples, "train"), of_split(examples, "calibration")
    every = math.ceil(len(taught) / config.calibration.familiarity_pictures)
    seen = predict(
        network,
        cached_pictures(taught, config.cached_size, config.cache, track)[::every],
        config.input_size,
        track,
        "statistics of train",
    )
    answers = predict(
        network,
        cached_pictures(held_out, config.input_size, config.cache, track),
        config.input_size,
        track,
        "calibration split",
    )
    targets = make_targets(held_out, types)
    settings = config.calibration
    sources = torch.tensor(source_numbers(taught[::every]))
    directions = min(settings.familiarity_directions, len(sources) - 1)
    unfamiliarity = Unfamiliarity.fit(seen.statistics, sources, directions)
    unfamiliarity.calibrate(answers.statistics, views_of(held_out), settings.familiarity_quantile)
    judged = Judged.of(held_out, answers, targets)
    calibration, conformal = _calibration(judged, settings.coverage)
    now = datetime.now(UTC)
    draft = Manifest(
        name=config.name,
        version=now.strftime("%Y.%m.%d-%H%M"),
        created_at=now.isoformat(timespec="seconds"),
        grades=GRADES,
        damage_types=types,
        input_size=config.input_size,
        graph=Graph(opset=0, operators=0, producer=""),  # known once it is exported
        calibration=calibration,
        conformal=conformal,
        thresholds=Thresholds(
            costs=config.decision.costs,
            review_cost=config.decision.review_cost,
            max_unfamiliarity=config.decision.max_unfamiliarity,
            damage=_map_thresholds(answers, targets, types),
            list_damage_from=config.decision.list_damage_from,
            quality=config.decision.quality,
        ),
        golden=tuple(
            Golden(image=name, grade=Grade.NEW, probabilities={}) for name in golden_pictures()
        ),
        files={},
        data_fingerprint=fingerprint(example.row for example in examples),
        git_commit=git_commit(),
        metrics={},
    )
    return ExportedNetwork(network, unfamiliarity), draft


def _calibration(judged: Judged, coverage: float) -> tuple[Calibration, Conformal]:
    labelled = (judged.grade_logits, judged.best, judged.worst)
    temperature = grade_temperature(*labelled)
    exact = judged.best == judged.worst
    probabilities = cross_fitted(*labelled, judged.group)
    quantiles = conformal_quantiles(probabilities[exact], judged.best[exact], coverage)
    of_damage = damage_temperature(judged.damage_logits, judged.present, judged.known)
    return (
        Calibration(grade_temperature=temperature, damage_temperature=of_damage),
        Conformal(coverage=coverage, quantiles=quantiles),
    )


def _map_thresholds(
    answers: Predictions, targets: Targets, types: tuple[DamageType, ...]
) -> dict[DamageType, float]:
    cells = cells_of(targets.regions.float(), answers.maps.shape[-1])
    unknown = ~targets.everywhere[:, :, None, None] & (cells == 0)
    cells = torch.where(unknown, -1, cells)
    tensors = (answers.maps, targets.present, targets.known, cells)
    thresholds = map_thresholds(*(tensor.numpy() for tensor in tensors))
    return dict(zip(types, thresholds, strict=True))
