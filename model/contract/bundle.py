"""The bundle: one directory that is a model, and the manifest that says what is in it.

``model.onnx``, and ``model.int8.onnx`` where the bundle has it, take ``images`` (N, H, W, 3) uint8
RGB of any H and W, which the graph squashes to the input size as ``model.pictures.resize`` does
(a picture that has the size already is only passed on). They give

==================  =========================  ==================================================
``grade_logits``    (N, 3) float32             P(grade worse than k) before calibration, k = new,
                                               lightly used, repairable; falls along k
``damage_logits``   (N, T) float32             one per damage type of the manifest
``damage_maps``     (N, T, S / 8, S / 8)       probability per cell, float32; S is the input size
``unfamiliarity``   (N,) float32               distance to the training data in feature space
==================  =========================  ==================================================
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from model.contract.labels import GRADES, DamageType, Grade

MANIFEST = "manifest.json"
NETWORK = "model.onnx"
INT8_NETWORK = "model.int8.onnx"
CARD = "card.md"
SHIPPED = Path(__file__).parent.parent / "bundles" / "returns"
FORMAT_VERSION: Final = 2


class Precision(StrEnum):
    """Numbers that a network computes with. The float network is the reference."""

    FP32 = "fp32"
    INT8 = "int8"


class BundleError(Exception):
    """A bundle cannot be used; ``path`` says which, the message says why and what to do."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"bundle {path}: {problem}")
        self.path = path


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Calibration(_Part):
    """Turns logits into probabilities: divided by the temperature, then the sigmoid."""

    grade_temperature: float = Field(gt=0)
    damage_temperature: float = Field(gt=0)


class Conformal(_Part):
    """Split-conformal prediction sets, contiguous (see ``model.decision.prediction_set``)."""

    coverage: float = Field(
        gt=0, lt=1, description="Nominal share of items whose set holds the truth."
    )
    quantiles: dict[Grade, float] = Field(
        description="Calibrated score of each grade up to which it is in the set; at least 0."
    )

    @model_validator(mode="after")
    def _one_for_each_grade(self) -> Self:
        if set(self.quantiles) != set(GRADES) or min(self.quantiles.values()) < 0:
            raise ValueError(f"quantiles needs one of at least 0 for each of {[*GRADES]}")
        return self


class QualityLimits(_Part):
    """Pictures outside these limits go to a person."""

    min_brightness: float
    max_brightness: float
    min_sharpness: float
    min_side_px: int


class Thresholds(_Part):
    """What a site may edit without an export."""

    costs: tuple[tuple[float, ...], ...] = Field(
        description="costs[true][decided], in units of a review; grades in order, diagonal 0."
    )
    review_cost: float = Field(description="Expected cost above which an item goes to a person.")
    max_unfamiliarity: float = Field(gt=0)
    damage: dict[DamageType, float] = Field(description="Map probability that makes a box.")
    list_damage_from: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Probability of a type from which its boxes are listed.",
    )
    quality: QualityLimits

    @model_validator(mode="after")
    def _square(self) -> Self:
        n = len(GRADES)
        if len(self.costs) != n or any(len(row) != n for row in self.costs):
            raise ValueError(f"costs must be {n} x {n}, one row per true grade")
        return self


class Golden(_Part):
    """A picture and the answer that this bundle must give for it."""

    image: str = Field(description="File in the bundle.")
    grade: Grade
    probabilities: dict[Grade, float]
    tolerance: float = Field(default=0.02, description="Largest difference of a probability.")


class Graph(_Part):
    """What an ONNX file is made of."""

    opset: int
    operators: int
    producer: str


class SweepResult(_Part):
    """One way to make the INT8 network, measured on the calibration split."""

    recipe: str
    mean_probability_difference: float = Field(
        description="From the float network, over pictures and grades."
    )
    decisions_differ: int


class Loss(_Part):
    """Points that INT8 loses of a figure, with the 95 % interval of paired resamples."""

    points: float
    low: float | None = Field(description="None: the items are too few or too alike for one.")
    high: float | None


class Trial(_Part):
    """The INT8 network beside the float one; decides whether a bundle may carry it.

    What it lost is in points (hundredths), float minus INT8: above 0 the INT8 network is worse. None
    where the labels do not allow the figure.
    """

    accepted: bool
    reason: str
    items: int
    accuracy_lost: float | None = Field(description="Interval accuracy: within what labels allow.")
    macro_f1_lost: float | None
    kappa_lost: float | None
    auroc_lost: float | None = Field(description="Damaged against new.")
    coverage_lost: float | None = Field(description="Prediction sets that hold the exact grade.")
    losses: dict[str, Loss] = Field(
        default={}, description="Of damage types, places and coverage, with what chance explains."
    )
    decisions_differ: int = Field(description="Items with another grade, set or review.")
    grades_differ: int
    speed_ratio: float = Field(description="Time of float over time of INT8: batch 1, one thread.")
    machine: str
    sweep: tuple[SweepResult, ...] = Field(description="The first is the one that was taken.")


class Int8(_Part):
    """The INT8 network.

    It shares calibration and thresholds with the float one, so that the two decide alike and a site
    edits them once; its answers to the golden pictures are its own.
    """

    graph: Graph
    golden: tuple[Golden, ...] = Field(min_length=1)


class Manifest(_Part):
    """``manifest.json``."""

    format_version: Literal[2] = FORMAT_VERSION
    name: str
    version: str
    created_at: str
    grades: tuple[Grade, ...]
    damage_types: tuple[DamageType, ...]
    input_size: int = Field(gt=0, description="Side of the square input, px.")
    resize: Literal["squash"] = "squash"
    graph: Graph
    calibration: Calibration
    conformal: Conformal
    thresholds: Thresholds
    golden: tuple[Golden, ...] = Field(min_length=1)
    int8: Int8 | None = Field(default=None, description="None: no INT8 network in the bundle.")
    int8_trial: Trial | None = Field(default=None, description="None: none was tried.")
    files: dict[str, str] = Field(description="SHA-256 of every other file in the bundle.")
    data_fingerprint: str
    git_commit: str
    metrics: dict[str, Any] = Field(description="Figures of the run; card.md explains them.")

    @model_validator(mode="after")
    def _labels_known(self) -> Self:
        if self.grades != GRADES:
            raise ValueError(f"grades must be {[g.value for g in GRADES]}, in this order")
        missing = set(self.damage_types) - set(self.thresholds.damage)
        if missing:
            raise ValueError(f"thresholds.damage lacks {sorted(missing)}")
        return self


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle on disk whose files are the ones that its manifest names."""

    path: Path
    manifest: Manifest
    precision: Precision = Precision.FP32

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read and verify.

        Raises:
            BundleError: No manifest, an invalid one or one of another format, or a file that is
                missing, changed or extra.
        """
        data = read_manifest_bytes(path)
        _refuse_other_formats(path, data)
        try:
            manifest = Manifest.model_validate_json(data)
        except ValidationError as error:
            raise BundleError(path, f"{MANIFEST} is not valid: {error}") from error
        required = {NETWORK, CARD, *(golden.image for golden in manifest.golden)}
        if manifest.int8 is not None:
            required |= {INT8_NETWORK, *(golden.image for golden in manifest.int8.golden)}
        verify_files(path, manifest.files, required)
        return cls(path, manifest)

    @property
    def network(self) -> Path:
        """The ONNX file of this precision."""
        return self.path / (NETWORK if self.precision is Precision.FP32 else INT8_NETWORK)

    @property
    def precisions(self) -> tuple[Precision, ...]:
        """What the bundle has a network for."""
        has_int8 = self.manifest.int8 is not None
        return (Precision.FP32, Precision.INT8) if has_int8 else (Precision.FP32,)

    def at(self, precision: Precision) -> Bundle:
        """The bundle as the network of this precision answers.

        Raises:
            BundleError: The bundle has no such network.
        """
        if precision is self.precision:
            return self
        own = self.manifest.int8
        if self.precision is not Precision.FP32 or own is None:
            trial = self.manifest.int8_trial
            why = f" ({trial.reason})" if trial is not None else ""
            raise BundleError(
                self.path,
                f"it has no {precision} network{why}; use --precision fp32, or make one from "
                f"labelled pictures with `regrade export --bundle {self.path} --manifest ...`",
            )
        manifest = self.manifest.model_copy(update={"graph": own.graph, "golden": own.golden})
        return Bundle(self.path, manifest, precision)


def read_manifest_bytes(path: Path) -> bytes:
    """The manifest of the bundle at `path`, of whatever format.

    Raises:
        BundleError: There is none.
    """
    try:
        return (path / MANIFEST).read_bytes()
    except OSError as error:
        raise BundleError(path, f"no readable {MANIFEST} ({error.strerror})") from error


def _refuse_other_formats(path: Path, data: bytes) -> None:
    try:
        found = json.loads(data)
    except ValueError as error:
        raise BundleError(path, f"{MANIFEST} is not valid: {error}") from error
    version = found.get("format_version") if isinstance(found, dict) else None
    match version:
        case 2:
            return
        case 1:
            what = f"has the old format 1; write it anew with `regrade export --bundle {path}`"
        case int() if version > FORMAT_VERSION:
            what = f"has format {version}, newer than this release reads; update Regrade"
        case _:
            what = f"is not valid: format_version is {version!r}, not {FORMAT_VERSION}"
    raise BundleError(path, f"{MANIFEST} {what}")


def verify_files(path: Path, hashes: dict[str, str], required: set[str]) -> None:
    """Require that exactly the files with a hash lie in `path`, unchanged, and `required` among them.

    Raises:
        BundleError: A file is missing, changed, extra or without a hash.
    """
    present = {file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()} - {
        MANIFEST
    }
    named = set(hashes)
    if missing := named - present:
        raise BundleError(path, f"files are missing: {sorted(missing)}; copy the bundle again")
    if extra := present - named:
        raise BundleError(path, f"files that the manifest does not name: {sorted(extra)}")
    if unnamed := required - named:
        raise BundleError(path, f"the manifest has no hash for {sorted(unnamed)}")
    for name, expected in hashes.items():
        if sha256_of(path / name) != expected:
            raise BundleError(path, f"{name} is not the file that was exported (its hash differs)")
