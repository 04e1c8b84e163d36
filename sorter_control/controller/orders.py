"""What people command the line to do: allowed now, sent, seen to be done, or withdrawn in time.

An order is sent to the PLC once. It ends when the PLC's own state shows it, and is taken back when
its time is over, so that a PLC that comes back later finds nothing to do.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from model.contract import CommandKind, CommandResult, CommandStatus, LaneClosure, LineCommand
from sorter_control import packml
from sorter_control.controller import alarms
from sorter_control.controller.book import LONG_PAST_S, Order, Tally
from sorter_control.controller.commands import Command, Control, Notice, SwitchLane, Tell, Withdraw
from sorter_control.controller.observations import Commanded, PlcReported
from sorter_control.controller.values import ControllerState, Settings
from sorter_control.packml import State
from sorter_control.protocol import Event, EventType, Flag, LaneBit

#: The server offers a command for seconds; so many cannot come in that time.
_KEPT_IDS = 200
_LONGEST_REASON = 500
#: What each kind is to PackML.
PACKML = {
    CommandKind.RESET: packml.Command.RESET,
    CommandKind.START: packml.Command.START,
    CommandKind.STOP: packml.Command.STOP,
    CommandKind.HOLD: packml.Command.HOLD,
    CommandKind.UNHOLD: packml.Command.UNHOLD,
    CommandKind.SUSPEND: packml.Command.SUSPEND,
    CommandKind.UNSUSPEND: packml.Command.UNSUSPEND,
    CommandKind.ABORT: packml.Command.ABORT,
    CommandKind.CLEAR: packml.Command.CLEAR,
}
_HALTS = frozenset({CommandKind.STOP, CommandKind.ABORT})
#: The acting state of each command and the one that it ends in.
_GOALS = {
    CommandKind.RESET: frozenset({State.RESETTING, State.IDLE}),
    CommandKind.START: frozenset({State.STARTING, State.EXECUTE}),
    CommandKind.STOP: packml.AT_REST,
    CommandKind.HOLD: frozenset({State.HOLDING, State.HELD}),
    CommandKind.UNHOLD: frozenset({State.UNHOLDING, State.EXECUTE}),
    CommandKind.SUSPEND: frozenset({State.SUSPENDING, State.SUSPENDED}),
    CommandKind.UNSUSPEND: frozenset({State.UNSUSPENDING, State.EXECUTE}),
    CommandKind.ABORT: frozenset({State.ABORTING, State.ABORTED}),
    CommandKind.CLEAR: frozenset({State.CLEARING, State.STOPPED}),
}
#: States that can only come after Execute was reached, which may last for less than one look.
_PASSED_THROUGH = {
    CommandKind.START: _GOALS[CommandKind.HOLD] | _GOALS[CommandKind.SUSPEND],
    CommandKind.UNHOLD: _GOALS[CommandKind.SUSPEND],
    CommandKind.UNSUSPEND: _GOALS[CommandKind.HOLD],
}
_LANE_EVENTS = frozenset(
    {EventType.DIVERTED, EventType.MISSORT, EventType.UNEXPECTED, EventType.RECIRCULATED}
)


def allowed(state: ControllerState) -> tuple[CommandKind, ...]:
    """Commands to the machine that make sense now."""
    return tuple(kind for kind in PACKML if _objection_to_control(state, kind) is None)


def commanded(
    state: ControllerState, given: Commanded, now: datetime, settings: Settings
) -> list[Command]:
    """People's commands, each once: those that are known already are left alone."""
    commands: list[Command] = []
    for order in given.orders:
        command_id = order.command.command_id
        if command_id in state.book.taken:
            continue
        taken = (*state.book.taken, command_id)[-_KEPT_IDS:]
        state.book = replace(state.book, taken=taken)
        commands += _take(state, order, given.at_s, now, settings)
    return commands


def follow(state: ControllerState, at_s: float, now: datetime) -> list[Command]:
    """End the orders whose effect is there, and those whose time is over."""
    commands: list[Command] = []
    for order in state.book.orders:
        if _is_shown(state, order.command):
            _note_closure(state, order.command, now)
            commands += _end(state, order, CommandStatus.DONE, _seen(state, order.command), now)
        elif order.expires_s == LONG_PAST_S:
            reason = "The controller restarted before the PLC had shown it; it is not sent again"
            commands += _end(state, order, CommandStatus.UNCONFIRMED, reason, now)
        elif order.plc_boot_id != state.plc_boot_id:
            reason = "The PLC restarted before it had shown it; it is not sent again"
            commands += _end(state, order, CommandStatus.UNCONFIRMED, reason, now)
        elif at_s >= order.expires_s:
            reason = "The PLC did not show it in time, and it was withdrawn: look at the line"
            commands += _end(state, order, CommandStatus.UNCONFIRMED, reason, now)
    return commands


def counted(state: ControllerState, event: Event) -> None:
    """Keep the own count of a lane in which something was seen."""
    tally = state.book.tally
    if tally is not None and event.type in _LANE_EVENTS and tally.plc_boot_id == state.plc_boot_id:
        state.book = replace(state.book, tally=tally.counted(event.lane))


def compare(state: ControllerState, report: PlcReported) -> None:
    """Hold the own counts against the PLC's, when nothing is on the way between them.

    They begin together, at the first quiet moment of a boot of the PLC.
    """
    counts = tuple([lane.count for lane in report.lanes])
    tally = state.book.tally
    if tally is not None and tally.is_of(state.plc_boot_id, len(counts)):
        if counts != tally.counts or state.unrecorded:
            pairs = zip(counts, tally.counts, strict=True)
            gaps = [(theirs - ours + 32768) % 65536 - 32768 for theirs, ours in pairs]
            state.unrecorded = {lane: gap for lane, gap in enumerate(gaps, start=1) if gap}
        return
    state.book = replace(state.book, tally=Tally(state.plc_boot_id, counts))
    state.unrecorded = {}


def _take(
    state: ControllerState, order: Order, at_s: float, now: datetime, settings: Settings
) -> list[Command]:
    command = order.command
    notice = Notice(
        "commanded",
        {"kind": command.kind.value, "lane": command.lane, "operator": command.operator},
    )
    if at_s >= order.expires_s:
        reason = "It reached the controller too late; nothing was done"
        return [notice, _result(command, CommandStatus.EXPIRED, reason, now)]
    if command.kind is CommandKind.ACKNOWLEDGE:
        return [notice, *_acknowledge(state, command, now)]
    commands: list[Command] = [notice]
    if command.kind in _HALTS:
        commands += _displace(state, command, now)
    if _is_so(state, command):
        _note_closure(state, command, now)
        already = f"Nothing to do: {_seen(state, command)}"
        return [*commands, _result(command, CommandStatus.DONE, already, now)]
    objection = _objection(state, command, settings)
    if objection is not None:
        return [*commands, _result(command, CommandStatus.REFUSED, objection, now)]
    if command.kind in PACKML:
        commands += _displace(state, command, now)
        commands.append(Control(PACKML[command.kind]))
    else:
        lane = command.lane or 0
        commands.append(SwitchLane(lane, enabled=_opens(command)))
    sent = replace(order, plc_boot_id=state.plc_boot_id)
    state.book = replace(state.book, orders=(*state.book.orders, sent))
    return commands


def _acknowledge(state: ControllerState, command: LineCommand, now: datetime) -> list[Command]:
    changed = alarms.acknowledge(state, command.alarm_id, command.operator, now)
    if changed is None:
        reason = "There is nothing to acknowledge: somebody did, or the controller's memory is new"
        return [_result(command, CommandStatus.REFUSED, reason, now)]
    return [*changed, _result(command, CommandStatus.DONE, "Acknowledged", now)]


def _objection(state: ControllerState, command: LineCommand, settings: Settings) -> str | None:
    """Why the command cannot be followed now, or None."""
    if command.kind in PACKML:
        return _objection_to_control(state, command.kind)
    if state.plc_problem is not None:
        return f"The PLC does not answer: {state.plc_problem}"
    lane = command.lane or 0
    if not 1 <= lane <= len(state.lanes):
        return f"There is no lane {lane}"
    if any(order.command.lane == lane for order in state.book.orders):
        return "Another command for this lane is under way"
    if command.kind is CommandKind.LANE_DISABLE and is_default(state, lane, settings):
        return "The default lane stays open: everything goes there that has no other place"
    return None


def is_default(state: ControllerState, lane: int, settings: Settings) -> bool:
    """Whether a lane is the fail-safe one, or the belt's end."""
    policy = settings.policy
    return lane in {policy.lanes[policy.fail_safe.lane], len(state.lanes)}


def _objection_to_control(state: ControllerState, kind: CommandKind) -> str | None:
    if state.plc_problem is not None or state.status is None:
        return f"The PLC does not answer: {state.plc_problem}"
    if kind is not CommandKind.ABORT and Flag.ESTOP_OK not in state.status.flags:
        return "The emergency stop is pressed: make the machine safe and release it first"
    current = state.status.state_current
    if packml.commanded(current, PACKML[kind]) is current:
        return f"{kind.value.capitalize()} is not possible in {current.name.capitalize()}"
    if kind not in {*_HALTS, CommandKind.HOLD}:
        for order in state.book.orders:
            if order.command.kind in PACKML:
                return f"{order.command.kind.value.capitalize()} is still under way"
    return None


def _displace(state: ControllerState, by: LineCommand, now: datetime) -> list[Command]:
    """Take back what was commanded to the machine before and has not shown itself."""
    commands: list[Command] = []
    for order in state.book.orders:
        if order.command.kind in PACKML:
            reason = f"{by.kind.value.capitalize()} by {by.operator} came before it had shown"
            commands += _end(state, order, CommandStatus.UNCONFIRMED, reason, now)
    return commands


def _is_so(state: ControllerState, command: LineCommand) -> bool:
    """Whether the PLC's own state is already what the command asks for."""
    if state.plc_problem is not None or state.status is None:
        return False
    if command.kind in PACKML:
        return state.status.state_current in _GOALS[command.kind]
    lane = command.lane or 0
    if not 1 <= lane <= len(state.lanes):
        return False
    return (LaneBit.ENABLED in state.lanes[lane - 1].bits) is _opens(command)


def _is_shown(state: ControllerState, command: LineCommand) -> bool:
    """Whether the PLC's own state shows that a command that was sent has been followed."""
    if _is_so(state, command):
        return True
    current = state.status.state_current if state.status and not state.plc_problem else None
    return current in _PASSED_THROUGH.get(command.kind, ())


def _seen(state: ControllerState, command: LineCommand) -> str:
    if command.kind in PACKML and state.status is not None:
        return f"the line is in {state.status.state_current.name.capitalize()}"
    return f"lane {command.lane} is {'open' if _opens(command) else 'disabled'}"


def _opens(command: LineCommand) -> bool:
    return command.kind is CommandKind.LANE_ENABLE


def _note_closure(state: ControllerState, command: LineCommand, now: datetime) -> None:
    """Remember who disabled the lane; whoever enables it makes that void."""
    if command.kind in PACKML or command.lane is None:
        return
    closures = {lane: each for lane, each in state.book.closures.items() if lane != command.lane}
    if command.kind is CommandKind.LANE_DISABLE:
        closures[command.lane] = LaneClosure(operator=command.operator, note=command.note, at=now)
    state.book = replace(state.book, closures=closures)


def _end(
    state: ControllerState, order: Order, status: CommandStatus, reason: str, now: datetime
) -> list[Command]:
    kept = tuple(each for each in state.book.orders if each is not order)
    state.book = replace(state.book, orders=kept)
    command = order.command
    return [Withdraw(command.lane), _result(command, status, reason, now)]


def _result(command: LineCommand, status: CommandStatus, reason: str, now: datetime) -> Command:
    text = f"{reason[:1].upper()}{reason[1:_LONGEST_REASON]}"
    return Tell(CommandResult(command_id=command.command_id, status=status, reason=text, at=now))
