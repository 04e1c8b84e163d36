"""The bundle: one directory that is a model, and the manifest that says what is in it.

``model.onnx`` takes ``images`` (N, H, W, 3) uint8 RGB and gives

==================  =========================  ==================================================
``grade_logits``    (N, 3) float32             P(grade worse than k) before calibration, k = new,
                                               lightly used, repairable; falls along k
``damage_logits``   (N, T) float32             one per damage type of the manifest
``damage_maps``     (N, T, H / s, W / s)       probability per cell, float32
``unfamiliarity``   (N,) float32               distance to the training data in feature space
==================  =========================  ==================================================
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from model.contract.labels import GRADES, DamageType, Grade

MANIFEST = "manifest.json"
NETWORK = "model.onnx"
CARD = "card.md"
SHIPPED = Path(__file__).parent.parent / "bundles" / "returns"


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
    """Split-conformal prediction sets, contiguous (see ``model.decision.conformal_scores``)."""

    coverage: float = Field(
        gt=0, lt=1, description="Nominal share of items whose set holds the truth."
    )
    quantile: float = Field(ge=0, description="Calibrated score up to which a grade is in the set.")


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


class Manifest(_Part):
    """``manifest.json``."""

    format_version: Literal[1] = 1
    name: str
    version: str
    created_at: str
    grades: tuple[Grade, ...]
    damage_types: tuple[DamageType, ...]
    input_size: int = Field(gt=0, description="Side of the square input, px.")
    resize: Literal["squash"] = "squash"
    calibration: Calibration
    conformal: Conformal
    thresholds: Thresholds
    golden: tuple[Golden, ...] = Field(min_length=1)
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

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read and verify.

        Raises:
            BundleError: No manifest, an invalid one, or a file that is missing, changed or extra.
        """
        try:
            manifest = Manifest.model_validate_json((path / MANIFEST).read_bytes())
        except OSError as error:
            raise BundleError(path, f"no readable {MANIFEST} ({error.strerror})") from error
        except ValidationError as error:
            raise BundleError(path, f"{MANIFEST} is not valid: {error}") from error
        _verify_files(path, manifest)
        return cls(path, manifest)

    @property
    def network(self) -> Path:
        """The ONNX file."""
        return self.path / NETWORK


def _verify_files(path: Path, manifest: Manifest) -> None:
    present = {file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()} - {
        MANIFEST
    }
    named = set(manifest.files)
    if missing := named - present:
        raise BundleError(path, f"files are missing: {sorted(missing)}; copy the bundle again")
    if extra := present - named:
        raise BundleError(path, f"files that the manifest does not name: {sorted(extra)}")
    required = {NETWORK, CARD, *(golden.image for golden in manifest.golden)}
    if unnamed := required - named:
        raise BundleError(path, f"the manifest has no hash for {sorted(unnamed)}")
    for name, expected in manifest.files.items():
        if sha256_of(path / name) != expected:
            raise BundleError(path, f"{name} is not the file that was exported (its hash differs)")
