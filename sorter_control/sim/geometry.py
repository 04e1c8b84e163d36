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
_BLIND_MM = 20
INDUCT = 0
"""Number of the induct photo-eye; those before the diverts and those of the lanes follow it."""
DEFAULT = Path(__file__).with_name("belt.toml")
LOOP = Path(__file__).with_name("loop.toml")


class Belt(BaseModel):
    """The keys of ``belt.toml`` and ``loop.toml``, which explain them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    speed_mm_s: int = Field(gt=0, le=5000)
    pulses_per_m: int = Field(ge=100, le=10000)
    infeed_mm: int = Field(gt=0)
    diverts_mm: tuple[int, ...] = Field(min_length=1, max_length=MAX_LANES - 1)
    run_out_mm: int = Field(gt=0, le=60000)
    check_mm: int = Field(gt=0)
    confirm_mm: int = Field(gt=0)
    actuator_response_ms: int = Field(ge=0)
    no_return_margin_mm: int = Field(gt=0)
    window_mm: int = Field(gt=0)
    debounce_mm: int = Field(gt=0, lt=SHORTEST_MM)
    min_gap_mm: int = Field(gt=0)
    max_failures: int = Field(gt=0)
    lane_capacity: int = Field(gt=0)
    take_away_s: float = Field(gt=0)
    scan_ms: int = Field(gt=0, le=100)
    host_timeout_ms: int = Field(gt=0, le=65535)
    return_mm: int | None = Field(default=None, gt=0, le=60000)
    max_recirculations: int = Field(default=0, ge=0, le=100)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        stations = (*self.diverts_mm, self.run_out_mm)
        if list(stations) != sorted(set(stations)):
            raise ValueError("diverts_mm and run_out_mm must grow along the belt")
        if self.diverts_mm[0] - self.check_mm <= LONGEST_MM:
            raise ValueError("check_mm before the first divert is under the induct photo-eye")
        if self.seen_from_mm > SHORTEST_MM:
            raise ValueError(
                f"at {self.speed_mm_s} mm/s, scans of {self.scan_ms} ms and debounce_mm"
                f" {self.debounce_mm} a photo-eye sees nothing below {self.seen_from_mm} mm, and"
                f" items are from {SHORTEST_MM} mm: give scan_ms or speed_mm_s a lower value"
            )
        if self.response_mm + self.no_return_margin_mm >= self.min_gap_mm:
            raise ValueError("min_gap_mm must exceed the travel from point of no return to divert")
        seen_mm = LONGEST_MM + self.min_gap_mm + self.debounce_mm + self.scan_mm
        if self.check_mm < self.response_mm + self.no_return_margin_mm + seen_mm:
            raise ValueError(
                f"check_mm must let an item of {LONGEST_MM} mm and the gap behind it pass before"
                " the point of no return"
            )
        return self

    @property
    def response_mm(self) -> int:
        """Belt travel while a divert moves, rounded up."""
        return math.ceil(self.speed_mm_s * self.actuator_response_ms / 1000)

    @property
    def scan_mm(self) -> int:
        """Belt travel in one scan, rounded up: as exactly as this an edge is known."""
        return math.ceil(self.speed_mm_s * self.scan_ms / 1000)

    @property
    def seen_from_mm(self) -> int:
        """Shortest object that no photo-eye can overlook.

        Its front is found up to one scan late, and counts at the first scan after which the belt
        has gone on by the debouncing distance with the photo-eye still blocked.
        """
        return self.scan_mm * (1 + math.ceil(self.debounce_mm / self.scan_mm))

    @property
    def length_error_mm(self) -> int:
        """How much two photo-eyes may differ about the length of one item."""
        return 2 * self.debounce_mm + 2 * self.scan_mm

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

    @cached_property
    def run_out(self) -> int:
        """Number of the last lane."""
        return len(self.diverts_mm) + 1

    @cached_property
    def loop_lane(self) -> int:
        """Lane that leads back to the infeed; 0 on a belt without a way back."""
        return len(self.diverts_mm) if self.return_mm else 0

    @cached_property
    def loop_mm(self) -> int:
        """Travel of an item from the induct photo-eye round to it again; 0 without a way back."""
        return self.diverts_mm[-1] + self.return_mm if self.return_mm else 0

    @cached_property
    def eyes_mm(self) -> tuple[int, ...]:
        """Where each photo-eye is: induct, one before each divert, one in each lane."""
        checks = (mm - self.check_mm for mm in self.diverts_mm)
        return (0, *checks, *(lane.confirm_mm for lane in self.lanes))

    @cached_property
    def checks(self) -> range:
        """Numbers of the photo-eyes before the diverts."""
        return range(1, self.run_out)

    @cached_property
    def blind_scans(self) -> int:
        """Scans without a pulse after which the encoder is dead."""
        return max(3, math.ceil(_BLIND_MM / self.scan_mm))

    @cached_property
    def at_rest(self) -> tuple[bool, ...]:
        """Outputs of the diverts where none has to stand across the belt."""
        return (False,) * len(self.diverts_mm)

    @cached_property
    def debounce_pulses(self) -> int:
        """``debounce_mm`` by the encoder."""
        return self.pulses(self.debounce_mm)

    @cached_property
    def jam_pulses(self) -> tuple[int, ...]:
        """For each photo-eye, for how long it is not blocked by anything that moves.

        On the belt and where it ends two items may touch; behind a divert they may not.
        """
        alone = [0 < self.lane_of_eye(eye) < self.run_out for eye in range(len(self.eyes_mm))]
        return tuple(
            self.pulses((1 if one else 2) * LONGEST_MM + self.length_error_mm) for one in alone
        )

    def lane_eye(self, lane: int) -> int:
        """Number of a lane's photo-eye."""
        return self.run_out - 1 + lane

    def lane_of_eye(self, eye: int) -> int:
        """Lane of a photo-eye; 0 for one that stands on the belt."""
        return max(0, eye - self.run_out + 1)

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
