"""The session with the PLC: numbers commands, orders events, watches heartbeats. No I/O here."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from sorter_control import packml
from sorter_control.controller.observations import PlcLost, PlcReported
from sorter_control.protocol import (
    Event,
    Flag,
    HostCommand,
    HostImage,
    HostWords,
    Op,
    PlcImage,
    Status,
)
from sorter_control.sequence import COMMAND_NUMBERS, EVENT_NUMBERS
from sorter_control.tags import COMMANDS, EVENTS

HEARTBEAT_TIMEOUT_S = 1.0
_SWITCHES = frozenset({Op.LANE_ENABLE, Op.LANE_DISABLE})


@dataclass(slots=True)
class Link:
    """One host's view of one PLC.

    Attributes:
        host_boot_id: Differs from that of the controller's last run.
        event_seq: The last event that is stored, 0 for none.
    """

    host_boot_id: int
    event_seq: int = 0
    _plc_boot_id: int = 0
    _heartbeat: int = 0
    _plc_heartbeat: int = -1
    _plc_heartbeat_s: float = 0.0
    _remap_request: int = 0
    _resync: bool = True
    _synced: bool = False
    _command_seq: int = 0
    _control: int = 0
    _change_request: int = 0
    _wanted: packml.Command | None = None
    _waiting: deque[tuple[Op, int, int]] = field(default_factory=deque)
    _sent: deque[HostCommand] = field(default_factory=deque)

    def receive(self, image: PlcImage, now_s: float) -> PlcReported | PlcLost:
        """What a reading of the PLC means; each event is handed on once, in order."""
        status = image.status
        if status.plc_boot_id != self._plc_boot_id:
            self._start_over(status.plc_boot_id)
        if status.plc_heartbeat != self._plc_heartbeat:
            self._plc_heartbeat = status.plc_heartbeat
            self._plc_heartbeat_s = now_s
        elif now_s - self._plc_heartbeat_s > HEARTBEAT_TIMEOUT_S:
            return PlcLost("the PLC's heartbeat stands still", now_s)
        if self._synced and status.host_boot_id_echo not in {0, self.host_boot_id}:
            self._take_back()
        if status.host_boot_id_echo == self.host_boot_id:
            self._synced = self._in_step(status)
            self._forget_processed(status.command_ack_seq)
        events = self._new_events(image.events)
        return PlcReported(status, image.lanes, image.geometry, events, now_s)

    def send(self, op: Op, tid: int, lane: int) -> None:
        """Queue a command; it is written until the PLC says that it is processed."""
        self._waiting.append((op, tid, lane))

    def control(self, command: packml.Command) -> None:
        """Have a PackML command executed once, as soon as host and PLC are in step.

        A PLC takes the number that it finds first with a new host for one that it has executed.
        """
        self._wanted = command

    def withdraw_control(self) -> None:
        """Leave nothing to execute: a PLC that has not seen the number finds no command with it."""
        self._wanted, self._control = None, 0

    def withdraw_switching(self, lane: int) -> None:
        """Take back what has not been executed of the switching of a lane.

        A number that was written stays in use, for a command that does nothing.
        """
        self._waiting = deque(
            each for each in self._waiting if each[0] not in _SWITCHES or each[2] != lane
        )
        self._sent = deque(
            HostCommand(each.seq, Op.CANCEL) if each.op in _SWITCHES and each.lane == lane else each
            for each in self._sent
        )

    def acknowledge(self, seq: int) -> None:
        """Tell the PLC with the next write that everything up to this event is stored."""
        self.event_seq = seq

    def host_image(self) -> HostImage:
        """What to write now; the heartbeat counts the calls."""
        self._heartbeat = (self._heartbeat + 1) % 65536
        while self._synced and self._waiting and len(self._sent) < COMMANDS.slots:
            self._command_seq = COMMAND_NUMBERS.after(self._command_seq)
            self._sent.append(HostCommand(self._command_seq, *self._waiting.popleft()))
        if self._synced and self._wanted is not None:
            self._control, self._wanted = int(self._wanted), None
            self._change_request = self._change_request % 65535 + 1
        words = HostWords(
            host_boot_id=self.host_boot_id,
            host_heartbeat=self._heartbeat,
            event_ack=self.event_seq,
            control_command=self._control,
            change_request=self._change_request,
            remap_request=self._remap_request,
            plc_boot_id_seen=self._plc_boot_id,
        )
        return HostImage(words, tuple(self._sent))

    def _in_step(self, status: Status) -> bool:
        """Whether host and PLC know of the same items; a PLC that lost this host is asked anew."""
        if self._synced and Flag.HOST_LOST in status.flags:
            self._ask_for_remap()
            return False
        return status.remap_state == self._remap_request

    def _take_back(self) -> None:
        """Another host wrote to the PLC: to it we are a new one, whose commands count from 1."""
        self._ask_for_remap()
        self._synced, self._command_seq = False, 0
        self.withdraw_control()
        self._waiting.extendleft((each.op, each.tid, each.lane) for each in reversed(self._sent))
        self._sent.clear()

    def _ask_for_remap(self) -> None:
        self._remap_request = self._remap_request % 65535 + 1

    def _start_over(self, plc_boot_id: int) -> None:
        """A PLC that was not known before: nothing sent to its predecessor counts."""
        self._plc_boot_id = plc_boot_id
        self._plc_heartbeat = -1
        self._ask_for_remap()
        self._resync, self._synced = True, False
        self._command_seq = 0
        self._waiting.clear()
        self._sent.clear()
        self.withdraw_control()

    def _forget_processed(self, ack_seq: int) -> None:
        while (
            ack_seq
            and self._sent
            and COMMAND_NUMBERS.distance(self._sent[0].seq, ack_seq) < COMMANDS.slots
        ):
            self._sent.popleft()

    def _new_events(self, events: tuple[Event, ...]) -> tuple[Event, ...]:
        """Events after the last one stored, up to the first that is missing or half written."""
        new: list[Event] = []
        last = self.event_seq
        for event in events:
            if last and EVENT_NUMBERS.distance(event.seq, last) < EVENTS.slots:
                continue
            if event.seq != EVENT_NUMBERS.after(last) and not (self._resync and not new):
                break
            new.append(event)
            last = event.seq
        self._resync = self._resync and not new
        return tuple(new)
