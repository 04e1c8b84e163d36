"""How an item gets its lane: decided, sent to the PLC, taken or refused."""

from __future__ import annotations

from dataclasses import replace

from sorter_control.controller.commands import Assign, Command, Modify, Notice, Remember
from sorter_control.controller.planning import planned
from sorter_control.controller.values import ControllerState, Failure, Item, Settings
from sorter_control.protocol import Event, Reason
from sorter_control.routing import Decision, FailSafe

_TOO_CLOSE = Failure(FailSafe.GAP, "Too close to its neighbour to be diverted")


def plan(state: ControllerState, item: Item, settings: Settings) -> list[Command]:
    """Decide the item's lane anew and tell the PLC if it changes."""
    return send(state, item, planned(state, item, settings), settings)


def send(
    state: ControllerState, item: Item, decision: Decision, settings: Settings
) -> list[Command]:
    """Keep the decision, and command the PLC where its lane is not the one sent before.

    An item that the remap has not named yet has its command when it is named.
    """
    if item.tid in state.remembered:
        return keep(state, replace(item, decision=decision))
    lane = settings.policy.lanes[decision.lane]
    before = item.sent_lane
    confirmed = decision if item.confirmed is not None and lane == before else item.confirmed
    item = replace(item, decision=decision, confirmed=confirmed, sent_lane=lane)
    state.items.put(item)
    commands: list[Command] = [Remember(item)]
    if lane != before:
        commands.append(Modify(item.tid, lane) if before else Assign(item.tid, lane))
    return commands


def acknowledged(state: ControllerState, event: Event, settings: Settings) -> list[Command]:
    """The PLC has taken the lane."""
    item = state.find(event.tid)
    if item is None or item.decision is None or not _is_about(item, event, settings):
        return []
    return keep(state, replace(item, confirmed=item.decision))


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
            *keep(state, replace(item, decision=item.confirmed, sent_lane=sent_lane)),
        ]
    if event.reason is Reason.UNKNOWN or item.decision.lane == settings.policy.fail_safe.lane:
        return [notice, *keep(state, replace(item, sent_lane=0))]
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
    item = state.find(event.tid)
    notice = Notice("gap_too_small", {"tid": event.tid}, alarm=True)
    if item is None or item.swept:
        return [notice]
    failure = item.failure if item.is_twin else _TOO_CLOSE
    item = replace(_unassigned(item), too_close=True, failure=failure)
    return [notice, *plan(state, item, settings)]


def goes_round(state: ControllerState, event: Event) -> list[Command]:
    """An item is on its way back to the induct photo-eye."""
    item = state.items.get(event.tid)
    notice = Notice("recirculated", {"tid": event.tid})
    if item is None or item.swept:
        return [notice]
    return [notice, *keep(state, replace(item, returning=True))]


def plan_again(state: ControllerState, item: Item, settings: Settings) -> list[Command]:
    """Decide from what is known, as if no lane had been tried: an item has come round."""
    item = replace(_unassigned(item), returning=False, barred=frozenset())
    return plan(state, item, settings)


def _is_about(item: Item, event: Event, settings: Settings) -> bool:
    """Whether the answer belongs to the newest command for the item, not to an older one."""
    return item.decision is not None and settings.policy.lanes[item.decision.lane] == event.lane


def keep(state: ControllerState, item: Item) -> list[Command]:
    """Keep what is known of the item now; its lane stays as it is."""
    if item.tid in state.items:
        state.items.put(item)
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
