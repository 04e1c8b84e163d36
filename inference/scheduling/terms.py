"""What a caller asks of the time: until when, and before whom."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class Priority(StrEnum):
    """Who goes first, and who is refused last."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"

    @property
    def rank(self) -> int:
        """Position in the order: 0 goes first."""
        return _RANKS[self]


_RANKS = {priority: rank for rank, priority in enumerate(Priority)}


@dataclass(frozen=True, slots=True)
class Deadline:
    """When the answer is of no more use, in ``time.perf_counter`` seconds; None: never."""

    started_s: float
    at_s: float | None

    @classmethod
    def after_ms(cls, budget_ms: int | None) -> Self:
        """Counts from now."""
        now = time.perf_counter()
        return cls(now, None if budget_ms is None else now + budget_ms / 1000)

    @property
    def left_s(self) -> float | None:
        """Seconds left, None where there is no end."""
        return None if self.at_s is None else max(0.0, self.at_s - time.perf_counter())


@dataclass(frozen=True, slots=True)
class Terms:
    """What one request asks of the queue."""

    deadline: Deadline
    priority: Priority = Priority.NORMAL

    def ticket(self, pictures: int = 1) -> Ticket:
        """The terms of a piece of work on so many pictures."""
        at_s = self.deadline.at_s
        return Ticket(math.inf if at_s is None else at_s, self.priority, pictures)


@dataclass(frozen=True, slots=True)
class Ticket:
    """What one piece of work asks of the queue."""

    deadline_s: float = math.inf
    """On the clock of whoever runs the queue; infinite: no end."""
    priority: Priority = Priority.NORMAL
    pictures: int = 1
    """How much work it is."""
    until_s: float = -math.inf
    """Somebody else waits for it so long; the order is still that of the deadline."""

    @property
    def lost_s(self) -> float:
        """From then on nobody waits for it."""
        return max(self.deadline_s, self.until_s)
