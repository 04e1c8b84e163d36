"""Wakes tasks that wait for news: long polls and event streams."""

from __future__ import annotations

import asyncio


class Signal:
    """Something may have changed. Used on one event loop; a closed signal never waits."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.closed = False

    def notify(self) -> None:
        """Wake everyone who waits now."""
        self._event.set()
        self._event = asyncio.Event()

    def close(self) -> None:
        """Wake everyone, for good: the server stops."""
        self.closed = True
        self.notify()

    def ticket(self) -> asyncio.Event:
        """Take this before looking at the state: what changes after that is not missed."""
        return self._event

    async def wait(self, ticket: asyncio.Event, timeout_s: float) -> None:
        """Until the next ``notify`` after the ticket was taken, or the time is over."""
        if self.closed:
            return
        try:
            async with asyncio.timeout(timeout_s):
                await ticket.wait()
        except TimeoutError:
            return
