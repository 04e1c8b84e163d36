"""People who command a line in virtual time, and what they are told."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

import pytest

from model.contract import CommandKind, CommandResult, CommandStatus, LineCommand
from sorter_control.controller.book import Order
from sorter_control.controller.line_state import line_state
from sorter_control.controller.observations import Commanded
from sorter_control.packml import State
from sorter_control.sim.memory_journal import MemoryJournal
from sorter_control.sim.rehearsal import Rehearsal
from tests.sorter_control.factories import NOW, SETTINGS, make_rehearsal

LIFE_S = 5.0
_NUMBERS = count(1)


def order(
    line: Rehearsal, kind: CommandKind, *, life_s: float = LIFE_S, **about: object
) -> LineCommand:
    """Have the controller receive a command, as its long poll does."""
    number = next(_NUMBERS)
    values = {"operator": "Ada", "note": "", **about}
    command = LineCommand.model_validate(
        {
            "seq": number,
            "command_id": f"c-{number}",
            "line_id": "line-1",
            "kind": kind,
            "created_at": NOW,
            "expires_at": NOW + timedelta(seconds=life_s),
            **values,
        }
    )
    receive(line, command, life_s)
    return command


def receive(line: Rehearsal, command: LineCommand, life_s: float = LIFE_S) -> None:
    assert line.controller is not None
    given = Commanded((Order(command, line.now_s + life_s),), line.now_s)
    line.controller.observe(given, line.now)


def results(line: Rehearsal) -> dict[str, CommandResult]:
    assert isinstance(line.journal, MemoryJournal)
    found = [each for each in line.journal.reports if isinstance(each, CommandResult)]
    assert len({each.command_id for each in found}) == len(found), "a command has one result"
    return {each.command_id: each for each in found}


def status(line: Rehearsal, command: LineCommand) -> CommandStatus | None:
    result = results(line).get(command.command_id)
    return result.status if result else None


def packml(line: Rehearsal) -> State:
    return line.machine.plc.packml


def allowed(line: Rehearsal) -> set[CommandKind]:
    assert line.controller is not None
    return set(line_state(line.controller.state, SETTINGS, NOW).allowed or ())


@pytest.fixture
def line() -> Rehearsal:
    """A line that runs, with nothing on it."""
    made = make_rehearsal([])
    made.journal = MemoryJournal()
    made.start_controller()
    made.run(1)
    assert packml(made) is State.EXECUTE
    return made
