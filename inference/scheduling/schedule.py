"""Which item is next and which one has to go: the queue as a value, without clock or thread.

The order is strict priority, then earliest deadline first, then first come. An item is taken in only
if it will be answered in time as far as the pace tells, and nobody who was promised an answer loses it
to an equal: only a higher priority displaces one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

from inference.scheduling.pace import Pace
from inference.scheduling.terms import Priority, Ticket

T = TypeVar("T")

#: An estimate is trusted this far: a promise should hold when the pace falls a little.
_MARGIN = 1.25
#: Share of the work in progress that is left to do, on average.
_HALF_DONE = 0.5


class Refusal(StrEnum):
    """Why an item is not graded."""

    QUEUE_FULL = "queue_full"
    """As many wait as may."""
    WAIT_TOO_LONG = "wait_too_long"
    """It has no deadline, and would wait longer than such items may."""
    DEADLINE_OUT_OF_REACH = "deadline_out_of_reach"
    """What waits before it leaves no time."""
    DISPLACED = "displaced"
    """It waited, and an item of higher priority took its place."""
    DEADLINE_PASSED = "deadline_passed"
    """It waited longer than its deadline allows; no work was spent on it."""
    ANSWER_LATE = "answer_late"
    """Its deadline passed while it was worked on, so that only a repeat gets the answer."""


class RefusedError(Exception):
    """An item is not graded.

    Attributes:
        reason: Why.
        wait_s: Expected time until what waits now is done.
    """

    def __init__(self, reason: Refusal, wait_s: float) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may be taken in."""

    workers: int
    places: int
    """Items that wait or are worked on."""
    max_wait_s: float
    """Expected wait at which an item without a deadline is refused."""


@dataclass(frozen=True, slots=True, eq=False)
class Waiting(Generic[T]):
    """An item in the queue."""

    ticket: Ticket
    job: T
    number: int
    """Order of arrival."""

    @property
    def order(self) -> tuple[int, float, int]:
        """Sorts the queue."""
        return _order(self.ticket, self.number)


@dataclass(frozen=True, slots=True)
class Offer(Generic[T]):
    """What became of an item that was offered."""

    refusal: Refusal | None
    """None: it was taken in."""
    displaced: tuple[T, ...] = ()
    """Items of lower priority that had to go for it."""


@dataclass(frozen=True, slots=True)
class Taken(Generic[T]):
    """What a free worker gets."""

    next: Waiting[T] | None
    late: tuple[T, ...]
    """Items that can no longer be answered in time, and are out of the queue."""


@dataclass(slots=True)
class Schedule(Generic[T]):
    """Items that wait. Times are seconds of any one clock."""

    bounds: Bounds
    pace: Pace = field(default_factory=Pace)
    _queue: list[Waiting[T]] = field(default_factory=list)
    _in_work: list[Ticket] = field(default_factory=list)
    _arrived: int = 0

    @property
    def working(self) -> int:
        """Items that are worked on."""
        return len(self._in_work)

    def waiting(self, priority: Priority) -> int:
        """Items of a priority that wait."""
        return sum(each.ticket.priority is priority for each in self._queue)

    @property
    def backlog_s(self) -> float:
        """Expected time until all that is here now is done."""
        return self._wait_s(self._queue)

    def refusal(self, ticket: Ticket, now_s: float) -> Refusal | None:
        """Why an item would be refused if it were offered now; None: it would be taken in."""
        return self._place(ticket, now_s)[0]

    def offer(self, ticket: Ticket, job: T, now_s: float) -> Offer[T]:
        """Take an item in, or refuse it."""
        refusal, displaced = self._place(ticket, now_s)
        if refusal is not None:
            return Offer(refusal)
        self._arrived += 1
        kept = [each for each in self._queue if each not in displaced]
        kept.append(Waiting(ticket, job, self._arrived))
        self._queue = sorted(kept, key=lambda each: each.order)
        return Offer(None, tuple(each.job for each in displaced))

    def take(self, now_s: float) -> Taken[T]:
        """Hand the next item to a worker; ``done`` says that it is free again."""
        late = []
        while self._queue:
            first = self._queue.pop(0)
            if self._is_lost(first.ticket, now_s):
                late.append(first.job)
                continue
            self._in_work.append(first.ticket)
            return Taken(first, tuple(late))
        return Taken(None, tuple(late))

    def done(self, ticket: Ticket) -> None:
        """A worker has ended what it took."""
        self._in_work.remove(ticket)

    def withdraw(self, job: T) -> bool:
        """Take an item out that still waits; False: it is not there any more."""
        before = len(self._queue)
        self._queue = [each for each in self._queue if each.job is not job]
        return len(self._queue) < before

    def relax(self, job: T, ticket: Ticket) -> None:
        """Give an item that waits other terms: somebody with more time waits for it too."""
        self._queue = sorted(
            (
                Waiting(ticket, each.job, each.number) if each.job is job else each
                for each in self._queue
            ),
            key=lambda each: each.order,
        )

    def _place(self, ticket: Ticket, now_s: float) -> tuple[Refusal | None, list[Waiting[T]]]:
        """Whether it can come in, and who would have to go."""
        if ticket.deadline_s <= now_s:
            return Refusal.DEADLINE_PASSED, []
        place = _order(ticket, self._arrived + 1)
        before = [each for each in self._queue if each.order < place]
        behind = self._queue[len(before) :]
        if refusal := self._own_refusal(ticket, before, now_s):
            return refusal, []
        displaced: list[Waiting[T]] = []
        while len(before) + len(behind) + self.working >= self.bounds.places:
            if not behind or behind[-1].ticket.priority is ticket.priority:
                return Refusal.QUEUE_FULL, []
            displaced.append(behind.pop())
        while (loser := self._loser(ticket, before, behind, now_s)) is not None:
            if loser.ticket.priority is ticket.priority:
                return Refusal.DEADLINE_OUT_OF_REACH, []
            behind.remove(loser)
            displaced.append(loser)
        return None, displaced

    def _own_refusal(
        self, ticket: Ticket, before: list[Waiting[T]], now_s: float
    ) -> Refusal | None:
        if len(before) + self.working < self.bounds.workers:
            return None  # nothing better to do: an estimate from a bad moment is tried again
        wait_s = self._wait_s(before)
        if ticket.deadline_s == math.inf:
            return Refusal.WAIT_TOO_LONG if wait_s > self.bounds.max_wait_s else None
        if now_s + _MARGIN * (wait_s + self.pace.own_s(ticket.pictures)) > ticket.deadline_s:
            return Refusal.DEADLINE_OUT_OF_REACH
        return None

    def _loser(
        self, ticket: Ticket, before: list[Waiting[T]], behind: list[Waiting[T]], now_s: float
    ) -> Waiting[T] | None:
        """The first one behind that would be in time without the newcomer, and is late with it."""
        wait_s = self._wait_s(before)
        more_s = self.pace.wait_s(ticket.pictures, self.bounds.workers)
        for each in behind:
            end_s = now_s + wait_s + self.pace.own_s(each.ticket.pictures)
            if end_s <= each.ticket.deadline_s < end_s + more_s:
                return each
            wait_s += self.pace.wait_s(each.ticket.pictures, self.bounds.workers)
        return None

    def _wait_s(self, before: list[Waiting[T]]) -> float:
        pictures: float = sum(each.ticket.pictures for each in before)
        if self.working >= self.bounds.workers or before:
            pictures += _HALF_DONE * sum(ticket.pictures for ticket in self._in_work)
        return self.pace.wait_s(pictures, self.bounds.workers)

    def _is_lost(self, ticket: Ticket, now_s: float) -> bool:
        if ticket.lost_s <= now_s:
            return True
        if not self._queue:
            return False  # nobody gains by its being dropped
        return now_s + self.pace.own_s(ticket.pictures) > ticket.lost_s


def _order(ticket: Ticket, number: int) -> tuple[int, float, int]:
    return ticket.priority.rank, ticket.deadline_s, number
