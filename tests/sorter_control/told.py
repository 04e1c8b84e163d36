"""A controller that sees exactly what a test says, without a machine behind it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from model.contract import Grade, ItemFacts, Outcome
from sorter_control.controller.book import LineBook
from sorter_control.controller.commands import Assign, Cancel, Command, Modify, Notice, Record
from sorter_control.controller.decide import decide
from sorter_control.controller.observations import (
    Graded,
    Identified,
    Observation,
    Overridden,
    PlcReported,
)
from sorter_control.controller.values import ControllerState, Settings
from sorter_control.protocol import Event, EventType, PlcImage, Reason
from sorter_control.sim.geometry import load_belt
from sorter_control.sim.machine import Machine
from tests.sorter_control.factories import NOW, SETTINGS, make_override, make_verdict

FIRST_MM, SECOND_MM = 2000, 1000
"""Two places on the belt that are before every point of no return."""


@dataclass
class Line:
    """A controller that sees what the test says, of a belt that has run 10 m."""

    state: ControllerState = field(default_factory=ControllerState)
    settings: Settings = SETTINGS
    encoder: int = 10_000
    plc_boot_id: int = 1
    said: list[Command] = field(default_factory=list)
    _image: PlcImage = field(default_factory=lambda: Machine(load_belt(), []).image())

    def see(self, observation: Observation) -> list[Command]:
        self.state, commands = decide(self.state, observation, NOW, self.settings)
        self.said += commands
        return commands

    def report(self, *events: Event) -> list[Command]:
        image = self._image
        status = replace(
            image.status, encoder=self.encoder, speed_mm_per_s=500, plc_boot_id=self.plc_boot_id
        )
        return self.see(PlcReported(status, image.lanes, image.geometry, events))

    def move(self, mm: int) -> None:
        """Let the belt run, and the controller see it."""
        self.encoder += mm
        self.report()

    def announce(self, tid: int, at_mm: int) -> None:
        self.report(Event(tid, EventType.ANNOUNCE, tid, encoder=self.encoder - at_mm, aux=300))

    def identify(self, tid: int, item_id: str = "RET-1") -> list[Command]:
        return self.see(Identified(tid, item_id, ItemFacts(item_id=item_id)))

    def acknowledge(self, tid: int) -> None:
        lane = self.state.items[tid].sent_lane
        self.report(Event(9, EventType.ASSIGN_ACK, tid, lane=lane, encoder=self.encoder))

    def sell(self, tid: int, at_mm: int, item_id: str = "RET-1") -> None:
        """An item that goes to restock, as the PLC knows."""
        self.announce(tid, at_mm)
        self.identify(tid, item_id)
        self.see(Graded(tid, make_verdict(item_id)))
        self.acknowledge(tid)

    def lane(self, tid: int) -> tuple[str, str]:
        item = self.state.find(tid)
        assert item is not None
        assert item.decision is not None
        return item.decision.lane, item.decision.rule

    def answer(self, item_id: str, grade: Grade | None, seq: int = 1) -> list[Command]:
        return self.see(Overridden((make_override(item_id, grade, seq),)))

    def tell(
        self, kind: EventType, tid: int, lane: int = 0, reason: Reason = Reason.NONE
    ) -> list[Command]:
        """An event of the PLC about an item."""
        return self.report(Event(9, kind, tid, lane=lane, reason=reason, encoder=self.encoder))

    @staticmethod
    def sent(said: list[Command]) -> list[Command]:
        """What of it goes to the PLC about items."""
        return [each for each in said if isinstance(each, Assign | Modify | Cancel)]

    def outcome(self, tid: int) -> Outcome:
        """The one record of an item that was made."""
        (found,) = [
            each.outcome
            for each in self.said
            if isinstance(each, Record) and each.outcome.tid == tid
        ]
        return found

    def noticed(self) -> list[str]:
        return [each.event for each in self.said if isinstance(each, Notice)]

    def restart(self) -> None:
        """A new run of the controller over what this one remembered."""
        state = self.state
        items = [*state.items.values(), *state.remembered.values(), *state.ended.values()]
        self.state = ControllerState.of_journal(items, LineBook())
        self.said.clear()

    def remap(self, *lanes: tuple[int, int]) -> list[Command]:
        """The PLC names its items, each with the lane that it has for it."""
        named = [
            Event(20 + tid, EventType.REMAP_ITEM, tid, lane=lane, encoder=self._induct(tid))
            for tid, lane in lanes
        ]
        return self.report(*named, Event(40, EventType.REMAP_END, aux=len(named)))

    def _induct(self, tid: int) -> int:
        item = self.state.find(tid)
        assert item is not None
        return item.induct_encoder
