"""PackML: which command leads where, and what never happens by itself."""

from __future__ import annotations

import pytest

from sorter_control.packml import Command, State, commanded, completed, is_acting


@pytest.mark.parametrize(
    ("state", "command", "then"),
    [
        (State.STOPPED, Command.RESET, State.RESETTING),
        (State.IDLE, Command.START, State.STARTING),
        (State.EXECUTE, Command.HOLD, State.HOLDING),
        (State.HELD, Command.UNHOLD, State.UNHOLDING),
        (State.EXECUTE, Command.SUSPEND, State.SUSPENDING),
        (State.SUSPENDED, Command.UNSUSPEND, State.UNSUSPENDING),
        (State.EXECUTE, Command.COMPLETE, State.COMPLETING),
        (State.COMPLETED, Command.RESET, State.RESETTING),
        (State.ABORTED, Command.CLEAR, State.CLEARING),
    ],
)
def test_a_command_leads_where_the_standard_says(
    state: State, command: Command, then: State
) -> None:
    assert commanded(state, command) is then


@pytest.mark.parametrize("state", [s for s in State if s not in {State.ABORTING, State.ABORTED}])
def test_abort_works_from_anywhere(state: State) -> None:
    assert commanded(state, Command.ABORT) is State.ABORTING


@pytest.mark.parametrize(
    "state", [State.ABORTING, State.ABORTED, State.CLEARING, State.STOPPING, State.STOPPED]
)
def test_stop_changes_nothing_where_the_machine_stops_already(state: State) -> None:
    assert commanded(state, Command.STOP) is state


@pytest.mark.parametrize("command", [c for c in Command if c is not Command.CLEAR])
def test_only_clear_leads_out_of_aborted(command: Command) -> None:
    assert commanded(State.ABORTED, command) is State.ABORTED


def test_the_way_back_from_aborted_needs_clear_reset_and_start() -> None:
    state = State.ABORTED
    for command, then in (
        (Command.CLEAR, State.STOPPED),
        (Command.RESET, State.IDLE),
        (Command.START, State.EXECUTE),
    ):
        state = completed(commanded(state, command))
        assert state is then


def test_a_waiting_state_waits() -> None:
    for state in State:
        assert (completed(state) is state) is not is_acting(state)
