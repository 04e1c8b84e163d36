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
        return endings.named(state, seen.tid, seen.item_id, seen.facts, settings)
    item = state.find(seen.tid)
    if item is None or item.item_id is not None:
        return []
    item = replace(item, item_id=seen.item_id, nameless=False, facts=seen.facts)
    steering.keep(state, item)
    return _with_plate(state, item, seen.item_id, settings)


def _with_plate(
    state: ControllerState, item: Item, plate: str, settings: Settings
) -> list[Command]:
    """What follows from the plate of an item: twins, answers and verdicts that wait for it."""
    if item.swept:
        return [Remember(item)]
    others = _of_same_plate(state, item)
    if twins := _tracked(others):
        return _distrust(state, item, twins, settings)
    commands: list[Command] = []
    for forgotten in others:
        # It runs out; what is known of its plate is not kept for the next item with it.
        commands += steering.keep(state, _twin_of(forgotten, item))
    if item.decision is not None and item.held_for is not None:
        return commands + steering.hold(state, item, settings)
    if item.decision is not None:
        return commands + (answers.catch_up(state, item, settings) or [Remember(item)])
    item = replace(item, override=state.overrides.get(plate))
    known = state.verdicts.get(plate)
    if known is None or known.needs_review:
        return commands + steering.keep(state, item)
    _forget_verdict(state, plate)
    commands.append(Notice("verdict_known", {"tid": item.tid, "verdict_id": known.verdict_id}))
    return commands + steering.plan(state, replace(item, verdict=known, failure=None), settings)


def _of_same_plate(state: ControllerState, item: Item) -> list[Item]:
    """Other items with the same plate."""
    return [
        each
        for each in (*state.items.values(), *state.remembered.values())
        if each.item_id == item.item_id and each.tid != item.tid
    ]


def _tracked(items: list[Item]) -> list[Item]:
    """Those that the PLC tracks, or may track: the remap will say."""
    return [item for item in items if not item.swept]


def _forget_verdict(state: ControllerState, plate: str) -> None:
    """What was kept of a plate sells one item with it: nobody knows whether the next is the same."""
    state.verdicts = {key: each for key, each in state.verdicts.items() if key != plate}


def _distrust(
    state: ControllerState, item: Item, twins: list[Item], settings: Settings
) -> list[Command]:
    """Nobody can say which item the plate belongs to: none that can still be stopped is sold."""
    _forget_verdict(state, str(item.item_id))
    fields: dict[str, object] = {"tid": item.tid, "item_id": item.item_id}
    fields["other_tid"] = twins[0].tid
    commands: list[Command] = [Notice("plate_twice", fields, alarm=True)]
    commands += _as_twin(state, item, twins[0], settings)
    for each in twins:
        if not each.is_twin:
            commands += _as_twin(state, each, item, settings)
    return commands


def _as_twin(state: ControllerState, item: Item, other: Item, settings: Settings) -> list[Command]:
    item = _twin_of(item, other)
    wanted = planning.planned(state, item, settings)
    if item.returning or not planning.can_change(state, item, wanted, settings):
        return steering.keep(state, item)
    return steering.send(state, item, wanted, settings)


def _twin_of(item: Item, other: Item) -> Item:
    why = f"Its plate is also on item {other.tid} on the belt"
    return replace(item, failure=Failure(FailSafe.PLATE_TWICE, why))


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
        return endings.named(state, missed.tid, missed.item_id, None, settings)
    item = state.find(missed.tid)
    if item is None:
        return []
    is_new = item.item_id is None and missed.item_id is not None
    item = replace(item, item_id=item.item_id or missed.item_id, nameless=False)
    steering.keep(state, item)
    if item.swept:
        return [Remember(item)]
    if is_new and (twins := _tracked(_of_same_plate(state, item))):
        return _distrust(state, item, twins, settings)
    if item.decision is not None:
        return [Remember(item)]
    return steering.plan(state, replace(item, failure=item.failure or missed.failure), settings)
