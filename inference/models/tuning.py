"""Other thresholds for the same network: pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from model.contract import GRADES, DamageType, Manifest
from model.contract.bundle import Golden, Thresholds
from model.decision import least_cost


class ThresholdChanges(BaseModel):
    """What a site may change of a bundle's thresholds; what is left out stays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    costs: tuple[tuple[float, ...], ...] | None = Field(
        default=None, description="costs[true][decided], in units of a review; 4 x 4."
    )
    review_cost: float | None = Field(
        default=None, gt=0, description="Expected cost above which an item goes to a person."
    )
    max_unfamiliarity: float | None = Field(default=None, gt=0)
    damage: dict[DamageType, float] = Field(
        default={}, description="Map probability that makes a box, for some types."
    )
    list_damage_from: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Probability of a type from which its boxes are listed.",
    )
    quality: dict[str, float] = Field(
        default={},
        description="Some of `min_brightness`, `max_brightness`, `min_sharpness`, `min_side_px`.",
    )


class TuningError(Exception):
    """Thresholds that cannot be used; the message says why."""


def tuned(manifest: Manifest, changes: ThresholdChanges, version: str) -> Manifest:
    """The manifest with other thresholds, as another version.

    The golden pictures keep the probabilities that their exporter saw; the grades that follow from
    them are those of the new costs.

    Raises:
        TuningError: The thresholds are not valid, or the same as before.
    """
    before = manifest.thresholds.model_dump()
    after = before | changes.model_dump(exclude_none=True, exclude={"damage", "quality"})
    after["damage"] = before["damage"] | changes.damage
    after["quality"] = before["quality"] | changes.quality
    try:
        thresholds = Thresholds.model_validate(after)
    except ValidationError as error:
        raise TuningError(f"the thresholds are not valid: {_said(error)}") from error
    unknown = set(changes.damage) - set(manifest.damage_types)
    if unknown:
        raise TuningError(f"the model does not judge {sorted(unknown)}")
    if thresholds == manifest.thresholds:
        raise TuningError("the thresholds are the same as before")
    update: dict[str, Any] = {
        "version": version,
        "thresholds": thresholds,
        "golden": _regraded(manifest.golden, thresholds),
    }
    if manifest.int8 is not None:
        update["int8"] = manifest.int8.model_copy(
            update={"golden": _regraded(manifest.int8.golden, thresholds)}
        )
    return manifest.model_copy(update=update)


def _regraded(golden: Iterable[Golden], thresholds: Thresholds) -> tuple[Golden, ...]:
    return tuple(
        each.model_copy(
            update={
                "grade": least_cost(
                    np.array([each.probabilities.get(grade, 0.0) for grade in GRADES]),
                    thresholds.costs,
                )[0]
            }
        )
        for each in golden
    )


def _said(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, each['loc']))}: {each['msg']}".lstrip(": ") for each in error.errors()
    )
