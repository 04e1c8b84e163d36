"""What becomes of a plate that was read and of a grade that was given, or was not."""

from __future__ import annotations

from dataclasses import replace

from sorter_control.controller import answers, endings, planning, steering
from sorter_control.controller.commands import Command, Notice, Remember
from sorter_control.controller.observations import Graded, Identified, NotGraded
from sorter_control.controller.values import ControllerState, Failure, Item, Settings
from sorter_control.routing import FailSafe


def identified(state: ControllerState, seen: Identified, settings: Settings) -> list[Command]:
    """The camera has read the plate of an item."""
    if seen.tid in state.ended:
        return endings.named(state, seen.tid, seen.item_id)
    item = state.items.get(seen.tid)
    if item is None or item.item_id is not None:
        return []
    item = replace(item, item_id=seen.item_id, nameless=False, facts=seen.facts)
    state.items.put(item)
    return _with_plate(state, item, seen.item_id, settings)


def _with_plate(
    state: ControllerState, item: Item, plate: str, settings: Settings
) -> list[Command]:
    """What follows from the plate of an item: twins, answers and verdicts that wait for it."""
    if item.swept:
        return [Remember(item)]
    if twins := _twins(state, item):
        return _distrust(state, item, twins, settings)
    if item.decision is not None:
        return answers.catch_up(state, item, settings) or [Remember(item)]
    item = replace(item, override=state.overrides.get(plate))
    known = state.verdicts.get(plate)
    if known is None or known.needs_review:
        return steering.keep(state, item)
    notice = Notice("verdict_known", {"tid": item.tid, "verdict_id": known.verdict_id})
    return [notice, *steering.plan(state, replace(item, verdict=known, failure=None), settings)]


def _twins(state: ControllerState, item: Item) -> list[Item]:
    """Other items with the same plate that the PLC tracks, or may track: the remap will say."""
    return [
        each
        for each in (*state.items.values(), *state.remembered.values())
        if each.item_id == item.item_id and each.tid != item.tid and not each.swept
    ]


def _distrust(
    state: ControllerState, item: Item, twins: list[Item], settings: Settings
) -> list[Command]:
    """Nobody can say which item the plate belongs to: none that can still be stopped is sold."""
    state.verdicts = {key: each for key, each in state.verdicts.items() if key != item.item_id}
    fields: dict[str, object] = {"tid": item.tid, "item_id": item.item_id}
    fields["other_tid"] = twins[0].tid
    commands: list[Command] = [Notice("plate_twice", fields, alarm=True)]
    commands += _as_twin(state, item, twins[0], settings)
    for each in twins:
        if not each.is_twin:
            commands += _as_twin(state, each, item, settings)
    return commands


def _as_twin(state: ControllerState, item: Item, other: Item, settings: Settings) -> list[Command]:
    why = f"Its plate is also on item {other.tid} on the belt"
    item = replace(item, failure=Failure(FailSafe.PLATE_TWICE, why))
    wanted = planning.planned(state, item, settings)
    if item.returning or not planning.can_change(state, item, wanted, settings):
        return steering.keep(state, item)
    return steering.send(state, item, wanted, settings)


def graded(state: ControllerState, graded: Graded, settings: Settings) -> list[Command]:
    """A verdict counts for the item that it was asked for, once, and in time."""
    item = state.items.get(graded.tid)
    verdict = graded.verdict
    if item is None:
        problem = "the item has left the belt"
    elif item.item_id != verdict.item_id:
        problem = f"it is about {verdict.item_id}, not {item.item_id}"
    elif item.is_twin:
        problem = "the item's plate is on another one too"
    elif item.too_close:
        problem = "the item is too close to another one"
    elif item.verdict is not None or item.decision is not None or item.swept:
        problem = "the item's lane is decided already"
    else:
        return steering.plan(state, replace(item, verdict=verdict, failure=None), settings)
    fields = {"tid": graded.tid, "verdict_id": verdict.verdict_id, "problem": problem}
    return [Notice("verdict_discarded", fields, alarm=True)]


def not_graded(state: ControllerState, missed: NotGraded, settings: Settings) -> list[Command]:
    """There will be no verdict for an item."""
    if missed.tid in state.ended:
        return endings.named(state, missed.tid, missed.item_id)
    item = state.items.get(missed.tid)
    if item is None:
        return []
    is_new = item.item_id is None and missed.item_id is not None
    item = replace(item, item_id=item.item_id or missed.item_id, nameless=False)
    state.items.put(item)
    if item.swept:
        return [Remember(item)]
    if is_new and (twins := _twins(state, item)):
        return _distrust(state, item, twins, settings)
    if item.decision is not None:
        return [Remember(item)]
    return steering.plan(state, replace(item, failure=item.failure or missed.failure), settings)
