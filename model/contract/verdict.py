"""The verdict: what the model says of one item, as lines, operators and the store read it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from model.contract.items import Identifier
from model.contract.labels import DamageType, Grade

Probability = Annotated[float, Field(ge=0.0, le=1.0)]


class ReviewReason(StrEnum):
    """Why a person should look at the item."""

    UNCERTAIN_GRADE = "uncertain_grade"
    UNFAMILIAR = "unfamiliar"
    POOR_IMAGE = "poor_image"


class QualityIssue(StrEnum):
    """What makes a picture unfit to grade from."""

    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    BLURRED = "blurred"
    TOO_SMALL = "too_small"


class Box(BaseModel):
    """Axis-aligned box in fractions of the picture's width and height, origin at the top left."""

    model_config = ConfigDict(frozen=True)

    x_min: Probability
    y_min: Probability
    x_max: Probability
    y_max: Probability

    @model_validator(mode="after")
    def _not_inside_out(self) -> Self:
        if self.x_min >= self.x_max or self.y_min >= self.y_max:
            raise ValueError("a box needs x_min < x_max and y_min < y_max")
        return self


class Damage(BaseModel):
    """One damaged place on one view of the item."""

    model_config = ConfigDict(frozen=True)

    type: DamageType
    probability: Probability
    view: int = Field(ge=0, description="Index of the picture, in the order of the request.")
    box: Box


class ViewQuality(BaseModel):
    """How fit one picture is to grade from."""

    model_config = ConfigDict(frozen=True)

    brightness: float = Field(description="Mean luma, 0 (black) to 1 (white).")
    sharpness: float = Field(description="Variance of the Laplacian of luma in 0..1.")
    issues: tuple[QualityIssue, ...] = ()


class Assessment(BaseModel):
    """What a bundle makes of one item's pictures: a pure function of pixels and manifest."""

    model_config = ConfigDict(frozen=True)

    grade: Grade = Field(description="The grade of least expected cost.")
    probabilities: dict[Grade, Probability] = Field(description="Calibrated; they sum to 1.")
    prediction_set: tuple[Grade, ...] = Field(
        description="Conformal set, contiguous in grade order, at the manifest's coverage."
    )
    expected_cost: float = Field(description="Expected cost of acting on `grade`, in cost units.")
    damage_probabilities: dict[DamageType, Probability]
    damages: tuple[Damage, ...]
    unfamiliarity: float = Field(description="Distance to the training data; 1 is the limit.")
    quality: tuple[ViewQuality, ...]
    needs_review: bool
    review_reasons: tuple[ReviewReason, ...]

    @property
    def decision(self) -> tuple[Grade, tuple[Grade, ...], tuple[ReviewReason, ...]]:
        """What an export or another precision must not change: grade, set and review."""
        return self.grade, self.prediction_set, self.review_reasons

    @model_validator(mode="after")
    def _review_has_reasons(self) -> Self:
        if self.needs_review != bool(self.review_reasons):
            raise ValueError("needs_review must be true exactly when review_reasons has an entry")
        return self


class ModelRef(BaseModel):
    """Which bundle graded."""

    model_config = ConfigDict(frozen=True)

    name: str
    version: str


class Timings(BaseModel):
    """Where the time of one request went, in milliseconds."""

    model_config = ConfigDict(frozen=True)

    decode_ms: float
    queue_ms: float
    model_ms: float
    total_ms: float


class Verdict(Assessment):
    """An assessment with the identity of what was graded, by what, when."""

    verdict_id: Identifier
    capture_id: Identifier
    item_id: Identifier
    graded_at: AwareDatetime
    model: ModelRef
    images: tuple[str, ...] = Field(description="SHA-256 of each picture, in the request's order.")
    timings: Timings
