"""Machine and controller in one virtual time, without sockets: for tests, and to try a policy.

Everything that can go wrong between them can be made to: lost reads and writes, slow or missing
verdicts, the death of either side. The same code runs here and on a line, except for the sockets.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from model.contract import ItemFacts, Verdict
from sorter_control.controller.commands import Notice, RequestGrade
from sorter_control.controller.controller import Controller
from sorter_control.controller.journal import Memory
from sorter_control.controller.observations import (
    Graded,
    Identified,
    NotGraded,
    Observation,
    PlcLost,
)
from sorter_control.controller.planning import time_left_s
from sorter_control.controller.values import Failure, Settings
from sorter_control.packml import Command
from sorter_control.routing import FailSafe
from sorter_control.sim.feed import FeedRow
from sorter_control.sim.geometry import Belt
from sorter_control.sim.machine import Machine
from sorter_control.sim.wire import Wire
from sorter_control.sim.world import Deposit

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_LONGEST_LEAP_S = 0.4
"""Both sides must see the other's heartbeat more often than they time out."""

Answer = tuple[float, Verdict | Failure]
"""Seconds that the server takes, and what it says."""


def _unheard(_notice: Notice) -> None:
    """Nobody listens."""


def _unwatched() -> None:
    """Nobody looks."""


@dataclass(slots=True)
class Rehearsal:
    """A line in virtual time.

    Attributes:
        belt: Measures.
        rows: The feed; more may be added while it runs.
        settings: The controller's.
        journal: The controller's memory, which outlives it.
        facts: What the returns system knows, by item id.
        answer: The grading server: asked once for each request that reaches it.
        poll_scans: Scans between two polls of the controller.
        notify: Takes what the controller's log would say.
        watch: Looks at the line before every poll.
        encoder_start: Encoder value at the start.
        wire: Between controller and PLC.
        clock_skew: How far the controller's clock is off.
        plates_dirty: The scanner reads no plate.
        busy: The controller's process hangs: it neither reads nor writes, and goes on later.
        deposits: Where every object really went, in order.
        photographs: Which object stood alone before the camera, by tid.
    """

    belt: Belt
    rows: list[FeedRow]
    settings: Settings
    journal: Memory
    facts: Mapping[str, ItemFacts]
    answer: Callable[[FeedRow, RequestGrade], Answer]
    poll_scans: int = 2
    notify: Callable[[Notice], None] = _unheard
    watch: Callable[[], None] = _unwatched
    encoder_start: int = 0
    wire: Wire = field(default_factory=Wire)
    clock_skew: timedelta = timedelta(0)
    plates_dirty: bool = False
    busy: bool = False
    deposits: list[Deposit] = field(default_factory=list)
    photographs: dict[int, int | None] = field(default_factory=dict)
    machine: Machine = field(init=False)
    controller: Controller | None = field(init=False)
    _unread: set[int] = field(default_factory=set, init=False)
    _asked: dict[int, RequestGrade] = field(default_factory=dict, init=False)
    _answers: list[tuple[float, int, Observation]] = field(default_factory=list, init=False)
    _order: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.machine = Machine(self.belt, self.rows, encoder_start=self.encoder_start)
        self.machine.press(Command.RESET, Command.START)
        self.start_controller()

    @property
    def now_s(self) -> float:
        """The virtual time."""
        return self.machine.now_s

    @property
    def now(self) -> datetime:
        """The virtual time as the controller's clock has it."""
        return _EPOCH + timedelta(seconds=self.machine.now_s) + self.clock_skew

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
        """Start a controller over the same journal."""
        self.controller = Controller(self.settings, self.journal, self.notify)

    def run(self, seconds: float) -> None:
        """Let virtual time pass, in whole polls."""
        for _ in range(round(seconds / self._poll_s)):
            self.step()

    def run_until_empty(self, limit_s: float) -> None:
        """Run until every object lies in a lane and the controller knows of no more.

        Raises:
            TimeoutError: It took longer than ``limit_s``.
        """
        end_s = self.now_s + limit_s
        while not (self.machine.is_empty and self.settled):
            if self.now_s > end_s:
                raise TimeoutError(f"items are still on the belt after {limit_s} s")
            self.leap(end_s)

    def leap(self, until_s: float) -> None:
        """As so many calls of ``step``, but polls that see and say nothing new are left out."""
        idle_s = min(self._idle_s(), until_s - self.now_s, _LONGEST_LEAP_S)
        polls = int(idle_s / self._poll_s)
        if polls > 1:
            self.machine.advance_to_news(self.poll_scans * polls, self.poll_scans)
        else:
            self.machine.advance(self.poll_scans)
        self._look()

    def step(self) -> None:
        """The scans between two polls of the controller, then the poll."""
        self.machine.advance(self.poll_scans)
        self._look()

    def _look(self) -> None:
        if self.machine.photographed:
            self.photographs.update(self.machine.photographed)
            if self.plates_dirty:
                self._unread.update([tid for tid, _ in self.machine.photographed])
            self.machine.photographed.clear()
        self.deposits += self.machine.deposits()
        self.watch()
        if self.controller is not None and not self.busy:
            self._reply(self.controller)
            self._poll(self.controller)

    @property
    def settled(self) -> bool:
        """Whether the controller has heard everything and waits for nothing."""
        plc = self.machine.plc
        return (
            self.controller is not None
            and not self.controller.state.ended
            and not self.controller.state.items
            and not self.controller.state.remembered
            and not plc.queue
            and not any(eye.raw or eye.blocked for eye in plc.eyes)
            and all(event.seq == self.journal.event_seq() for event in list(plc.ring)[-1:])
        )

    @property
    def _poll_s(self) -> float:
        return self.poll_scans * self.belt.scan_ms / 1000

    def _idle_s(self) -> float:
        """Time in which the controller certainly has nothing new to say by itself."""
        controller = self.controller
        if not self.wire.sound or self._asked or controller is None or self.machine.plc.queue:
            return 0.0
        idle_s = _LONGEST_LEAP_S
        if self._answers:
            idle_s = min(idle_s, self._answers[0][0] - self.now_s)
        state = controller.state
        for item in state.items.loose():
            idle_s = min(idle_s, time_left_s(state, item, self.settings))
        return idle_s

    def _poll(self, controller: Controller) -> None:
        image = self.wire.read(self.machine)
        if image is None:
            controller.observe(PlcLost("no answer", self.now_s), self.now)
            return
        for request in controller.hear(image, self.now, self.now_s):
            self._asked[request.tid] = request
        self.wire.write(self.machine, controller.host_image())

    def _reply(self, controller: Controller) -> None:
        if self._asked:
            for tid in [tid for tid in self._asked if tid in self.photographs]:
                self._grade(controller, self._asked.pop(tid), self.photographs[tid])
        while self._answers and self._answers[0][0] <= self.now_s:
            controller.observe(heapq.heappop(self._answers)[2], self.now)

    def _grade(self, controller: Controller, request: RequestGrade, serial: int | None) -> None:
        tid = request.tid
        legible = serial is not None and serial >= 0 and tid not in self._unread
        row = self.rows[serial] if legible and serial is not None else None
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
        if controller.awaits_verdict(tid):
            delay_s, said = self.answer(row, request)
            result = Graded(tid, said) if isinstance(said, Verdict) else NotGraded(tid, said)
            self.tell_later(result, delay_s)

    def tell_later(self, observation: Observation, delay_s: float) -> None:
        """Let the controller see something in so many seconds, if it still lives then."""
        self._order += 1
        heapq.heappush(self._answers, (self.now_s + delay_s, self._order, observation))
