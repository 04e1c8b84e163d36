"""``regrade sort``: the controller with its sockets. One task for each party it talks to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from model.contract import ItemFacts, Outcome
from regrade.client import ClientError, RefusedError, UnreachableError
from sorter_control.controller.book import Order, Report
from sorter_control.controller.camera import Camera
from sorter_control.controller.commands import RequestGrade
from sorter_control.controller.controller import Controller
from sorter_control.controller.grading import Grading
from sorter_control.controller.journal import Journal
from sorter_control.controller.line_state import line_state
from sorter_control.controller.observations import (
    Commanded,
    Graded,
    NotGraded,
    Observation,
    Overridden,
    PartiesChanged,
    PlcLost,
)
from sorter_control.controller.outage import Outage
from sorter_control.controller.policy_file import PolicyFile
from sorter_control.controller.server import Server
from sorter_control.controller.values import Failure
from sorter_control.drivers import Plc
from sorter_control.dry_run import DryItem
from sorter_control.errors import MapError, PlcError
from sorter_control.routing import FailSafe

_log = structlog.get_logger(__name__)

_BATCH = 200


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often the tasks run, in seconds."""

    poll_s: float = 0.02
    publish_s: float = 0.2
    deliver_s: float = 0.2
    retry_s: float = 1.0
    policy_s: float = 1.0


@dataclass(slots=True)
class Sorting:
    """The controller at work.

    Attributes:
        controller: Decides.
        journal: Its memory.
        plc: Driver.
        camera: Client of the camera station.
        server: Client of the grading server.
        facts: What the returns system knows, by item id.
        rhythm: How often the tasks run.
        policy_file: The file whose changes are followed, if any are.
    """

    controller: Controller
    journal: Journal
    plc: Plc
    camera: Camera
    server: Server
    facts: Mapping[str, ItemFacts]
    rhythm: Rhythm = Rhythm()
    policy_file: PolicyFile | None = None
    _delivery: Outage = field(default_factory=lambda: Outage("delivery of outcomes"))
    _display: Outage = field(default_factory=lambda: Outage("display of the line"))
    _answers: Outage = field(default_factory=lambda: Outage("people's answers"))
    _orders: Outage = field(default_factory=lambda: Outage("people's commands"))
    _heard: int = 0
    _commanded: int = 0
    _ending: bool = False
    _jobs: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self, stop: asyncio.Event) -> None:
        """Sort until ``stop`` is set.

        Raises:
            MapError: The PLC speaks another register map.
        """
        tasks = [
            asyncio.create_task(task, name=name)
            for name, task in (
                ("poll", self._every(self.rhythm.poll_s, self._poll)),
                ("deliver", self._every(self.rhythm.deliver_s, self._deliver)),
                ("publish", self._every(self.rhythm.publish_s, self._publish)),
                ("overrides", self._every(0.0, self._listen)),
                ("commands", self._every(0.0, self._obey)),
                ("policy", self._every(self.rhythm.policy_s, self._follow_policy)),
                ("stop", self._wait(stop)),
            )
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._ending = True
            for task in (*tasks, *self._jobs):
                task.cancel()
            await asyncio.gather(*tasks, *self._jobs, return_exceptions=True)
            await self.plc.close()

    async def _wait(self, stop: asyncio.Event) -> None:
        await stop.wait()
        with suppress(ClientError):
            await self._deliver_now()

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        # Asked as well as cancelled: Python 3.11's wait_for, deep in pymodbus, may swallow one.
        while not self._ending:
            started_s = time.monotonic()
            await work()
            await asyncio.sleep(max(0.0, seconds - (time.monotonic() - started_s)))

    def _observe(self, observation: Observation) -> None:
        self.controller.observe(observation, datetime.now(UTC))
        if isinstance(observation, Graded) and self.policy_file is not None:
            item = self.controller.state.items.get(observation.tid)
            if item is not None and item.verdict is observation.verdict:
                self.policy_file.remember(DryItem(facts=item.facts, verdict=item.verdict))

    async def _follow_policy(self) -> None:
        if self.policy_file is None:
            return
        status = self.controller.state.status
        new = self.policy_file.reload(status.lane_count if status is not None else None)
        if new is not None:
            self.controller.change_policy(new)

    async def _poll(self) -> None:
        try:
            image = await self.plc.read()
            for request in self.controller.hear(image, datetime.now(UTC), time.monotonic()):
                job = asyncio.create_task(self._grade(request))
                self._jobs.add(job)
                job.add_done_callback(self._jobs.discard)
            await self.plc.write(self.controller.host_image())
        except MapError:
            raise
        except PlcError as error:
            self._observe(PlcLost(str(error), time.monotonic()))

    async def _grade(self, request: RequestGrade) -> None:
        """One grading; whatever happens to it, its item must not wait for it in vain."""
        grading = Grading(
            self.camera, self.server, self.facts, self._observe, self.controller.awaits_verdict
        )
        try:
            await grading.run(request)
        except Exception:  # noqa: BLE001 - a loop boundary: logged, and the item is told
            _log.exception("grading_failed", tid=request.tid)
            failure = Failure(FailSafe.NO_VERDICT, "The controller failed to have it graded")
            self._observe(NotGraded(request.tid, failure))

    async def _deliver(self) -> None:
        await self._talk(self._deliver_now(), self._delivery)

    async def _talk(self, saying: Awaitable[None], trouble: Outage) -> None:
        """Say something to the server; what fails is said again later, and logged once.

        A missing connection is the server's own affair: ``Server.outage`` logs it for all.
        """
        try:
            await saying
        except UnreachableError:
            await asyncio.sleep(self.rhythm.retry_s)
        except ClientError as error:
            trouble.failed(error)
            await asyncio.sleep(self.rhythm.retry_s)
        else:
            trouble.worked()

    async def _deliver_now(self) -> None:
        """Send what the server has not answered; one that it refuses does not hold up the rest."""
        while outcomes := self.journal.unsent(_BATCH):
            try:
                await self.server.post_outcomes(outcomes)
                self.journal.answered(outcomes)
            except RefusedError:
                await self._deliver_one_by_one(outcomes)
        while reports := self.journal.untold(_BATCH):
            try:
                await self._tell(reports)
            except RefusedError:
                await self._tell_one_by_one(reports)

    async def _deliver_one_by_one(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            try:
                await self.server.post_outcomes([outcome])
                self.journal.answered([outcome])
            except RefusedError as error:
                _log.error("outcome_refused", outcome_id=outcome.outcome_id, problem=str(error))
                self.journal.answered([outcome], answer=str(error))

    async def _tell(self, reports: Sequence[tuple[int, Report]]) -> None:
        await self.server.tell(self.controller.settings.line_id, [each for _, each in reports])
        self.journal.told([number for number, _ in reports])

    async def _tell_one_by_one(self, reports: Sequence[tuple[int, Report]]) -> None:
        for number, report in reports:
            try:
                await self._tell([(number, report)])
            except RefusedError as error:
                _log.error("report_refused", report=report.model_dump_json(), problem=str(error))
                self.journal.told([number])

    async def _publish(self) -> None:
        alarms = [self.server.outage.alarm, self._delivery.alarm, self._orders.alarm]
        if self.policy_file is not None:
            alarms.append(self.policy_file.outage.alarm)
        outages = tuple(alarm for alarm in alarms if alarm is not None)
        if outages != self.controller.state.outages:
            self._observe(PartiesChanged(outages))
        state = line_state(self.controller.state, self.controller.settings, datetime.now(UTC))
        await self._talk(self.server.put_line_state(state), self._display)

    async def _listen(self) -> None:
        await self._talk(self._hear_people(), self._answers)

    async def _hear_people(self) -> None:
        """Wait for the next answers of people, from the first that the server has."""
        if answers := await self.server.overrides(self._heard):
            self._heard = answers[-1].seq
            self._observe(Overridden(tuple(answers)))

    async def _obey(self) -> None:
        await self._talk(self._hear_commands(), self._orders)

    async def _hear_commands(self) -> None:
        """Wait for the next commands of people; each counts down from when the server gave it."""
        asked_s = time.monotonic()
        reply = await self.server.commands(self.controller.settings.line_id, self._commanded)
        now_s = time.monotonic()
        way_back_s = max(0.0, now_s - asked_s - reply.waited_s)
        orders = tuple(
            Order(each.command, now_s + each.left_s - way_back_s) for each in reply.commands
        )
        if orders:
            self._commanded = orders[-1].command.seq
            self._observe(Commanded(orders, now_s))
