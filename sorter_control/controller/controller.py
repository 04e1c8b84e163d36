"""The controller without its sockets: link, decisions and journal joined, in the right order.

Everything that an observation leads to is committed to the journal before the PLC can see a
consequence of it. So an event is acknowledged only when its outcome is on disk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import structlog

from sorter_control.controller.decide import decide
from sorter_control.controller.journal import Memory
from sorter_control.controller.link import Link
from sorter_control.controller.values import (
    AckEvents,
    Assign,
    Command,
    ControllerState,
    Modify,
    Notice,
    Observation,
    Record,
    Remember,
    RequestGrade,
    Settings,
)
from sorter_control.policy import Policy
from sorter_control.protocol import HostImage, Op, PlcImage

_log = structlog.get_logger(__name__)


def _log_notice(notice: Notice) -> None:
    (_log.warning if notice.alarm else _log.info)(notice.event, **notice.fields)


class Controller:
    """One run of the controller: a new host boot id, and what the journal remembers.

    Args:
        settings: What does not change while it runs.
        journal: Its memory.
        notify: Takes what the log should say.
    """

    def __init__(
        self,
        settings: Settings,
        journal: Memory,
        notify: Callable[[Notice], None] = _log_notice,
    ) -> None:
        self.settings = settings
        self._notify = notify
        self.state = ControllerState.of_journal(journal.items())
        self._journal = journal
        self._link = Link(journal.new_host_boot_id(), journal.event_seq())

    def hear(self, image: PlcImage, now: datetime, now_s: float) -> list[RequestGrade]:
        """Take in a reading of the PLC.

        Args:
            image: The reading.
            now: Aware time for the record.
            now_s: Monotonic time for the heartbeat.

        Returns:
            Gradings to start.

        Raises:
            SettingsError: The policy is for another sorter.
        """
        self.settings.policy.require_lanes(image.status.lane_count)
        return self.observe(self._link.receive(image, now_s), now)

    def observe(self, observation: Observation, now: datetime) -> list[RequestGrade]:
        """Take in anything else that was seen; returns gradings to start."""
        self.state, commands = decide(self.state, observation, now, self.settings)
        self._commit(commands)
        for command in commands:
            self._carry_out(command)
        return [command for command in commands if isinstance(command, RequestGrade)]

    def change_policy(self, policy: Policy) -> None:
        """Decide by another policy from now on; what is decided stays as it is."""
        self.settings = replace(self.settings, policy=policy)

    def awaits_verdict(self, tid: int) -> bool:
        """Whether a verdict about the item would be news."""
        item = self.state.items.get(tid)
        return item is not None and item.decision is None and not item.swept

    def host_image(self) -> HostImage:
        """What to write to the PLC now."""
        return self._link.host_image()

    def _commit(self, commands: list[Command]) -> None:
        remembered = {c.item.tid: c.item for c in commands if isinstance(c, Remember)}
        recorded = [c.outcome for c in commands if isinstance(c, Record)]
        acks = [c.seq for c in commands if isinstance(c, AckEvents)]
        if remembered or recorded or acks:
            self._journal.commit(
                remembered=remembered.values(),
                recorded=recorded,
                event_seq=acks[-1] if acks else None,
            )

    def _carry_out(self, command: Command) -> None:
        match command:
            case Assign(tid, lane):
                self._link.send(Op.ASSIGN, tid, lane)
            case Modify(tid, lane):
                self._link.send(Op.MODIFY, tid, lane)
            case AckEvents(seq):
                self._link.acknowledge(seq)
            case Notice():
                self._notify(command)
            case Remember() | Record() | RequestGrade():
                pass
