"""What becomes of a plate that was read and of a grade that was given, or was not."""

from __future__ import annotations

from dataclasses import replace

from model.contract import Verdict
from sorter_control.controller import endings, steering
from sorter_control.controller.values import (
    Command,
    ControllerState,
    Failure,
    Graded,
    Identified,
    NotGraded,
    Notice,
    Remember,
    Settings,
)
from sorter_control.routing import FailSafe

#: An item that a person lays on the infeed again is not graded again while its verdict is kept.
KEPT_VERDICTS = 1000


def identified(state: ControllerState, seen: Identified, settings: Settings) -> list[Command]:
    """The camera has read the plate of an item."""
    if seen.tid in state.ended:
        return endings.named(state, seen.tid, seen.item_id)
    item = state.items.get(seen.tid)
    if item is None or item.item_id is not None:
        return []
    item = replace(
        item,
        item_id=seen.item_id,
        nameless=False,
        facts=seen.facts,
        override=state.overrides.get(seen.item_id),
    )
    twin = _twin(state, seen)
    state.items.put(item)
    if item.decision is not None or item.swept:
        return [Remember(item)]
    if twin is not None:
        fields = {"tid": seen.tid, "item_id": seen.item_id, "other_tid": twin}
        failure = Failure(FailSafe.PLATE_TWICE, f"Its plate is also on item {twin} on the belt")
        return [
            Notice("plate_twice", fields, alarm=True),
            *steering.plan(state, replace(item, failure=failure), settings),
        ]
    known = state.verdicts.get(seen.item_id)
    if known is None or known.needs_review:
        return [Remember(item)]
    notice = Notice("verdict_known", {"tid": seen.tid, "verdict_id": known.verdict_id})
    return [notice, *steering.plan(state, replace(item, verdict=known, failure=None), settings)]


def _twin(state: ControllerState, seen: Identified) -> int | None:
    """Another item that is tracked and has the same plate."""
    for item in state.items.values():
        if item.item_id == seen.item_id and item.tid != seen.tid and not item.swept:
            return item.tid
    return None


def _keep_verdict(state: ControllerState, verdict: Verdict) -> None:
    kept = state.verdicts.copy()
    kept[verdict.item_id] = verdict
    while len(kept) > KEPT_VERDICTS:
        del kept[next(iter(kept))]
    state.verdicts = kept


def graded(state: ControllerState, graded: Graded, settings: Settings) -> list[Command]:
    """A verdict counts for the item that it was asked for, once, and in time."""
    item = state.items.get(graded.tid)
    verdict = graded.verdict
    if item is None:
        problem = "the item has left the belt"
    elif item.item_id != verdict.item_id:
        problem = f"it is about {verdict.item_id}, not {item.item_id}"
    elif item.verdict is not None or item.decision is not None or item.swept:
        problem = "the item's lane is decided already"
    else:
        _keep_verdict(state, verdict)
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
    item = replace(item, item_id=item.item_id or missed.item_id, nameless=False)
    state.items.put(item)
    if item.decision is not None or item.swept:
        return [Remember(item)]
    return steering.plan(state, replace(item, failure=item.failure or missed.failure), settings)
