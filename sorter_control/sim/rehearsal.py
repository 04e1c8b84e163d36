"""Machine and controller in one virtual time, without sockets: for tests, and to try a policy.

Everything that can go wrong between them can be made to: lost reads and writes, slow or missing
verdicts, the death of either side. The same code runs here and on a line, except for the sockets.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from model.contract import ItemFacts, Verdict
from sorter_control.controller.controller import Controller
from sorter_control.controller.journal import Journal
from sorter_control.controller.values import (
    Failure,
    Graded,
    Identified,
    NotGraded,
    Observation,
    RequestGrade,
    Settings,
)
from sorter_control.packml import Command
from sorter_control.routing import FailSafe
from sorter_control.sim.feed import FeedRow
from sorter_control.sim.geometry import Belt
from sorter_control.sim.machine import Machine
from sorter_control.sim.world import Deposit

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)

Answer = tuple[float, Verdict | Failure]
"""Seconds that the server takes, and what it says."""


@dataclass(slots=True)
class Rehearsal:
    """A line in virtual time.

    Attributes:
        belt: Measures.
        rows: The feed.
        settings: The controller's.
        journal: The controller's disk.
        facts: What the returns system knows, by item id.
        answer: The grading server: asked once for each request that reaches it.
        poll_scans: Scans between two polls of the controller.
        reads_lost: Whether the controller's reads of the PLC fail.
        writes_lost: Whether its writes do.
        deposits: Where every object really went, in order.
        photographs: Which object stood under the camera, by tid.
    """

    belt: Belt
    rows: Sequence[FeedRow]
    settings: Settings
    journal: Journal
    facts: Mapping[str, ItemFacts]
    answer: Callable[[FeedRow, RequestGrade], Answer]
    poll_scans: int = 2
    reads_lost: bool = False
    writes_lost: bool = False
    deposits: list[Deposit] = field(default_factory=list)
    photographs: dict[int, int | None] = field(default_factory=dict)
    machine: Machine = field(init=False)
    controller: Controller | None = field(init=False)
    _asked: dict[int, RequestGrade] = field(default_factory=dict, init=False)
    _answers: list[tuple[float, int, Observation]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.machine = Machine(self.belt, self.rows)
        self.machine.press(Command.RESET, Command.START)
        self.controller = Controller(self.settings, self.journal)

    @property
    def now(self) -> datetime:
        """The virtual time as a date."""
        return _EPOCH + timedelta(seconds=self.machine.now_s)

    def kill_plc(self) -> None:
        """The PLC program dies and starts again; the belt keeps what lies on it."""
        self.machine.restart_plc()
        self.machine.press(Command.RESET, Command.START)

    def kill_controller(self) -> None:
        """The controller dies, and with it every request that is under way."""
        self.controller = None
        self._asked.clear()
        self._answers.clear()

    def start_controller(self) -> None:
        """Start a controller over the same disk."""
        self.controller = Controller(self.settings, self.journal)

    def run(self, seconds: float) -> None:
        """Let virtual time pass, in whole polls."""
        for _ in range(round(seconds * 1000 / self.belt.scan_ms / self.poll_scans)):
            self.step()

    def run_until_empty(self, limit_s: float) -> None:
        """Run until every object lies in a lane and the controller knows of no more.

        Raises:
            TimeoutError: It took longer than ``limit_s``.
        """
        end_s = self.machine.now_s + limit_s
        while not (self.machine.is_empty and self.settled):
            if self.machine.now_s > end_s:
                raise TimeoutError(f"items are still on the belt after {limit_s} s")
            self.step()

    def step(self) -> None:
        """The scans between two polls of the controller, then the poll."""
        self.machine.advance(self.poll_scans)
        self.photographs.update(self.machine.photographed)
        self.machine.photographed.clear()
        self.deposits += self.machine.deposits()
        if self.controller is not None:
            self._reply(self.controller)
            self._poll(self.controller)

    @property
    def settled(self) -> bool:
        """Whether the controller has heard everything and waits for nothing."""
        return (
            self.controller is not None
            and not self.controller.state.ended
            and not self.controller.state.items
            and not self.controller.state.remembered
            and not self.machine.plc.queue
            and not any(eye.raw or eye.blocked for eye in self.machine.plc.eyes)
            and all(
                event.seq == self.journal.event_seq() for event in list(self.machine.plc.ring)[-1:]
            )
        )

    def _poll(self, controller: Controller) -> None:
        if not self.reads_lost:
            for request in controller.hear(self.machine.image(), self.now, self.machine.now_s):
                self._asked[request.tid] = request
        image = controller.host_image()
        if not self.writes_lost:
            self.machine.host = image

    def _reply(self, controller: Controller) -> None:
        for tid in [tid for tid in self._asked if tid in self.photographs]:
            request = self._asked.pop(tid)
            self._grade(controller, request, self.photographs[tid])
        while self._answers and self._answers[0][0] <= self.machine.now_s:
            controller.observe(heapq.heappop(self._answers)[2], self.now)

    def _grade(self, controller: Controller, request: RequestGrade, serial: int | None) -> None:
        tid = request.tid
        row = None if serial is None or serial < 0 else self.rows[serial]
        if row is None or row.item_id is None:
            failure = Failure(FailSafe.NO_READ, "The license plate was not read")
            controller.observe(NotGraded(tid, failure), self.now)
            return
        facts = self.facts.get(row.item_id)
        if facts is None:
            failure = Failure(FailSafe.NO_FACTS, f"Nothing is known about {row.item_id}")
            controller.observe(NotGraded(tid, failure, row.item_id), self.now)
            return
        controller.observe(Identified(tid, row.item_id, facts), self.now)
        delay_s, said = self.answer(row, request)
        result = Graded(tid, said) if isinstance(said, Verdict) else NotGraded(tid, said)
        heapq.heappush(self._answers, (self.machine.now_s + delay_s, tid, result))
