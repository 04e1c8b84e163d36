"""A machine on the bench, with a host that does exactly what a test says."""

from __future__ import annotations

from dataclasses import replace

from sorter_control.packml import Command, State
from sorter_control.protocol import (
    Event,
    EventType,
    HostCommand,
    HostImage,
    HostWords,
    Op,
    Reason,
)
from sorter_control.sim.machine import Machine


class Bench:
    """A machine with a host that does exactly what the test says."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.words = HostWords(7, 0, plc_boot_id_seen=machine.plc.boot_id)
        self.commands: tuple[HostCommand, ...] = ()
        self.alive = True
        self.events: list[Event] = []
        machine.press(Command.RESET, Command.START)

    def run(self, seconds: float) -> list[Event]:
        """Events that came, which the host acknowledges."""
        new: list[Event] = []
        for _ in range(round(seconds * 100)):
            if self.alive:
                beat = (self.words.host_heartbeat + 1) % 65536
                self.words = replace(self.words, host_heartbeat=beat)
                self.machine.host = HostImage(self.words, self.commands)
            self.machine.step()
            if self.alive:
                fresh = [e for e in self.machine.plc.ring if e.seq > self.words.event_ack]
                new += fresh
                if fresh:
                    self.words = replace(self.words, event_ack=fresh[-1].seq)
        self.events += new
        return new

    def send(self, op: Op, tid: int, lane: int = 0) -> None:
        seq = self.commands[-1].seq + 1 if self.commands else 1
        self.commands = (*self.commands, HostCommand(seq, op, tid, lane))[-8:]

    def announced(self) -> int:
        """Run until an item is announced; its tid."""
        for _ in range(300):
            for event in self.run(0.01):
                if event.type is EventType.ANNOUNCE:
                    return event.tid
        raise AssertionError("nothing was announced")

    def refusal(self) -> Reason:
        """Reason of the last refusal."""
        naks = [event for event in self.events if event.type is EventType.ASSIGN_NAK]
        return naks[-1].reason

    def state(self) -> State:
        return self.machine.plc.packml

    def kinds(self) -> list[EventType]:
        return [event.type for event in self.events]

    def lanes(self) -> list[tuple[int, int]]:
        """(serial, lane) of every object that came to rest."""
        return [(each.serial, each.lane) for each in self.machine.deposits()]
