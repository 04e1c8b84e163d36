"""Where an item ought to go: the policy, held against what is known of it and the lanes ahead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sorter_control.controller.values import ControllerState, Item, Settings
from sorter_control.protocol import LaneBit
from sorter_control.routing import Decision, LaneCondition, by_facts, fail_safe, route

_LONGEST_DEADLINE_S = 30.0
_ENABLED = int(LaneBit.ENABLED)


def time_left_s(state: ControllerState, item: Item, settings: Settings) -> float:
    """Seconds until the item reaches the first point of no return, less the margin.

    An item on a belt that stands still has as much time as a deadline can have.
    """
    if state.status is None or not state.geometry:
        return 0.0
    ahead_mm = state.first_mm - state.position_mm(item)
    speed_mm_s = state.status.speed_mm_per_s
    if ahead_mm <= 0:
        return 0.0
    if not speed_mm_s:
        return _LONGEST_DEADLINE_S
    return min(ahead_mm / speed_mm_s - settings.margin_s, _LONGEST_DEADLINE_S)


def planned(state: ControllerState, item: Item, settings: Settings) -> Decision:
    """The decision that the policy makes of what is known about the item now."""
    return _decided(item, _Lanes(state, item, settings, state.position_mm(item)), settings)


def planned_if_reachable(state: ControllerState, item: Item, settings: Settings) -> Decision:
    """As ``planned``, but a lane that lies behind the item is wanted all the same."""
    lanes = _Lanes(state, item, settings, state.position_mm(item), passed_is_open=True)
    return _decided(item, lanes, settings)


def is_past(state: ControllerState, item: Item, lane: int) -> bool:
    """Whether an item is past the point of no return of a lane."""
    if lane > len(state.geometry):
        return False
    return state.position_mm(item) >= state.geometry[lane - 1].no_return_mm


def can_change(state: ControllerState, item: Item, wanted: Decision, settings: Settings) -> bool:
    """Whether the points of no return of both the lane that it has and the wanted one are ahead."""
    lanes = settings.policy.lanes
    decisions = (wanted, item.decision) if item.decision else (wanted,)
    numbers = [lanes[each.lane] for each in decisions if each.lane in lanes]
    return not any(is_past(state, item, number) for number in numbers)


def _decided(item: Item, lanes: Mapping[str, LaneCondition], settings: Settings) -> Decision:
    """By the policy; a failure leaves the fail-safe lane, unless facts or a person overrule it.

    Neither knows which of two items with one plate it is, nor can part items that touch: of those
    only what must be held is.
    """
    policy, failure = settings.policy, item.failure
    if failure is not None and item.held_for is None:
        answered = item.override is not None and item.override.grade is not None
        ruled = item.facts is not None and by_facts(item.facts, lanes, policy) is not None
        if item.is_never_sold or not (answered or ruled):
            return fail_safe(policy, failure.rule, failure.explanation)
    return route(item.facts, item.verdict, item.override, lanes, policy)


@dataclass(frozen=True, slots=True)
class _Lanes(Mapping[str, LaneCondition]):
    """Condition of each lane for one item, found when it is asked for: few of many lanes are."""

    state: ControllerState
    item: Item
    settings: Settings
    position_mm: float
    passed_is_open: bool = False

    def __iter__(self) -> Iterator[str]:
        return iter(self.settings.policy.lanes)

    def __len__(self) -> int:
        return len(self.settings.policy.lanes)

    def __getitem__(self, name: str) -> LaneCondition:
        policy = self.settings.policy
        state, number = self.state, policy.lanes[name]
        if number > len(state.lanes) or number > len(state.geometry):
            return LaneCondition.DISABLED
        if name in self.item.barred or (self.item.too_close and name != policy.fail_safe.lane):
            return LaneCondition.REFUSED
        no_return_mm = state.geometry[number - 1].no_return_mm
        if self.position_mm >= no_return_mm:
            return LaneCondition.OPEN if self.passed_is_open else LaneCondition.PASSED
        return lane_condition(state.lanes[number - 1].bits)


def lane_condition(bits: LaneBit) -> LaneCondition:
    """Condition of a lane by its bits alone."""
    if int(bits) == _ENABLED:  # the usual one: to take flags apart costs microseconds
        return LaneCondition.OPEN
    if LaneBit.ENABLED not in bits:
        return LaneCondition.DISABLED
    for bit, condition in (
        (LaneBit.FULL, LaneCondition.FULL),
        (LaneBit.JAM, LaneCondition.JAMMED),
        (LaneBit.DIVERT_FAULT, LaneCondition.FAULTY),
    ):
        if bit in bits:
            return condition
    return LaneCondition.OPEN
