"""Links that delay, drop, repeat, split, freeze and break: no assignment is lost or doubled."""

from __future__ import annotations

from collections import Counter

import pytest

from model.contract import GRADES, Ending, ItemFacts
from sorter_control.controller.commands import RequestGrade
from sorter_control.controller.controller import Controller
from sorter_control.controller.journal import Journal
from sorter_control.controller.observations import Graded, Identified, PlcLost
from sorter_control.errors import MapError, PlcError
from sorter_control.protocol import Event, EventType
from sorter_control.sim.geometry import Belt, load_belt
from tests.sorter_control.conftest import MakeStand
from tests.sorter_control.factories import NOW, SETTINGS, make_verdict
from tests.sorter_control.links import Faults, LinkFault
from tests.sorter_control.stands import Stand

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(600),
    pytest.mark.slow,
]

ITEMS = 10
SCANS_PER_POLL = 4
MOST_POLLS = 5_000


def belt() -> Belt:
    """Long enough that a broken connection costs items their grade now and then, not always."""
    return load_belt().model_copy(
        update={"speed_mm_s": 1000, "diverts_mm": (3600, 3900, 4200, 4500), "run_out_mm": 4800}
    )


class Line:
    """A controller that grades at once, over the link of a stand; the machine's time is virtual."""

    def __init__(self, stand: Stand) -> None:
        self.stand = stand
        self.journal = Journal(":memory:")
        self.controller = Controller(SETTINGS, self.journal)
        self.events: dict[int, Event] = {}
        self.losses = 0
        self.photographs: dict[int, int] = {}
        self.deposits: dict[str, int] = {}
        self._requests: list[RequestGrade] = []

    async def run(self) -> None:
        for _ in range(MOST_POLLS):
            self.advance()
            await self.poll()
            self.grade()
            if self.stand.machine.is_empty and len(self.journal.outcomes()) == ITEMS:
                return
        raise AssertionError(f"{len(self.journal.outcomes())} of {ITEMS} items have an outcome")

    def advance(self) -> None:
        machine = self.stand.machine
        for _ in range(SCANS_PER_POLL):
            machine.step()
            self.events |= {event.seq: event for event in machine.plc.ring}
        self.stand.now_s = machine.now_s
        self.photographs |= {tid: one for tid, one in machine.photographed if one is not None}
        for deposit in machine.deposits():
            self.deposits[f"RET-{deposit.serial}"] = deposit.lane

    async def poll(self) -> None:
        machine = self.stand.machine
        try:
            image = await self.stand.driver.read()
            self._requests += self.controller.hear(image, NOW, machine.now_s)
            await self.stand.driver.write(self.controller.host_image())
        except MapError:
            raise
        except PlcError as error:
            self.losses += 1
            self.controller.observe(PlcLost(str(error)), NOW)

    def grade(self) -> None:
        ready = [each for each in self._requests if each.tid in self.photographs]
        for request in ready:
            self._requests.remove(request)
            number = self.photographs[request.tid]
            item_id = f"RET-{number}"
            self.controller.observe(
                Identified(request.tid, item_id, ItemFacts(item_id=item_id)), NOW
            )
            verdict = make_verdict(item_id, GRADES[number % 4], capture_id=request.capture_id)
            self.controller.observe(Graded(request.tid, verdict), NOW)


@pytest.mark.parametrize("wire", ["modbus", "opcua"])
@pytest.mark.parametrize(
    "kinds", [*((kind,) for kind in LinkFault), tuple(LinkFault)], ids="+".join
)
async def test_every_command_is_answered_once_and_every_item_is_where_the_record_says(
    make_stand: MakeStand, wire: str, kinds: tuple[LinkFault, ...]
) -> None:
    faults = Faults(kinds, 0.04, seed=5)
    stand = await make_stand(wire, rows=ITEMS, belt=belt(), faults=faults, timeout_s=0.3)
    line = Line(stand)
    await line.run()

    assert stand.link is not None
    assert set(stand.link.happened) == set(kinds), "the link was as bad as it should be"
    answers = Counter(
        event.aux
        for event in line.events.values()
        if event.type in {EventType.ASSIGN_ACK, EventType.ASSIGN_NAK}
    )
    commands = line.controller._link._command_seq
    assert commands >= ITEMS / 2
    assert answers == dict.fromkeys(range(1, commands + 1), 1)

    outcomes = {str(outcome.item_id): outcome for outcome in line.journal.outcomes()}
    assert set(outcomes) == {f"RET-{number}" for number in range(ITEMS)}
    for item_id, outcome in outcomes.items():
        assert outcome.lane == SETTINGS.policy.lane_name(line.deposits[item_id]), outcome
    diverted = [each for each in outcomes.values() if each.ending is Ending.DIVERTED]
    assert all(
        each.grade is GRADES[int(str(each.item_id).removeprefix("RET-")) % 4] for each in diverted
    )
    line.journal.close()
