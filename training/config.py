"""Configuration of a training run: a TOML file of differences from the defaults written here."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import tomli_w
from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    RootModel,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic.dataclasses import dataclass

from model.contract.bundle import QualityLimits
from training.errors import ConfigError

SHIPPED_CONFIGS = Path(__file__).parent / "configs"
_STRICT = ConfigDict(extra="forbid", use_attribute_docstrings=True)
#: Keys that change where or how a run works, never its weights.
_WITHOUT_EFFECT = ("cache", "checkpoint_minutes", "logger")
_STRIDE = 32
_UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")  # of a dataclass, of a model

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0)]
Weight = Annotated[float, Field(ge=0)]


@dataclass(frozen=True, config=_STRICT)
class Data:
    """One manifest. Paths are relative to the directory that the command runs in."""

    manifest: Path
    """JSON Lines, made by `regrade data import` or `regrade data render`."""
    root: Path | None = None
    """Folder that the manifest's pictures are relative to; left out: the manifest's own."""


@dataclass(frozen=True, config=_STRICT)
class Fit:
    """How the weights are learned."""

    epochs: Count = 6
    """How often `pictures_per_epoch` are drawn; calibration figures are logged after each."""
    warmup_epochs: Count = 1
    """First epochs in which only the heads learn, so that their random start does not spoil the backbone."""
    pictures_per_epoch: Positive = 2400
    """Drawn with replacement over all processes together, so an epoch's time does not grow with the data."""
    batch_size: Positive = 32
    """Pictures of one step over all processes together."""
    backbone_rate: Rate = 4e-4
    """Peak learning rate of the backbone's last part (AdamW)."""
    heads_rate: Rate = 2e-3
    """Peak learning rate of the heads, which start at random and so have further to go."""
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Each part's rate relative to the part after it: under 1 the early, general layers move less."""
    weight_decay: Weight = 0.02
    """Of matrices and filters; biases and norms have none."""
    first_trainable_part: Annotated[int, Field(ge=0, le=9)] = 3
    """First part of the backbone that learns: 0 the stem, 1 to 7 the stages, 8 the last convolution, 9 none.
    The stem and the first two stages see edges and colours, which need no relearning, and cost the most."""
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.998
    """Decay of the moving average of the weights, which is what the bundle gets; 0: the last weights.
    It rises from 0 with the steps, so that short runs do not keep their start."""
    keep_start: Share = 0.0
    """Share of the starting weights in the result (WiSE-FT): the line between the two often has better
    weights than either end. It is applied after the last epoch, so it may be changed then, without
    training again."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Before the grade head, as the pretrained classifier had it."""
    drop_path: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Stochastic depth: largest chance that a residual block is skipped."""
    source_power: Share = 0.65
    """A source of n pictures is drawn in proportion to n to this power; 0 draws all sources alike."""
    label_power: Share = 0.0
    """The same for a source's grade labels, within the source: 0 draws all labels alike, so that the
    source does not tell the grade; 1 as they occur, so that probabilities fit goods of that mix."""


@dataclass(frozen=True, config=_STRICT)
class LossWeights:
    """What is compared with the labels, relative to the grade loss."""

    grade: Literal["interval", "cross_entropy"] = "interval"
    """interval: ordinal logits that learn from ranges of grades too. cross_entropy: a plain softmax
    that learns from exact grades only."""
    damage: Weight = 0.5
    """Weight of the damage types' image-level loss."""
    maps: Weight = 0.5
    """Weight of the loss on the maps' cells; 0: maps learn from image labels alone."""
    positive: Rate = 3.0
    """Weight of a present damage, or a damaged cell, relative to an absent one: they are rarer."""


@dataclass(frozen=True, config=_STRICT)
class Augmentation:
    """Random changes that keep a picture's label but break the shortcuts to it."""

    min_crop: Annotated[float, Field(gt=0, le=1)] = 0.85
    """Smallest side of a crop, as a share of the picture's; small crops cut damage away."""
    max_rotation_deg: Weight = 10.0
    """Goods lie a little askew on a belt."""
    flip: Literal["none", "horizontal", "both"] = "horizontal"
    """both: for goods without an up and down, such as solar cells."""
    brightness: Share = 0.15
    """Largest change, as a share of full scale."""
    contrast: Share = 0.3
    """Largest relative change."""
    saturation: Share = 0.5
    """Largest relative change."""
    hue_deg: Weight = 25.0
    """Largest turn of the colours, so that a product's colour says nothing."""
    grey: Share = 0.15
    """Share of pictures that lose their colour."""
    degrade: Share = 0.4
    """Share of pictures that are scaled down and up again, so that resolution says nothing."""
    min_degraded_px: Positive = 80
    """Smallest side that they are scaled down to."""
    erase: Share = 0.0
    """Share of pictures in which a grey rectangle hides up to a fifth (random erasing)."""
    mixup: Share = 0.0
    """Share of pictures into which another is blended, by up to a half; both pictures' labels count by
    their part (mixup). It keeps probabilities honest where pictures are few."""


@dataclass(frozen=True, config=_STRICT)
class FeatureCache:
    """Run the frozen part of the backbone once, and train the rest on what it gave."""

    copies: Positive = 6
    """Augmented copies of each picture that are kept; one of them is drawn each time."""
    max_gb: Rate = 8.0
    """Refuse to write more than this to the disk."""


@dataclass(frozen=True, config=_STRICT)
class CalibrationSettings:
    """What is measured on the calibration split."""

    coverage: Annotated[float, Field(gt=0, lt=1)] = 0.9
    """Share of items whose prediction set holds their grade."""
    familiarity_quantile: Annotated[float, Field(gt=0, lt=1)] = 0.99
    """Share of the split's items that count as familiar."""
    familiarity_directions: Positive = 64
    """Principal directions in which distance is measured."""
    familiarity_pictures: Positive = 1500
    """About how many training pictures, evenly spread, describe what is familiar."""


class Quality(QualityLimits):
    """Pictures outside these limits go to a person."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    min_brightness: float = 0.12
    """Mean brightness, 0 to 1."""
    max_brightness: float = 0.985
    """Mean brightness, 0 to 1."""
    min_sharpness: float = 0.00005
    """Variance of the picture's Laplacian; a blurred picture hides damage."""
    min_side_px: int = 96
    """Shorter side of the picture as it was sent."""


@dataclass(frozen=True, config=_STRICT)
class Decision:
    """Starting thresholds of the bundle; a site edits them in its manifest.json."""

    costs: tuple[tuple[float, ...], ...] = (
        (0.0, 2.0, 4.0, 8.0),
        (5.0, 0.0, 2.0, 5.0),
        (12.0, 5.0, 0.0, 3.0),
        (16.0, 8.0, 3.0, 0.0),
    )
    """costs[true][decided] in units of one review; new, lightly used, repairable, salvage. A damaged item
    sold as new costs the most."""
    review_cost: Weight = 1.0
    """Expected cost above which a person decides."""
    max_unfamiliarity: Rate = 1.0
    """Unfamiliarity above which a person decides, relative to the calibrated limit."""
    list_damage_from: Share = 0.3
    """Probability of a damage type in an item from which its boxes are listed; they would only distract
    where the type is unlikely."""
    quality: Quality = field(default_factory=Quality)


@dataclass(frozen=True, config=_STRICT)
class TrainingConfig:
    """One run. Only `name` and `data` have no default."""

    name: str
    """Name of the bundle, and of the run's folder under runs/."""
    data: Annotated[tuple[Data, ...], Field(min_length=1)]
    """Manifests of labelled pictures, one [[data]] table each."""
    seed: Count = 7
    """The same seed, data, configuration and machine give the same weights, bit for bit."""
    threads: Positive = 2
    """CPU threads of each process."""
    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """auto: a GPU where torch finds one."""
    precision: Annotated[Literal["32", "auto", "bf16", "16"], BeforeValidator(str)] = "32"
    """bf16 and 16: mixed precision; 16 needs a GPU. auto: bf16 where the GPU or the processor computes it
    itself, 32 elsewhere; a processor that does not takes ten times as long for it."""
    backbone: Literal["lite0", "lite1", "lite2"] = "lite0"
    """EfficientNet-Lite; a larger one takes more time, in training and on the line."""
    input_size: Annotated[int, Field(ge=_STRIDE, multiple_of=_STRIDE)] = 224
    """Side of the network's square input, px."""
    cached_size: Positive = 256
    """Side at which training pictures are kept, px; crops are taken from it."""
    cache: Path = Path("runs/cache")
    """Folder of decoded pictures and frozen features, shared by runs."""
    checkpoint_minutes: Weight = 5.0
    """Most work that `kill -9` can cost; the state is also saved after each epoch."""
    logger: Literal["none", "tensorboard", "mlflow"] = "none"
    """Where figures go beside metrics.jsonl in the run's folder."""
    min_damage_examples: Positive = 20
    """A damage type with fewer training pictures that show it, or that are known to be free of it, is not
    taught."""
    start: Path | None = None
    """Where to start from: a bundle's folder or the checkpoint of an earlier run; left out: ImageNet weights."""
    fit: Fit = field(default_factory=Fit)
    loss: LossWeights = field(default_factory=LossWeights)
    augment: Augmentation = field(default_factory=Augmentation)
    features: FeatureCache | None = None
    """A [features] table, even an empty one, turns feature caching on."""
    calibration: CalibrationSettings = field(default_factory=CalibrationSettings)
    decision: Decision = field(default_factory=Decision)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.cached_size < self.input_size:
            raise ValueError(
                f"cached_size {self.cached_size} is below input_size {self.input_size}; "
                "crops would only be enlarged"
            )
        if self.fit.warmup_epochs > self.fit.epochs:
            raise ValueError("fit.warmup_epochs is more than fit.epochs")
        if self.fit.keep_start and self.start is None:
            raise ValueError(
                "fit.keep_start needs `start`: heads that are random are not worth keeping"
            )
        if self.precision == "16" and self.accelerator == "cpu":
            raise ValueError("precision 16 needs a GPU; a CPU takes 32 or bf16")
        if self.features and self.augment.mixup:
            raise ValueError("augment.mixup blends pictures; leave it or [features] out")
        if self.features and self.fit.first_trainable_part == 0:
            raise ValueError("[features] needs a frozen part: set fit.first_trainable_part over 0")
        return self


def load_config(path: Path, changes: Iterable[str] = ()) -> TrainingConfig:
    """Read a run's TOML file; a bare name of a shipped configuration works too.

    Args:
        path: The file.
        changes: ``key=value`` with a dotted key and a TOML value, laid over the file.

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
    for change in changes:
        _apply(table, change)
    try:
        return TypeAdapter(TrainingConfig).validate_python(table)
    except ValidationError as error:
        found = "; ".join(_described(problem) for problem in error.errors())
        raise ConfigError(f"{file}: {found}") from error


def effective(config: TrainingConfig) -> str:
    """The whole configuration as TOML, defaults written out: itself a valid configuration."""
    return tomli_w.dumps(_plain(config))


def by_table(config: TrainingConfig) -> dict[str, dict[str, Any]]:
    """The whole configuration in short: name of each table -> its keys, the top level as 'run'."""
    table = _plain(config)
    inner = {key: value for key, value in table.items() if isinstance(value, dict)}
    return {"run": {key: value for key, value in table.items() if key not in inner}, **inner}


def identity(config: TrainingConfig) -> str:
    """All that can change the weights that a checkpoint holds, as text."""
    table = _plain(config)
    del table["fit"]["keep_start"]
    return repr(sorted((key, table[key]) for key in table if key not in _WITHOUT_EFFECT))


def _plain(config: TrainingConfig) -> dict[str, Any]:
    table: dict[str, Any] = RootModel[TrainingConfig](config).model_dump(
        mode="json", exclude_none=True
    )
    return table


def _apply(table: dict[str, Any], change: str) -> None:
    key, equals, value = change.partition("=")
    *parents, last = key.strip().split(".")
    inner = _inner_table(table, parents)
    if not equals or inner is None:
        raise ConfigError(f"--set {change}: write it as key=value, such as fit.epochs=3")
    inner[last] = _value(value.strip())


def _inner_table(table: Any, names: Sequence[str]) -> dict[str, Any] | None:
    """The table at the end of the names, made where it is missing; None: there can be none."""
    if not names:
        return table if isinstance(table, dict) else None
    name, *rest = names
    if isinstance(table, dict):
        return _inner_table(table.setdefault(name, {}), rest)
    if isinstance(table, list) and name.isdecimal() and int(name) < len(table):
        return _inner_table(table[int(name)], rest)
    return None


def _value(text: str) -> Any:
    """A TOML value; what is none, such as a bare word, is text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _described(problem: Mapping[str, Any]) -> str:
    place = ".".join(str(part) for part in problem["loc"])
    if problem["type"] in _UNKNOWN:
        return f"{place}: unknown key"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{place}: {message[0].lower()}{message[1:]}" if place else message
