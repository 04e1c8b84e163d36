"""The routing policy: a TOML file that a site edits, checked before anything moves."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from model.contract import GRADES, Grade, ItemFacts
from sorter_control.errors import SettingsError
from sorter_control.tags import MAX_LANES

SHIPPED = Path(__file__).with_name("policy.toml")

LaneNumber = Annotated[int, Field(ge=1, le=MAX_LANES)]


class Hold(StrEnum):
    """Facts that decide before any grade, in the order in which they are looked at."""

    HAZARDOUS = "hazardous"
    RECALLED = "recalled"
    FRAUD_HOLD = "fraud_hold"

    def applies_to(self, facts: ItemFacts) -> bool:
        """Whether the item is under this hold."""
        match self:
            case Hold.HAZARDOUS:
                return facts.hazardous
            case Hold.RECALLED:
                return facts.recalled
            case Hold.FRAUD_HOLD:
                return facts.fraud_hold


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LaneChoice(_Part):
    """One lane."""

    lane: str


class GradeLanes(LaneChoice):
    """The lane of a grade, and the lanes to try where it is closed."""

    otherwise: tuple[str, ...] = ()


class Policy(_Part):
    """A valid policy; ``policy.toml`` explains the keys."""

    lanes: dict[str, LaneNumber]
    fail_safe: LaneChoice
    holds: dict[Hold, str]
    review: LaneChoice
    grades: dict[Grade, GradeLanes]
    recirculate: LaneChoice | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if missing := [hold.value for hold in Hold if hold not in self.holds]:
            raise ValueError(f"[holds] lacks {missing}: safety, recall and fraud need a lane")
        if missing := [grade.value for grade in GRADES if grade not in self.grades]:
            raise ValueError(f"[grades] lacks {missing}: every grade needs a lane")
        if unknown := sorted(set(self._lanes_named()) - set(self.lanes)):
            raise ValueError(f"lanes {unknown} are used but not in [lanes]")
        if twice := [n for n, count in Counter(self.lanes.values()).items() if count > 1]:
            raise ValueError(f"[lanes] gives number {twice[0]} to two lanes")
        return self

    @model_validator(mode="after")
    def _nothing_sold_above_its_grade(self) -> Self:
        better: set[str] = set()
        for grade in GRADES:
            choice = self.grades[grade]
            if wrong := better.intersection(choice.otherwise) - {self.fail_safe.lane}:
                raise ValueError(
                    f"{grade.value} items could be sold through {min(wrong)}, the lane of a"
                    " better grade: take it out of `otherwise`"
                )
            better.add(choice.lane)
        return self

    def _lanes_named(self) -> Iterable[str]:
        yield self.fail_safe.lane
        yield self.review.lane
        if self.recirculate is not None:
            yield self.recirculate.lane
        yield from self.holds.values()
        for choice in self.grades.values():
            yield from (choice.lane, *choice.otherwise)

    def require_lanes(self, lane_count: int) -> None:
        """Check that a sorter with so many lanes is the one that this policy is for.

        Raises:
            SettingsError: A lane does not exist, or the fail-safe lane is not the run-out.
        """
        missing = [name for name, number in self.lanes.items() if number > lane_count]
        fail_safe = self.lanes[self.fail_safe.lane]
        if missing or fail_safe != lane_count:
            raise SettingsError(
                f"the PLC has {lane_count} lanes, the last one is the run-out: the policy names"
                f" {dict(self.lanes)} with {self.fail_safe.lane} as the fail-safe, which must be"
                " the run-out"
            )

    def lane_name(self, number: int) -> str:
        """Name of the PLC's lane; one that the policy does not name is 'lane-N'."""
        names = {value: name for name, value in self.lanes.items()}
        return names.get(number, f"lane-{number}")


def load_policy(path: Path = SHIPPED) -> Policy:
    """Read and check a policy.

    Raises:
        SettingsError: The file cannot be read, or is not a policy; the message names the key.
    """
    try:
        return Policy.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'file'}: {problem['msg']}"
            for problem in error.errors()
        )
        raise SettingsError(f"policy {path}: {problems}") from error
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"policy {path}: {error}") from error
