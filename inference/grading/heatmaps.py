"""Why a verdict is as it is: where on each picture the model sees each type of damage."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Self

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from model.contract import DamageType, ModelRef, Verdict
from model.decision import Floats


class HeatMap(BaseModel):
    """Probability of one type of damage over one picture."""

    model_config = ConfigDict(frozen=True)

    type: DamageType
    png: str = Field(
        description="Base64 of a grey PNG, one pixel a cell: 255 is probability 1. Stretch it over "
        "the whole picture."
    )


class Explanation(BaseModel):
    """Heat maps of one item."""

    model_config = ConfigDict(frozen=True)

    model: ModelRef = Field(description="Which network saw the pictures for these maps.")
    rows: int = Field(description="Cells of a map from top to bottom.")
    columns: int = Field(description="Cells of a map from left to right.")
    views: tuple[tuple[HeatMap, ...], ...] = Field(
        description="For each picture, in the request's order, one map per damage type."
    )

    @classmethod
    def of(cls, maps: Floats, types: Sequence[DamageType], model: ModelRef) -> Self:
        """Draw the maps.

        Args:
            maps: (V, T, h, w) probabilities.
            types: T damage types, in the order of the maps.
            model: Which network they are of.
        """
        return cls(
            model=model,
            rows=maps.shape[2],
            columns=maps.shape[3],
            views=tuple(
                tuple(
                    HeatMap(type=damage_type, png=_png(cells))
                    for damage_type, cells in zip(types, of_view, strict=True)
                )
                for of_view in maps
            ),
        )


class ExplainedVerdict(Verdict):
    """A verdict, with its heat maps where they were asked for."""

    explanation: Explanation | None = Field(
        default=None, description="Only in replies to `explain=true`; it is not stored."
    )


def _png(cells: Floats) -> str:
    grey = np.rint(255 * cells.clip(0, 1)).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(grey).save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()
