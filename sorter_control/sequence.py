"""Counters that wrap: event and command numbers, and the belt encoder."""

from __future__ import annotations

from dataclasses import dataclass

from sorter_control.tags import COMMANDS, EVENTS

_ENCODER_SPAN = 2**32


@dataclass(frozen=True, slots=True)
class Numbering:
    """Numbers from 1 to ``last``, then 1 again; 0 means 'none yet'.

    ``last`` is a multiple of the ring's slots, so that consecutive numbers always have
    consecutive slots and a wrap never lands on a slot that is still in use.
    """

    slots: int
    last: int

    def after(self, number: int) -> int:
        """The number that follows."""
        return number % self.last + 1

    def slot(self, number: int) -> int:
        """Slot of the ring that holds the number."""
        return (number - 1) % self.slots

    def distance(self, older: int, newer: int) -> int:
        """Steps from ``older`` on to ``newer``, 0 to ``last - 1``."""
        return (newer - older) % self.last

    def steps(self, start: int, end: int) -> int:
        """Steps from ``start`` to ``end`` the shorter way round; negative for backwards."""
        forwards = self.distance(start, end)
        return forwards - self.last if forwards > self.last // 2 else forwards


def _numbering(slots: int) -> Numbering:
    return Numbering(slots, 0xFFFF // slots * slots)


EVENT_NUMBERS = _numbering(EVENTS.slots)
COMMAND_NUMBERS = _numbering(COMMANDS.slots)


def encoder_after(start: int, pulses: int) -> int:
    """Encoder value ``pulses`` after ``start``."""
    return (start + pulses) % _ENCODER_SPAN


def encoder_travel(start: int, now: int) -> int:
    """Signed pulses from ``start`` to ``now``, right across the wrap."""
    travel = (now - start) % _ENCODER_SPAN
    return travel - _ENCODER_SPAN if travel >= _ENCODER_SPAN // 2 else travel
