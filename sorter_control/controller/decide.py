"""What the controller does about what it sees: one pure function.

``decide`` is only the switchboard: what becomes of a grade is in ``grades.py``, how an item gets a
lane in ``steering.py``, what people's answers do in ``answers.py``, how its way ends in
``endings.py``.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import assert_never

from sorter_control.controller import (
    alarms,
    answers,
    endings,
    grades,
    orders,
    planning,
    steering,
)
from sorter_control.controller.commands import AckEvents, Command, Notice, Remember, RequestGrade
from sorter_control.controller.observations import (
    Commanded,
    Graded,
    Identified,
    NotGraded,
    Observation,
    Overridden,
    PartiesChanged,
    PlcLost,
    PlcReported,
)
from sorter_control.controller.values import (
    NOT_CONNECTED_YET,
    ControllerState,
    Failure,
    Item,
    Settings,
)
from sorter_control.protocol import Event, EventType
from sorter_control.routing import FailSafe

_ALARMS = frozenset({EventType.JAM, EventType.ESTOP})
_SHORTEST_DEADLINE_S = 1.0
_TOO_LATE = Failure(FailSafe.TOO_LATE, "No grade before the first divert")
_RESTARTED = Failure(
    FailSafe.CONTROLLER_RESTARTED, "The controller restarted before the item was graded"
)


def decide(
    state: ControllerState, observation: Observation, now: datetime, settings: Settings
) -> tuple[ControllerState, list[Command]]:
    """State and commands that follow from an observation.

    Args:
        state: Left as it is.
        observation: What has been seen.
        now: Aware time for the record; no decision depends on it.
        settings: What does not change.
    """
    state = state.copy()
    commands: list[Command]
    match observation:
        case PlcReported():
            commands = _reported(state, observation, now, settings)
            commands += _of_the_line(state, observation.at_s, now, settings)
        case PlcLost(reason, at_s):
            commands = _lost(state, reason) + _of_the_line(state, at_s, now, settings)
        case Identified():
            commands = grades.identified(state, observation, settings)
        case Graded():
            commands = grades.graded(state, observation, settings)
        case NotGraded():
            commands = grades.not_graded(state, observation, settings)
        case Commanded():
            commands = orders.commanded(state, observation, now, settings)
        case PartiesChanged(outages):
            state.outages = outages
            commands = alarms.follow(state, now, settings)
        case Overridden():
            commands = answers.people_answered(state, observation.answers, settings)
        case _ as never:
            assert_never(never)
    return state, commands


def _of_the_line(
    state: ControllerState, at_s: float, now: datetime, settings: Settings
) -> list[Command]:
    """What the machine's state means for orders and alarms; orders first, who ends some alarms."""
    alarms.listen(state, at_s)
    return orders.follow(state, at_s, now) + alarms.follow(state, now, settings)


def _reported(
    state: ControllerState, report: PlcReported, now: datetime, settings: Settings
) -> list[Command]:
    commands: list[Command] = []
    if state.plc_problem is not None:
        commands.append(Notice("plc_connected", {"boot": report.status.plc_boot_id}))
        state.plc_problem = None
    restarted = state.plc_boot_id != report.status.plc_boot_id
    state.plc_boot_id = report.status.plc_boot_id
    state.status, state.lanes = report.status, report.lanes
    if report.geometry is not state.geometry:
        state.geometry = report.geometry
        state.first_mm = min((lane.no_return_mm for lane in report.geometry), default=0)
    if restarted:
        commands += _sweep(state, [*state.items.values(), *_of_other_boots(state)])
    for event in report.events:
        commands += _event(state, event, now, settings)
    commands += _overdue(state, settings)
    if not report.events and report.status.events_waiting == 0:
        commands += endings.never_seen(state, now, settings)
        orders.compare(state, report)
    if report.events:
        commands.append(AckEvents(report.events[-1].seq))
    return commands


def _lost(state: ControllerState, reason: str) -> list[Command]:
    if state.plc_problem == reason:
        return []
    first = state.plc_problem in (None, NOT_CONNECTED_YET)
    state.plc_problem = reason
    return [Notice("plc_lost", {"reason": reason}, alarm=True)] if first else []


def _of_other_boots(state: ControllerState) -> list[Item]:
    """Remembered items that an earlier run of the PLC announced: taken out of the memory."""
    others = [i for i in state.remembered.values() if i.plc_boot_id != state.plc_boot_id]
    for item in others:
        del state.remembered[item.tid]
    return others


def _sweep(state: ControllerState, items: list[Item]) -> list[Command]:
    """From now on these items are unknown to the PLC and run to the end of the belt."""
    swept = [replace(item, swept=True) for item in items]
    for item in swept:
        state.items.put(item)
    notice = Notice("items_swept", {"tids": [item.tid for item in swept]}, alarm=True)
    return [*(Remember(item) for item in swept), *([notice] if swept else [])]


def _event(
    state: ControllerState, event: Event, now: datetime, settings: Settings
) -> list[Command]:
    orders.counted(state, event)
    match event.type:
        case EventType.ANNOUNCE:
            return _announced(state, event, now, settings)
        case EventType.DIVERTED | EventType.MISSORT | EventType.LOST:
            return endings.ended(state, event, now, settings)
        case EventType.UNEXPECTED:
            return endings.unexpected(state, event, now, settings)
        case EventType.DEST_REQUEST:
            return _came_round(state, event, now, settings)
        case EventType.REMAP_ITEM | EventType.REMAP_END:
            return _remap(state, event, now, settings)
        case _:
            return _underway(state, event, settings)


def _remap(
    state: ControllerState, event: Event, now: datetime, settings: Settings
) -> list[Command]:
    if event.type is EventType.REMAP_ITEM:
        return _named(state, event, now, settings)
    return _remapped(state, event, settings)


def _underway(state: ControllerState, event: Event, settings: Settings) -> list[Command]:
    match event.type:
        case EventType.ASSIGN_ACK:
            return steering.acknowledged(state, event, settings)
        case EventType.ASSIGN_NAK if event.tid:
            return steering.refused(state, event, settings)
        case EventType.DIVERT_FAIL | EventType.ABORTED:
            return steering.failed(state, event, settings)
        case EventType.GAP:
            return steering.too_close(state, event, settings)
        case EventType.RECIRCULATED:
            return steering.goes_round(state, event)
        case _:
            fields: dict[str, object] = {"lane": event.lane, "tid": event.tid}
            return [Notice(event.type.name.lower(), fields, alarm=event.type in _ALARMS)]


def _new_item(state: ControllerState, event: Event, now: datetime) -> Item:
    return Item(
        plc_boot_id=state.plc_boot_id,
        tid=event.tid,
        induct_encoder=event.encoder,
        length_mm=event.aux,
        announced_at=now,
    )


def _announced(
    state: ControllerState, event: Event, now: datetime, settings: Settings
) -> list[Command]:
    """A new item, or one whose announcement is replayed after a restart of this controller."""
    if state.find(event.tid) is not None or event.tid in state.ended:
        return []
    item = _new_item(state, event, now)
    state.items.put(item)
    return [Remember(item), _ask(state, item, settings)]


def _came_round(
    state: ControllerState, event: Event, now: datetime, settings: Settings
) -> list[Command]:
    """An item that was sent round is at the induct photo-eye again; its grade still holds."""
    item = state.find(event.tid)
    if item is None:
        return _announced(state, event, now, settings)
    if item.swept:
        return []
    return steering.plan_again(state, replace(item, induct_encoder=event.encoder), settings)


def _ask(state: ControllerState, item: Item, settings: Settings) -> RequestGrade:
    """Ask for plate and grade; an item that is late for its grade still has a name."""
    state.asked |= {item.tid}
    capture_id = f"{settings.line_id}:{item.plc_boot_id}:{item.tid}"
    deadline_s = planning.time_left_s(state, item, settings)
    return RequestGrade(item.tid, capture_id, max(deadline_s, _SHORTEST_DEADLINE_S))


def _overdue(state: ControllerState, settings: Settings) -> list[Command]:
    """Items that come to the first divert without a verdict; by place, so a stop costs nothing."""
    commands: list[Command] = []
    for item in state.items.loose():
        if not item.swept and planning.time_left_s(state, item, settings) <= 0:
            late = replace(item, failure=item.failure or _TOO_LATE)
            commands += steering.plan(state, late, settings)
    return commands


def _named(
    state: ControllerState, event: Event, now: datetime, settings: Settings
) -> list[Command]:
    """The PLC still tracks this item, and this is the lane that it has for it."""
    state.named |= {event.tid}
    if event.tid in state.items:
        return []
    item = state.remembered.pop(event.tid, None) or _new_item(state, event, now)
    confirmed = item.decision_for(event.lane, settings.policy)
    item = replace(item, induct_encoder=event.encoder, held_lane=event.lane)
    item = replace(item, confirmed=confirmed, unanswered=())
    decision = item.decision
    state.items.put(item)
    commands: list[Command] = [Remember(item)]
    if decision is not None and decision.lane in settings.policy.lanes:
        if not item.returning:
            commands = steering.send(state, item, decision, settings)
    elif item.is_never_sold:
        commands = steering.plan(state, replace(item, decision=None), settings)
    else:
        item = replace(item, decision=None, failure=_RESTARTED)
        state.items.put(item)
        commands = [Remember(item)]
    return commands + answers.catch_up(state, state.items[item.tid], settings)


def _remapped(state: ControllerState, event: Event, settings: Settings) -> list[Command]:
    """The remap is complete: what it did not name is on its way to the end, untracked.

    The end of one that was asked for by an earlier run counts more items than came to this one; the
    remap that this one asked for is behind it.

    Items whose grading died with an earlier run of this controller are asked for again: the
    capture's id makes that harmless, and those that are too late still get their name.
    """
    if event.aux != len(state.named):
        state.named = frozenset()
        return []
    missing = [
        item
        for item in (*state.items.values(), *state.remembered.values())
        if item.tid not in state.named and not item.swept
    ]
    for item in state.remembered.values():
        state.items.put(item)
    state.remembered = {}
    state.named = frozenset()
    commands = _sweep(state, missing)
    for item in [*state.items.values(), *state.ended.values()]:
        unanswered = item.nameless or (item.decision is None and not item.swept)
        if unanswered and item.tid not in state.asked:
            commands.append(_ask(state, item, settings))
    return commands
