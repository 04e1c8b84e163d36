"""Configuration of a training run: one TOML file, read into frozen values."""

from __future__ import annotations

import tomllib
from dataclasses import field
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from model.contract.bundle import QualityLimits
from training.errors import ConfigError

SHIPPED_CONFIGS = Path(__file__).parent / "configs"
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=_STRICT)
class Data:
    """One manifest. Paths are relative to the directory that the command runs in."""

    manifest: Path
    root: Path | None = None
    """Folder that the manifest's pictures are relative to; None: the manifest's own."""


@dataclass(frozen=True, config=_STRICT)
class Fit:
    """How the weights are learned."""

    epochs: int
    warmup_epochs: int
    """First epochs in which only the heads learn."""
    pictures_per_epoch: int
    batch_size: int
    backbone_rate: float
    heads_rate: float
    weight_decay: float
    first_trainable_part: int
    """See ``GradingNetwork.train_from``."""
    source_power: float
    """A source of n pictures is drawn in proportion to n to this power; 0 draws all alike."""


@dataclass(frozen=True, config=_STRICT)
class LossWeights:
    """Weights relative to the grade loss."""

    damage: float
    maps: float
    positive: float
    """Weight of a present damage, or a damaged cell, relative to an absent one."""


@dataclass(frozen=True, config=_STRICT)
class Augmentation:
    """Random changes that keep a picture's label but break the shortcuts to it."""

    min_crop: float
    """Smallest side of a crop, as a share of the picture's."""
    max_rotation_deg: float
    brightness: float
    """Largest change, as a share of full scale."""
    contrast: float
    saturation: float
    hue_deg: float
    grey: float
    """Share of pictures that lose their colour."""
    degrade: float
    """Share of pictures that are scaled down and up again, so that resolution says nothing."""
    min_degraded_px: int


@dataclass(frozen=True, config=_STRICT)
class CalibrationSettings:
    """What is measured on the calibration split."""

    coverage: float
    familiarity_quantile: float
    familiarity_directions: int
    familiarity_pictures: int
    """About how many training pictures, evenly spread, describe what is familiar."""


@dataclass(frozen=True, config=_STRICT)
class Decision:
    """Starting thresholds of the bundle; a site edits them in its manifest.json."""

    costs: tuple[tuple[float, ...], ...]
    review_cost: float
    max_unfamiliarity: float
    quality: QualityLimits


@dataclass(frozen=True, config=_STRICT)
class TrainingConfig:
    """One run."""

    name: str
    seed: int
    threads: int
    input_size: int
    """Side of the network's square input, px; a multiple of 32."""
    cached_size: int
    """Side at which training pictures are kept, px; crops are taken from it."""
    cache: Path
    min_damage_examples: int
    """A damage type with fewer pictures that show it is not taught."""
    fit: Fit
    loss: LossWeights
    augment: Augmentation
    calibration: CalibrationSettings
    decision: Decision
    start: Path | None = None
    """Checkpoint of an earlier run to go on from; None: ImageNet weights."""
    data: tuple[Data, ...] = field(default=())


def load_config(path: Path) -> TrainingConfig:
    """Read a run's TOML file; a bare name of a shipped configuration works too.

    Raises:
        ConfigError: No such file, not TOML, or a key that is unknown, missing or of a wrong type.
    """
    file = path if path.exists() else SHIPPED_CONFIGS / path.name
    try:
        table = tomllib.loads(file.read_text("utf-8"))
    except OSError:
        shipped = sorted(config.name for config in SHIPPED_CONFIGS.glob("*.toml"))
        raise ConfigError(f"{path}: no such file; the shipped ones are {shipped}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: {error}") from error
    try:
        return TypeAdapter(TrainingConfig).validate_python(table)
    except ValidationError as error:
        found = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg'].lower()}"
            for problem in error.errors()
        )
        raise ConfigError(f"{file}: {found}") from error
