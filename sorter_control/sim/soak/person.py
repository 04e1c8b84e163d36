"""The person at the machine: cures what stopped it, and only then presses a button."""

from __future__ import annotations

from dataclasses import dataclass, field

from sorter_control.packml import Command, State
from sorter_control.sim.rehearsal import Rehearsal

_LOOKS_EVERY_S = 1.0
_TAKES_S = 3.0
_REPAIRS_AFTER_S = 25.0

_BUTTON = {
    State.HELD: Command.UNHOLD,
    State.ABORTED: Command.CLEAR,
    State.STOPPED: Command.RESET,
    State.IDLE: Command.START,
}


@dataclass(slots=True)
class Person:
    """Looks at the machine every second.

    Attributes:
        line: The machine's line.
        next_s: When the person looks next.
        starts: How often the person has started the belt, from whatever state.
    """

    line: Rehearsal
    next_s: float = 0.0
    starts: int = 0
    _trouble_since_s: dict[str, float] = field(default_factory=dict)

    def look(self) -> None:
        """Do what the state of the machine asks for."""
        machine = self.line.machine
        if machine.now_s < self.next_s:
            return
        self.next_s = machine.now_s + _LOOKS_EVERY_S
        if not machine.powered:
            return
        state = machine.plc.packml
        button = _BUTTON.get(state)
        if self._lasts("stopped", button is not None and machine.estop_ok, _TAKES_S) and button:
            self._cure()
            machine.press(button)
            self.starts += button in {Command.UNHOLD, Command.START}
        if self._lasts("infeed", machine.plc.infeed_jam, _TAKES_S):
            machine.world.clear_jams()
        if self._lasts("fault", any(lane.fault for lane in machine.plc.lanes), _REPAIRS_AFTER_S):
            self._cure()
            machine.press(Command.STOP)

    def _lasts(self, trouble: str, is_there: bool, for_s: float) -> bool:  # noqa: FBT001
        """Whether something has been wrong for so long now."""
        if not is_there:
            self._trouble_since_s.pop(trouble, None)
            return False
        now_s = self.line.now_s
        since_s = self._trouble_since_s.setdefault(trouble, now_s)
        if now_s - since_s < for_s:
            return False
        if trouble != "stopped":
            del self._trouble_since_s[trouble]
        return True

    def _cure(self) -> None:
        world, belt = self.line.machine.world, self.line.belt
        world.clear_jams()
        world.encoder_dead = False
        for lane in range(1, belt.run_out):
            world.stick(lane, stuck=False)
            world.stick_across(lane, stuck=False)
        for eye in range(len(belt.eyes_mm)):
            world.force(eye, sees=None)
