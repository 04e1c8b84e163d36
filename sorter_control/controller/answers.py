"""People's answers: each steers its item, where that is still possible."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import islice

from model.contract import Override
from sorter_control.controller.commands import Command, Notice
from sorter_control.controller.planning import can_change, planned_if_reachable
from sorter_control.controller.steering import keep, send
from sorter_control.controller.values import ControllerState, Item, Settings

#: An item may come to the belt again after it was answered, from the manual lane say; for longer
#: than so many other answers nothing is kept for it.
KEPT_ANSWERS = 20_000


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
        commands += _of_plate(state, answer, settings)
    too_many = len(newest) - KEPT_ANSWERS
    for item_id in list(islice(newest, max(0, too_many))):
        del newest[item_id]
    state.overrides = newest
    return commands


def catch_up(state: ControllerState, item: Item, settings: Settings) -> list[Command]:
    """The answer that came before the item was known to be on the belt, if there is one."""
    answer = state.overrides.get(item.item_id) if item.item_id else None
    if answer is None or not _is_news(item, answer):
        return []
    return _override(state, item, answer, settings)


def _of_plate(state: ControllerState, answer: Override, settings: Settings) -> list[Command]:
    """What an answer does to the item with its plate that can best be steered.

    One that the remap has not named yet catches up with it when it is named.
    """
    known = (*state.items.values(), *state.remembered.values())
    with_plate = [item for item in known if item.item_id == answer.item_id]
    item = min(with_plate, key=lambda each: each.swept, default=None)
    if item is None or item.tid in state.remembered or not _is_news(item, answer):
        return []
    return _override(state, item, answer, settings)


def _is_news(item: Item, answer: Override) -> bool:
    """Whether the item has not heard it, or a newer one: after a restart all are told again."""
    return item.override is None or item.override.seq < answer.seq


def _override(
    state: ControllerState, item: Item, answer: Override, settings: Settings
) -> list[Command]:
    """A person's answer: it steers the item while both its lane and the new one are ahead.

    Where it comes too late it is kept all the same: a divert may fail, and a lane be looked for anew.
    """
    item = replace(item, override=answer)
    fields: dict[str, object] = {"tid": item.tid, "item_id": answer.item_id}
    if item.decision is None or item.returning:
        return [Notice("override_waits_for_verdict", fields), *keep(state, item)]
    wanted = planned_if_reachable(state, item, settings)
    fields |= {"from_lane": item.decision.lane, "to_lane": wanted.lane}
    if wanted.lane == item.decision.lane:
        return [Notice("override_keeps_lane", fields), *send(state, item, wanted, settings)]
    if item.swept or not can_change(state, item, wanted, settings):
        return [Notice("override_too_late", fields), *keep(state, item)]
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
