"""How an item gets its lane: decided, sent to the PLC, taken or refused, changed by a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import islice

from model.contract import Override
from sorter_control.controller.values import (
    Assign,
    Command,
    ControllerState,
    Item,
    Modify,
    Notice,
    Remember,
    Settings,
)
from sorter_control.protocol import Event, LaneBit, Reason
from sorter_control.routing import Decision, FailSafe, LaneCondition, by_facts, fail_safe, route

_LONGEST_DEADLINE_S = 30.0
_ENABLED = int(LaneBit.ENABLED)
#: An item may come to the belt again after it was answered, from the manual lane say; for longer
#: than so many other answers nothing is kept for it.
KEPT_ANSWERS = 20_000


def time_left_s(state: ControllerState, item: Item, settings: Settings) -> float:
    """Seconds until the item reaches the first point of no return, less the margin.

    An item on a belt that stands still has as much time as a deadline can have.
    """
    if state.status is None or not state.geometry:
        return 0.0
    first_mm = min(lane.no_return_mm for lane in state.geometry)
    ahead_mm = first_mm - state.position_mm(item)
    speed_mm_s = state.status.speed_mm_per_s
    if ahead_mm <= 0:
        return 0.0
    if not speed_mm_s:
        return _LONGEST_DEADLINE_S
    return min(ahead_mm / speed_mm_s - settings.margin_s, _LONGEST_DEADLINE_S)


def plan(state: ControllerState, item: Item, settings: Settings) -> list[Command]:
    """Decide the item's lane anew and tell the PLC if it changes."""
    return send(state, item, planned(state, item, settings), settings)


def planned(state: ControllerState, item: Item, settings: Settings) -> Decision:
    """The decision that the policy makes of what is known about the item now."""
    return _decided(item, _conditions(state, item, settings), settings)


def _decided(item: Item, lanes: Mapping[str, LaneCondition], settings: Settings) -> Decision:
    """By the policy; a failure leaves the fail-safe lane, unless facts or a person overrule it.

    Which item it is, neither knows: of two with one plate only what must be held is.
    """
    policy, failure = settings.policy, item.failure
    if failure is not None:
        facts = None if item.facts is None else by_facts(item.facts, lanes, policy)
        answered = item.override is not None and item.override.grade is not None
        overruled = facts is not None or answered
        if failure.rule is FailSafe.PLATE_TWICE:
            overruled = facts is not None and facts.is_hold
        if not overruled:
            return fail_safe(policy, failure.rule, failure.explanation)
    return route(item.facts, item.verdict, item.override, lanes, policy)


def send(
    state: ControllerState, item: Item, decision: Decision, settings: Settings
) -> list[Command]:
    """Keep the decision, and command the PLC where its lane is not the one sent before."""
    lane = settings.policy.lanes[decision.lane]
    before = item.sent_lane
    confirmed = decision if item.confirmed is not None and lane == before else item.confirmed
    item = replace(item, decision=decision, confirmed=confirmed, sent_lane=lane)
    state.items[item.tid] = item
    commands: list[Command] = [Remember(item)]
    if lane != before:
        commands.append(Modify(item.tid, lane) if before else Assign(item.tid, lane))
    return commands


def acknowledged(state: ControllerState, event: Event, settings: Settings) -> list[Command]:
    """The PLC has taken the lane."""
    item = state.find(event.tid)
    if item is None or item.decision is None or not _is_about(item, event, settings):
        return []
    return _keep(state, replace(item, confirmed=item.decision))


def refused(state: ControllerState, event: Event, settings: Settings) -> list[Command]:
    """The PLC has not taken the lane: the earlier one stands, or another is looked for."""
    item = state.items.get(event.tid)
    fields = {"tid": event.tid, "lane": event.lane, "reason": event.reason.name.lower()}
    notice = Notice("assignment_refused", fields, alarm=True)
    if item is None or item.swept or item.decision is None:
        return [notice]
    if not _is_about(item, event, settings):
        return [notice]
    if item.confirmed is not None:
        sent_lane = settings.policy.lanes[item.confirmed.lane]
        return [
            notice,
            *_keep(state, replace(item, decision=item.confirmed, sent_lane=sent_lane)),
        ]
    if event.reason is Reason.UNKNOWN or item.decision.lane == settings.policy.fail_safe.lane:
        return [notice, *_keep(state, replace(item, sent_lane=0))]
    return [notice, *_look_elsewhere(state, item, event, settings)]


def failed(state: ControllerState, event: Event, settings: Settings) -> list[Command]:
    """A divert missed the item, or its lane closed before it: the PLC has cleared its lane."""
    item = state.items.get(event.tid)
    notice = Notice(
        event.type.name.lower(),
        {"tid": event.tid, "lane": event.lane, "reason": event.reason.name.lower()},
        alarm=True,
    )
    if item is None or item.swept or item.decision is None:
        return [notice]
    return [notice, *_look_elsewhere(state, item, event, settings)]


def too_close(state: ControllerState, event: Event, settings: Settings) -> list[Command]:
    """Items that touch cannot be diverted one by one: both run out."""
    item = state.items.get(event.tid)
    notice = Notice("gap_too_small", {"tid": event.tid}, alarm=True)
    if item is None or item.swept:
        return [notice]
    decision = fail_safe(settings.policy, FailSafe.GAP, "Too close to its neighbour to be diverted")
    return [notice, *send(state, _unassigned(item), decision, settings)]


def goes_round(state: ControllerState, event: Event) -> list[Command]:
    """An item is on its way back to the induct photo-eye."""
    item = state.items.get(event.tid)
    notice = Notice("recirculated", {"tid": event.tid})
    if item is None or item.swept:
        return [notice]
    return [notice, *_keep(state, replace(item, returning=True))]


def plan_again(state: ControllerState, item: Item, settings: Settings) -> list[Command]:
    """Decide from what is known, as if no lane had been tried: an item has come round."""
    item = replace(_unassigned(item), returning=False, barred=frozenset())
    return plan(state, item, settings)


def people_answered(
    state: ControllerState, answers: Iterable[Override], settings: Settings
) -> list[Command]:
    """People's answers: each steers its item, and waits for items that are yet to come."""
    newest = state.overrides.copy()
    commands: list[Command] = []
    for answer in answers:
        known = newest.pop(answer.item_id, None)
        if known is not None and known.seq >= answer.seq:
            newest[answer.item_id] = known
            continue
        newest[answer.item_id] = answer
        commands += _override(state, answer, known, settings)
    too_many = len(newest) - KEPT_ANSWERS
    for item_id in list(islice(newest, max(0, too_many))):
        del newest[item_id]
    state.overrides = newest
    return commands


def catch_up(state: ControllerState, item: Item, settings: Settings) -> list[Command]:
    """The answer that came before the item was known to be on the belt, if there is one."""
    answer = state.overrides.get(item.item_id) if item.item_id else None
    if answer is None or (item.override is not None and item.override.seq >= answer.seq):
        return []
    return _override(state, answer, item.override, settings)


def _override(
    state: ControllerState, answer: Override, known: Override | None, settings: Settings
) -> list[Command]:
    """A person's answer: it steers the item while both its lane and the new one are ahead."""
    named = [item for item in state.items.values() if item.item_id == answer.item_id]
    item = min(named, key=lambda each: each.swept, default=None)  # one that can be steered first
    if item is None:
        return []
    item = replace(item, override=answer)
    fields: dict[str, object] = {"tid": item.tid, "item_id": answer.item_id}
    if item.decision is None or item.returning:
        return [Notice("override_waits_for_verdict", fields), *_keep(state, item)]
    wanted = planned_if_reachable(state, item, settings)
    fields |= {"from_lane": item.decision.lane, "to_lane": wanted.lane}
    if wanted.lane == item.decision.lane:
        return [Notice("override_keeps_lane", fields), *send(state, item, wanted, settings)]
    if item.swept or not _steerable(state, item, wanted, settings):
        item = replace(item, override=known)
        return [Notice("override_too_late", fields), *_keep(state, item)]
    return [Notice("override_steers", fields), *send(state, item, wanted, settings)]


def steerable_s(state: ControllerState, item: Item, settings: Settings) -> float:
    """Seconds for which an override can still change the item's lane."""
    if state.status is None or not state.geometry or item.swept:
        return 0.0
    position = state.position_mm(item)
    last_mm = max(lane.no_return_mm for lane in state.geometry)
    if item.decision is not None:
        lane = settings.policy.lanes[item.decision.lane]
        if lane <= len(state.geometry):
            last_mm = min(last_mm, state.geometry[lane - 1].no_return_mm)
    diverts_mm = [lane.no_return_mm for lane in state.geometry[:-1]]
    last_mm = min(last_mm, max(diverts_mm, default=0))
    speed = state.status.speed_mm_per_s
    return max(0.0, (last_mm - position) / speed) if speed else 0.0


def planned_if_reachable(state: ControllerState, item: Item, settings: Settings) -> Decision:
    """As ``planned``, but a lane that lies behind the item is wanted all the same."""
    lanes = {
        name: LaneCondition.OPEN if condition is LaneCondition.PASSED else condition
        for name, condition in _conditions(state, item, settings).items()
    }
    return _decided(item, lanes, settings)


def _is_about(item: Item, event: Event, settings: Settings) -> bool:
    """Whether the answer belongs to the newest command for the item, not to an older one."""
    return item.decision is not None and settings.policy.lanes[item.decision.lane] == event.lane


def _keep(state: ControllerState, item: Item) -> list[Command]:
    if item.tid in state.items:
        state.items[item.tid] = item
    else:
        state.remembered[item.tid] = item
    return [Remember(item)]


def _unassigned(item: Item) -> Item:
    return replace(item, confirmed=None, sent_lane=0)


def _look_elsewhere(
    state: ControllerState, item: Item, event: Event, settings: Settings
) -> list[Command]:
    barred = item.barred | {settings.policy.lane_name(event.lane)}
    return plan(state, replace(_unassigned(item), barred=barred), settings)


def _steerable(state: ControllerState, item: Item, wanted: Decision, settings: Settings) -> bool:
    position = state.position_mm(item)
    targets = [wanted.lane, *([item.decision.lane] if item.decision else [])]
    return all(
        position < state.geometry[settings.policy.lanes[lane] - 1].no_return_mm
        for lane in targets
        if settings.policy.lanes[lane] <= len(state.geometry)
    )


def _conditions(
    state: ControllerState, item: Item, settings: Settings
) -> Mapping[str, LaneCondition]:
    position = state.position_mm(item)
    return {
        name: _condition(state, item, name, number, position)
        for name, number in settings.policy.lanes.items()
    }


def _condition(
    state: ControllerState, item: Item, name: str, number: int, position: float
) -> LaneCondition:
    if number > len(state.lanes) or number > len(state.geometry):
        return LaneCondition.DISABLED
    if name in item.barred:
        return LaneCondition.REFUSED
    if position >= state.geometry[number - 1].no_return_mm:
        return LaneCondition.PASSED
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
