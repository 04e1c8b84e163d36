"""What can go wrong on a line: the kinds of faults, and scenario files that name them.

The numbers are those of the table in docs/sorter.md, which says what catches each.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sorter_control.errors import SettingsError


class Kind(StrEnum):
    """What goes wrong."""

    SLIP = "slip"
    TOUCH = "touch"
    CHATTER = "chatter"
    TAKE = "take"
    ADD = "add"
    NO_READ = "no_read"
    NO_VERDICT = "no_verdict"
    LATE_VERDICT = "late_verdict"
    DOUBTFUL_VERDICT = "doubtful_verdict"
    WRONG_VERDICT = "wrong_verdict"
    SECOND_VERDICT = "second_verdict"
    STUCK_DIVERT = "stuck_divert"
    STUCK_ACROSS = "stuck_across"
    LANE_FULL = "lane_full"
    NO_TAKE_AWAY = "no_take_away"
    LANE_JAM = "lane_jam"
    INFEED_JAM = "infeed_jam"
    BELT_STOP = "belt_stop"
    ENCODER_DEAD = "encoder_dead"
    EYE_OFF = "eye_off"
    EYE_ON = "eye_on"
    LINK_DOWN = "link_down"
    HOST_DOWN = "host_down"
    WRITES_LOST = "writes_lost"
    WRITES_REPEATED = "writes_repeated"
    PLC_RESTART = "plc_restart"
    HOST_RESTART = "host_restart"
    CLOCK_SKEW = "clock_skew"
    EMERGENCY_STOP = "emergency_stop"
    PLC_FROZEN = "plc_frozen"
    HOST_FROZEN = "host_frozen"
    SEEN_AGAIN = "seen_again"
    TWIN = "twin"
    POLICY_CHANGE = "policy_change"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class About:
    """What a kind is, and which values it takes.

    Attributes:
        number: Row of the table of faults; 0 for what is no fault.
        lane: Needs ``lane``.
        lasts: Takes ``for_s``.
        mm: Smallest and largest ``mm``, or None where it takes none.
    """

    number: int
    lane: bool = False
    lasts: bool = False
    mm: tuple[float, float] | None = None


ABOUT: dict[Kind, About] = {
    Kind.SLIP: About(1, mm=(-400, 400)),
    Kind.TOUCH: About(2, mm=(0, 140)),
    Kind.CHATTER: About(3, mm=(2, 12)),
    Kind.TAKE: About(4),
    Kind.ADD: About(5, mm=(50, 600)),
    Kind.NO_READ: About(6, lasts=True),
    Kind.NO_VERDICT: About(6, lasts=True),
    Kind.LATE_VERDICT: About(6, lasts=True),
    Kind.DOUBTFUL_VERDICT: About(6, lasts=True),
    Kind.WRONG_VERDICT: About(7, lasts=True),
    Kind.SECOND_VERDICT: About(7),
    Kind.STUCK_DIVERT: About(8, lane=True, lasts=True),
    Kind.STUCK_ACROSS: About(8, lane=True),
    Kind.LANE_FULL: About(9, lane=True, lasts=True),
    Kind.NO_TAKE_AWAY: About(9, lasts=True),
    Kind.LANE_JAM: About(10, lane=True),
    Kind.INFEED_JAM: About(10),
    Kind.BELT_STOP: About(11, lasts=True),
    Kind.ENCODER_DEAD: About(12),
    Kind.EYE_OFF: About(13, lane=True, lasts=True),
    Kind.EYE_ON: About(13, lane=True, lasts=True),
    Kind.LINK_DOWN: About(14, lasts=True),
    Kind.HOST_DOWN: About(14, lasts=True),
    Kind.WRITES_LOST: About(15, lasts=True),
    Kind.WRITES_REPEATED: About(15, lasts=True),
    Kind.PLC_RESTART: About(16, lasts=True),
    Kind.HOST_RESTART: About(17),
    Kind.CLOCK_SKEW: About(18, lasts=True),
    Kind.EMERGENCY_STOP: About(19, lasts=True),
    Kind.PLC_FROZEN: About(20, lasts=True),
    Kind.HOST_FROZEN: About(20, lasts=True),
    Kind.SEEN_AGAIN: About(0),
    Kind.TWIN: About(0),
    Kind.POLICY_CHANGE: About(0),
    Kind.ANSWER: About(0),
}


class Fault(BaseModel):
    """One thing that goes wrong."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    at_s: float = Field(ge=0, description="Virtual time at which it begins.")
    for_s: float = Field(default=0.0, ge=0, le=600, description="How long it lasts, if it lasts.")
    lane: int | None = Field(default=None, ge=1)
    mm: float | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        about = ABOUT[self.kind]
        for name, takes in (
            ("lane", about.lane),
            ("mm", about.mm is not None),
            ("for_s", about.lasts),
        ):
            given = name in self.model_fields_set
            if takes and not given:
                raise ValueError(f"{self.kind.value} needs {name}")
            if given and not takes:
                raise ValueError(f"{self.kind.value} takes no {name}")
        if about.mm is not None and not about.mm[0] <= (self.mm or 0.0) <= about.mm[1]:
            raise ValueError(f"{self.kind.value} takes mm from {about.mm[0]} to {about.mm[1]}")
        return self

    @property
    def end_s(self) -> float:
        """Virtual time at which it is over by itself."""
        return self.at_s + self.for_s


class Scenario(BaseModel):
    """A shift: so many items, and what goes wrong meanwhile. ``docs/sorter.md`` explains the keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(default=0, ge=0)
    items: int = Field(default=200, ge=1, le=100_000)
    loop: bool = False
    encoder_start: int = Field(default=0, ge=0, lt=2**32)
    fault: tuple[Fault, ...] = ()

    def to_toml(self) -> str:
        """As a scenario file."""
        lines = [
            f"seed = {self.seed}",
            f"items = {self.items}",
            f"loop = {str(self.loop).lower()}",
            f"encoder_start = {self.encoder_start}",
        ]
        for fault in self.fault:
            lines += ["", "[[fault]]"]
            for name, value in fault.model_dump(mode="json", exclude_unset=True).items():
                lines.append(f"{name} = {value!r}".replace("'", '"'))
        return "\n".join([*lines, ""])


def load_scenario(path: Path) -> Scenario:
    """Read and check a scenario file.

    Raises:
        SettingsError: The file cannot be read, or is no scenario; the message names the key.
    """
    try:
        return Scenario.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'file'}: {problem['msg']}"
            for problem in error.errors()
        )
        raise SettingsError(f"scenario {path}: {problems}") from error
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"scenario {path}: {error}") from error
