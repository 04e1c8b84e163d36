"""Runs for comparisons: trained, calibrated and exported as `regrade train` does it, without INT8 and proof."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from datasets.progress import on_terminal
from model.contract import Bundle
from model.contract.bundle import NETWORK
from model.deploy import deployed
from model.export import export
from model.runtime import Grader
from training.config import TrainingConfig
from training.devices import launch
from training.draft import calibrated
from training.examples import Example, of_split, taught_damage_types
from training.golden import golden_pictures
from training.packaging import with_goldens
from training.run import fitted


def trained(config: TrainingConfig, examples: Sequence[Example], folder: Path) -> Grader:
    """A grader of a bundle in `folder`; a run that was cut short there goes on."""
    pictures = list(examples)
    types = taught_damage_types(of_split(pictures, "train"), config.min_damage_examples)
    network, _ = fitted(config, pictures, types, folder, launch(config), on_terminal)
    exported, draft = calibrated(deployed(network), config, pictures, types, on_terminal)
    bundle = folder / "bundle"
    bundle.mkdir(exist_ok=True)
    graph = export(
        exported, bundle / NETWORK, config.input_size, name=draft.name, version=draft.version
    )
    with_goldens(draft.model_copy(update={"graph": graph}), bundle, golden_pictures())
    return Grader(Bundle.load(bundle), threads=config.threads)
