"""How an item gets its lane: decided, sent to the PLC, taken or refused."""

from __future__ import annotations

from dataclasses import replace

from sorter_control.controller.commands import Assign, Cancel, Command, Modify, Notice, Remember
from sorter_control.controller.planning import can_change, is_past, planned
from sorter_control.controller.values import ControllerState, Failure, Item, Sent, Settings
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
    item = replace(item, decision=decision)
    if lane == before:
        state.items.put(item := _because_of(item, decision))
        return [Remember(item)]
    state.items.put(item := _sent(item, lane, decision))
    return [Remember(item), Modify(item.tid, lane) if before else Assign(item.tid, lane)]


def acknowledged(state: ControllerState, event: Event, settings: Settings) -> list[Command]:
    """The PLC has executed a command: this is the lane that it has for the item now."""
    item = state.find(event.tid)
    if item is None:
        return []
    sent, item = _answered(item, event.lane)
    if sent is not None:
        decision: Decision | None = sent.decision
    elif event.lane == item.held_lane:
        return []
    else:
        decision = item.decision_for(event.lane, settings.policy)
    confirmed = decision if event.lane else None
    return keep(state, replace(item, held_lane=event.lane, confirmed=confirmed))


def refused(state: ControllerState, event: Event, settings: Settings) -> list[Command]:
    """The PLC has not executed a command: another lane is looked for, once nothing is under way."""
    item = state.find(event.tid)
    fields = {"tid": event.tid, "lane": event.lane, "reason": event.reason.name.lower()}
    notice = Notice("assignment_refused", fields, alarm=True)
    if item is None or item.swept:
        return [notice]
    sent, item = _answered(item, event.lane)
    if sent is None:
        return [notice]
    if event.reason is Reason.UNKNOWN:
        return [notice, *keep(state, item)]
    if event.lane:
        item = replace(item, barred=item.barred | {settings.policy.lane_name(event.lane)})
    if item.unanswered:
        return [notice, *keep(state, item)]
    if item.held_lane and (not event.lane or is_past(state, item, item.held_lane)):
        return [notice, *keep(state, replace(item, decision=item.confirmed or item.decision))]
    return [notice, *_away_from_refused(state, item, settings)]


def _away_from_refused(state: ControllerState, item: Item, settings: Settings) -> list[Command]:
    """Another lane; or none, where the fail-safe one is refused too and needs no command."""
    wanted = planned(state, item, settings)
    lane = settings.policy.lanes[wanted.lane]
    if wanted.lane not in item.barred or lane == item.held_lane:
        return send(state, item, wanted, settings)
    item = replace(item, decision=wanted)
    if not item.held_lane or item.tid in state.remembered:
        return keep(state, item)
    return [*keep(state, _sent(item, 0, wanted)), Cancel(item.tid)]


def failed(state: ControllerState, event: Event, settings: Settings) -> list[Command]:
    """A divert missed the item, or its lane closed before it: the PLC has cleared its lane."""
    item = state.find(event.tid)
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


def hold(state: ControllerState, item: Item, settings: Settings) -> list[Command]:
    """An item whose lane is decided must be held, as is learnt now: by its lane, or as an alarm."""
    wanted = planned(state, item, settings)
    may_change = not item.returning and can_change(state, item, wanted, settings)
    commands: list[Command] = []
    if wanted.fail_safe or not (may_change or item.returning):
        fields: dict[str, object] = {"tid": item.tid, "item_id": item.item_id}
        commands.append(Notice("held_too_late", fields, alarm=True))
    return commands + (send(state, item, wanted, settings) if may_change else keep(state, item))


def goes_round(state: ControllerState, event: Event) -> list[Command]:
    """An item is on its way back to the induct photo-eye."""
    item = state.find(event.tid)
    notice = Notice("recirculated", {"tid": event.tid})
    if item is None or item.swept:
        return [notice]
    return [notice, *keep(state, replace(item, returning=True))]


def plan_again(state: ControllerState, item: Item, settings: Settings) -> list[Command]:
    """Decide from what is known, as if no lane had been tried: an item has come round."""
    item = replace(_unassigned(item), returning=False, barred=frozenset())
    return plan(state, item, settings)


def keep(state: ControllerState, item: Item) -> list[Command]:
    """Keep what is known of the item now; its lane stays as it is."""
    if item.tid in state.items:
        state.items.put(item)
    else:
        state.remembered[item.tid] = item
    return [Remember(item)]


def _unassigned(item: Item) -> Item:
    """The PLC has taken its lane from it; what it has not answered is still to come."""
    return replace(item, confirmed=None, held_lane=0)


def _sent(item: Item, lane: int, decision: Decision) -> Item:
    return replace(item, unanswered=(*item.unanswered, Sent(lane, decision)))


def _because_of(item: Item, decision: Decision) -> Item:
    """The lane that was sent last is meant for another reason now."""
    if not item.unanswered:
        return replace(item, confirmed=decision)
    *older, newest = item.unanswered
    return replace(item, unanswered=(*older, replace(newest, decision=decision)))


def _answered(item: Item, lane: int) -> tuple[Sent | None, Item]:
    """The command that an answer about a lane belongs to, and the item without it.

    The PLC answers in the order of the commands, so those before it have no answer to come. There
    is none where a command was executed again, for another host had written in between.
    """
    for number, sent in enumerate(item.unanswered):
        if sent.lane == lane:
            return sent, replace(item, unanswered=item.unanswered[number + 1 :])
    return None, item


def _look_elsewhere(
    state: ControllerState, item: Item, event: Event, settings: Settings
) -> list[Command]:
    barred = item.barred | {settings.policy.lane_name(event.lane)}
    return plan(state, replace(_unassigned(item), barred=barred), settings)
