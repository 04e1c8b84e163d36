"""Measures of the simulated belt, from a small TOML file."""

from __future__ import annotations

import math
import tomllib
from functools import cached_property
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sorter_control.errors import SettingsError
from sorter_control.protocol import LaneGeometry
from sorter_control.tags import MAX_LANES

SHORTEST_MM = 50
LONGEST_MM = 600
DEFAULT = Path(__file__).with_name("belt.toml")


class Belt(BaseModel):
    """The keys of ``belt.toml``, which explains them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    speed_mm_s: int = Field(gt=0, le=5000)
    pulses_per_m: int = Field(ge=100, le=10000)
    infeed_mm: int = Field(gt=0)
    camera_mm: int = Field(gt=0)
    diverts_mm: tuple[int, ...] = Field(min_length=1, max_length=MAX_LANES - 1)
    run_out_mm: int = Field(gt=0, le=60000)
    confirm_mm: int = Field(gt=0)
    actuator_response_ms: int = Field(ge=0)
    no_return_margin_mm: int = Field(gt=0)
    window_mm: int = Field(gt=0)
    min_gap_mm: int = Field(gt=0)
    max_failures: int = Field(gt=0)
    scan_ms: int = Field(gt=0, le=100)
    host_timeout_ms: int = Field(gt=0, le=65535)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        stations = (self.camera_mm, *self.diverts_mm, self.run_out_mm)
        if list(stations) != sorted(set(stations)):
            raise ValueError("camera_mm, diverts_mm and run_out_mm must grow along the belt")
        if self.no_return_mm(self.diverts_mm[0]) <= LONGEST_MM:
            raise ValueError("the first divert's point of no return is under the induct photo-eye")
        if self.camera_mm >= SHORTEST_MM:
            raise ValueError(f"camera_mm must be less than the shortest item, {SHORTEST_MM} mm")
        if self.response_mm + self.no_return_margin_mm >= self.min_gap_mm:
            raise ValueError("min_gap_mm must exceed the travel from point of no return to divert")
        return self

    @property
    def response_mm(self) -> int:
        """Belt travel while a divert moves, rounded up."""
        return math.ceil(self.speed_mm_s * self.actuator_response_ms / 1000)

    def no_return_mm(self, divert_mm: int) -> int:
        """Where it is too late for a command to reach the divert."""
        return divert_mm - self.response_mm - self.no_return_margin_mm

    @cached_property
    def lanes(self) -> tuple[LaneGeometry, ...]:
        """Every lane from lane 1; the last is the run-out, which needs no divert."""
        diverts = tuple(
            LaneGeometry(mm, self.no_return_mm(mm), mm + self.confirm_mm) for mm in self.diverts_mm
        )
        end = self.run_out_mm
        return (*diverts, LaneGeometry(end, self.no_return_mm(end), end))

    @property
    def run_out(self) -> int:
        """Number of the last lane."""
        return len(self.diverts_mm) + 1

    def pulses(self, mm: float) -> int:
        """Encoder pulses of a distance."""
        return round(mm * self.pulses_per_m / 1000)


def load_belt(path: Path = DEFAULT, *, speed_mm_s: int | None = None) -> Belt:
    """The belt of a TOML file, with another speed if one is given.

    Raises:
        SettingsError: The file cannot be read, or describes no possible belt.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        if speed_mm_s is not None:
            values["speed_mm_s"] = speed_mm_s
        return Belt.model_validate(values)
    except (OSError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise SettingsError(f"belt {path}: {error}") from error
