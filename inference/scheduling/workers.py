"""Threads that each take whole items from the schedule; all else is on the event loop.

A worker decodes and runs the network by itself: both leave the interpreter's lock, so that as many
items are worked on as there are cores, and nothing is handed from thread to thread in between.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, Self, TypeVar

from inference.metrics import Metrics
from inference.scheduling.schedule import Bounds, Refusal, RefusedError, Schedule, Waiting
from inference.scheduling.terms import Priority, Terms, Ticket

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Piece(Generic[T]):
    """Work that was taken in."""

    ticket: Ticket
    work: Callable[[], T]
    result: asyncio.Future[T]
    arrived_s: float
    """On the clock of ``time.perf_counter``."""
    begun: bool = False
    """A worker has it: it can no longer be withdrawn."""


class Workers:
    """The pool. Used on one event loop; what it runs must be safe in any thread."""

    def __init__(self, bounds: Bounds, metrics: Metrics) -> None:
        self._schedule: Schedule[Piece[Any]] = Schedule(bounds)
        self._metrics = metrics
        self._changed = threading.Condition()  # guards the schedule
        self._closing = False
        self._loop = asyncio.get_running_loop()
        metrics.in_flight.set_function(self._in_flight)
        for priority in Priority:
            metrics.waiting.labels(priority.value).set_function(partial(self._waiting, priority))
        self._threads = [
            threading.Thread(target=self._serve, name=f"grade-{number}", daemon=True)
            for number in range(bounds.workers)
        ]
        for thread in self._threads:
            thread.start()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """What waits is still done."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        for thread in self._threads:
            await asyncio.to_thread(thread.join)

    @property
    def backlog_s(self) -> float:
        """Expected time until all that is here now is done."""
        with self._changed:
            return self._schedule.backlog_s

    @property
    def queue_is_empty(self) -> bool:
        """Whether a free worker would have nothing to do."""
        with self._changed:
            return not any(map(self._schedule.waiting, Priority))

    def check(self, terms: Terms) -> None:
        """Refuse at once what would be refused once it is here.

        Raises:
            RefusedError: It would be.
        """
        with self._changed:
            refusal = self._schedule.refusal(terms.ticket(), time.perf_counter())
            wait_s = self._schedule.backlog_s
        if refusal is not None:
            raise self._count(refusal, terms.priority, wait_s)

    def submit(self, terms: Terms, pictures: int, work: Callable[[], T]) -> Piece[T]:
        """Have work done by a thread. The result may be ``RefusedError``, if it is shed later.

        Args:
            terms: Deadline and priority.
            pictures: How much work it is.
            work: Blocking; its exception becomes that of the result.

        Raises:
            RefusedError: It cannot be done in time, or too much waits.
        """
        now_s = time.perf_counter()
        piece = Piece(terms.ticket(pictures), work, self._loop.create_future(), now_s)
        with self._changed:
            offer = self._schedule.offer(piece.ticket, piece, now_s)
            wait_s = self._schedule.backlog_s
            self._changed.notify()
        if offer.refusal is not None:
            raise self._count(offer.refusal, terms.priority, wait_s)
        for each in offer.displaced:
            self._drop(each, Refusal.DISPLACED, wait_s)
        return piece

    def withdraw(self, piece: Piece[Any]) -> bool:
        """Give up work that has not begun; False: it has."""
        with self._changed:
            return self._schedule.withdraw(piece)

    def relax(self, piece: Piece[Any], terms: Terms) -> None:
        """Somebody else waits for the piece as well: until later, or at a higher priority.

        Its place among its equals stays that of its first deadline, which was promised.
        """
        also = terms.ticket()
        ticket = replace(
            piece.ticket,
            priority=min(piece.ticket.priority, also.priority, key=lambda each: each.rank),
            until_s=max(piece.ticket.until_s, also.deadline_s),
        )
        with self._changed:
            if not piece.begun:
                piece.ticket = ticket
                self._schedule.relax(piece, ticket)

    def finished(self, after_s: float) -> None:
        """Learn how long it took from the end of the work until the answer could be given."""
        with self._changed:
            self._schedule.pace.finished(after_s)

    def refused(self, reason: Refusal, priority: Priority) -> RefusedError:
        """Count an item that nobody waits for any more."""
        return self._count(reason, priority, self.backlog_s)

    def _count(self, reason: Refusal, priority: Priority, wait_s: float) -> RefusedError:
        self._metrics.sheds.labels(reason.value, priority.value).inc()
        return RefusedError(reason, wait_s)

    def _drop(self, piece: Piece[Any], reason: Refusal, wait_s: float) -> None:
        if not piece.result.done():
            piece.result.set_exception(self._count(reason, piece.ticket.priority, wait_s))

    def _waiting(self, priority: Priority) -> float:
        with self._changed:
            return self._schedule.waiting(priority)

    def _in_flight(self) -> float:
        with self._changed:
            return self._schedule.working + sum(map(self._schedule.waiting, Priority))

    def _serve(self) -> None:
        while (taken := self._next()) is not None:
            self._do(taken)
            del taken  # an idle thread keeps no model and no pictures alive

    def _do(self, taken: Waiting[Piece[Any]]) -> None:
        piece = taken.job
        began_s = time.perf_counter()
        self._metrics.wait_seconds.labels(taken.ticket.priority.value).observe(
            began_s - piece.arrived_s
        )
        try:
            result = piece.work()
        except Exception as error:  # noqa: BLE001 - raised again where the result is awaited
            self._end(taken, None)
            self._loop.call_soon_threadsafe(_fail, piece.result, error)
        else:
            self._end(taken, time.perf_counter() - began_s)
            self._loop.call_soon_threadsafe(_resolve, piece.result, result)

    def _next(self) -> Waiting[Piece[Any]] | None:
        """Wait for work; None: there will be none."""
        with self._changed:
            while True:
                taken = self._schedule.take(time.perf_counter())
                for piece in taken.late:
                    self._loop.call_soon_threadsafe(
                        self._drop, piece, Refusal.DEADLINE_PASSED, self._schedule.backlog_s
                    )
                if taken.next is not None:
                    taken.next.job.begun = True
                    return taken.next
                if self._closing:
                    return None
                self._changed.wait()

    def _end(self, taken: Waiting[Piece[Any]], busy_s: float | None) -> None:
        with self._changed:
            self._schedule.done(taken.ticket)
            if busy_s is not None:
                self._schedule.pace.worked(taken.ticket.pictures, busy_s)


def _resolve(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
