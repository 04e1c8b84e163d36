"""A training run: from labelled pictures to a verified bundle."""

from __future__ import annotations

import hashlib
import math
import platform
import shutil
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import structlog
import torch

from datasets.manifest import fingerprint
from model.contract import GRADES, Bundle, DamageType, Grade, Manifest
from model.contract.bundle import NETWORK, Calibration, Conformal, Golden, Graph, Thresholds
from model.decision import grade_probabilities
from model.export import ExportedNetwork, export
from model.familiarity import Unfamiliarity
from model.network import GradingNetwork
from model.runtime import Grader
from training.cache import cached_pictures
from training.calibrate import (
    conformal_quantile,
    damage_temperature,
    grade_temperature,
    map_threshold,
)
from training.card import RunFacts, write_card
from training.checkpoint import Checkpoint
from training.config import TrainingConfig
from training.evaluation.evaluate import evaluate_with
from training.evaluation.familiarity import synthetic
from training.examples import (
    Example,
    load_examples,
    of_split,
    source_numbers,
    taught_damage_types,
)
from training.fit import fit
from training.golden import golden_pictures
from training.int8 import FEWEST_PICTURES, add_int8
from training.network_card import with_network_section
from training.packaging import finish, put_in_place, with_goldens
from training.predict import Predictions, predict
from training.progress import Track
from training.proof import prove
from training.sampling import sampling_weights
from training.start import starting_network
from training.targets import Targets, make_targets

_log = structlog.get_logger(__name__)


def train(config: TrainingConfig, out: Path, command: str, track: Track) -> Bundle:
    """Fit, calibrate, export, evaluate and package.

    Args:
        config: The run.
        out: Folder for the checkpoint and the bundle; a run that was cut short goes on from it.
        command: What was typed, for the card.
        track: Shows progress.

    Returns:
        The verified bundle, in ``out / "bundle"``.

    Raises:
        TrainingError: Configuration or pictures cannot be used.
        ExportError: The ONNX file does not decide as the network.
    """
    started = time.monotonic()
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    examples = load_examples(config.data)
    taught = of_split(examples, "train")
    types = taught_damage_types(taught, config.min_damage_examples)
    _log.info("training", pictures=len(taught), damage_types=[str(kind) for kind in types])

    out.mkdir(parents=True, exist_ok=True)
    network = starting_network(types, config.start)
    pictures = cached_pictures(taught, config.cached_size, config.cache, track)
    targets = make_targets(taught, types)
    weights = sampling_weights(taught, config.fit.source_power)
    checkpoint = Checkpoint(out / "checkpoint.pt", _run_id(config, taught), types)
    history = fit(network, pictures, targets, weights, config, checkpoint, track)

    exported, draft = _calibrate(network, config, examples, types, track)
    folder = out / "bundle.partial"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    graph = export(
        exported,
        folder / NETWORK,
        config.input_size,
        name=draft.name,
        version=draft.version,
    )
    manifest = with_goldens(draft.model_copy(update={"graph": graph}), folder, golden_pictures())
    grader = Grader(Bundle.load(folder), threads=config.threads)
    held_out = of_split(examples, "val")
    squashed = cached_pictures(held_out, config.input_size, config.cache, track)
    proof = prove(exported, grader, held_out, squashed, track)
    manifest = _with_int8(manifest, folder, examples, track)
    metrics = {
        "validation": evaluate_with(grader, held_out, track, synthetic()).figures.model_dump(
            mode="json"
        ),
        "export": proof.figures(),
        "losses": history,
    }
    minutes = (time.monotonic() - started) / 60
    facts = RunFacts(command, minutes, _machine(), manifest.git_commit, manifest.created_at)
    manifest = manifest.model_copy(update={"metrics": metrics})
    card = with_network_section(write_card(config.name, examples, metrics, facts), manifest)
    finish(manifest, card, folder)
    return put_in_place(folder, out / "bundle")


def _calibrate(
    network: GradingNetwork,
    config: TrainingConfig,
    examples: list[Example],
    types: tuple[DamageType, ...],
    track: Track,
) -> tuple[ExportedNetwork, Manifest]:
    """Measure on the calibration split all that the manifest states."""
    taught, held_out = of_split(examples, "train"), of_split(examples, "calibration")
    every = math.ceil(len(taught) / config.calibration.familiarity_pictures)
    seen = predict(
        network,
        cached_pictures(taught, config.cached_size, config.cache, track)[::every],
        config.input_size,
        track,
        "features of train",
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
    unfamiliarity = Unfamiliarity.fit(seen.features, sources, directions)
    unfamiliarity.calibrate(answers.features, settings.familiarity_quantile)
    calibration, conformal = _grade_calibration(answers, targets, settings.coverage)
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
            quality=config.decision.quality,
        ),
        golden=tuple(
            Golden(image=name, grade=Grade.NEW, probabilities={}) for name in golden_pictures()
        ),
        files={},
        data_fingerprint=fingerprint(example.row for example in examples),
        git_commit=_git_commit(),
        metrics={},
    )
    return ExportedNetwork(network, unfamiliarity), draft


def _grade_calibration(
    answers: Predictions, targets: Targets, coverage: float
) -> tuple[Calibration, Conformal]:
    logits = answers.grade_logits.numpy()
    best, worst = targets.best.numpy(), targets.worst.numpy()
    temperature = grade_temperature(logits, best, worst)
    exact = best == worst
    quantile = conformal_quantile(
        grade_probabilities(logits[exact], temperature), best[exact], coverage
    )
    of_damage = damage_temperature(
        answers.damage_logits.numpy(), targets.present.numpy(), targets.known.numpy()
    )
    return (
        Calibration(grade_temperature=temperature, damage_temperature=of_damage),
        Conformal(coverage=coverage, quantile=quantile),
    )


def _map_thresholds(
    answers: Predictions, targets: Targets, types: tuple[DamageType, ...]
) -> dict[DamageType, float]:
    peaks, present, known = (
        tensor.numpy() for tensor in (answers.peaks, targets.present, targets.known)
    )
    return {
        kind: map_threshold(peaks[:, t], present[:, t], known[:, t]) for t, kind in enumerate(types)
    }


def _with_int8(manifest: Manifest, folder: Path, examples: list[Example], track: Track) -> Manifest:
    calibration = of_split(examples, "calibration")
    if len(calibration) < FEWEST_PICTURES:
        _log.warning("int8_not_tried", calibration=len(calibration), needed=FEWEST_PICTURES)
        return manifest
    return add_int8(manifest, folder, calibration, of_split(examples, "val"), track)


def _run_id(config: TrainingConfig, taught: list[Example]) -> str:
    data = fingerprint(example.row for example in taught)
    return hashlib.sha256(f"{config} {data}".encode()).hexdigest()


def _git_commit() -> str:
    git = shutil.which("git")
    if git is None:
        return "unknown"
    found = subprocess.run(  # noqa: S603  (a fixed command)
        [git, "rev-parse", "HEAD"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip() or "unknown"


def _machine() -> str:
    return f"{platform.machine()} CPU, {torch.get_num_threads()} threads, torch {torch.__version__}"
