"""The controller without its sockets: link, decisions and journal joined, in the right order.

Everything that an observation leads to is committed to the journal before the PLC can see a
consequence of it. So an event is acknowledged only when its outcome is on disk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import structlog

from sorter_control.controller.book import LineBook
from sorter_control.controller.commands import (
    AckEvents,
    Assign,
    Cancel,
    Command,
    Control,
    Modify,
    Notice,
    Record,
    Remember,
    RequestGrade,
    SwitchLane,
    Tell,
    Withdraw,
)
from sorter_control.controller.decide import decide
from sorter_control.controller.journal import Memory
from sorter_control.controller.link import Link
from sorter_control.controller.observations import Observation
from sorter_control.controller.values import ControllerState, Settings
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
        self.state = ControllerState.of_journal(journal.items(), journal.book())
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
        book = self.state.book
        self.state, commands = decide(self.state, observation, now, self.settings)
        self._commit(commands, self.state.book if self.state.book is not book else None)
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

    def _commit(self, commands: list[Command], book: LineBook | None) -> None:
        remembered = {c.item.tid: c.item for c in commands if isinstance(c, Remember)}
        recorded = [c.outcome for c in commands if isinstance(c, Record)]
        acks = [c.seq for c in commands if isinstance(c, AckEvents)]
        reports = [c.report for c in commands if isinstance(c, Tell)]
        if remembered or recorded or acks or reports or book is not None:
            self._journal.commit(
                remembered=remembered.values(),
                recorded=recorded,
                event_seq=acks[-1] if acks else None,
                book=book,
                reports=reports,
            )

    def _carry_out(self, command: Command) -> None:
        match command:
            case Assign() | Modify() | Cancel():
                self._steer(command)
            case Control(control):
                self._link.control(control)
            case SwitchLane(lane, enabled):
                self._link.send(Op.LANE_ENABLE if enabled else Op.LANE_DISABLE, 0, lane)
            case Withdraw(lane):
                if lane is None:
                    self._link.withdraw_control()
                else:
                    self._link.withdraw_switching(lane)
            case AckEvents(seq):
                self._link.acknowledge(seq)
            case Notice():
                self._notify(command)
            case Remember() | Record() | Tell() | RequestGrade():
                pass

    def _steer(self, command: Assign | Modify | Cancel) -> None:
        match command:
            case Assign(tid, lane):
                self._link.send(Op.ASSIGN, tid, lane)
            case Modify(tid, lane):
                self._link.send(Op.MODIFY, tid, lane)
            case Cancel(tid):
                self._link.send(Op.CANCEL, tid, 0)
