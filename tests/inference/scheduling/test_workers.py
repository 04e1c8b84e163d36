"""A request that is repeated while it waits shares the work, and not its first promise."""

from __future__ import annotations

import asyncio
import math
import threading

from inference.metrics import Metrics
from inference.scheduling import Deadline, Priority, Terms, Workers
from inference.scheduling.schedule import Bounds


async def test_a_repeat_without_a_deadline_leaves_the_first_one_its_place() -> None:
    entered, blocked = threading.Event(), threading.Event()
    done: list[str] = []

    def work(name: str) -> None:
        entered.set()
        blocked.wait(30)
        done.append(name)

    async with Workers(Bounds(1, 10, 10.0), Metrics()) as workers:
        begun = workers.submit(Terms(Deadline.after_ms(None)), 1, lambda: work("begun"))
        await asyncio.to_thread(entered.wait, 30)
        first = workers.submit(Terms(Deadline.after_ms(20_000)), 1, lambda: work("first"))
        other = workers.submit(Terms(Deadline.after_ms(30_000)), 1, lambda: work("other"))
        workers.relax(first, Terms(Deadline.after_ms(None), Priority.NORMAL))
        assert first.ticket.lost_s == math.inf
        blocked.set()
        for piece in (begun, first, other):
            await piece.result
    assert done == ["begun", "first", "other"]
