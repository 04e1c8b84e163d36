"""The routing policy: a TOML file that a site edits, checked before anything moves."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
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


class When(_Part):
    """Facts that an item must have, all of them; what is not named does not matter.

    Attributes:
        in_warranty: Whether its maker or seller takes it back.
        category: It is one of these.
        price_at_least: Its list price is known, and this or more.
        price_below: Its list price is known, and less.
    """

    in_warranty: bool | None = None
    category: tuple[str, ...] = ()
    price_at_least: Decimal | None = None
    price_below: Decimal | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("a rule needs at least one fact in `when`")
        return self

    def applies_to(self, facts: ItemFacts) -> bool:
        """Whether the item has these facts."""
        price = facts.list_price
        return (
            self.in_warranty in {None, facts.in_warranty}
            and (not self.category or facts.category in self.category)
            and (
                self.price_at_least is None or (price is not None and price >= self.price_at_least)
            )
            and (self.price_below is None or (price is not None and price < self.price_below))
        )

    def reason(self, facts: ItemFacts) -> str:
        """The facts that made it apply, for a person."""
        said = []
        if self.in_warranty is not None:
            said.append("in warranty" if facts.in_warranty else "not in warranty")
        if self.category:
            said.append(f"category {facts.category}")
        if self.price_at_least is not None:
            said.append(f"price {facts.list_price} is at least {self.price_at_least}")
        if self.price_below is not None:
            said.append(f"price {facts.list_price} is below {self.price_below}")
        return ", ".join(said)


class FactRule(GradeLanes):
    """A lane for items with certain facts, whatever their grade."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    when: When


class Sale(_Part):
    """What items bring in one lane.

    Attributes:
        resale: Share of the list price that an item of this true grade brings there; negative for
            what it costs to have sold it above its grade.
        repair_cost: What an item of this true grade costs to repair there; 0 where none is named.
        handling_cost: What every item costs there.
    """

    resale: dict[Grade, float]
    repair_cost: dict[Grade, Annotated[float, Field(ge=0)]] = {}
    handling_cost: Annotated[float, Field(ge=0)] = 0.0

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if missing := [grade.value for grade in GRADES if grade not in self.resale]:
            raise ValueError(f"resale lacks {missing}")
        return self

    @cached_property
    def _terms(self) -> tuple[tuple[float, float], ...]:
        """Share of the list price and costs, for each of ``GRADES``."""
        return tuple(
            (self.resale[grade], self.repair_cost.get(grade, 0.0) + self.handling_cost)
            for grade in GRADES
        )

    def recovers(self, price: float) -> list[float]:
        """Recovered value of an item of each true grade of ``GRADES``, in the price's currency."""
        return [share * price - cost for share, cost in self._terms]


class Value(_Part):
    """Numbers for choosing by expected recovered value.

    Attributes:
        review_cost: What it costs that a person looks at an item.
        lanes: What items bring in each lane that may be chosen so.
    """

    review_cost: Annotated[float, Field(ge=0)]
    lanes: dict[str, Sale]


class Policy(_Part):
    """A valid policy; ``policy.toml`` explains the keys."""

    lanes: dict[str, LaneNumber]
    fail_safe: LaneChoice
    holds: dict[Hold, str]
    rules: tuple[FactRule, ...] = ()
    review: LaneChoice
    grades: dict[Grade, GradeLanes]
    value: Value | None = None
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
        if (
            self.recirculate is not None
            and list(self._lanes_named()).count(self.recirculate.lane) > 1
        ):
            raise ValueError(
                f"[recirculate] leads to {self.recirculate.lane}, which something else leads to as"
                " well: the way back is no place for an item"
            )
        names = Counter(rule.name for rule in self.rules)
        if repeated := [name for name, count in names.items() if count > 1]:
            raise ValueError(f"two [[rules]] have the name {repeated[0]!r}")
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
        for choice in (*self.rules, *self.grades.values()):
            yield from (choice.lane, *choice.otherwise)
        if self.value is not None:
            yield from self.value.lanes

    def sells_above(self, grade: Grade) -> frozenset[str]:
        """Lanes of better grades, where an item of this grade must not go."""
        return self._better[grade]

    @cached_property
    def _better(self) -> dict[Grade, frozenset[str]]:
        return {
            grade: frozenset(
                {self.grades[each].lane for each in GRADES if each.rank < grade.rank}
                - {self.grades[grade].lane}
            )
            for grade in GRADES
        }

    @cached_property
    def _names(self) -> dict[int, str]:
        return {number: name for name, number in self.lanes.items()}

    def may_sell(self, grade: Grade) -> tuple[str, ...]:
        """Lanes of ``value`` where an item of this grade may go."""
        return self._sellers[grade]

    @cached_property
    def _sellers(self) -> dict[Grade, tuple[str, ...]]:
        lanes = self.value.lanes if self.value is not None else {}
        return {
            grade: tuple(lane for lane in lanes if lane not in self._better[grade])
            for grade in GRADES
        }

    def rule_for(self, facts: ItemFacts) -> FactRule | None:
        """The first rule that applies to an item."""
        return next((rule for rule in self.rules if rule.when.applies_to(facts)), None)

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
        return self._names.get(number) or f"lane-{number}"


def load_policy(path: Path = SHIPPED) -> Policy:
    """Read and check a policy.

    Raises:
        SettingsError: The file cannot be read, or is not a policy; the message names the key.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"policy {path}: {error}") from error
    return parse_policy(content, path)


def parse_policy(content: bytes, path: Path) -> Policy:
    """Check the content of a policy file.

    Raises:
        SettingsError: It is not a policy; the message names the key.
    """
    try:
        return Policy.model_validate(tomllib.loads(content.decode()))
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'file'}: {problem['msg']}"
            for problem in error.errors()
        )
        raise SettingsError(f"policy {path}: {problems}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"policy {path}: {error}") from error
