"""A training run: from labelled pictures to a verified bundle."""

from __future__ import annotations

import hashlib
import shutil
import time
from contextlib import closing
from pathlib import Path

import structlog
import torch
from lightning_fabric import Fabric

from datasets.manifest import fingerprint
from datasets.progress import Track, silently
from model.contract import Bundle, DamageType, Manifest
from model.contract.bundle import NETWORK
from model.deploy import deployed
from model.export import export
from model.network import BACKBONES, GradingNetwork
from model.runtime import Grader
from training.cache import cached_pictures
from training.card import RunFacts, write_card
from training.checkpoint import Checkpoint, History, State
from training.config import TrainingConfig, by_table, effective, identity
from training.devices import described, launch
from training.draft import calibrated
from training.evaluation.evaluate import evaluate_with
from training.evaluation.familiarity import synthetic
from training.examples import Example, load_examples, of_split, taught_damage_types
from training.features import kept_activations
from training.feeds import Feed, Pictures
from training.fit import Surroundings, begin, fit
from training.golden import golden_pictures
from training.int8 import FEWEST_PICTURES, add_int8
from training.logbook import Logbook, Nothing, open_logbook
from training.monitor import held_out_figures
from training.network_card import with_network_section
from training.packaging import finish, put_in_place, with_goldens
from training.proof import prove
from training.sampling import dice_of, sampling_weights
from training.start import keep_some, starting_network
from training.targets import make_targets

_log = structlog.get_logger(__name__)


def train(config: TrainingConfig, out: Path, command: str, track: Track) -> Bundle | None:
    """Fit, calibrate, export, evaluate and package.

    Args:
        config: The run.
        out: Folder for the checkpoint and the bundle; a run that was cut short goes on from it.
        command: What was typed, for the card.
        track: Shows progress.

    Returns:
        The verified bundle, in ``out / "bundle"``; None in all processes but the first.

    Raises:
        TrainingError: Configuration or pictures cannot be used.
        ExportError: The ONNX file does not decide as the network.
        StoppedError: A signal asked to stop, and the state is saved.
    """
    started = time.monotonic()
    fabric = launch(config)
    track = track if fabric.is_global_zero else silently
    examples = load_examples(config.data)
    types = taught_damage_types(of_split(examples, "train"), config.min_damage_examples)
    held_out = of_split(examples, "val")  # before the hours that come first
    network, history = fitted(config, examples, types, out, fabric, track)
    if not fabric.is_global_zero:
        return None

    exported, draft = calibrated(deployed(network), config, examples, types, track)
    folder = out / "bundle.partial"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    graph = export(
        exported, folder / NETWORK, config.input_size, name=draft.name, version=draft.version
    )
    manifest = with_goldens(draft.model_copy(update={"graph": graph}), folder, golden_pictures())
    grader = Grader(Bundle.load(folder), threads=config.threads)
    squashed = cached_pictures(held_out, config.input_size, config.cache, track)
    proof = prove(exported, grader, held_out, squashed, track)
    manifest = _with_int8(manifest, folder, examples, track)
    evaluation = evaluate_with(grader, held_out, track, synthetic())
    metrics = {
        "validation": evaluation.figures.model_dump(mode="json"),
        "export": proof.figures(),
        "losses": history,
    }
    minutes = (time.monotonic() - started) / 60
    facts = RunFacts(
        command,
        BACKBONES[config.backbone].timm_name,
        minutes,
        described(fabric),
        manifest.git_commit,
        manifest.created_at,
    )
    manifest = manifest.model_copy(update={"metrics": metrics})
    card = with_network_section(write_card(config.name, examples, metrics, facts), manifest)
    finish(manifest, card, folder)
    return put_in_place(folder, out / "bundle")


def fitted(
    config: TrainingConfig,
    examples: list[Example],
    types: tuple[DamageType, ...],
    out: Path,
    fabric: Fabric,
    track: Track,
) -> tuple[GradingNetwork, History]:
    """The trained network, on the CPU, and the figures of each epoch; goes on from `out`.

    Raises:
        TrainingError: Configuration or pictures cannot be used.
        StoppedError: A signal asked to stop, and the state is saved.
    """
    taught, held_out = of_split(examples, "train"), of_split(examples, "calibration")
    state = begin(_start(types, config), config.fit, fabric.device)
    checkpoint = Checkpoint(out / "checkpoint.pt", _run_id(config, taught), types)
    checkpoint.load(state)
    if fabric.is_global_zero:
        _announce(config, out, state, len(taught), types)
    with closing(_logbook(config, out, state, fabric)) as logbook:
        with fabric.rank_zero_first():
            feed = feed_of(config, taught, types, state.network, fabric, track)
            side = config.input_size
            calibration = cached_pictures(held_out, side, config.cache, track)
        targets = make_targets(held_out, types)
        around = Surroundings(
            fabric,
            checkpoint,
            logbook,
            track,
            held_out=lambda average: held_out_figures(average, calibration, targets, side),
        )
        weights = sampling_weights(taught, config.fit.source_power, config.fit.label_power)
        fit(state, feed, weights, config, around)
    average: GradingNetwork = state.average.module.cpu()
    if config.fit.keep_start:
        keep_some(average, _start(types, config), config.fit.keep_start)
    return average, state.history


def _start(types: tuple[DamageType, ...], config: TrainingConfig) -> GradingNetwork:
    torch.manual_seed(dice_of(config.seed, "heads"))
    return starting_network(types, config)


def feed_of(
    config: TrainingConfig,
    taught: list[Example],
    types: tuple[DamageType, ...],
    network: GradingNetwork,
    fabric: Fabric,
    track: Track,
) -> Feed:
    """Where the run's batches come from: decoded pictures, or activations that were kept."""
    pixels = cached_pictures(taught, config.cached_size, config.cache, track)
    pictures = Pictures(pixels, make_targets(taught, types), config, fabric.device)
    if config.features is None:
        return pictures
    return kept_activations(network, pictures, taught, types, config.features, track)


def _logbook(config: TrainingConfig, out: Path, state: State, fabric: Fabric) -> Logbook:
    if not fabric.is_global_zero:
        return Nothing()
    return open_logbook(out, config.name, config.logger, state.step)


def _announce(
    config: TrainingConfig,
    out: Path,
    state: State,
    pictures: int,
    types: tuple[DamageType, ...],
) -> None:
    """Say in the log, and in the run's folder, what is about to run."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.toml").write_text(effective(config), "utf-8")
    for name, values in by_table(config).items():
        _log.info("configuration", table=name, keys=values)
    _log.info(
        "training",
        pictures=pictures,
        damage_types=[str(kind) for kind in types],
        from_step=state.step,
    )


def _with_int8(manifest: Manifest, folder: Path, examples: list[Example], track: Track) -> Manifest:
    calibration = of_split(examples, "calibration")
    if len(calibration) < FEWEST_PICTURES:
        _log.warning("int8_not_tried", calibration=len(calibration), needed=FEWEST_PICTURES)
        return manifest
    return add_int8(manifest, folder, calibration, of_split(examples, "val"), track)


def _run_id(config: TrainingConfig, taught: list[Example]) -> str:
    data = fingerprint(example.row for example in taught)
    return hashlib.sha256(f"{identity(config)} {data}".encode()).hexdigest()
