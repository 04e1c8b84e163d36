"""PackML states and commands (ISA-TR88.00.02), without time or I/O."""

from __future__ import annotations

from enum import IntEnum


class State(IntEnum):
    """PackML state."""

    CLEARING = 1
    STOPPED = 2
    STARTING = 3
    IDLE = 4
    SUSPENDED = 5
    EXECUTE = 6
    STOPPING = 7
    ABORTING = 8
    ABORTED = 9
    HOLDING = 10
    HELD = 11
    UNHOLDING = 12
    SUSPENDING = 13
    UNSUSPENDING = 14
    RESETTING = 15
    COMPLETING = 16
    COMPLETED = 17


class Command(IntEnum):
    """PackML command."""

    RESET = 1
    START = 2
    STOP = 3
    HOLD = 4
    UNHOLD = 5
    SUSPEND = 6
    UNSUSPEND = 7
    ABORT = 8
    CLEAR = 9
    COMPLETE = 10


class Mode(IntEnum):
    """PackML unit mode."""

    PRODUCTION = 1
    MAINTENANCE = 2
    MANUAL = 3


_ALLOWED: dict[Command, dict[State, State]] = {
    Command.RESET: {State.STOPPED: State.RESETTING, State.COMPLETED: State.RESETTING},
    Command.START: {State.IDLE: State.STARTING},
    Command.HOLD: {State.EXECUTE: State.HOLDING},
    Command.UNHOLD: {State.HELD: State.UNHOLDING},
    Command.SUSPEND: {State.EXECUTE: State.SUSPENDING},
    Command.UNSUSPEND: {State.SUSPENDED: State.UNSUSPENDING},
    Command.CLEAR: {State.ABORTED: State.CLEARING},
    Command.COMPLETE: {
        State.EXECUTE: State.COMPLETING,
        State.HELD: State.COMPLETING,
        State.SUSPENDED: State.COMPLETING,
    },
}

_COMPLETES_AS: dict[State, State] = {
    State.CLEARING: State.STOPPED,
    State.STARTING: State.EXECUTE,
    State.STOPPING: State.STOPPED,
    State.ABORTING: State.ABORTED,
    State.HOLDING: State.HELD,
    State.UNHOLDING: State.EXECUTE,
    State.SUSPENDING: State.SUSPENDED,
    State.UNSUSPENDING: State.EXECUTE,
    State.RESETTING: State.IDLE,
    State.COMPLETING: State.COMPLETED,
}

AT_REST = frozenset({State.ABORTING, State.ABORTED, State.CLEARING, State.STOPPING, State.STOPPED})
"""States that Stop changes nothing in: the machine stands, or is about to."""


def commanded(state: State, command: Command) -> State:
    """State after a command; a command that the state does not allow changes nothing."""
    if command is Command.ABORT:
        return state if state in {State.ABORTING, State.ABORTED} else State.ABORTING
    if command is Command.STOP:
        return state if state in AT_REST else State.STOPPING
    return _ALLOWED[command].get(state, state)


def completed(state: State) -> State:
    """State after an acting state has done its work; a waiting state stays."""
    return _COMPLETES_AS.get(state, state)


def is_acting(state: State) -> bool:
    """Whether the state ends by itself."""
    return state in _COMPLETES_AS
