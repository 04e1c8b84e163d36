"""How an item's way ends, and what the record says of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from model.contract import Ending, ItemFacts, Outcome, Verdict
from sorter_control.controller.commands import Command, Notice, Record, Remember
from sorter_control.controller.values import ControllerState, Item, Settings
from sorter_control.protocol import Event, EventType, Reason
from sorter_control.routing import Decision, FailSafe, hold_rule
from sorter_control.sequence import encoder_travel

#: An item that ran out unsold and that a person lays on the infeed again is not graded again while
#: its verdict is kept.
KEPT_VERDICTS = 1000

_WHY_DEFAULT = {
    Reason.UNASSIGNED: "the PLC had no lane for it at the point of no return",
    Reason.HOST_LOST: "the PLC had lost the controller",
    Reason.DIVERT_FAILED: "the divert did not take it",
    Reason.LANE_CLOSED: "its lane closed before it came",
    Reason.GAP: "it was too close to its neighbour",
}


def ended(state: ControllerState, event: Event, now: datetime, settings: Settings) -> list[Command]:
    """A tracked item was seen in a lane, or was not seen where it had to be."""
    item = state.find(event.tid)
    if item is None:
        item = Item(state.plc_boot_id, event.tid, event.encoder, 0, now, nameless=False)
    lost = event.type is EventType.LOST
    lane = None if lost else settings.policy.lane_name(event.lane)
    decision = item.decision or item.confirmed
    if lost:
        ending, decision = Ending.LOST, _with(decision, "It was never seen at the belt's end")
    elif event.type is EventType.DIVERTED and decision is not None and decision.lane == lane:
        ending = Ending.DEFAULTED if decision.fail_safe else Ending.DIVERTED
    elif event.type is EventType.DIVERTED and lane == settings.policy.fail_safe.lane:
        why = _WHY_DEFAULT.get(event.reason, "no lane was acknowledged in time")
        ending, decision = Ending.DEFAULTED, _with(decision, f"It ran out because {why}")
    else:
        ending = Ending.MISSORTED
        decision = _with(decision, f"The photo-eye of {lane} saw it unexpectedly")
    return _record(state, item, ending, lane, decision, now, settings)


def unexpected(
    state: ControllerState, event: Event, now: datetime, settings: Settings
) -> list[Command]:
    """An item that the PLC does not track: one that it forgot, if one must be there, or a stranger."""
    lane = settings.policy.lane_name(event.lane)
    if settings.policy.recirculate is not None and lane == settings.policy.recirculate.lane:
        # Not an end: it comes to the induct photo-eye again, and is announced there.
        return [Notice("unexpected_goes_round", {"lane": lane}, alarm=True)]
    item = _forgotten(state, event, settings)
    if item is not None:
        ending, because = Ending.DEFAULTED, _forgotten_because(state, item, lane)
        if lane != settings.policy.fail_safe.lane:
            # Nobody has measured it since: a photo-eye that flickers is no proof of a success.
            ending = Ending.MISSORTED
            because = _with(because, f"Something came to {lane} where it had to be then")
        elif item.decision is not None and item.decision.lane == lane:
            ending = Ending.DEFAULTED if item.decision.fail_safe else Ending.DIVERTED
        return _record(state, item, ending, lane, because, now, settings)
    outcome = Outcome(
        outcome_id=f"{settings.line_id}:{state.plc_boot_id}:x{event.encoder:08x}",
        line_id=settings.line_id,
        tid=0,
        item_id=None,
        ending=Ending.DEFAULTED if lane == settings.policy.fail_safe.lane else Ending.MISSORTED,
        lane=lane,
        assigned_lane=None,
        rule=FailSafe.NOT_TRACKED.value,
        explanation=f"An item that nobody announced came to {lane}.",
        announced_at=now,
        ended_at=now,
    )
    return [Notice("unexpected_item", {"lane": lane}, alarm=True), Record(outcome)]


def never_seen(state: ControllerState, now: datetime, settings: Settings) -> list[Command]:
    """Items that the PLC forgot and that no photo-eye saw over the whole length of the belt."""
    if not state.geometry:
        return []
    end_mm = state.geometry[-1].confirm_mm
    commands: list[Command] = []
    for item in state.items.loose():
        seen_by_mm = end_mm + item.length_mm + 2 * settings.match_mm
        if item.swept and state.position_mm(item) > seen_by_mm:
            decision = _with(_forgotten_because(state, item, None), "It was never seen again")
            commands += _record(state, item, Ending.LOST, None, decision, now, settings)
    return commands


def _forgotten(state: ControllerState, event: Event, settings: Settings) -> Item | None:
    """The swept item that must be at this photo-eye now, by encoder and never by order."""
    if state.status is None or not 1 <= event.lane <= len(state.geometry):
        return None
    eye_mm = state.geometry[event.lane - 1].confirm_mm
    pulses_per_mm = state.status.pulses_per_m / 1000

    def error_mm(item: Item) -> float:
        return abs(encoder_travel(item.induct_encoder, event.encoder) / pulses_per_mm - eye_mm)

    swept = [item for item in (*state.items.loose(), *state.remembered.values()) if item.swept]
    nearest = min(swept, key=error_mm, default=None)
    return nearest if nearest is not None and error_mm(nearest) <= settings.match_mm else None


def _forgotten_because(state: ControllerState, item: Item, lane: str | None) -> Decision:
    restarted = item.plc_boot_id != state.plc_boot_id
    rule = FailSafe.PLC_RESTARTED if restarted else FailSafe.NOT_TRACKED
    why = "The PLC restarted" if restarted else "The PLC lost track of it"
    grade = item.decision.grade if item.decision else None
    return Decision(
        lane or "", rule.value, f"{why} while the item was on the belt.", grade, fail_safe=True
    )


def _with(decision: Decision | None, sentence: str) -> Decision:
    if decision is None:
        return Decision("", FailSafe.NOT_ASSIGNED.value, f"{sentence}.", None, fail_safe=True)
    explanation = f"{decision.explanation} {sentence}."
    return replace(decision, explanation=explanation)


def _record(
    state: ControllerState,
    item: Item,
    ending: Ending,
    lane: str | None,
    decision: Decision,
    now: datetime,
    settings: Settings,
) -> list[Command]:
    state.items.drop(item.tid)
    state.remembered.pop(item.tid, None)
    unsold = ending is not Ending.DIVERTED and lane == settings.policy.fail_safe.lane
    if item.verdict is not None and unsold and not item.is_twin:
        _keep_verdict(state, item.verdict)
    decided = item.decision or item.confirmed
    outcome = Outcome(
        outcome_id=f"{settings.line_id}:{item.plc_boot_id}:{item.tid}",
        line_id=settings.line_id,
        tid=item.tid,
        item_id=item.item_id,
        ending=ending,
        lane=lane,
        assigned_lane=decided.lane if decided else None,
        rule=decision.rule,
        explanation=decision.explanation,
        grade=decision.grade,
        verdict_id=item.verdict.verdict_id if item.verdict else None,
        override_id=decided.override_id if decided else None,
        announced_at=item.announced_at,
        ended_at=now,
    )
    if item.nameless:
        state.ended[item.tid] = item = replace(item, outcome=outcome)
        return [Remember(item)]
    state.asked -= {item.tid}
    return _recorded(outcome, item, settings)


def _recorded(outcome: Outcome, item: Item, settings: Settings) -> list[Command]:
    """The record, which says of what must be held where it is, and is alarmed where it was sold."""
    held_for, policy = item.held_for, settings.policy
    if held_for is None or outcome.rule == hold_rule(held_for):
        return [_line(outcome), Record(outcome)]
    why = f"It is marked {held_for.value.replace('_', ' ')}, and must not be sold."
    changes: dict[str, object] = {"explanation": f"{outcome.explanation} {why}"}
    sold = outcome.lane not in {None, policy.fail_safe.lane, policy.holds[held_for]}
    if sold:
        changes["ending"] = Ending.MISSORTED
    elif outcome.lane == policy.holds[held_for]:
        changes["rule"] = hold_rule(held_for)
    outcome = outcome.model_copy(update=changes)
    fields: dict[str, object] = {"tid": outcome.tid, "item_id": outcome.item_id}
    alarm = [Notice("held_too_late", fields, alarm=True)] if sold else []
    return [*alarm, _line(outcome), Record(outcome)]


def _keep_verdict(state: ControllerState, verdict: Verdict) -> None:
    """For when the item comes again, from where people have it at hand; it sells one item."""
    kept = state.verdicts | {verdict.item_id: verdict}
    while len(kept) > KEPT_VERDICTS:
        del kept[next(iter(kept))]
    state.verdicts = kept


def named(
    state: ControllerState,
    tid: int,
    item_id: str | None,
    facts: ItemFacts | None,
    settings: Settings,
) -> list[Command]:
    """The camera has said which item this is, or cannot; its way had ended before."""
    item = state.ended.pop(tid)
    state.asked -= {tid}
    if item.outcome is None:
        return []
    outcome = item.outcome.model_copy(update={"item_id": item_id})
    return _recorded(outcome, replace(item, facts=facts), settings)


def _line(outcome: Outcome) -> Notice:
    return Notice(
        "item_ended",
        {
            "tid": outcome.tid,
            "item_id": outcome.item_id,
            "lane": outcome.lane,
            "ending": outcome.ending.value,
            "rule": outcome.rule,
        },
    )
