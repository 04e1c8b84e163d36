"""Which alarms a line has, in the states of ISA-18.2: from its conditions, and from people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from model.contract import Alarm, AlarmPriority, AlarmState
from sorter_control.controller.commands import Command, Tell
from sorter_control.controller.values import ControllerState, Settings
from sorter_control.protocol import Flag, LaneBit

_HOST_LOST = int(Flag.HOST_LOST)  # to take flags apart costs microseconds, at every poll
_DEAF_S = 2.0
_START_UP_S = 30.0
_LONGEST_TEXT = 500
_ENDS = {
    AlarmState.UNACKNOWLEDGED_ACTIVE: AlarmState.UNACKNOWLEDGED_RETURNED,
    AlarmState.ACKNOWLEDGED_ACTIVE: AlarmState.NORMAL,
}
_ACKNOWLEDGED = {
    AlarmState.UNACKNOWLEDGED_ACTIVE: AlarmState.ACKNOWLEDGED_ACTIVE,
    AlarmState.UNACKNOWLEDGED_RETURNED: AlarmState.NORMAL,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is wrong now and that somebody has to do something about."""

    name: str
    priority: AlarmPriority
    text: str
    action: str


def listen(state: ControllerState, at_s: float) -> None:
    """Note for how long the PLC has not heard us, nor we it.

    For a moment the first is so after every start; a PLC that is started with us takes longer.
    """
    state.plc_is_missing = state.plc_problem is not None and not _is_starting(state, at_s)
    if state.status is None or not int(state.status.flags) & _HOST_LOST:
        state.deaf_since_s, state.plc_is_deaf = None, False
        return
    if state.deaf_since_s is None:
        state.deaf_since_s = at_s
    state.plc_is_deaf = at_s - state.deaf_since_s >= _DEAF_S


def _is_starting(state: ControllerState, at_s: float) -> bool:
    """Whether a PLC that has never answered may still be on its way up."""
    if state.plc_boot_id or any(each.condition == "plc" for each in state.book.alarms):
        return False
    if state.began_s is None:
        state.began_s = at_s
    return at_s - state.began_s < _START_UP_S


def follow(state: ControllerState, now: datetime, settings: Settings) -> list[Command]:
    """Begin and end alarms as their conditions come and go; nothing where none has changed."""
    status = state.status
    watched = (
        state.plc_is_missing,
        status.flags if status is not None else None,
        state.plc_is_deaf,
        [lane.bits for lane in state.lanes],
        state.outages,
        state.book.closures,
    )
    if watched == state.watched:
        return []
    state.watched = watched
    before = {alarm.condition: alarm for alarm in state.book.alarms}
    present = {each.name: each for each in conditions(state, settings)}
    changed = [
        *(
            _begun(before.get(name), condition, now, settings)
            for name, condition in present.items()
            if name not in before or not before[name].state.is_active
        ),
        *(
            _changed(alarm, _ENDS[alarm.state], now, ended_at=now)
            for name, alarm in before.items()
            if name not in present and alarm.state.is_active
        ),
    ]
    return _keep(state, changed)


def acknowledge(
    state: ControllerState, alarm_id: str | None, operator: str, now: datetime
) -> list[Command] | None:
    """Note who has seen an alarm; None where there is nothing to acknowledge."""
    alarm = next((each for each in state.book.alarms if each.alarm_id == alarm_id), None)
    if alarm is None or alarm.state.is_acknowledged:
        return None
    after = _changed(
        alarm, _ACKNOWLEDGED[alarm.state], now, acknowledged_by=operator, acknowledged_at=now
    )
    return _keep(state, [after])


def conditions(state: ControllerState, settings: Settings) -> Iterator[Condition]:
    """Everything that is wrong now."""
    if state.plc_is_missing:
        yield Condition(
            "plc",
            AlarmPriority.CRITICAL,
            f"PLC: {state.plc_problem}",
            "Look at the belt itself. Check the PLC's power and its network cable.",
        )
    flags = state.status.flags if state.status is not None else Flag.ESTOP_OK
    if Flag.ESTOP_OK not in flags:
        yield Condition(
            "emergency-stop",
            AlarmPriority.CRITICAL,
            "Emergency stop",
            "Make the machine safe and release the button. Then Clear, Reset and Start.",
        )
    if Flag.ENCODER_FAULT in flags:
        yield Condition(
            "encoder",
            AlarmPriority.HIGH,
            "The belt's encoder is dead",
            "The belt has stopped. Have the encoder mended, then Reset and Start.",
        )
    if state.plc_is_deaf:
        yield Condition(
            "host-lost",
            AlarmPriority.HIGH,
            "The PLC does not hear this controller: does another host write to it?",
            "Items run to the manual lane. Check that only one controller is connected.",
        )
    for number, lane in enumerate(state.lanes, start=1):
        yield from _lane_conditions(number, lane.bits, state, settings)
    for party, problem in state.outages:
        yield Condition(
            party.replace(" ", "-").replace("'", ""),
            AlarmPriority.MEDIUM,
            f"{party}: {problem}",
            "Items that cannot be graded run to the manual lane. Call whoever looks after it.",
        )


def _lane_conditions(
    number: int, bits: LaneBit, state: ControllerState, settings: Settings
) -> Iterator[Condition]:
    name, key = settings.policy.lane_name(number), f"lane-{number}"
    if LaneBit.JAM in bits:
        yield Condition(
            f"{key}-jam",
            AlarmPriority.HIGH,
            f"Lane {name} is jammed",
            "Hold or stop the belt, take out what is stuck, then release the hold.",
        )
    if LaneBit.DIVERT_FAULT in bits:
        yield Condition(
            f"{key}-fault",
            AlarmPriority.HIGH,
            f"Lane {name}: divert or photo-eye faulty",
            "Its items go elsewhere. Stop the belt, mend it, then Reset clears the fault.",
        )
    if LaneBit.FULL in bits:
        yield Condition(
            f"{key}-full", AlarmPriority.MEDIUM, f"Lane {name} is full", "Empty the lane."
        )
    closure = state.book.closures.get(number)
    if closure is not None and LaneBit.ENABLED in bits:
        yield Condition(
            f"{key}-reopened",
            AlarmPriority.HIGH,
            f"Lane {name} is open, although {closure.operator} disabled it: {closure.note}",
            "The PLC has forgotten it. Disable the lane again, or enable it if that is over.",
        )


def _begun(known: Alarm | None, condition: Condition, now: datetime, settings: Settings) -> Alarm:
    if known is not None:
        again = {"began_at": now, "ended_at": None, "times": known.times + 1}
        return _changed(known, AlarmState.UNACKNOWLEDGED_ACTIVE, now, **again)
    return Alarm(
        alarm_id=f"{settings.line_id[:80]}:{condition.name[:24]}:{now:%Y%m%dT%H%M%S.%f}",
        line_id=settings.line_id,
        revision=1,
        condition=condition.name,
        priority=condition.priority,
        state=AlarmState.UNACKNOWLEDGED_ACTIVE,
        text=condition.text[:_LONGEST_TEXT],
        action=condition.action,
        began_at=now,
        changed_at=now,
    )


def _changed(alarm: Alarm, to: AlarmState, now: datetime, **fields: object) -> Alarm:
    update = {"state": to, "revision": alarm.revision + 1, "changed_at": now, **fields}
    return alarm.model_copy(update=update)


def _keep(state: ControllerState, changed: Sequence[Alarm]) -> list[Command]:
    if not changed:
        return []
    alarms = {alarm.alarm_id: alarm for alarm in (*state.book.alarms, *changed)}
    standing = (alarm for alarm in alarms.values() if alarm.state is not AlarmState.NORMAL)
    in_order = tuple(sorted(standing, key=lambda alarm: alarm.urgency))
    state.book = replace(state.book, alarms=in_order)
    return [Tell(alarm) for alarm in changed]
